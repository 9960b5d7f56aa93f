//! How many nodes are read for one secret and for a short list, by the number of secrets: counted under a vault that
//! has nothing in its cache.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::disk::host;
use common::{Host, Random, cheap, item, key_file};
use dagvault_api::{Request, Response, Select};
use dagvault_core::arena::Regions;
use dagvault_core::error::StoreError;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store};

/// Secrets that share a prefix.
const TEAM: u64 = 100;

/// A store in memory that counts the blocks that are read and written.
#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    read: AtomicU64,
    written: AtomicU64,
}

impl BlockStore for Counting {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.read.fetch_add(ids.len() as u64, Ordering::Relaxed);
        self.inner.get_many(ids)
    }
    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        self.written.fetch_add(blocks.len() as u64, Ordering::Relaxed);
        self.inner.put_many(blocks)
    }
    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.inner.has_many(ids)
    }
    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        self.inner.delete_many(ids)
    }
    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.inner.iterate(cursor)
    }
}

impl Store for Counting {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.cell_load(cell)
    }
    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), StoreError> {
        self.written.fetch_add(blocks.len() as u64, Ordering::Relaxed);
        self.inner.commit(blocks, cell, expected, new, options)
    }
    fn sync(&self) -> Result<(), StoreError> {
        self.inner.sync()
    }
}

/// Blocks read and written.
type Counts = (u64, u64);

struct Grown {
    store: Arc<Counting>,
    regions: Arc<Regions>,
}

impl Grown {
    /// A vault with so many secrets.
    fn new(secrets: u64) -> Self {
        let grown = Self { store: Arc::default(), regions: Regions::allocate() };
        let mut vault = grown.vault(secrets);
        vault.call(&Request::Create { protect: cheap(key_file()), paranoid: false }).unwrap();
        for first in (0..secrets).step_by(2000) {
            let paths: Vec<String> = (first..secrets.min(first + 2000)).map(path).collect();
            let items = paths.iter().map(|path| item(path, b"a secret")).collect();
            vault.call(&Request::Put { items }).unwrap();
        }
        grown
    }

    fn vault(&self, seed: u64) -> Host {
        host(Arc::clone(&self.store) as Arc<dyn Store>, seed, &self.regions)
    }

    /// What a request reads and writes in a vault that was just opened.
    fn count(&self, seed: u64, request: &Request<'_>) -> (Response, Counts) {
        let mut vault = self.vault(seed);
        vault.call(&Request::Open { unlock: key_file() }).unwrap();
        let (read, written) = (&self.store.read, &self.store.written);
        let before = (read.load(Ordering::Relaxed), written.load(Ordering::Relaxed));
        let answer = vault.call(request).unwrap();
        let counts = (read.load(Ordering::Relaxed) - before.0, written.load(Ordering::Relaxed) - before.1);
        (answer, counts)
    }
}

fn team(number: u64) -> String {
    format!("team-{:04}", number / TEAM)
}

fn path(number: u64) -> String {
    format!("{}/secret-{:02}", team(number), number % TEAM)
}

/// Most blocks that a get reads, a list of a team reads, and a put reads and writes.
fn most(secrets: u64) -> (u64, u64, Counts) {
    let grown = Grown::new(secrets);
    let mut random = Random(secrets);
    let (mut get, mut list, mut put) = (0, 0, (0, 0));
    for round in 0..25 {
        let number = random.below(secrets);
        let (at, prefix) = (path(number), team(number));
        let select = Select::Latest {};
        let (_, counts) = grown.count(round, &Request::Get { path: at.as_str().into(), select });
        assert_eq!(counts.1, 0);
        get = counts.0.max(get);
        let prefix = prefix.as_str().into();
        let request = Request::List { prefix, after: None, limit: 4096, meta: false, deleted: false };
        let (Response::List { entries, more: false }, counts) = grown.count(round, &request) else {
            panic!("a list")
        };
        assert_eq!(entries.len() as u64, TEAM);
        assert_eq!(counts.1, 0);
        list = counts.0.max(list);
        let (_, counts) = grown.count(secrets + round, &Request::Put { items: vec![item(&at, b"another")] });
        put = (counts.0.max(put.0), counts.1.max(put.1));
    }
    (get, list, put)
}

#[test]
fn nodes_read_grow_with_the_height_of_the_tree_only() {
    for (secrets, levels) in [(1000, 4), (10_000, 5), (100_000, 6)] {
        let (get, list, put) = most(secrets);
        println!("{secrets} secrets: get {get}, list of {TEAM} {list}, put {put:?} nodes");
        // A node a level.
        assert!(get <= levels, "{secrets}: get {get}");
        // The way to the prefix, its leaves (one path in eight ends one), and one more at the end of a level.
        assert!(list <= 2 * get + 2 * TEAM / 8, "{secrets}: list {list}");
        // The way to the path with what stands before and behind it; a node a level, one that is cut, a commit.
        assert!(put.0 <= 3 * get && put.1 <= get + 2, "{secrets}: put {put:?}");
    }
}
