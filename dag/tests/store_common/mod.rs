//! What the store tests share: blocks, options with fixed randomness, scripts of operations, the model.
#![expect(dead_code, reason = "each test file uses a part")]

use dagvault_core::error::StoreError;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::{Disk, SimDisk};
use dagvault_dag::files::{FileStore, OpenOptions, Sizes};
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Cursor, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

pub(crate) fn block(bytes: Vec<u8>) -> Block {
    Block { cid: Cid(*blake3::hash(&bytes).as_bytes()), bytes }
}

pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// Small files, so that short scripts roll segments and fill packs.
pub(crate) const TINY: Sizes = Sizes {
    log_segment_bytes: 8 << 10,
    pack_bytes: 8 << 10,
    inline_bytes: 1500,
    log_step_bytes_min: 1 << 10,
    log_step_bytes_max: 4 << 10,
};

pub(crate) fn options(seed: u64, sizes: Sizes) -> OpenOptions {
    let mut rng = Rng(seed);
    let mut options = OpenOptions::new(move |buffer| {
        buffer.iter_mut().for_each(|byte| *byte = rng.next().to_le_bytes()[0]);
    });
    options.sizes = sizes;
    options.lock_wait_ms = 2000;
    options
}

pub(crate) fn full() -> bool {
    std::env::var_os("DAGVAULT_FULL").is_some()
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Put(Vec<Block>),
    Commit {
        blocks: Vec<Block>,
        cell: u32,
        value: Vec<u8>,
        erase: bool,
    },
    /// Deletes about one in so many of the blocks.
    Delete(u64),
    Sync,
    Reopen,
}

pub(crate) fn blocks(rng: &mut Rng, count: u64, len_max: u64) -> Vec<Block> {
    (0..count)
        .map(|_| {
            let len = 1 + rng.below(len_max);
            block(rng.bytes(len))
        })
        .collect()
}

pub(crate) fn script(seed: u64, length: usize) -> Vec<Op> {
    let rng = &mut Rng(seed);
    (0..length)
        .map(|_| match rng.below(16) {
            0..=2 => {
                let count = 1 + rng.below(4);
                Op::Put(blocks(rng, count, 2500))
            }
            3..=9 => {
                let (count, len_max) = if rng.below(4) == 0 { (4, 1500) } else { (rng.below(3), 400) };
                let blocks = blocks(rng, count, len_max);
                let len = 20 + rng.below(100);
                let (cell, value) = (u32::from(rng.below(5) == 0), rng.bytes(len));
                Op::Commit { blocks, cell, value, erase: rng.below(6) == 0 }
            }
            10 => Op::Delete(2),
            11 => Op::Delete(12),
            12 => Op::Delete(1),
            13 => Op::Sync,
            _ => Op::Reopen,
        })
        .collect()
}

/// Blocks with their bytes.
pub(crate) type Bytes = BTreeMap<Cid, Vec<u8>>;

/// What must be there.
#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    pub(crate) cells: BTreeMap<u32, Vec<u8>>,
    pub(crate) blocks: BTreeMap<Cid, Vec<u8>>,
    /// Put, not committed.
    pub(crate) put: BTreeMap<Cid, Vec<u8>>,
    /// A commit whose outcome is unknown.
    pub(crate) flying: Option<(u32, Vec<u8>, Bytes)>,
    /// Blocks of a deletion whose outcome is unknown.
    pub(crate) fading: BTreeSet<Cid>,
    pub(crate) gone: BTreeMap<Cid, Vec<u8>>,
    pub(crate) old_values: Vec<Vec<u8>>,
}

impl Model {
    fn land(&mut self) {
        if let Some((cell, value, blocks)) = self.flying.take() {
            self.cells.insert(cell, value);
            for cid in blocks.keys() {
                self.gone.remove(cid);
            }
            self.blocks.extend(blocks);
            self.put.clear();
        }
    }
}

/// Runs an operation and keeps the model's books.
pub(crate) fn step(store: &dyn Store, op: &Op, model: &mut Model, salt: u64) -> Result<(), StoreError> {
    match op {
        Op::Put(blocks) => {
            store.put_many(blocks.clone())?;
            model.put.extend(blocks.iter().map(|block| (block.cid, block.bytes.clone())));
            Ok(())
        }
        Op::Commit { blocks, cell, value, erase } => {
            let mut all = model.put.clone();
            all.extend(blocks.iter().map(|block| (block.cid, block.bytes.clone())));
            model.flying = Some((*cell, value.clone(), all));
            let expected = model.cells.get(cell).map(|value| hash(value));
            let options = CommitOptions { erase_old_cells: *erase, more_to_come: salt % 3 == 1 };
            store.commit(blocks.clone(), CellId(*cell), expected, value, options)?;
            model.land();
            Ok(())
        }
        Op::Delete(share) => {
            let mut rng = Rng(salt);
            let chosen: Vec<Cid> = model.blocks.keys().filter(|_| rng.below(*share) == 0).copied().collect();
            model.fading = chosen.iter().copied().collect();
            let removed = store.delete_many(&chosen)?;
            assert_eq!(removed, chosen.len() as u64, "deleted blocks were there");
            for id in std::mem::take(&mut model.fading) {
                if let Some(bytes) = model.blocks.remove(&id) {
                    model.gone.insert(id, bytes);
                }
            }
            Ok(())
        }
        Op::Sync => store.sync(),
        Op::Reopen => Ok(()),
    }
}

