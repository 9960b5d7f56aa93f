//! A store in memory: the model that the others are compared with, and a vault that leaves no trace.

use crate::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::limits::BLOCK_BYTES_MAX;
use spin::Mutex;

const CELL_BYTES_MAX: usize = 1 << 20;
const CELLS_MAX: usize = 64;
const PAGE_BLOCKS: usize = 4096;
const ITERATIONS_MAX: usize = 8;
const POSITION_BITS: u32 = 40;

/// All that a store holds, in order: for comparing two of them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Dump {
    /// Blocks by name.
    pub blocks: BTreeMap<Cid, Vec<u8>>,
    /// Cells by number.
    pub cells: BTreeMap<CellId, Vec<u8>>,
}

#[derive(Default)]
struct State {
    dump: Dump,
    iterations: Vec<(u64, Vec<(Cid, u32)>)>,
    iteration_last: u64,
}

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of everything in it.
    #[must_use]
    pub fn dump(&self) -> Dump {
        self.state.lock().dump.clone()
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

fn check(blocks: &[Block]) -> Result<(), StoreError> {
    let wrong = |block: &Block| {
        block.bytes.is_empty() || block.bytes.len() > BLOCK_BYTES_MAX || hash(&block.bytes) != block.cid.0
    };
    match blocks.iter().find(|block| wrong(block)) {
        Some(_) => Err(StoreError::new(StoreErrorKind::Misuse, "a block's size or name is wrong")),
        None => Ok(()),
    }
}

impl BlockStore for MemoryStore {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let state = self.state.lock();
        Ok(ids.iter().map(|id| state.dump.blocks.get(id).cloned()).collect())
    }

    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        check(&blocks)?;
        let mut state = self.state.lock();
        state.dump.blocks.extend(blocks.into_iter().map(|block| (block.cid, block.bytes)));
        Ok(())
    }

    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        let state = self.state.lock();
        Ok(ids.iter().map(|id| state.dump.blocks.contains_key(id)).collect())
    }

    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        let mut state = self.state.lock();
        Ok(ids.iter().filter(|id| state.dump.blocks.remove(id).is_some()).count() as u64)
    }

    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        let mut state = self.state.lock();
        let (mut number, position) = (cursor.0 >> POSITION_BITS, cursor.0 & ((1 << POSITION_BITS) - 1));
        if cursor == Cursor::START {
            let range = (Bound::<Cid>::Unbounded, Bound::Unbounded);
            let length = |bytes: &Vec<u8>| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let list = state.dump.blocks.range(range).map(|(id, bytes)| (*id, length(bytes))).collect();
            state.iteration_last = state.iteration_last % ((1 << (64 - POSITION_BITS)) - 1) + 1;
            number = state.iteration_last;
            state.iterations.push((number, list));
            if state.iterations.len() > ITERATIONS_MAX {
                state.iterations.remove(0);
            }
        }
        let at = state.iterations.iter().position(|known| known.0 == number);
        let at = at.ok_or_else(|| StoreError::new(StoreErrorKind::Misuse, "an old cursor"))?;
        let list = &state.iterations[at].1;
        let from = usize::try_from(position).unwrap_or(usize::MAX).min(list.len());
        let to = (from + PAGE_BLOCKS).min(list.len());
        let page = list[from..to].to_vec();
        if to < list.len() {
            return Ok((page, Some(Cursor(number << POSITION_BITS | to as u64))));
        }
        state.iterations.remove(at);
        Ok((page, None))
    }
}

impl Store for MemoryStore {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.lock().dump.cells.get(&cell).cloned())
    }

    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        _options: CommitOptions,
    ) -> Result<(), StoreError> {
        check(&blocks)?;
        if new.len() > CELL_BYTES_MAX {
            return Err(StoreError::new(StoreErrorKind::Limit, "a cell is too large"));
        }
        let mut state = self.state.lock();
        let cells = &state.dump.cells;
        if cells.get(&cell).map(|value| hash(value)) != expected {
            return Err(StoreError::new(StoreErrorKind::Conflict, ""));
        }
        if !cells.contains_key(&cell) && cells.len() >= CELLS_MAX {
            return Err(StoreError::new(StoreErrorKind::Limit, "too many cells"));
        }
        state.dump.blocks.extend(blocks.into_iter().map(|block| (block.cid, block.bytes)));
        state.dump.cells.insert(cell, new.to_vec());
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
