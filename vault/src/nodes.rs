//! Reading and sealing nodes: many at a time on all workers, through a bounded cache of opened ones.

use alloc::format;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use dagvault_api::{Error, TableUse};
use dagvault_core::arena::Regions;
use dagvault_core::cbor::{self, CborError};
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use dagvault_core::limits::BATCH_BLOCKS_MAX;
use dagvault_core::parallel;
use dagvault_core::wipe::{wipe, wipe_vec};
use dagvault_crypto::aead::Suite;
use dagvault_crypto::secret::Secret;
use dagvault_dag::envelope::{self, EnvelopeError, Kind, Opened};
use dagvault_dag::link::Link;
use dagvault_dag::store::{Block, Store};
use dagvault_dag::system::System;
use dagvault_dag::table::{Limits, NodeTable};
use dagvault_dag::walk::missing;

use crate::cache::Cache;
use crate::head::Settings;
use crate::node::{History, Index, Node, SpaceKeys};

/// The suite of new blocks.
const SUITE: Suite = Suite::XChaCha20Poly1305;

/// Fresh randomness for one block: link key, then salt.
pub(crate) type Seed = [u8; 64];

/// Seeds drawn ahead, for a change that seals a few nodes one after another: each draw is a call of the system.
pub(crate) struct Seeds<'n> {
    nodes: &'n Nodes,
    left: Vec<Seed>,
}

impl<'n> Seeds<'n> {
    pub(crate) fn draw(nodes: &'n Nodes, count: usize) -> Result<Self, Error> {
        Ok(Self { nodes, left: nodes.seeds(count)? })
    }

    /// The next `count` seeds.
    fn take(&mut self, count: usize) -> Result<Vec<Seed>, Error> {
        let taken = self.left.len().min(count);
        let mut seeds = self.nodes.seeds(count - taken)?;
        let start = self.left.len() - taken;
        seeds.extend_from_slice(&self.left[start..]);
        wipe(self.left[start..].as_flattened_mut());
        self.left.truncate(start);
        Ok(seeds)
    }
}

impl Drop for Seeds<'_> {
    fn drop(&mut self) {
        wipe(self.left.as_flattened_mut());
    }
}

/// What a damaged block is called in an error.
pub(crate) fn damaged(cid: Cid, error: EnvelopeError) -> Error {
    match error {
        EnvelopeError::Unsupported => Error::Unsupported { detail: format!("block {cid}") },
        other => Error::corrupt(format!("block {cid}: {other}")),
    }
}

/// What a block of another form is called in an error.
pub(crate) fn malformed(cid: Cid, error: CborError) -> Error {
    Error::corrupt(format!("block {cid}: {error}"))
}

/// Opens the block that a link names.
pub(crate) fn open(kind: Kind, link: &Link, block: Vec<u8>) -> Result<Opened, Error> {
    envelope::open(kind, &link.key, block).map_err(|error| damaged(link.cid, error))
}

/// Seals a payload; the seed is used for this block only.
pub(crate) fn seal(
    kind: Kind,
    seed: &Seed,
    payload: &[&[u8]],
    digest: [u8; 32],
    paranoid: bool,
) -> Result<(Block, Link), Error> {
    let (key, salt) = seed.split_at(32);
    let key = Secret::from_slice(key).ok_or_else(|| Error::bad_request("seed"))?;
    let salt = salt.first_chunk().ok_or_else(|| Error::bad_request("seed"))?;
    let block = seal_block(kind, &key, salt, payload, paranoid)?;
    let link = Link { cid: block.cid, key, digest };
    Ok((block, link))
}

/// Seals a block; a paranoid vault opens it again on another backend.
pub(crate) fn seal_block(
    kind: Kind,
    key: &Secret<32>,
    salt: &[u8; 32],
    payload: &[&[u8]],
    paranoid: bool,
) -> Result<Block, Error> {
    let seal = if paranoid { envelope::seal_checked } else { envelope::seal };
    seal(SUITE, kind, key, salt, payload).map_err(|error| match error {
        EnvelopeError::Fault => Error::Fault { detail: error.to_string() },
        other => Error::limit(other.to_string()),
    })
}

