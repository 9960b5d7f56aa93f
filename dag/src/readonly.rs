//! A view of a store through which nothing can be changed.

use crate::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store, Visitor};
use alloc::vec::Vec;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};

/// Passes reads on to another store and refuses writes.
#[derive(Clone, Debug)]
pub struct ReadOnly<S>(pub S);

fn refused<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreErrorKind::ReadOnly, ""))
}

impl<S: BlockStore> BlockStore for ReadOnly<S> {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.0.get_many(ids)
    }

    fn get_each(&self, ids: &[Cid], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.0.get_each(ids, visit)
    }

    fn put_many(&self, _blocks: Vec<Block>) -> Result<(), StoreError> {
        refused()
    }

    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.0.has_many(ids)
    }

    fn delete_many(&self, _ids: &[Cid]) -> Result<u64, StoreError> {
        refused()
    }

    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.0.iterate(cursor)
    }
}

impl<S: Store> Store for ReadOnly<S> {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.cell_load(cell)
    }

    fn commit(
        &self,
        _blocks: Vec<Block>,
        _cell: CellId,
        _expected: Option<[u8; 32]>,
        _new: &[u8],
        _options: CommitOptions,
    ) -> Result<(), StoreError> {
        refused()
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
