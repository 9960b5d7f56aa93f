//! Random graphs, with unknown links, repeated ones and several roots, beside plain answers.

use std::collections::BTreeSet;

use super::super::{Direction, GraphError, Shape, Side};
use super::{Links, Random, asked, nodes, numbers, plain, planted};

const GRAPHS: u64 = if cfg!(miri) { 1 } else { 150 };
const NODES: u32 = if cfg!(miri) { 14 } else { 90 };

/// A graph without circles whose numbers say nothing about its order.
fn graph(random: &mut Random, unknown: bool) -> Links {
    let count = 2 + random.below(NODES);
    let mut places: Vec<u32> = (0..count).collect();
    (1..count).for_each(|at| places.swap(at as usize, random.below(at + 1) as usize));
    let (reach, most) = (1 + random.below(count), 1 + random.below(5));
    let mut links = vec![Some(Vec::new()); count as usize];
    for at in 0..count {
        let rest = (count - at - 1).min(reach);
        let wanted = if rest == 0 { 0 } else { random.below(most + 1) };
        let to = (0..wanted).map(|_| places[(at + 1 + random.below(rest)) as usize]).collect();
        let known = !unknown || random.below(10) > 0;
        links[places[at as usize] as usize] = known.then_some(to);
    }
    links
}

fn some(random: &mut Random, links: &Links, most: u32) -> Vec<u32> {
    (0..random.below(most + 1)).map(|_| random.below(links.len() as u32)).collect()
}

/// For each of many graphs.
fn each(unknown: bool, check: impl Fn(&mut Random, &Links)) {
    for seed in 1..=GRAPHS {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let links = graph(&mut random, unknown);
        check(&mut random, &links);
    }
}

#[test]
fn what_is_reachable_in_both_directions() {
    each(true, |random, links| {
        let (table, roots) = (planted(links), some(random, links, 4));
        for (direction, links) in
            [(Direction::Children, links.clone()), (Direction::Parents, plain::turned(links))]
        {
            let expected = plain::reachable(&links, &roots);
            let (found, count, unlinked) = asked(&table, |graph| {
                let set = graph.reachable(&nodes(&roots), direction).unwrap();
                assert_eq!(set.is_empty(), roots.is_empty());
                let all = (0..links.len() as u32).filter(|number| set.contains(nodes(&[*number])[0]));
                assert_eq!(all.collect::<Vec<_>>(), numbers(set.iter()));
                (numbers(set.iter()), set.len(), set.unlinked())
            });
            assert_eq!((count as usize, found), (expected.len(), expected.iter().copied().collect()));
            let unknown = expected.iter().find(|number| links[**number as usize].is_none());
            assert_eq!(unlinked.map(|node| node.number()), unknown.copied());
        }
    });
}

#[test]
fn whether_one_reaches_another() {
    each(true, |random, links| {
        let table = planted(links);
        for _ in 0..20 {
            let [from, to] = [(); 2].map(|()| random.below(links.len() as u32));
            let [first, second] = [nodes(&[from])[0], nodes(&[to])[0]];
            let expected = plain::reachable(links, &[from]).contains(&to);
            assert_eq!(asked(&table, |graph| graph.reaches(first, second)), Ok(expected), "{from} {to}");
        }
    });
}

#[test]
fn merge_bases_of_some() {
    let several = core::cell::Cell::new(0);
    each(false, |random, links| {
        let table = planted(links);
        for _ in 0..5 {
            let of = some(random, links, 3);
            let expected = plain::merge_bases(links, &of);
            several.set(several.get() + u32::from(expected.len() > 1));
            let found = asked(&table, |graph| graph.merge_bases(&nodes(&of)).map(numbers));
            assert_eq!(found, Ok(expected), "{of:?}");
        }
    });
    assert!(cfg!(miri) || several.get() > 20, "{several:?} with more than one base");
}

#[test]
fn merge_bases_behind_unknown_links_are_refused() {
    each(true, |random, links| {
        let (table, of) = (planted(links), some(random, links, 3));
        let unknown = of.iter().find_map(|node| {
            plain::reachable(links, &[*node]).into_iter().find(|number| links[*number as usize].is_none())
        });
        let found = asked(&table, |graph| graph.merge_bases(&nodes(&of)).map(numbers));
        let expected = match unknown {
            Some(unknown) => Err(GraphError::Unlinked(nodes(&[unknown])[0])),
            None => Ok(plain::merge_bases(links, &of)),
        };
        assert_eq!(found, expected);
    });
}

