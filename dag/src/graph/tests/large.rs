//! Ten million nodes in a chain, and a node with a million links: nothing recurses.

use super::super::{Direction, Side};
use super::{Graph, Links, asked, name, nodes, planted};
use crate::table::{Limits, NodeTable};

#[test]
#[cfg_attr(debug_assertions, ignore = "takes a minute without optimisation")]
fn ten_million_deep() {
    let count: u32 = 10_000_000;
    let table = NodeTable::new(None, 3, Limits::default()).unwrap();
    let mut worker = table.worker();
    let mut before = None;
    for number in 0..u64::from(count) {
        let node = worker.insert(&name(number)).unwrap().0;
        // As commits: each links to the one before.
        worker.link(node, before.as_slice()).unwrap();
        before = Some(node);
    }
    drop(worker);
    let graph = Graph::new(&table, 1);
    let [first, last] = [nodes(&[0])[0], nodes(&[count - 1])[0]];
    let set = graph.reachable(&[last], Direction::Children).unwrap();
    assert_eq!(set.len(), u64::from(count));
    assert_eq!(graph.reachable(&[first], Direction::Parents).unwrap().len(), u64::from(count));
    let backwards = || (0..count).rev();
    let order = graph.topological_order(Some(&set)).unwrap();
    assert!(order.iter().map(|node| node.number()).eq(backwards()));
    let chain = graph.longest_chain(None).unwrap();
    assert!(chain.iter().map(|node| node.number()).eq(backwards()));
    assert!(graph.reaches(last, first).unwrap() && !graph.reaches(first, last).unwrap());
    let half = nodes(&[count / 2])[0];
    assert_eq!(graph.merge_bases(&[last, half]).unwrap(), [half]);
    let diff = graph.diff(&[last], &[half]).unwrap();
    assert_eq!((diff.count(Side::First), diff.count(Side::Second)), (u64::from(count / 2 - 1), 0));
    let shape = graph.shape(None, |_| 2).unwrap();
    assert_eq!((shape.depth, shape.width, shape.bytes), (count.into(), 1, 2 * u64::from(count)));
}

#[test]
#[cfg_attr(debug_assertions, ignore = "takes a minute without optimisation")]
fn a_million_links_from_a_node_and_to_a_node() {
    // 0 links to a million, all of which link to the last.
    let count: u32 = 1_000_002;
    let mut links: Links = vec![Some(vec![count - 1]); count as usize];
    links[0] = Some((1..count - 1).collect());
    links[count as usize - 1] = Some(vec![]);
    let table = planted(&links);
    let [first, last] = [nodes(&[0])[0], nodes(&[count - 1])[0]];
    let reached = asked(&table, |graph| {
        let below = graph.reachable(&[first], Direction::Children).unwrap().len();
        (below, graph.reachable(&[last], Direction::Parents).unwrap().len())
    });
    assert_eq!(reached, (count.into(), count.into()));
    assert!(asked(&table, |graph| graph.reaches(first, last)).unwrap());
    let order = asked(&table, |graph| graph.topological_order(None)).unwrap();
    assert!(order.iter().map(|node| node.number()).eq(0..count));
    let chain = asked(&table, |graph| graph.longest_chain(None)).unwrap();
    assert_eq!(chain, nodes(&[0, 1, count - 1]));
    assert_eq!(asked(&table, |graph| graph.merge_bases(&nodes(&[7, 8]))), Ok(vec![last]));
    let shape = asked(&table, |graph| graph.shape(None, |_| 1)).unwrap();
    assert_eq!((shape.fan_out_max, shape.fan_in_max, shape.width), (count - 2, count - 2, 1_000_000));
    assert_eq!((shape.depth, shape.shared), (3, 1));
}
