//! Shapes that are easy to get wrong: criss-cross merges, forged circles, wide and deep ones.

use super::super::{Cycle, Direction, GraphError, NAMED_MAX, Side};
use super::{Links, Random, asked, nodes, numbers, plain, planted};

fn known(links: &[&[u32]]) -> Links {
    links.iter().map(|to| Some(to.to_vec())).collect()
}

#[test]
fn histories_that_cross_have_several_bases() {
    // 0 is the first commit; 1 and 2 are of it; 3 and 4 each merge both; 5 and 6 follow them.
    let table = planted(&known(&[&[], &[0], &[0], &[1, 2], &[2, 1], &[3], &[4]]));
    let bases = |of: &[u32]| asked(&table, |graph| graph.merge_bases(&nodes(of)).map(numbers)).unwrap();
    assert_eq!(bases(&[5, 6]), [1, 2]);
    assert_eq!(bases(&[5, 3]), [3]);
    assert_eq!(bases(&[5, 1]), [1]);
    assert_eq!(bases(&[1, 2]), [0]);
    assert_eq!(bases(&[5, 6, 1]), [1]);
    assert_eq!(bases(&[5, 6, 1, 2]), [0]);
    assert_eq!(bases(&[4]), [4]);
    assert_eq!(bases(&[4, 4]), [4]);
    assert_eq!(bases(&[]), [0_u32; 0]);
}

#[test]
fn histories_that_cross_again_and_again() {
    // Two branches that merge each other at each step, both ways.
    let steps = if cfg!(miri) { 6 } else { 2000 };
    let mut links: Links = vec![Some(vec![]), Some(vec![])];
    for step in 0..steps {
        let (left, right) = (2 * step, 2 * step + 1);
        links.extend([Some(vec![left, right]), Some(vec![right, left])]);
    }
    let (table, last) = (planted(&links), 2 * steps);
    let bases = |of: [u32; 2]| asked(&table, |graph| graph.merge_bases(&nodes(&of)).map(numbers)).unwrap();
    assert_eq!(bases([last, last + 1]), [last - 2, last - 1]);
    assert_eq!(bases([last, 1]), [1]);
    assert_eq!(bases([0, 1]), [0_u32; 0]);
    let shape = asked(&table, |graph| graph.shape(None, |_| 1)).unwrap();
    assert_eq!((shape.depth, shape.width, shape.roots, shape.leaves), (u64::from(steps) + 1, 2, 2, 2));
    assert_eq!((shape.shared, shape.bytes_shared), (u64::from(last), u64::from(last)));
    assert!(asked(&table, |graph| graph.reaches(nodes(&[last])[0], nodes(&[0])[0])).unwrap());
    assert!(!asked(&table, |graph| graph.reaches(nodes(&[0])[0], nodes(&[last])[0])).unwrap());
    assert!(!asked(&table, |graph| graph.reaches(nodes(&[last])[0], nodes(&[last + 1])[0])).unwrap());
}

/// Asks for what a circle forbids, which names it.
fn circle(links: &Links) -> Cycle {
    let table = planted(links);
    let order = asked(&table, |graph| graph.topological_order(None)).unwrap_err();
    assert_eq!(asked(&table, |graph| graph.longest_chain(None)).unwrap_err(), order);
    assert_eq!(asked(&table, |graph| graph.shape(None, |_| 0)).unwrap_err(), order);
    let GraphError::Cycle(cycle) = order else { panic!("{order:?}") };
    cycle
}

#[test]
fn forged_circles_are_named() {
    let found = circle(&known(&[&[1], &[2, 2], &[3], &[1], &[0, 1]]));
    assert_eq!((numbers(found.nodes), found.length), (vec![1, 2, 3], 3));
    let alone = circle(&known(&[&[1], &[2], &[2]]));
    assert_eq!((numbers(alone.nodes), alone.length), (vec![2], 1));
    let repeated = circle(&known(&[&[0, 0, 0]]));
    assert_eq!((numbers(repeated.nodes), repeated.length), (vec![0], 1));
    // Longer than what is named: a circle of all, against the order of numbers.
    let count = if cfg!(miri) { 20 } else { 5000 };
    let links: Links = (0..count).map(|at| Some(vec![(at + count - 1) % count])).collect();
    let long = circle(&links);
    let expected: Vec<u32> = (0..NAMED_MAX as u32).map(|turn| (count - turn) % count).collect();
    assert_eq!((numbers(long.nodes), long.length), (expected, u64::from(count)));
}