#[test]
fn differences() {
    each(true, |random, links| {
        let table = planted(links);
        let roots = [some(random, links, 3), some(random, links, 3)];
        let [first, second] = roots.each_ref().map(|roots| plain::reachable(links, roots));
        let of = |set: &mut dyn Iterator<Item = &u32>| set.copied().collect::<Vec<_>>();
        let expected = [
            of(&mut first.difference(&second)),
            of(&mut second.difference(&first)),
            of(&mut first.intersection(&second)),
        ];
        let found = asked(&table, |graph| {
            let diff = graph.diff(&nodes(&roots[0]), &nodes(&roots[1])).unwrap();
            [Side::First, Side::Second, Side::Both].map(|side| {
                let found = numbers(diff.nodes(side));
                assert_eq!(diff.count(side) as usize, found.len());
                assert!(diff.nodes(side).all(|node| diff.side(node) == Some(side)));
                found
            })
        });
        assert_eq!(found, expected);
        let outside = nodes(&[links.len() as u32])[0];
        let diff = super::Graph::new(&table, 1).diff(&[], &[]).unwrap();
        assert_eq!((diff.side(outside), diff.side(nodes(&[0])[0]), diff.unlinked()), (None, None, None));
    });
}

#[test]
fn order_chain_and_shape_of_all_and_of_a_part() {
    each(true, |random, links| {
        let (table, roots) = (planted(links), some(random, links, 3));
        check(&table, links, None, &(0..links.len() as u32).collect());
        check(&table, links, Some((Direction::Children, &roots)), &plain::reachable(links, &roots));
        let above = plain::reachable(&plain::turned(links), &roots);
        // Links lead out of this set.
        check(&table, links, Some((Direction::Parents, &roots)), &above);
    });
}

fn check(
    table: &crate::table::NodeTable,
    links: &Links,
    roots: Option<(Direction, &[u32])>,
    within: &BTreeSet<u32>,
) {
    let levels = plain::levels(links, within).unwrap();
    let set = |graph: &super::Graph<'_>| {
        roots.map(|(direction, roots)| graph.reachable(&nodes(roots), direction).unwrap())
    };
    let order = asked(table, |graph| graph.topological_order(set(&graph).as_ref()).map(numbers)).unwrap();
    let mut expected: Vec<u32> = within.iter().copied().collect();
    expected.sort_by_key(|number| (levels[*number as usize], *number));
    assert_eq!(order, expected);

    let depth = within.iter().map(|number| levels[*number as usize] + 1).max().unwrap_or(0);
    let chain = asked(table, |graph| graph.longest_chain(set(&graph).as_ref()).map(numbers)).unwrap();
    assert_eq!(chain.len() as u32, depth);
    assert!(chain.iter().all(|number| within.contains(number)));
    for pair in chain.windows(2) {
        let known = links[pair[0] as usize].as_ref().unwrap();
        assert!(known.contains(&pair[1]));
        // The smallest that could stand there.
        let other = within.iter().find(|other| {
            levels[**other as usize] + 1 == levels[pair[1] as usize]
                && links[**other as usize].as_ref().is_some_and(|to| to.contains(&pair[1]))
        });
        assert_eq!(other, Some(&pair[0]));
    }
    let last = within.iter().find(|number| levels[**number as usize] + 1 == depth);
    assert_eq!(chain.last(), last);

    let size = |number: u32| u64::from(number) * 3 + 1;
    let shape = asked(table, |graph| graph.shape(set(&graph).as_ref(), |node| size(node.number()))).unwrap();
    assert_eq!(shape, plain_shape(links, within, &levels, size));
}

fn plain_shape(links: &Links, within: &BTreeSet<u32>, levels: &[u32], size: impl Fn(u32) -> u64) -> Shape {
    let known = |number: &u32| links[*number as usize].clone();
    let parents: Vec<Vec<u32>> = within
        .iter()
        .map(|node| {
            within.iter().filter(|from| known(from).is_some_and(|to| to.contains(node))).copied().collect()
        })
        .collect();
    let to = |node: &u32| within.iter().filter_map(known).flatten().filter(|to| to == node).count() as u32;
    let on = |level: u32| within.iter().filter(|number| levels[**number as usize] == level).count() as u64;
    let depth = within.iter().map(|number| u64::from(levels[*number as usize]) + 1).max().unwrap_or(0);
    let shared =
        || within.iter().zip(&parents).filter(|(_, parents)| parents.len() > 1).map(|(node, _)| node);
    Shape {
        nodes: within.len() as u64,
        links: within.iter().map(|node| u64::from(to(node))).sum(),
        roots: parents.iter().filter(|parents| parents.is_empty()).count() as u64,
        leaves: within.iter().filter(|node| known(node).is_some_and(|to| to.is_empty())).count() as u64,
        unlinked: within.iter().filter(|node| known(node).is_none()).count() as u64,
        shared: shared().count() as u64,
        fan_out_max: within.iter().filter_map(known).map(|to| to.len() as u32).max().unwrap_or(0),
        fan_in_max: within.iter().map(to).max().unwrap_or(0),
        depth,
        width: (0..depth as u32).map(on).max().unwrap_or(0),
        bytes: within.iter().map(|node| size(*node)).sum(),
        bytes_shared: shared().map(|node| size(*node)).sum(),
    }
}
