//! Answers while other workers insert and link: right for what was there, and never inconsistent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::super::Direction;
use super::{Graph, Links, Random, name, nodes, planted};
use crate::table::{Node, NodeTable};

const COUNT: u32 = if cfg!(miri) { 12 } else { 2000 };

/// Links the nodes of the second half, which nobody had, and adds more before and behind them.
fn write(table: &NodeTable, seed: u64, done: &AtomicBool) {
    let (mut worker, mut random) = (table.worker(), Random(seed));
    for turn in 0..if cfg!(miri) { 3 } else { 6000_u64 } {
        let new = worker.insert(&name(1_000_000 * seed + turn)).unwrap().0;
        // A new node leads to old ones; an old one, if nobody was faster, to the new one or to what is behind it.
        let old = COUNT / 2 + random.below(COUNT / 2);
        let behind = nodes(&[COUNT - 1 - random.below((COUNT - old).min(5)).min(COUNT - 1 - old)]);
        let further: Vec<Node> = behind.into_iter().filter(|node| node.number() > old).collect();
        if random.below(2) == 0 {
            let _ = worker.link(new, &further);
            let _ = worker.link(nodes(&[old])[0], &[new]);
        } else {
            let _ = worker.link(new, &nodes(&[old, random.below(COUNT / 2)]));
        }
    }
    done.store(true, Ordering::Relaxed);
}

#[test]
fn orders_are_right_for_what_was_there() {
    let links: Links = (0..COUNT)
        .map(|at| {
            (at < COUNT / 2)
                .then(|| (1..4).map(|turn| at + turn * turn % 7 + 1).filter(|to| *to < COUNT).collect())
        })
        .collect();
    for seed in 1..if cfg!(miri) { 2 } else { 4 } {
        let table = planted(&links);
        let done = [AtomicBool::new(false), AtomicBool::new(false)];
        std::thread::scope(|scope| {
            for (turn, done) in (1..).zip(&done) {
                let table = &table;
                scope.spawn(move || write(table, 10 * seed + turn, done));
            }
            let mut last = false;
            while !last {
                last = done.iter().all(|done| done.load(Ordering::Relaxed));
                read(&table, &links);
            }
        });
        // All that was written is in order now.
        let order = Graph::new(&table, 1).topological_order(None).unwrap();
        assert_eq!(order.len(), table.nodes(0..u32::MAX).count());
        let places: HashMap<Node, usize> =
            order.iter().enumerate().map(|(place, node)| (*node, place)).collect();
        for node in &order {
            let children = table.children(*node).into_iter().flatten();
            children.for_each(|child| assert!(places[node] < places[&child]));
        }
    }
}

fn read(table: &NodeTable, links: &Links) {
    let graph = Graph::new(table, 2);
    let order = graph.topological_order(None).unwrap();
    let places: HashMap<Node, usize> = order.iter().enumerate().map(|(place, node)| (*node, place)).collect();
    assert_eq!(places.len(), order.len());
    for (from, to) in (0..).zip(links) {
        for to in to.iter().flatten() {
            assert!(places[&nodes(&[from])[0]] < places[&nodes(&[*to])[0]]);
        }
    }
    let chain = graph.longest_chain(None).unwrap();
    assert!(chain.len() > 1);
    for pair in chain.windows(2) {
        assert!(table.children(pair[0]).unwrap().any(|child| child == pair[1]));
    }
    let shape = graph.shape(None, |_| 1).unwrap();
    assert!(
        shape.nodes >= u64::from(COUNT) && shape.depth >= chain.len() as u64 && shape.bytes == shape.nodes
    );
    let below = graph.reachable(&nodes(&[0]), Direction::Children).unwrap();
    let plain = super::plain::reachable(links, &[0]);
    assert!(plain.into_iter().all(|number| below.contains(nodes(&[number])[0])));
    let diff = graph.diff(&nodes(&[0]), &nodes(&[COUNT / 4])).unwrap();
    assert!(diff.nodes(super::super::Side::First).all(|node| diff.side(node).is_some()));
}
