//! What is reached, beside a plain search.

use std::collections::HashSet;

use dagvault_core::parallel::Workers;

use super::super::{Flag, Limits, Node, NodeTable};
use super::name;

const FLAG: Flag = Flag::new(2);

/// A table of `count` nodes; `links` says where each leads.
fn planted(count: u64, links: impl Fn(u64) -> Vec<u64>) -> (NodeTable, Vec<Node>) {
    let table = NodeTable::new(None, 11, Limits::default()).unwrap();
    let mut worker = table.worker();
    let nodes: Vec<Node> = (0..count).map(|number| worker.insert(&name(number)).unwrap().0).collect();
    for number in 0..count {
        let children: Vec<Node> = links(number).into_iter().map(|to| nodes[to as usize]).collect();
        worker.link(nodes[number as usize], &children).unwrap();
    }
    drop(worker);
    (table, nodes)
}

/// A plain search.
fn expected(table: &NodeTable, roots: &[Node]) -> HashSet<Node> {
    let (mut seen, mut stack) = (HashSet::new(), roots.to_vec());
    while let Some(node) = stack.pop() {
        if seen.insert(node) {
            stack.extend(table.children(node).into_iter().flatten());
        }
    }
    seen
}

#[test]
fn the_same_is_reached_by_any_number_of_workers() {
    let count = if cfg!(miri) { 30 } else { 30_000 };
    type Links = Box<dyn Fn(u64) -> Vec<u64>>;
    let shapes: [(&str, Links); 4] = [
        (
            "random",
            Box::new(move |at| {
                (1..4).map(|turn| at + at * 7919 % 97 * turn + 1).filter(|to| *to < count).collect()
            }),
        ),
        ("chain", Box::new(move |at| Some(at + 1).filter(|to| *to < count).into_iter().collect())),
        ("star", Box::new(move |at| if at == 0 { (1..count).collect() } else { vec![] })),
        // A chain that becomes wide late, and leads back to its beginning: marks end it all the same.
        (
            "fan",
            Box::new(move |at| match at {
                at if at < count / 2 => vec![at + 1, 0],
                at => [2 * at - count / 2, 2 * at - count / 2 + 1]
                    .into_iter()
                    .filter(|to| *to < count)
                    .collect(),
            }),
        ),
    ];
    for (shape, links) in shapes {
        for workers in [1, 2, 4] {
            let (table, nodes) = planted(count, &links);
            for root in [0, count as usize / 3] {
                let roots = [nodes[root], nodes[root]];
                let expected = expected(&table, &roots);
                // Rayon casts integers to pointers, which miri is told to refuse: there all jobs run inline.
                let pool = Workers::new(if cfg!(miri) { 1 } else { workers }).unwrap();
                let reached = pool.scope(|| table.reach(&roots, FLAG, workers)).unwrap();
                let marked: HashSet<Node> =
                    table.nodes(0..u32::MAX).filter(|node| table.is_set(*node, FLAG)).collect();
                assert_eq!(marked, expected, "{shape} by {workers}");
                assert_eq!(reached as usize, marked.len(), "{shape} by {workers}");
                marked.into_iter().for_each(|node| assert!(table.clear(node, FLAG)));
            }
        }
    }
}

#[test]
fn nothing_is_reached_from_nothing() {
    let (table, nodes) = planted(3, |_| vec![]);
    assert_eq!(table.reach(&[], FLAG, 2), Ok(0));
    assert_eq!(table.reach(&nodes[..1], FLAG, 2), Ok(1));
    assert_eq!(table.reach(&nodes[..1], FLAG, 2), Ok(0));
}
