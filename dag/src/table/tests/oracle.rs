//! The table beside plain maps, alone and with several threads.

use std::collections::{BTreeMap, HashMap, HashSet};

use dagvault_core::arena::Regions;
use dagvault_core::ids::Cid;
use dagvault_core::layout::{DAG_BYTES, NODE_SLOT_BYTES};

use super::super::limits::SEGMENT_BITS;
use super::super::{Flag, Limits, Node, NodeTable, TableError};
use super::name;

/// Repeatable numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn table() -> NodeTable {
    NodeTable::new(None, 1, Limits::default()).unwrap()
}

const MANY: u64 = if cfg!(miri) { 40 } else { 50_000 };

#[test]
fn random_operations_agree_with_a_map() {
    for seed in 1..=if cfg!(miri) { 1 } else { 4 } {
        let (mut table, mut random) = (table(), Random(seed));
        let mut model: BTreeMap<u64, (Node, Option<Vec<Node>>, bool)> = BTreeMap::new();
        let flag = Flag::new(3);
        for turn in 0..MANY {
            let number = random.below(MANY / 2);
            let known = model.get(&number).cloned();
            match random.below(10) {
                0..5 => {
                    let (node, new) = table.worker().insert(&name(number)).unwrap();
                    assert_eq!(new, known.is_none());
                    assert_eq!(model.entry(number).or_insert((node, None, false)).0, node);
                }
                5..7 => assert_eq!(table.find(&name(number)), known.map(|(node, ..)| node)),
                7..9 => {
                    let Some((node, children, _)) = known else { continue };
                    let nodes: Vec<Node> = model.values().map(|(node, ..)| *node).collect();
                    let wanted = random.below(if turn % 512 == 0 { 600 } else { 4 });
                    let links: Vec<Node> =
                        (0..wanted).map(|_| nodes[random.below(nodes.len() as u64) as usize]).collect();
                    let expected = match &children {
                        Some(there) if *there != links => Err(TableError::OtherChildren),
                        there => Ok(there.is_none()),
                    };
                    assert_eq!(table.worker().link(node, &links), expected);
                    model.entry(number).and_modify(|entry| entry.1 = Some(children.unwrap_or(links)));
                }
                _ => {
                    let Some((node, _, set)) = known else { continue };
                    let answer = if set { table.clear(node, flag) } else { table.set(node, flag) };
                    assert!(answer && table.is_set(node, flag) != set);
                    assert!(!if set { table.clear(node, flag) } else { table.set(node, flag) });
                    model.entry(number).and_modify(|entry| entry.2 = !set);
                }
            }
            if turn % (MANY / 4) == 0 {
                table.settle();
            }
        }
        agree(&table, &model);
    }
}

fn agree(table: &NodeTable, model: &BTreeMap<u64, (Node, Option<Vec<Node>>, bool)>) {
    let mut parents: HashMap<Node, Vec<Node>> = HashMap::new();
    for (node, children, _) in model.values() {
        children.iter().flatten().for_each(|child| parents.entry(*child).or_default().push(*node));
    }
    for (number, (node, children, set)) in model {
        assert_eq!((table.find(&name(*number)), table.cid(*node)), (Some(*node), name(*number)));
        assert_eq!(table.children(*node).map(Iterator::collect), *children);
        assert_eq!(table.is_set(*node, Flag::new(3)), *set);
        let mut expected = parents.remove(node).unwrap_or_default();
        let view = table.view(*node);
        assert_eq!(view.parents as usize, expected.len());
        assert_eq!(view.children.map(|count| count as usize), children.as_ref().map(Vec::len));
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(table.parents(*node), expected);
    }
    let nodes: Vec<_> = table.nodes(0..u32::MAX).collect();
    let mut expected: Vec<_> = model.values().map(|(node, ..)| *node).collect();
    expected.sort_unstable();
    assert_eq!(nodes, expected);
    let stats = table.stats();
    assert_eq!(stats.nodes as usize, model.len());
    assert!(stats.probe_cells.0 < 16.0 && stats.bytes_used <= stats.bytes + DAG_BYTES);
}