#[test]
fn random_circles_are_circles() {
    for seed in 1..if cfg!(miri) { 2 } else { 300 } {
        let mut random = Random(seed);
        let count = 1 + random.below(30);
        let links: Links = (0..count)
            .map(|_| {
                (random.below(8) > 0).then(|| (0..random.below(4)).map(|_| random.below(count)).collect())
            })
            .collect();
        if plain::levels(&links, &(0..count).collect()).is_some() {
            continue;
        }
        let found = circle(&links);
        assert!(found.length <= u64::from(count) && !found.nodes.is_empty());
        let named = numbers(found.nodes);
        let whole = named.len() as u64 == found.length;
        let following = named.iter().skip(1).chain(named.first().filter(|_| whole));
        for (from, to) in named.iter().zip(following) {
            assert!(links[*from as usize].as_ref().unwrap().contains(to), "{links:?} {named:?}");
        }
        assert_eq!(named.iter().min(), named.first());
    }
}

#[test]
fn circles_end_searches() {
    let table = planted(&known(&[&[1], &[2], &[0, 3], &[], &[0]]));
    let reached =
        asked(&table, |graph| numbers(graph.reachable(&nodes(&[1]), Direction::Children).unwrap().iter()));
    assert_eq!(reached, [0, 1, 2, 3]);
    assert!(asked(&table, |graph| graph.reaches(nodes(&[1])[0], nodes(&[3])[0])).unwrap());
    assert!(!asked(&table, |graph| graph.reaches(nodes(&[1])[0], nodes(&[4])[0])).unwrap());
    let diff = asked(&table, |graph| graph.diff(&nodes(&[4]), &nodes(&[1])).unwrap().count(Side::Both));
    assert_eq!(diff, 4);
    assert_eq!(asked(&table, |graph| graph.merge_bases(&nodes(&[0, 1])).map(numbers)), Ok(vec![]));
    // What the circle is no part of has an order.
    let part = asked(&table, |graph| {
        let set = graph.reachable(&nodes(&[3]), Direction::Children).unwrap();
        graph.topological_order(Some(&set)).map(numbers)
    });
    assert_eq!(part, Ok(vec![3]));
}

#[test]
fn a_star_a_chain_and_nothing() {
    let count: u32 = if cfg!(miri) { 50 } else { 100_000 };
    let mut star: Links = vec![Some(vec![]); count as usize];
    star[0] = Some((1..count).collect());
    let chain: Links = (0..count).map(|at| Some((at + 1..count).take(1).collect())).collect();
    for (links, depth) in [(star, 2), (chain, count)] {
        let table = planted(&links);
        let all: Vec<u32> = (0..count).collect();
        assert_eq!(asked(&table, |graph| graph.topological_order(None).map(numbers)), Ok(all.clone()));
        let chain = asked(&table, |graph| graph.longest_chain(None).map(numbers)).unwrap();
        assert_eq!(chain, all[..depth as usize]);
        let below = |root: u32| {
            asked(&table, |graph| graph.reachable(&nodes(&[root]), Direction::Children).unwrap().len())
        };
        assert_eq!((below(0), below(count - 1)), (count.into(), 1));
        let above =
            asked(&table, |graph| graph.reachable(&nodes(&[count - 1]), Direction::Parents).unwrap().len());
        assert_eq!(above, u64::from(depth));
        assert!(asked(&table, |graph| graph.reaches(nodes(&[0])[0], nodes(&[count - 1])[0])).unwrap());
        assert!(!asked(&table, |graph| graph.reaches(nodes(&[count - 1])[0], nodes(&[0])[0])).unwrap());
    }
    let empty = planted(&vec![]);
    assert_eq!(asked(&empty, |graph| graph.topological_order(None).map(numbers)), Ok(vec![]));
    assert_eq!(asked(&empty, |graph| graph.longest_chain(None).map(numbers)), Ok(vec![]));
    assert_eq!(asked(&empty, |graph| graph.shape(None, |_| 1)), Ok(super::super::Shape::default()));
}
