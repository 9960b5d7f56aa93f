//! Traversals: each block once, whatever links to it; links that contradict each other; what a full table does.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test ends with what it did not expect"
)]

use std::collections::{BTreeMap, BTreeSet};

use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use dagvault_core::parallel::Workers;
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{Block, BlockStore as _};
use dagvault_dag::table::{Limits, NodeTable};
use dagvault_dag::walk::{Links, MET, Promise, Task, Visited, Walk};

/// A block of these tests: for each link 32 bytes of name, what is promised, and whether it is a leaf.
const LINK_BYTES: usize = 34;

/// A link with the number that its block must begin with.
struct Promised {
    cid: Cid,
    number: u8,
}

fn corrupt(detail: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, detail)
}

impl Task for Promised {
    type Error = StoreError;
    type Found = u8;
    type Context<'c> = ();

    fn cid(&self) -> Cid {
        self.cid
    }

    fn promise(&self) -> Promise {
        self.number.into()
    }

    fn visit(self, (): &(), block: Vec<u8>, links: &mut Links<Self>) -> Result<u8, StoreError> {
        let (number, rest) = block.split_first().unwrap();
        if *number != self.number {
            return Err(corrupt("another number than promised"));
        }
        for link in rest.as_chunks::<LINK_BYTES>().0 {
            let (cid, number) = (Cid(*link.first_chunk().unwrap()), link[32]);
            match link[33] {
                0 => links.next.push(Self { cid, number }),
                _ => links.leaves.push(cid),
            }
        }
        Ok(*number)
    }
}

#[derive(Default)]
struct Graph {
    store: MemoryStore,
    names: BTreeMap<Cid, Vec<Cid>>,
}

impl Graph {
    /// Stores a block; `links` are its children with what it promises of them and whether they are leaves.
    fn add(&mut self, number: u8, salt: u32, links: &[(Cid, u8, bool)]) -> Cid {
        // The salt stands where a link would need more bytes.
        let mut bytes = vec![number];
        for (cid, number, leaf) in links {
            bytes.extend(cid.0);
            bytes.extend([*number, u8::from(*leaf)]);
        }
        bytes.extend(salt.to_le_bytes());
        let cid = Cid(*blake3::hash(&bytes).as_bytes());
        self.names.insert(cid, links.iter().map(|link| link.0).collect());
        self.store.put_many(vec![Block { cid, bytes }]).unwrap();
        cid
    }

    fn reached(&self, root: Cid) -> BTreeSet<Cid> {
        let (mut seen, mut ahead) = (BTreeSet::new(), vec![root]);
        while let Some(cid) = ahead.pop() {
            if seen.insert(cid) {
                ahead.extend(&self.names[&cid]);
            }
        }
        seen
    }
}

fn table(limits: Limits) -> NodeTable {
    NodeTable::new(None, 7, limits).unwrap()
}

fn all(walk: &mut Walk<Promised>, store: &MemoryStore) -> Result<Vec<Visited<u8>>, StoreError> {
    let mut visited = Vec::new();
    while walk.pending() > 0 {
        visited.extend(walk.step(store, &(), 5)?);
    }
    Ok(visited)
}

/// Layers in which each block links to several of the layer below, some of them twice; the last layer is leaves.
fn layered() -> (Graph, Cid) {
    let mut graph = Graph::default();
    let mut below: Vec<Cid> = (0..20).map(|salt| graph.add(9, salt, &[])).collect();
    for layer in 0..6_u8 {
        let count = below.len();
        let links = |at: usize| -> Vec<(Cid, u8, bool)> {
            let number = if layer == 0 { 9 } else { layer - 1 };
            [at, at + 1, at * 7 + 3, at].map(|to| (below[to % count], number, layer == 0)).to_vec()
        };
        below = (0..20).map(|at| graph.add(layer, at as u32, &links(at))).collect();
    }
    let root = graph.add(100, 0, &below.iter().map(|cid| (*cid, 5, false)).collect::<Vec<_>>());
    (graph, root)
}

