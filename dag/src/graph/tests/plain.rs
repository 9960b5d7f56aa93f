//! The same questions, answered slowly and plainly from lists of links.

use std::collections::BTreeSet;

use super::Links;

/// The links of a node that are known.
fn of(links: &Links, from: u32) -> &[u32] {
    links[from as usize].as_deref().unwrap_or(&[])
}

/// All that is reachable: sets grow until they don't.
pub(super) fn reachable(links: &Links, roots: &[u32]) -> BTreeSet<u32> {
    let mut reached: BTreeSet<u32> = roots.iter().copied().collect();
    loop {
        let next = reached.iter().flat_map(|from| of(links, *from)).copied();
        let more: BTreeSet<u32> = next.filter(|to| !reached.contains(to)).collect();
        if more.is_empty() {
            return reached;
        }
        reached.extend(more);
    }
}

/// The same graph with its links turned round.
pub(super) fn turned(links: &Links) -> Links {
    let mut turned: Vec<Vec<u32>> = vec![Vec::new(); links.len()];
    for (from, to) in (0..).zip(links) {
        to.iter().flatten().for_each(|to| turned[*to as usize].push(from));
    }
    turned.into_iter().map(Some).collect()
}

/// Those in all histories from which no other such is left over.
pub(super) fn merge_bases(links: &Links, of: &[u32]) -> Vec<u32> {
    let histories: Vec<_> = of.iter().map(|node| reachable(links, &[*node])).collect();
    let Some((first, others)) = histories.split_first() else { return Vec::new() };
    let common: Vec<u32> =
        first.iter().copied().filter(|node| others.iter().all(|other| other.contains(node))).collect();
    let below =
        |node: u32| common.iter().any(|other| *other != node && reachable(links, &[*other]).contains(&node));
    common.iter().copied().filter(|node| !below(*node)).collect()
}

/// The level of each node of a set: raised until no link contradicts. `None` if that does not end.
pub(super) fn levels(links: &Links, within: &BTreeSet<u32>) -> Option<Vec<u32>> {
    let mut levels = vec![0; links.len()];
    for _ in 0..=links.len() {
        let mut raised = false;
        for from in within {
            for to in of(links, *from).iter().filter(|to| within.contains(to)) {
                if levels[*to as usize] <= levels[*from as usize] {
                    levels[*to as usize] = levels[*from as usize] + 1;
                    raised = true;
                }
            }
        }
        if !raised {
            return Some(levels);
        }
    }
    None
}
