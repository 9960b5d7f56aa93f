//! The tree against a plain map: content, order, and a shape that depends on the content only.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use dagvault_api::{VersionInfo, VersionState};
use dagvault_core::arena::Regions;
use dagvault_core::error::StoreError;
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::sync::{AtomicU64, Ordering};
use dagvault_crypto::secret::{Secret, SecretVec};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store};
use dagvault_dag::system::FixedSystem;
use proptest::collection::vec as many;
use proptest::prelude::*;

use super::{Tree, entry_of};
use crate::entry::{Data, Entry, Value, Version};
use crate::head::Root;
use crate::node::{Node, SpaceKeys};
use crate::nodes::Nodes;

/// A store that counts the blocks read from it.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    reads: AtomicU64,
}

impl BlockStore for Counting {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.reads.fetch_add(ids.len() as u64, Ordering::Relaxed);
        self.store.get_many(ids)
    }
    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        self.store.put_many(blocks)
    }
    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.store.has_many(ids)
    }
    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        self.store.delete_many(ids)
    }
    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.store.iterate(cursor)
    }
}

impl Store for Counting {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.cell_load(cell)
    }
    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), StoreError> {
        self.store.commit(blocks, cell, expected, new, options)
    }
    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A tree with what it stands on.
struct Grove {
    store: Arc<Counting>,
    nodes: Nodes,
    keys: SpaceKeys,
    root: Option<Root>,
}

/// Where nodes end: level, last path, items.
type Shape = Vec<(u32, String, usize)>;

impl Grove {
    fn new(seed: u64) -> Self {
        let store = Arc::new(Counting::default());
        let nodes = Nodes::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::new(FixedSystem::new(seed)),
            Regions::allocate(),
        );
        Self { store, nodes, keys: SpaceKeys::derive(&Secret::new([4; 32])), root: None }
    }

    fn tree(&self) -> Tree<'_> {
        Tree { nodes: &self.nodes, keys: &self.keys, root: self.root.as_ref() }
    }

    /// Applies changes; answers how many blocks they made.
    fn apply(&mut self, changes: BTreeMap<String, Option<Entry>>) -> usize {
        let mut blocks = Vec::new();
        let root = self.tree().apply(changes, &mut blocks).unwrap();
        let count = blocks.len();
        self.store.put_many(blocks).unwrap();
        self.root = root;
        count
    }

    fn shape(&self) -> Shape {
        let mut shape = Shape::new();
        let Some(root) = &self.root else { return shape };
        let mut links = vec![root.link.clone()];
        for level in (0..=root.level).rev() {
            let mut below = Vec::new();
            for link in &links {
                let node = self.nodes.load(level, link).unwrap();
                assert!(node.digest(&self.keys) == link.digest);
                let items = match &*node {
                    Node::Leaf(entries) => entries.len(),
                    Node::Branch { children, .. } => {
                        below.extend(children.iter().map(|child| child.link.clone()));
                        children.len()
                    }
                };
                shape.push((level, node.last().into(), items));
            }
            links = below;
        }
        shape
    }

    fn scan(&self, prefix: &str, after: Option<&str>, most: usize) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let take = &mut |entry: &Entry| {
            found.push((entry.path.clone(), entry.next_number));
            found.len() < most
        };
        self.tree().scan(prefix, after, take).unwrap();
        found
    }
}

/// An entry that depends on path and mark only.
fn entry(path: &str, mark: u64) -> Entry {
    let size = match mark % 8 {
        0 => 40_000 + mark as usize % 30_000,
        1 => 5_000,
        _ => mark as usize % 50,
    };
    let info = VersionInfo {
        id: [mark as u8; 16],
        number: mark,
        parents: Vec::new(),
        time_ms: mark,
        author: [1; 16],
        size: size as u64,
        stored: size as u64,
        state: VersionState::Live {},
        content: Some([mark as u8; 32]),
    };
    let value = Value::Inline { codec: 0, data: Data(SecretVec::new(vec![mark as u8; size])) };
    let versions = vec![Version { info, value }];
    Entry { next_number: mark + 1, versions, ..Entry::new(path) }
}

/// Paths of which some are folders of others, and some only begin alike.
fn path(number: u64) -> String {
    match number % 10 {
        0 => format!("d{}", number % 7),
        1 => format!("d{}-x{number}", number % 7),
        2 => format!("d{}/e/{number}", number % 7),
        _ => format!("d{}/{number:04}", number % 7),
    }
}