#[test]
fn each_block_is_visited_once_by_any_number_of_workers() {
    let (graph, root) = layered();
    let expected = graph.reached(root);
    for workers in [1, 3] {
        let mut walk = Walk::new(table(Limits::default()));
        assert!(walk.begin(Promised { cid: root, number: 100 }).unwrap());
        assert!(!walk.begin(Promised { cid: root, number: 100 }).unwrap());
        let visited = Workers::new(workers).unwrap().scope(|| all(&mut walk, &graph.store)).unwrap();
        let table = walk.table();
        let mut met: Vec<Cid> = visited.iter().map(|visited| table.cid(visited.node)).collect();
        met.extend(visited.iter().flat_map(|visited| &visited.leaves).map(|leaf| table.cid(*leaf)));
        met.sort_unstable();
        assert_eq!(met, expected.iter().copied().collect::<Vec<_>>());
        assert!(visited.iter().all(|visited| !visited.again));
        // Every link is in the table, and every link but the first to a block is shared.
        let (mut links, mut shared) = (0, 0);
        for visited in &visited {
            let children: Vec<Cid> =
                table.children(visited.node).unwrap().map(|child| table.cid(child)).collect();
            let names = &graph.names[&table.cid(visited.node)];
            // Links to be followed come before leaves; here a block has but one of both kinds.
            assert_eq!(&children, names);
            links += visited.links;
            shared += visited.shared;
        }
        assert_eq!(links, shared + expected.len() as u64 - 1);
        assert!(table.nodes(0..table.numbers()).all(|node| table.is_set(node, MET)));
    }
}

#[test]
fn a_second_link_that_says_something_else_is_checked_too() {
    let mut graph = Graph::default();
    let child = graph.add(1, 0, &[]);
    let honest = graph.add(2, 1, &[(child, 1, false)]);
    let liar = graph.add(2, 2, &[(child, 3, false)]);
    let same = graph.add(2, 3, &[(child, 1, false)]);
    for (roots, lies) in [([honest, same], false), ([honest, liar], true), ([liar, honest], true)] {
        let mut walk = Walk::new(table(Limits::default()));
        for cid in roots {
            walk.begin(Promised { cid, number: 2 }).unwrap();
        }
        let result = all(&mut walk, &graph.store);
        assert_eq!(result.is_err(), lies, "{result:?}");
        if let Ok(visited) = result {
            assert_eq!(visited.len(), 3);
        }
    }
    // What a link truly says of a block that was visited before is no new block.
    let mut walk = Walk::new(table(Limits::default()));
    walk.leaf(&child).unwrap();
    walk.begin(Promised { cid: honest, number: 2 }).unwrap();
    let visited = all(&mut walk, &graph.store).unwrap();
    assert_eq!(visited.iter().filter(|visited| visited.again).count(), 1);
}

#[test]
fn what_is_missing_is_named_and_what_is_ahead_can_be_taken() {
    let mut graph = Graph::default();
    let gone = Cid([7; 32]);
    let (there, leaf) = (graph.add(1, 0, &[]), graph.add(1, 1, &[]));
    let root = graph.add(2, 0, &[(gone, 1, false), (there, 1, false), (leaf, 1, true)]);
    let mut walk = Walk::new(table(Limits::default()));
    walk.begin(Promised { cid: root, number: 2 }).unwrap();
    walk.step(&graph.store, &(), 1).unwrap();
    assert_eq!(walk.take(&there).unwrap().cid, there);
    assert!(walk.take(&there).is_none() && walk.take(&leaf).is_none() && walk.take(&root).is_none());
    assert_eq!(walk.pending(), 1);
    let error = walk.step(&graph.store, &(), 1).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.detail.contains(&gone.to_string()), "{error:?}");
}

#[test]
fn a_full_table_ends_a_walk_with_a_limit() {
    let little = Limits { bytes_max: 1 << 20, ..Limits::default() };
    let error = NodeTable::new(None, 7, little).map_err(StoreError::from).unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Memory);
    let (graph, root) = layered();
    for limits in
        [Limits { nodes_max: 64, ..Limits::default() }, Limits { nodes_max: 1, ..Limits::default() }]
    {
        let mut walk = Walk::new(table(limits));
        let began = walk.begin(Promised { cid: root, number: 100 });
        let error = began.and_then(|_| all(&mut walk, &graph.store)).unwrap_err();
        assert_eq!(error.kind, StoreErrorKind::Limit, "{error:?}");
    }
}
