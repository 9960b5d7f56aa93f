//! What the vault asks of a store: blocks named by their hash, and cells changed by compare-and-swap.
//!
//! The same calls are the store imports of the guest's ABI, so a host hands any [`Store`] to a guest.

use alloc::vec::Vec;
use dagvault_core::error::StoreError;
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::parallel;

/// A block on its way into a store: its bytes and their BLAKE3-256.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// BLAKE3-256 of `bytes`.
    pub cid: Cid,
    /// The envelope as stored, at most `limits::BLOCK_BYTES_MAX`.
    pub bytes: Vec<u8>,
}

/// Where an iteration over all blocks stands; [`Cursor::START`] begins, `None` from
/// [`BlockStore::iterate`] ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor(pub u64);

impl Cursor {
    /// The beginning.
    pub const START: Self = Self(0);
}

/// One page of an iteration: names with lengths in bytes, and where to go on.
pub type Page = (Vec<(Cid, u32)>, Option<Cursor>);

/// Takes a block by its place among those asked for.
pub type Visitor<'a> = &'a (dyn Fn(usize, Option<Vec<u8>>) + Sync);

/// A set of immutable blocks.
pub trait BlockStore: Send + Sync {
    /// Reads blocks; an absent one is `None` at its place. Bytes are checked against the CID.
    ///
    /// # Errors
    /// `Corrupt` if stored bytes do not hash to their name, and whatever the system reports.
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Hands blocks to `visit`, each once with its place in `ids`, on any worker in any order; absent ones as `None`.
    /// A store that can visits a block as soon as it is read, while it is in the cache of a processor. After an error
    /// some were not visited.
    ///
    /// # Errors
    /// As [`BlockStore::get_many`].
    fn get_each(&self, ids: &[Cid], visit: Visitor<'_>) -> Result<(), StoreError> {
        let mut blocks: Vec<_> = self.get_many(ids)?.into_iter().enumerate().map(Some).collect();
        parallel::map_take(&mut blocks, |(at, block)| visit(at, block));
        Ok(())
    }

    /// Writes blocks ahead of a commit, in bulk. They are durable only after the next
    /// [`Store::commit`] of the same store handle, and garbage without it.
    ///
    /// # Errors
    /// `Misuse` if a block is too large or its bytes do not hash to its name; what the system reports.
    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError>;

    /// Tells which blocks are there.
    ///
    /// # Errors
    /// What the system reports.
    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError>;

    /// Removes blocks and overwrites their bytes before it returns; absent ones are passed over.
    /// Answers how many were removed. Durable, and completed by recovery if interrupted.
    ///
    /// # Errors
    /// What the system reports; blocks not yet removed stay readable.
    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError>;

    /// Lists a page of the blocks that were there when the iteration began, in no particular order.
    /// Blocks that another process is still writing (no commit of theirs has returned) are left out.
    ///
    /// # Errors
    /// What the system reports.
    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError>;
}

/// What a commit does besides writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CommitOptions {
    /// Overwrite every superseded value of every cell on disk before returning.
    pub erase_old_cells: bool,
    /// More blocks of a later commit have been put or will be: until then nobody else may collect them.
    pub more_to_come: bool,
}

/// A block store with cells.
pub trait Store: BlockStore {
    /// Reads a cell's value: the newest that any process has committed; `None` if it was never set.
    ///
    /// # Errors
    /// `Corrupt` if the newest value is damaged; what the system reports.
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes `blocks` and sets `cell` to `new` if it still has the value whose BLAKE3-256 is `expected`
    /// (`None`: was never set), all or nothing, durable when it returns, together with every block that
    /// this handle put before.
    ///
    /// # Errors
    /// `Conflict` if the cell has another value: nothing is changed (blocks put before are kept for a
    /// further try). `Busy` if another process holds the store for longer than the time allowed.
    /// After any other failure the outcome is found by [`Store::cell_load`].
    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), StoreError>;

    /// Makes all that was committed durable in its final place and lets go of files and locks that only
    /// writing needs.
    ///
    /// # Errors
    /// What the system reports.
    fn sync(&self) -> Result<(), StoreError>;
}