/// Creates a vault and runs a script until it ends or fails.
pub(crate) fn run(disk: &SimDisk, script: &[Op], model: &mut Model) -> Result<(), StoreError> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut store = Some(FileStore::create(Arc::clone(&shared), options(1, TINY))?);
    for (number, op) in script.iter().enumerate() {
        let salt = number as u64;
        if matches!(op, Op::Reopen) {
            drop(store.take());
            store = Some(FileStore::open(Arc::clone(&shared), options(100 + salt, TINY))?);
        }
        if let Some(store) = &store {
            step(store, op, model, salt)?;
        }
    }
    Ok(())
}

pub(crate) fn all_ids(store: &dyn Store) -> Result<BTreeMap<Cid, u32>, StoreError> {
    let (mut out, mut cursor) = (BTreeMap::new(), Cursor::START);
    loop {
        let (page, next) = store.iterate(cursor)?;
        for (id, len) in page {
            assert_eq!(out.insert(id, len), None, "listed twice");
        }
        match next {
            Some(next) => cursor = next,
            None => return Ok(out),
        }
    }
}

/// Finds out whether the commit of unknown outcome has happened.
pub(crate) fn resolve(store: &dyn Store, model: &mut Model) -> Result<(), StoreError> {
    if let Some((cell, value, _)) = &model.flying
        && store.cell_load(CellId(*cell))?.as_ref() == Some(value)
    {
        model.land();
    }
    model.flying = None;
    Ok(())
}

/// Compares a store with the model; says what is wrong.
pub(crate) fn compare(store: &dyn Store, model: &Model) -> Result<(), String> {
    let text = |error: StoreError| error.to_string();
    let mut model = model.clone();
    resolve(store, &mut model).map_err(text)?;
    for cell in 0..2 {
        let found = store.cell_load(CellId(cell)).map_err(text)?;
        if found.as_ref() != model.cells.get(&cell) {
            return Err(format!("cell {cell} is {found:?}"));
        }
    }
    let sure = |id: &&Cid| !model.fading.contains(id);
    let ids: Vec<Cid> = model.blocks.keys().filter(sure).copied().collect();
    let listed = all_ids(store).map_err(text)?;
    for (id, found) in ids.iter().zip(store.get_many(&ids).map_err(text)?) {
        if found.as_ref() != model.blocks.get(id) {
            return Err(format!("block {id} is lost"));
        }
        if !listed.contains_key(id) {
            return Err(format!("block {id} is not listed"));
        }
    }
    let fading: Vec<Cid> = model.fading.iter().copied().collect();
    for (id, found) in fading.iter().zip(store.get_many(&fading).map_err(text)?) {
        if found.is_some() && found.as_ref() != model.blocks.get(id) {
            return Err(format!("block {id} is wrong"));
        }
    }
    let gone: Vec<Cid> = model.gone.keys().filter(|id| !model.put.contains_key(id)).copied().collect();
    if store.has_many(&gone).map_err(text)?.contains(&true) || gone.iter().any(|id| listed.contains_key(id)) {
        return Err("a deleted block is back".into());
    }
    // Everything listed can be read.
    let listed: Vec<Cid> = listed.into_keys().collect();
    if store.get_many(&listed).map_err(text)?.contains(&None) {
        return Err("a listed block is not there".into());
    }
    Ok(())
}

/// Opens after a crash, compares, commits once more, and opens again.
pub(crate) fn check_after(disk: &SimDisk, model: &Model) -> Result<(), String> {
    let text = |error: StoreError| error.to_string();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let value = b"one more value".to_vec();
    let extra = block(b"one more block".to_vec());
    {
        let store = match FileStore::open(Arc::clone(&shared), options(7, TINY)) {
            Err(_) if model.cells.is_empty() && model.flying.is_none() && model.put.is_empty() => {
                return Ok(());
            }
            other => other.map_err(text)?,
        };
        compare(&store, model)?;
        let expected = store.cell_load(CellId(0)).map_err(text)?.map(|value| hash(&value));
        let options = CommitOptions::default();
        store.commit(vec![extra.clone()], CellId(0), expected, &value, options).map_err(text)?;
    }
    let store = FileStore::open(shared, options(8, TINY)).map_err(text)?;
    if store.cell_load(CellId(0)).map_err(text)? != Some(value) {
        return Err("the further commit is lost".into());
    }
    match store.get_many(&[extra.cid]).map_err(text)?.pop() {
        Some(Some(_)) => Ok(()),
        _ => Err("the further block is lost".into()),
    }
}