#[test]
fn threads_agree_on_every_node() {
    let table = table();
    let threads: u64 = 4;
    let found: Vec<Vec<(u64, Node, bool)>> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads)
            .map(|thread| {
                let table = &table;
                scope.spawn(move || {
                    let (mut worker, mut found) = (table.worker(), Vec::new());
                    let numbers: Vec<u64> = (0..MANY).map(|turn| turn * (2 * thread + 1) % MANY).collect();
                    for part in numbers.chunks(100) {
                        let cids: Vec<Cid> = part.iter().map(|number| name(*number)).collect();
                        let mut turns = part.iter();
                        let each = |node, new| found.push((*turns.next().unwrap(), node, new));
                        worker.insert_many(&cids, each).unwrap();
                    }
                    // Everybody links a node to its half and its third: each once.
                    for (number, node, _) in &found {
                        let links = [number / 2, number / 3].map(|to| worker.insert(&name(to)).unwrap().0);
                        worker.link(*node, &links).unwrap();
                    }
                    found
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut nodes: HashMap<u64, Node> = HashMap::new();
    let mut fresh = HashSet::new();
    for (number, node, new) in found.into_iter().flatten() {
        assert_eq!(*nodes.entry(number).or_insert(node), node);
        assert!(!new || fresh.insert(number), "{number} was new twice");
    }
    assert_eq!(fresh.len(), nodes.len());
    assert_eq!(table.nodes(0..u32::MAX).count(), nodes.len());
    let mut parents: HashMap<Node, Vec<Node>> = HashMap::new();
    for (number, node) in &nodes {
        let links = [nodes[&(number / 2)], nodes[&(number / 3)]];
        assert!(table.children(*node).unwrap().eq(links));
        links.iter().for_each(|child| parents.entry(*child).or_default().push(*node));
    }
    for node in nodes.values() {
        let mut expected = parents.remove(node).unwrap_or_default();
        assert_eq!(table.view(*node).parents as usize, expected.len());
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(table.parents(*node), expected);
    }
}

#[test]
fn forged_prefixes_cost_no_more_and_are_told_apart() {
    let table = table();
    let count = if cfg!(miri) { 50 } else { 20_000_u64 };
    let forged = |number: u64| {
        let mut cid = Cid([0xaa; 32]);
        cid.0[24..].copy_from_slice(&number.to_le_bytes());
        cid
    };
    let mut worker = table.worker();
    let nodes: Vec<Node> = (0..count).map(|number| worker.insert(&forged(number)).unwrap().0).collect();
    for (number, node) in (0..count).zip(&nodes) {
        assert_eq!((table.find(&forged(number)), table.cid(*node)), (Some(*node), forged(number)));
    }
    assert_eq!(table.find(&forged(count)), None);
    let (mean, most) = table.stats().probe_cells;
    assert!(mean < 10.0 && most < 400, "{mean} {most}");
}

#[test]
#[cfg_attr(miri, ignore = "the region is large")]
fn slots_are_as_the_layout_says() {
    let regions = Regions::allocate();
    let table = NodeTable::new(Some(&regions), 5, Limits::default()).unwrap();
    let mut worker = table.worker();
    let (first, second) = (worker.insert(&name(1)).unwrap().0, worker.insert(&name(2)).unwrap().0);
    worker.link(first, &[second, second, first]).unwrap();
    assert!(table.set(first, Flag::new(0)));
    let slot = table.nodes.slot(first.0);
    assert_eq!(size_of_val(slot), NODE_SLOT_BYTES);
    let next = core::ptr::from_ref(table.nodes.slot(second.0)).addr();
    assert_eq!(next - core::ptr::from_ref(slot).addr(), NODE_SLOT_BYTES);
    let words: Vec<u64> = slot.iter().map(|word| word.load(super::super::Ordering::Relaxed)).collect();
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let field = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(bytes[..16], name(1).0[..16]);
    assert_eq!((field(16), field(20), field(24)), (1, 3, 2));
    // Live, linked, the first flag; three changes.
    assert_eq!(field(28), 0b111 | 3 << 16);
    assert_eq!(table.stats().segments, (1, true));
}

#[test]
fn maxima_are_clear_errors_and_break_nothing() {
    let most = 1000.min(MANY as u32);
    let table = NodeTable::new(None, 1, Limits { nodes_max: most, ..Limits::default() }).unwrap();
    let mut worker = table.worker();
    for number in 0..u64::from(most) {
        worker.insert(&name(number)).unwrap();
    }
    assert_eq!(worker.insert(&name(9999)), Err(TableError::Full));
    assert_eq!(worker.insert(&name(5)).map(|(_, new)| new), Ok(false));
    assert_eq!(table.find(&name(9999)), None);

    let least = (56 << SEGMENT_BITS) + (40 << 10);
    let bytes_max = if cfg!(miri) { 2000 } else { least };
    let table = NodeTable::new(None, 1, Limits { bytes_max, ..Limits::default() }).unwrap();
    let mut worker = table.worker();
    let stopped = (0..MANY).find(|number| worker.insert(&name(*number)).is_err()).unwrap();
    assert_eq!(worker.insert(&name(stopped)), Err(TableError::Memory));
    let nodes: Vec<Node> = (0..stopped).map(|number| table.find(&name(number)).unwrap()).collect();
    if !cfg!(miri) {
        assert_eq!(worker.link(nodes[0], &nodes[1..]), Err(TableError::Memory));
        assert_eq!((table.children(nodes[0]).is_none(), table.parents(nodes[1])), (true, vec![]));
        assert_eq!(table.view(nodes[1]).parents, 0);
    }
    assert_eq!(table.stats().nodes as u64, stopped);
    assert!(table.budget.used() <= bytes_max);
    assert_eq!(
        NodeTable::new(None, 1, Limits { bytes_max: 10, ..Limits::default() }).err(),
        Some(TableError::Memory)
    );
}

#[test]
#[cfg_attr(miri, ignore = "the region is large")]
fn one_table_has_the_region_and_a_reset_gives_it_back_empty() {
    let regions = Regions::allocate();
    let mut first = NodeTable::new(Some(&regions), 1, Limits::default()).unwrap();
    let second = NodeTable::new(Some(&regions), 1, Limits::default()).unwrap();
    assert_eq!(second.stats().segments, (1, false));
    for number in 0..MANY {
        let mut worker = first.worker();
        let node = worker.insert(&name(number)).unwrap().0;
        worker.link(node, &[node]).unwrap();
    }
    first.reset(Some(&regions), 2).unwrap();
    assert_eq!(first.stats().segments, (1, true));
    assert_eq!((first.stats().nodes, first.find(&name(1))), (0, None));
    let node = first.worker().insert(&name(1)).unwrap().0;
    assert_eq!((first.children(node).is_none(), first.view(node).version), (true, 1));
    drop(first);
    assert!(regions.dag::<dagvault_core::sync::AtomicU64>().is_some());
}

#[test]
#[cfg_attr(miri, ignore = "too many nodes")]
fn nodes_beyond_the_region_take_72_bytes_at_most() {
    let count: u64 = if std::env::var_os("DAGVAULT_FULL").is_some() { 5_000_000 } else { 600_000 };
    let regions = Regions::allocate();
    let mut table = NodeTable::new(Some(&regions), 1, Limits::default()).unwrap();
    let mut worker = table.worker();
    // A tree of 3 children each: one parent each.
    let nodes: Vec<Node> = (0..count).map(|number| worker.insert(&name(number)).unwrap().0).collect();
    for (number, node) in nodes.iter().enumerate() {
        let children = nodes.iter().skip(number * 3 + 1).take(3).copied().collect::<Vec<_>>();
        worker.link(*node, &children).unwrap();
    }
    drop(worker);
    let before = table.stats();
    assert_eq!((before.nodes as u64, before.segments.1), (count, true));
    assert!(before.segments.0 > 2);
    let per_node = |bytes: usize| bytes as f64 / count as f64;
    assert!(per_node(before.bytes_used) <= 76.0, "{}", per_node(before.bytes_used));
    table.settle();
    let after = table.stats();
    assert!(per_node(after.bytes_used) <= 72.0, "{}", per_node(after.bytes_used));
    // What is allocated is at most one segment of each kind more.
    assert!(after.bytes + DAG_BYTES <= after.bytes_used + (56 << SEGMENT_BITS) + (4 << 18));
}