/// What happens to a path: gone, or a mark.
fn change() -> impl Strategy<Value = (u64, Option<u64>)> {
    (0..400_u64, prop_oneof![1 => Just(None), 3 => (1..1000_u64).prop_map(Some)])
}

fn cases() -> ProptestConfig {
    let cases = if std::env::var_os("DAGVAULT_FULL").is_some() { 2000 } else { 30 };
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..Default::default()
    }
}

/// Makes the model's content in one step.
fn planted(model: &BTreeMap<String, u64>) -> Grove {
    let mut grove = Grove::new(77);
    grove.apply(model.iter().map(|(path, mark)| (path.clone(), Some(entry(path, *mark)))).collect());
    grove
}

fn same(grove: &Grove, other: &Grove) {
    assert_eq!(grove.shape(), other.shape());
    let digest = |grove: &Grove| grove.root.as_ref().map(|root| (root.level, root.paths, root.link.digest));
    assert!(digest(grove) == digest(other));
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_shape_depends_on_the_content_only(
        steps in many((many(change(), 1..60), any::<bool>()), 1..12),
        queries in many((0..400_u64, prop::option::of(0..400_u64), 1..50_usize), 10),
    ) {
        let mut model = BTreeMap::new();
        let mut grove = Grove::new(1);
        for (changes, forget) in steps {
            let changes: BTreeMap<String, Option<u64>> =
                changes.into_iter().map(|(number, mark)| (path(number), mark)).collect();
            for (path, mark) in &changes {
                match mark {
                    Some(mark) => drop(model.insert(path.clone(), *mark)),
                    None => drop(model.remove(path)),
                }
            }
            grove.apply(changes.into_iter().map(|(path, mark)| {
                let entry = mark.map(|mark| entry(&path, mark));
                (path, entry)
            }).collect());
            if forget {
                grove.nodes.forget();
            }
        }
        prop_assert_eq!(grove.root.as_ref().map_or(0, |root| root.paths), model.len() as u64);
        same(&grove, &planted(&model));
        grove.nodes.forget();
        // Content, by every prefix and place to go on.
        for (prefix, after, most) in queries {
            let prefix = match prefix % 4 { 0 => String::new(), 1 => format!("d{}", prefix % 7), _ => path(prefix) };
            let after = after.map(path);
            let covered = |path: &String| {
                prefix.is_empty() || *path == prefix
                    || path.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('/'))
            };
            let expected: Vec<(String, u64)> = model.iter()
                .filter(|(path, _)| covered(path) && after.as_ref().is_none_or(|after| *path > after))
                .map(|(path, mark)| (path.clone(), mark + 1))
                .take(most)
                .collect();
            prop_assert_eq!(grove.scan(&prefix, after.as_deref(), most), expected);
        }
        let paths: Vec<String> = (0..400).rev().map(path).collect();
        let wanted: Vec<&str> = paths.iter().map(String::as_str).collect();
        for (path, found) in wanted.iter().zip(grove.tree().find_many(&wanted).unwrap()) {
            let mark = found.as_ref().and_then(entry_of).map(|entry| (entry.path.as_str(), entry.next_number - 1));
            prop_assert_eq!(mark, model.get(*path).map(|mark| (*path, *mark)));
        }
        // Emptied and filled again, path by path.
        let all: Vec<String> = model.keys().cloned().collect();
        for part in all.chunks(37) {
            grove.apply(part.iter().map(|path| (path.clone(), None)).collect());
        }
        prop_assert!(grove.root.is_none());
        for (path, mark) in model.iter().rev() {
            grove.apply([(path.clone(), Some(entry(path, *mark)))].into());
        }
        same(&grove, &planted(&model));
    }
}

