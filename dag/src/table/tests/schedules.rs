//! Random schedules by shuttle, which switches threads before every atomic access.

use std::sync::Arc;

use super::super::{Flag, Limits, Node, NodeTable};
use super::name;
use super::steps::scheduled;

/// Schedules of each model: a million in all at full counts.
fn schedules() -> usize {
    if std::env::var_os("DAGVAULT_FULL").is_some() { 334_000 } else { 1000 }
}

/// Runs `threads` over a new table and checks what they left.
fn run(threads: Vec<fn(&NodeTable)>, check: fn(&NodeTable)) {
    shuttle::check_random(
        move || {
            scheduled(false);
            // A small one: shuttle makes a new one for every schedule.
            let table = Arc::new(NodeTable::new(None, 3, Limits::default()).unwrap());
            scheduled(true);
            let running: Vec<_> = threads
                .iter()
                .map(|thread| {
                    let (table, thread) = (Arc::clone(&table), *thread);
                    shuttle::thread::spawn(move || thread(&table))
                })
                .collect();
            running.into_iter().for_each(|thread| thread.join().unwrap());
            scheduled(false);
            check(&table);
        },
        schedules(),
    );
    scheduled(false);
}

fn node(table: &NodeTable, number: u64) -> Node {
    table.worker().insert(&name(number)).unwrap().0
}

#[test]
fn inserts_of_the_same_and_of_others() {
    let thread: fn(&NodeTable) = |table| {
        let first = node(table, 1);
        let second = node(table, 2);
        assert_eq!((table.find(&name(1)), table.cid(second)), (Some(first), name(2)));
    };
    let looker: fn(&NodeTable) =
        |table| assert!(table.find(&name(1)).is_none_or(|at| table.cid(at) == name(1)));
    run(vec![thread, thread, looker], |table| assert_eq!(table.nodes(0..u32::MAX).count(), 2));
}

#[test]
fn links_of_one_node_and_to_one_child() {
    let same: fn(&NodeTable) = |table| {
        let (parent, child) = (node(table, 1), node(table, 2));
        table.worker().link(parent, &[child, child]).unwrap();
        assert_eq!(table.children(parent).unwrap().len(), 2);
        assert!(table.parents(child).contains(&parent));
    };
    let other: fn(&NodeTable) = |table| {
        let (parent, child) = (node(table, 3), node(table, 2));
        assert_eq!(table.worker().link(parent, &[child]), Ok(true));
        assert!(table.parents(child).contains(&parent));
    };
    run(vec![same, same, other], |table| {
        let child = node(table, 2);
        let mut parents = [node(table, 1), node(table, 3)];
        parents.sort_unstable();
        assert_eq!(table.parents(child), parents);
        assert_eq!(table.view(child).parents, 3);
    });
}

#[test]
fn marks_are_won_once() {
    let thread: fn(&NodeTable) = |table| {
        let at = node(table, 1);
        if table.set(at, Flag::new(0)) {
            assert!(table.set(at, Flag::new(1)), "two have won");
        }
    };
    run(vec![thread, thread, thread], |table| assert!(table.is_set(node(table, 1), Flag::new(1))));
}
