//! The graph below the vault: inserting a node, following links, making a commit durable; and what the engines need to
//! verify everything, which is the traversal of a real vault.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use dagvault_api::{Engine, Request, Response};
use dagvault_core::arena::Regions;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::parallel::Workers;
use dagvault_crypto::aead::Suite;
use dagvault_crypto::secret::Secret;
use dagvault_dag::envelope::{Kind, open, seal};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{Block, CommitOptions, Store};
use dagvault_dag::table::{Limits, NodeTable};
use dagvault_dag::walk::{Links, Promise, Task, Walk};

use crate::case::{Case, Run, on_backend, timed};
use crate::vault::filled;
use crate::{Contender, ENGINES, store_in};

/// Payloads of nodes, in bytes.
const PAYLOADS: [usize; 4] = [64, 1024, 16 * 1024, 128 * 1024];
/// Children of each node of the graph that is walked, and its levels below the root.
const FAN_OUT: usize = 16;
const LEVELS: u32 = 3;
/// Payload of its leaves.
const LEAF_BYTES: usize = 1024;
/// Links followed at a time.
const STEP: usize = 256;
/// A store is replaced after so many bytes.
const STORE_BYTES_MAX: usize = 64 << 20;
const CELL: CellId = CellId(1);

/// Where blocks go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Memory,
    Files,
}

impl Place {
    const ALL: [Self; 2] = [Self::Memory, Self::Files];

    const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Files => "files",
        }
    }

    fn store(self, scratch: &Path) -> Result<Scratch> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if self == Self::Memory {
            return Ok(Scratch { store: Arc::new(MemoryStore::new()), folder: None });
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = scratch.join(format!("store-{}-{number}", std::process::id()));
        Ok(Scratch { store: Arc::new(store_in(&folder)?), folder: Some(folder) })
    }
}

/// A store whose folder goes with it.
struct Scratch {
    store: Arc<dyn Store>,
    folder: Option<PathBuf>,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Numbers that differ, as keys and salts of blocks.
struct Numbers(u64);

impl Numbers {
    fn bytes(&mut self) -> [u8; 32] {
        self.0 += 1;
        let mut bytes = [0x77; 32];
        bytes[..8].copy_from_slice(&self.0.to_le_bytes());
        bytes
    }

    fn sealed(&mut self, kind: Kind, payload: &[u8]) -> Result<(Block, [u8; 32])> {
        let key = self.bytes();
        let block = seal(Suite::XChaCha20Poly1305, kind, &Secret::new(key), &self.bytes(), &[payload])?;
        Ok((block, key))
    }
}

fn insert(place: Place, scratch: &Path, bytes: usize) -> Result<Run> {
    let scratch = scratch.to_owned();
    let mut store = place.store(&scratch)?;
    let (mut numbers, mut written) = (Numbers(0), 0);
    let payload = vec![0x5a; bytes];
    Ok(Box::new(move |times| {
        if written > STORE_BYTES_MAX {
            (store, written) = (place.store(&scratch)?, 0);
        }
        timed(times, || {
            let (block, _) = numbers.sealed(Kind::Leaf, &payload)?;
            written += block.bytes.len();
            Ok(store.store.put_many(vec![block])?)
        })
    }))
}

/// A commit of one new block and the cell; in files that is one write and one sync.
fn persist(place: Place, scratch: &Path, bytes: usize) -> Result<Run> {
    let store = place.store(scratch)?;
    let mut numbers = Numbers(0);
    let payload = vec![0x5a; bytes];
    let mut last: Option<[u8; 32]> = None;
    Ok(Box::new(move |times| {
        timed(times, || {
            let (block, cell) = numbers.sealed(Kind::Leaf, &payload)?;
            store.store.commit(vec![block], CELL, last, &cell, CommitOptions::default())?;
            last = Some(dagvault_crypto::hash::hash(&cell));
            Ok(())
        })
    }))
}

/// A link of the graph that is walked: a name and a key.
struct Visit {
    cid: Cid,
    key: Secret<32>,
    level: u32,
}

impl Task for Visit {
    type Error = StoreError;
    type Found = ();
    type Context<'c> = ();

    fn cid(&self) -> Cid {
        self.cid
    }

    fn promise(&self) -> Promise {
        self.level.into()
    }

    fn visit(self, _: &(), block: Vec<u8>, links: &mut Links<Self>) -> Result<(), StoreError> {
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "not the block that was sealed");
        let kind = if self.level == 0 { Kind::Leaf } else { Kind::Branch };
        let opened = open(kind, &self.key, block).map_err(|_| corrupt())?;
        if self.level == 0 {
            return Ok(());
        }
        for link in opened.payload().chunks_exact(64) {
            let cid = link[..32].try_into().map(Cid).map_err(|_| corrupt())?;
            let key = Secret::from_slice(&link[32..]).ok_or_else(corrupt)?;
            links.next.push(Self { cid, key, level: self.level - 1 });
        }
        Ok(())
    }
}

