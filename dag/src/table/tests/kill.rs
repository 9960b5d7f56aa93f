//! A worker dies at every atomic step: the table still answers correctly, and others go on.

use super::super::limits::FIRST_BITS;
use super::super::{Flag, Limits, Node, NodeTable};
use super::name;
use super::steps::{insert, killed_after};

fn table() -> NodeTable {
    NodeTable::new(None, 7, Limits::default()).unwrap()
}

/// Kills `job` after 0, 1, 2… steps, each time on a new table, until it survives; answers the steps it has.
fn at_every_step<T>(
    prepare: impl Fn() -> NodeTable,
    job: impl Fn(&mut super::super::Worker<'_>) -> T,
    check: impl Fn(NodeTable, Option<T>),
) -> u64 {
    for steps in 0.. {
        let table = prepare();
        let survived = killed_after(steps, &table, &job);
        let done = survived.is_some();
        check(table, survived);
        if done {
            return steps;
        }
    }
    unreachable!("an operation ends")
}

#[test]
fn killed_in_insert() {
    let prepare = || {
        let table = table();
        (0..3).for_each(|number| assert!(insert(&table, number).is_ok()));
        table
    };
    let steps = at_every_step(
        prepare,
        |worker| worker.insert(&name(77)).unwrap(),
        |table, survived| {
            let listed: Vec<_> = table.nodes(0..u32::MAX).collect();
            let there = table.find(&name(77));
            // Who listed the nodes before it was found may have missed it.
            assert!(there.is_some() || survived.is_none());
            assert!(listed.len() == 3 || listed.len() == 4 && there.is_some());
            let node = insert(&table, 77).unwrap();
            assert!(there.is_none_or(|there| there == node));
            assert_eq!(table.nodes(0..u32::MAX).count(), 4);
            assert_eq!(table.cid(node), name(77));
            (0..3).for_each(|number| assert_eq!(table.cid(table.find(&name(number)).unwrap()), name(number)));
        },
    );
    assert!(steps > 5, "{steps} steps");
}

#[test]
fn killed_in_link() {
    // Node 4 has a parent already; 5 has none; 6 is linked to twice.
    let prepare = || {
        let table = table();
        let nodes: Vec<Node> = (0..8).map(|number| insert(&table, number).unwrap()).collect();
        assert_eq!(table.worker().link(nodes[0], &[nodes[4]]), Ok(true));
        table
    };
    let of = |table: &NodeTable, number| table.find(&name(number)).unwrap();
    let children = |table: &NodeTable| [4, 5, 6, 6].map(|number| of(table, number));
    let job = |worker: &mut super::super::Worker<'_>| {
        let links = children(worker.table());
        worker.link(of(worker.table(), 1), &links)
    };
    let steps = at_every_step(prepare, job, |table, survived| {
        let (parent, links) = (of(&table, 1), children(&table));
        let linked = table.children(parent).is_some();
        assert!(linked || survived.is_none());
        let seen = |table: &NodeTable, linked: bool| {
            assert_eq!(table.children(parent).map(Iterator::collect), linked.then(|| links.to_vec()));
            let mine: Vec<Node> = linked.then_some(parent).into_iter().collect();
            let first = [of(table, 0)].into_iter().chain(mine.clone()).collect::<Vec<_>>();
            assert_eq!(table.parents(links[0]), first);
            assert_eq!(table.parents(links[1]), mine);
            assert_eq!(table.parents(links[2]), mine);
            // Never fewer than there are.
            assert!(table.view(links[0]).parents as usize >= first.len());
            assert!(table.view(links[2]).parents as usize >= 2 * mine.len());
        };
        // All edges or none, from both sides.
        seen(&table, linked);
        assert_eq!(table.worker().link(parent, &links), Ok(!linked));
        seen(&table, true);
        // Others link the same children.
        let other = of(&table, 2);
        assert_eq!(table.worker().link(other, &links), Ok(true));
        assert_eq!(table.parents(links[1]), [parent, other]);
    });
    assert!(steps > 40, "{steps} steps");
}

#[test]
#[cfg_attr(miri, ignore = "too many steps")]
fn killed_in_growth() {
    // As many nodes as the first index takes, so that the next one grows it.
    let full = u64::from((1_u32 << FIRST_BITS).div_ceil(16) * 13).min((1 << FIRST_BITS) - 1);
    // Enough to move all of it, and to begin looks at the next index.
    let more = 8;
    let prepare = || {
        let table = table();
        let mut worker = table.worker();
        (0..full).for_each(|number| assert!(worker.insert(&name(number)).is_ok()));
        drop(worker);
        table
    };
    // Every step takes a minute: bounded runs take one in 29.
    let job = |worker: &mut super::super::Worker<'_>| {
        (full..full + more).for_each(|number| assert!(worker.insert(&name(number)).is_ok()));
    };
    let stride = if std::env::var_os("DAGVAULT_FULL").is_some() { 1 } else { 29 };
    let mut steps = 0;
    loop {
        let table = prepare();
        let survived = killed_after(steps, &table, job).is_some();
        check_growth(table, full);
        if survived {
            break;
        }
        steps += stride;
    }
    assert!(steps > 5000, "{steps} steps");
}

/// The table after a worker died while it grew: all is there, goes on, and grows on.
fn check_growth(mut table: NodeTable, full: u64) {
    let old: Vec<Node> = (0..full).map(|number| table.find(&name(number)).unwrap()).collect();
    let more = full + 200;
    let mut worker = table.worker();
    for number in full..more {
        let before = table.find(&name(number));
        let (node, new) = worker.insert(&name(number)).unwrap();
        assert!(before.map_or(new, |before| before == node && !new));
    }
    drop(worker);
    (0..full).zip(&old).for_each(|(number, node)| assert_eq!(table.find(&name(number)), Some(*node)));
    assert_eq!(table.nodes(0..u32::MAX).count() as u64, more);
    table.settle();
    assert!(table.generation() >= 1);
    (0..full).zip(&old).for_each(|(number, node)| assert_eq!(table.find(&name(number)), Some(*node)));
    assert!((0..more).all(|number| table.find(&name(number)).is_some()));
}

#[test]
fn killed_in_marking() {
    let flag = Flag::new(0);
    let prepare = || {
        let table = table();
        insert(&table, 1).unwrap();
        table
    };
    let job = |worker: &mut super::super::Worker<'_>| {
        let node = worker.table().find(&name(1)).unwrap();
        worker.table().set(node, flag)
    };
    at_every_step(prepare, job, |table, survived| {
        let node = table.find(&name(1)).unwrap();
        let set = table.is_set(node, flag);
        assert!(survived.is_none_or(|first| first && set));
        assert_eq!(table.set(node, flag), !set);
    });
}