/// Access to the nodes of one space.
pub(crate) struct Nodes {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) system: Arc<dyn System>,
    pub(crate) regions: Arc<Regions>,
    cache: RefCell<Cache>,
    tables: Cell<TableUse>,
    /// As the open vault's [`Settings`] say.
    paranoid: Cell<bool>,
}

impl Nodes {
    pub(crate) fn new(store: Arc<dyn Store>, system: Arc<dyn System>, regions: Arc<Regions>) -> Self {
        let (cache, tables, paranoid) = (RefCell::default(), Cell::default(), Cell::new(false));
        Self { store, system, regions, cache, tables, paranoid }
    }

    /// An empty node table: in the DAG region while no other is there.
    pub(crate) fn table(&self) -> Result<NodeTable, Error> {
        let random = u64::from_le_bytes(self.random()?);
        let table =
            NodeTable::new(Some(&self.regions), random, Limits::default()).map_err(StoreError::from)?;
        let before = self.tables.get();
        self.tables.set(TableUse { tables: before.tables + 1, ..before });
        self.note(&table);
        Ok(table)
    }

    /// Takes note of how much a table holds by now.
    pub(crate) fn note(&self, table: &NodeTable) {
        let (nodes, bytes) = (u64::from(table.numbers()), table.bytes() as u64);
        let before = self.tables.get();
        let (nodes, bytes) = (before.nodes.max(nodes), before.bytes.max(bytes));
        self.tables.set(TableUse { nodes, bytes, ..before });
    }

    /// How node tables were used so far.
    pub(crate) fn tables(&self) -> TableUse {
        self.tables.get()
    }

    /// Follows the settings of a vault that is made or opened.
    pub(crate) fn follow(&self, settings: Settings) {
        self.paranoid.set(settings.paranoid);
    }

    pub(crate) fn paranoid(&self) -> bool {
        self.paranoid.get()
    }

    pub(crate) fn forget(&self) {
        *self.cache.borrow_mut() = Cache::default();
    }

    /// Lets go of a node that a change has replaced.
    pub(crate) fn replaced(&self, cid: Cid) {
        self.cache.borrow_mut().remove(cid);
    }

    /// Bytes and nodes in the cache.
    pub(crate) fn cached(&self) -> (u64, u64) {
        self.cache.borrow().size()
    }

    /// Draws the randomness of `count` blocks, before any worker needs it.
    pub(crate) fn seeds(&self, count: usize) -> Result<Vec<Seed>, Error> {
        let mut seeds = vec![[0; 64]; count];
        if count == 0 {
            return Ok(seeds);
        }
        self.system.random(seeds.as_flattened_mut())?;
        Ok(seeds)
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.system.random(&mut bytes)?;
        Ok(bytes)
    }

    /// The node at `level` that a link names.
    pub(crate) fn load(&self, level: u32, link: &Link) -> Result<Arc<Node>, Error> {
        if let Some(node) = self.cache.borrow_mut().find(link.cid) {
            return Ok(node);
        }
        let mut nodes = self.load_many(level, &[link])?;
        nodes.pop().ok_or_else(|| missing(link.cid).into())
    }

    /// Nodes of one level, in order.
    pub(crate) fn load_many(&self, level: u32, links: &[&Link]) -> Result<Vec<Arc<Node>>, Error> {
        let mut nodes: Vec<Option<Arc<Node>>> = {
            let mut cache = self.cache.borrow_mut();
            links.iter().map(|link| cache.find(link.cid)).collect()
        };
        let absent: Vec<usize> = (0..links.len()).filter(|index| nodes[*index].is_none()).collect();
        for batch in absent.chunks(BATCH_BLOCKS_MAX) {
            let wanted: Vec<&Link> = batch.iter().map(|index| links[*index]).collect();
            let mut work: Vec<_> = wanted.iter().zip(self.blocks(&wanted)?).map(Some).collect();
            let opened = parallel::map_take(&mut work, |(link, block)| {
                let opened = open(Node::kind_at(level), link, block)?;
                Node::decode(level, opened.payload()).map_err(|error| malformed(link.cid, error))
            });
            let mut cache = self.cache.borrow_mut();
            for (index, node) in batch.iter().zip(opened) {
                let node = Arc::new(node?);
                cache.insert(links[*index].cid, Arc::clone(&node));
                nodes[*index] = Some(node);
            }
        }
        Ok(nodes.into_iter().flatten().collect())
    }