#[test]
fn changes_at_every_boundary_keep_the_shape() {
    let model: BTreeMap<String, u64> =
        (0..300).map(|number| (format!("p/{number:04}"), if number % 40 < 8 { 800 } else { 2 })).collect();
    let grove = planted(&model);
    let shape = grove.shape();
    assert!(shape.iter().any(|(_, last, _)| grove.keys.rank(last) == 0), "some nodes end by weight");
    assert!(shape.iter().any(|(level, ..)| *level >= 1));
    // The last entry of each node, and the one behind it: removed, made heavy, made light; then put back.
    let mut places: Vec<String> = shape.iter().map(|(_, last, _)| last.clone()).collect();
    let next = |path: &String| {
        model.range::<String, _>((core::ops::Bound::Excluded(path), core::ops::Bound::Unbounded)).next()
    };
    places.extend(shape.iter().filter_map(|(_, last, _)| next(last)).map(|(path, _)| path.clone()));
    places.sort_unstable();
    places.dedup();
    for place in places {
        for mark in [None, Some(8_000_u64), Some(3)] {
            let mut other = model.clone();
            let mut grove = planted(&model);
            grove.apply([(place.clone(), mark.map(|mark| entry(&place, mark)))].into());
            match mark {
                Some(mark) => drop(other.insert(place.clone(), mark)),
                None => drop(other.remove(&place)),
            }
            same(&grove, &planted(&other));
            grove.apply([(place.clone(), Some(entry(&place, model[&place])))].into());
            assert_eq!(grove.shape(), shape);
        }
    }
}

#[test]
fn whole_nodes_that_were_cut_by_weight_stay_removed() {
    let model: BTreeMap<String, u64> = (0..120).map(|number| (format!("p/{number:04}"), 800)).collect();
    let names: Vec<&String> = model.keys().collect();
    for width in [1, 2, 3, 5, 8] {
        for from in (0..names.len() - 2 * width).step_by(11) {
            // Some in a row, and one more behind them.
            for gap in [0, 1, width] {
                let mut gone: Vec<&String> = names[from..from + width].to_vec();
                gone.push(names[from + width + gap]);
                let mut grove = planted(&model);
                grove.apply(gone.iter().map(|path| ((*path).clone(), None)).collect());
                let mut other = model.clone();
                other.retain(|path, _| !gone.contains(&path));
                assert_eq!(grove.scan("", None, usize::MAX).len(), other.len());
                same(&grove, &planted(&other));
            }
        }
    }
}

#[test]
fn appending_one_by_one_gives_the_same_tree() {
    let mut model = BTreeMap::new();
    let mut grove = Grove::new(1);
    for number in 0..700_u64 {
        let (path, mark) = (format!("{number:05}"), if number % 9 == 0 { 800 } else { number % 40 + 2 });
        grove.apply([(path.clone(), Some(entry(&path, mark)))].into());
        model.insert(path, mark);
        if number % 50 == 0 {
            same(&grove, &planted(&model));
        }
    }
    same(&grove, &planted(&model));
}

#[test]
fn listing_and_changing_cost_little_in_a_large_tree() {
    let name = |number: u64| format!("dir{:03}/{:02}", number / 100, number % 100);
    let mut grove = Grove::new(1);
    grove.apply((0..20_000).map(|number| (name(number), Some(entry(&name(number), 2)))).collect());
    let depth = grove.root.as_ref().map_or(0, |root| u64::from(root.level) + 1);
    assert!((3..=6).contains(&depth), "{depth}");
    let mut most = (0, 0);
    for folder in [0, 17, 100, 199] {
        grove.nodes.forget();
        grove.store.reads.store(0, Ordering::Relaxed);
        assert_eq!(grove.scan(&format!("dir{folder:03}"), None, usize::MAX).len(), 100);
        let reads = grove.store.reads.load(Ordering::Relaxed);
        most.0 = reads.max(most.0);
        // A hundred paths are in about thirteen leaves; a wave of leaves may go past the end.
        assert!(reads < 3 * depth + 40, "{reads} blocks read for a listing of 100, {depth} levels");
        grove.nodes.forget();
        grove.store.reads.store(0, Ordering::Relaxed);
        assert_eq!(grove.scan(&format!("dir{folder:03}"), None, 1).len(), 1);
        let reads = grove.store.reads.load(Ordering::Relaxed);
        assert!(reads <= 2 * depth + 3, "{reads} blocks read for a listing of one");
        let path = name(folder * 100 + 50);
        let written = grove.apply([(path.clone(), Some(entry(&path, 3)))].into());
        most.1 = written.max(most.1);
        assert_eq!(written as u64, depth, "one node a level");
    }
    println!(
        "{depth} levels: at most {} blocks read for 100 of 20,000 paths, {} written for a put",
        most.0, most.1
    );
}