/// Writes a graph of which every node is sealed; answers the root's name and key.
fn planted(store: &dyn Store) -> Result<(Cid, [u8; 32])> {
    let mut numbers = Numbers(0);
    let mut below: Vec<(Cid, [u8; 32])> = Vec::new();
    let mut level = 0;
    loop {
        let count = FAN_OUT.pow(LEVELS - level);
        let mut blocks = Vec::with_capacity(count);
        let mut links = Vec::with_capacity(count);
        for index in 0..count {
            let (kind, payload) = if level == 0 {
                (Kind::Leaf, vec![0x5a; LEAF_BYTES])
            } else {
                let children = &below[index * FAN_OUT..(index + 1) * FAN_OUT];
                (Kind::Branch, children.iter().flat_map(|(cid, key)| [cid.0, *key].concat()).collect())
            };
            let (block, key) = numbers.sealed(kind, &payload)?;
            links.push((block.cid, key));
            blocks.push(block);
        }
        store.commit(blocks, CellId(2 + level), None, b"a graph", CommitOptions::default())?;
        below = links;
        if level == LEVELS {
            return below.pop().context("a graph has a root");
        }
        level += 1;
    }
}

/// How many nodes that graph has.
fn nodes() -> usize {
    (0..=LEVELS).map(|level| FAN_OUT.pow(level)).sum()
}

fn traverse(place: Place, scratch: &Path, workers: usize) -> Result<Run> {
    let store = place.store(scratch)?;
    let (cid, key) = planted(&*store.store)?;
    let workers = Workers::new(workers)?;
    let regions = Regions::allocate();
    Ok(Box::new(move |times| {
        timed(times, || {
            let mut walk = Walk::new(NodeTable::new(Some(&regions), 1, Limits::default())?);
            walk.begin(Visit { cid, key: Secret::new(key), level: LEVELS })?;
            let mut count = 0;
            loop {
                let found = workers.scope(|| walk.step(&*store.store, &(), STEP))?;
                count += found.len();
                if found.is_empty() {
                    break;
                }
            }
            anyhow::ensure!(count == nodes(), "{count} nodes instead of {}", nodes());
            Ok(())
        })
    }))
}

/// Verifies everything.
fn verify_all(engine: &dyn Engine) -> Result<()> {
    let Response::Handle { handle, .. } = engine.call(&Request::VerifyBegin {})? else { bail!("no handle") };
    loop {
        let Response::Verify { step } = engine.call(&Request::VerifyNext { handle })? else {
            bail!("no step");
        };
        if step.done {
            return Ok(());
        }
    }
}

fn case(what: &str, place: Place, bytes: usize, open: impl Fn() -> Result<Run> + 'static) -> Case {
    let (who, open) = (place.name().to_owned(), Box::new(open));
    let (what, engine) = (what.to_owned(), "native");
    Case { group: "dag", what, engine, who, bytes, workers: 1, amount: bytes, open }
}

/// The cases; stores in files are made below `scratch`.
#[must_use]
pub fn cases(scratch: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for place in Place::ALL {
        let folder = || scratch.to_owned();
        for bytes in PAYLOADS {
            let (for_insert, for_persist) = (folder(), folder());
            cases.push(case("insert", place, bytes, move || insert(place, &for_insert, bytes)));
            cases.push(case("persist", place, bytes, move || persist(place, &for_persist, bytes)));
        }
        for workers in [1, 2] {
            let for_walk = folder();
            let walk = move || traverse(place, &for_walk, workers);
            let amount = nodes() * LEAF_BYTES;
            cases.push(Case { workers, amount, ..case("traverse", place, LEAF_BYTES, walk) });
        }
    }
    static CONTENDERS: &[Contender] = &ENGINES;
    for contender in CONTENDERS {
        for workers in [1, 2] {
            let count = 4000;
            let open = move || -> Result<Run> {
                let engine = filled(contender, workers, LEAF_BYTES, count)?;
                let run: Run = Box::new(move |times| timed(times, || verify_all(&*engine)));
                Ok(on_backend((contender.backend)(), run))
            };
            let (engine, who) = (contender.engine, contender.name.to_owned());
            let amount = count * LEAF_BYTES;
            let base = case("verify", Place::Memory, LEAF_BYTES, open);
            cases.push(Case { engine, who, workers, amount, ..base });
        }
    }
    cases
}