    /// The blocks that links name, in order.
    pub(crate) fn blocks(&self, links: &[&Link]) -> Result<Vec<Vec<u8>>, Error> {
        let ids: Vec<Cid> = links.iter().map(|link| link.cid).collect();
        let blocks = self.store.get_many(&ids)?;
        ids.iter().zip(blocks).map(|(cid, block)| block.ok_or_else(|| Error::from(missing(*cid)))).collect()
    }

    /// Seals new tree nodes, on all workers; they enter the cache.
    pub(crate) fn seal_tree(
        &self,
        keys: &SpaceKeys,
        nodes: Vec<Node>,
        seeds: &mut Seeds<'_>,
        blocks: &mut Vec<Block>,
    ) -> Result<Vec<(Link, Arc<Node>)>, Error> {
        let mut seeds = seeds.take(nodes.len())?;
        let paranoid = self.paranoid();
        let sealed = parallel::try_map(nodes.len(), |index| {
            let node = &nodes[index];
            let mut payload = node.encode();
            let sealed = seal(node.kind(), &seeds[index], &[&payload], node.digest(keys), paranoid);
            wipe_vec(&mut payload);
            sealed
        });
        wipe(seeds.as_flattened_mut());
        let mut cache = self.cache.borrow_mut();
        let mut links = Vec::with_capacity(nodes.len());
        for ((block, link), node) in sealed?.into_iter().zip(nodes) {
            let node = Arc::new(node);
            cache.insert(link.cid, Arc::clone(&node));
            blocks.push(block);
            links.push((link, node));
        }
        Ok(links)
    }

    /// Seals one node that is not of the tree.
    pub(crate) fn seal_one(
        &self,
        kind: Kind,
        mut payload: Vec<u8>,
        digest: [u8; 32],
        blocks: &mut Vec<Block>,
    ) -> Result<Link, Error> {
        let mut seed: Seed = self.random()?;
        let sealed = seal(kind, &seed, &[&payload], digest, self.paranoid());
        wipe(&mut seed);
        wipe_vec(&mut payload);
        let (block, link) = sealed?;
        blocks.push(block);
        Ok(link)
    }

    /// The block of a link: from those that wait for their commit, else from the store.
    fn block(&self, link: &Link, waiting: &[Block]) -> Result<Vec<u8>, Error> {
        if let Some(block) = waiting.iter().rev().find(|block| block.cid == link.cid) {
            return Ok(block.bytes.clone());
        }
        self.blocks(&[link])?.pop().ok_or_else(|| missing(link.cid).into())
    }

    pub(crate) fn load_index(&self, depth: u32, link: &Link) -> Result<Index, Error> {
        let opened = open(Kind::Index, link, self.block(link, &[])?)?;
        decode_index(depth, link, &opened)
    }

    pub(crate) fn load_history(&self, link: &Link, waiting: &[Block]) -> Result<History, Error> {
        let opened = open(Kind::History, link, self.block(link, waiting)?)?;
        decode_history(link, &opened)
    }
}

pub(crate) fn decode_index(depth: u32, link: &Link, opened: &Opened) -> Result<Index, Error> {
    let index: Index = cbor::from_slice(opened.payload()).map_err(|error| malformed(link.cid, error))?;
    if index.depth == depth && !index.links.is_empty() {
        Ok(index)
    } else {
        Err(malformed(link.cid, CborError::Value))
    }
}

pub(crate) fn decode_history(link: &Link, opened: &Opened) -> Result<History, Error> {
    let history: History = cbor::from_slice(opened.payload()).map_err(|error| malformed(link.cid, error))?;
    let falling = history.versions.is_sorted_by(|a, b| a.info.number > b.info.number);
    if falling && !history.versions.is_empty() {
        Ok(history)
    } else {
        Err(malformed(link.cid, CborError::Value))
    }
}
