//! The embedded store: a log and packs are the truth, an index beside each can be thrown away.
//!
//! docs/format-store.md has the bytes of every file, and says what happens at a crash. A commit of up to a
//! mebibyte of blocks costs one write and one sync. Any number of processes may have the vault open.
#![forbid(unsafe_code)]

mod base;
mod chain;
mod compact;
mod create;
mod erase;
mod examine;
mod format;
mod fresh;
mod index;
#[cfg(test)]
mod index_tests;
mod load;
mod log;
mod mend;
mod pack;
mod read;
mod repair;
mod report;
mod salvage;
mod segment;
mod state;
mod table;
mod tip;
mod walk;

use crate::disk::DiskFile;
use crate::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store, Visitor};
use base::{Base, Name, io_error};
use chain::Deed;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::limits::BLOCK_BYTES_MAX;
use format::{CELL_BYTES_MAX, CELLS_MAX, hash};
use pack::Writer;
use segment::Segment;
use state::State;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use base::{OpenOptions, Random, Sizes};
pub use compact::Compacted;
pub use repair::repair;
pub use report::{Cells, Range, RepairOptions, RepairReport};

/// Numbers about a store.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// Log segments.
    pub log_segments: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of log segments and packs.
    pub file_bytes: u64,
    /// Bytes of index files.
    pub index_bytes: u64,
    /// Records of blocks; a block written twice counts twice.
    pub blocks: u64,
    /// Bytes of these.
    pub block_bytes: u64,
}

/// A store in a folder of files.
pub struct FileStore {
    base: Base,
    lock: Arc<dyn DiskFile>,
    state: Mutex<State>,
    writer: Mutex<Writer>,
    poisoned: AtomicBool,
}

fn check_blocks(blocks: &[Block]) -> Result<(), StoreError> {
    for block in blocks {
        if block.bytes.is_empty() || block.bytes.len() > BLOCK_BYTES_MAX {
            let detail = format!("a block of {} bytes", block.bytes.len());
            return Err(StoreError::new(StoreErrorKind::Misuse, detail));
        }
        if hash(&block.bytes) != block.cid.0 {
            return Err(StoreError::new(StoreErrorKind::Misuse, "a block does not hash to its name"));
        }
    }
    Ok(())
}

impl FileStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment<T>(&self, name: Name, look: impl FnOnce(&Segment) -> T) -> Option<T> {
        self.state().segments.iter().find(|segment| segment.name == name).map(look)
    }

    /// The random id of the store, fixed at creation.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.base.store
    }

    /// Sentences about files that were not as they should be: rebuilt indexes, and damage.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let state = self.state();
        state.report.notices.iter().chain(&state.report.damage).cloned().collect()
    }

    /// Counts files and blocks.
    ///
    /// # Errors
    /// What the system reports.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        let mut state = self.state();
        state.refresh(&self.base, false)?;
        state.refresh_packs(&self.base)?;
        let mut stats = Stats::default();
        for at in 0..state.segments.len() {
            let (blocks, bytes) = state.on_index(&self.base, at, Segment::live)?;
            let segment = &state.segments[at];
            let path = segment.name.path();
            match segment.name {
                Name::Log(_) => stats.log_segments += 1,
                Name::Pack(_) => stats.packs += 1,
            }
            stats.file_bytes += segment.file.size().map_err(|error| io_error(&path, &error))?;
            stats.blocks += blocks;
            stats.block_bytes += bytes;
            let index = self.base.disk.open(&segment.name.index_path(), crate::disk::Open::Read);
            stats.index_bytes += index.and_then(|file| file.size()).unwrap_or(0);
        }
        Ok(stats)
    }

    /// The cells that the next commit writes: one, or all of them.
    fn next_cells(&self, cell: CellId, new: &[u8], all: bool) -> Result<BTreeMap<u32, Vec<u8>>, StoreError> {
        let state = self.state();
        if !state.cells.contains_key(&cell.0) && state.cells.len() >= CELLS_MAX {
            return Err(StoreError::new(StoreErrorKind::Limit, format!("more than {CELLS_MAX} cells")));
        }
        let mut cells = if all { state.cells.clone() } else { BTreeMap::new() };
        cells.insert(cell.0, new.to_vec());
        Ok(cells)
    }
}

impl BlockStore for FileStore {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.fetch(ids)
    }

    fn get_each(&self, ids: &[Cid], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.fetch_each(ids, visit)
    }

    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        self.check_writable()?;
        check_blocks(&blocks)?;
        self.put(&mut self.writer(), &blocks, false)
    }

    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.has(ids)
    }

    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        self.check_writable()?;
        let _writer = self.writer();
        let _held = self.hold()?;
        self.prepare()?;
        self.delete(ids)
    }

    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.page(cursor)
    }
}

impl Store for FileStore {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        self.check_usable()?;
        let mut state = self.state();
        state.refresh(&self.base, false)?;
        Ok(state.cells.get(&cell.0).cloned())
    }

    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), StoreError> {
        self.check_writable()?;
        check_blocks(&blocks)?;
        if new.len() > CELL_BYTES_MAX {
            return Err(StoreError::new(StoreErrorKind::Limit, format!("a cell of {} bytes", new.len())));
        }
        let mut writer = self.writer();
        let total: u64 = blocks.iter().map(|block| block.bytes.len() as u64).sum();
        let inline = if total <= self.base.sizes.inline_bytes { &blocks[..] } else { &[] };
        if inline.len() < blocks.len() {
            self.put(&mut writer, &blocks, false)?;
        }
        self.sync_packs(&mut writer)?;
        {
            let _held = self.hold()?;
            self.prepare()?;
            let current = self.state().cells.get(&cell.0).map(|value| hash(value));
            if current != expected {
                return Err(StoreError::new(StoreErrorKind::Conflict, format!("cell {}", cell.0)));
            }
            let cells = self.next_cells(cell, new, options.erase_old_cells)?;
            let (_, offset) = self.append(inline, Deed::Commit { expected, cells })?;
            if options.erase_old_cells {
                self.erase_cells(offset)?;
            }
        }
        if !options.more_to_come {
            self.seal(&mut writer, false);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.check_usable()?;
        if self.base.read_only {
            return Ok(());
        }
        let mut writer = self.writer();
        self.sync_packs(&mut writer)?;
        self.seal(&mut writer, true);
        self.reindex()?;
        let (file, path) = {
            let state = self.state();
            (Arc::clone(&state.log.file), Name::Log(state.log.number).path())
        };
        file.sync_data().map_err(|error| self.fatal(&path, &error))
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        let mut writer = std::mem::take(&mut *self.writer());
        self.seal(&mut writer, true);
        self.abandon(&mut writer);
        // The next handle makes indexes that are missing.
        drop(self.reindex());
        // A log without the note opens as well; only its loss would go unseen.
        drop(self.note_tip());
    }
}
