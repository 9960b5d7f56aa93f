//! A store whose bulk writes go on while the caller computes.

use alloc::string::ToString as _;
use alloc::vec::Vec;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};

use crate::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store, Visitor};

/// Passes everything on to another store; [`BlockStore::put_many`] returns before its blocks are written.
///
/// Whatever is called next waits until they are; only another `put_many` need not, as long as no batch waits. After a
/// failure to write, every further change fails with it, and every look for what was put, so that no commit goes on
/// without the blocks put before it; what was written stays readable, and a new handle may write.
pub struct WriteBehind {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// The next batch: at most what one request carries.
    waiting: Option<Vec<Block>>,
    /// Whether a batch is being written.
    busy: bool,
    failed: Option<StoreError>,
    closed: bool,
    /// Started with the first batch: most commands write none.
    thread: Option<JoinHandle<()>>,
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.waiting.is_none() && !self.busy
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, ready: impl Fn(&Queue) -> bool) -> MutexGuard<'_, Queue> {
        let mut queue = self.queue();
        while !ready(&queue) {
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue
    }
}

impl WriteBehind {
    /// Writes to `store` by a thread of its own.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { shared: Arc::new(Shared { store, queue: Mutex::default(), changed: Condvar::new() }) }
    }

    /// The store, when nothing is being written.
    fn settled(&self) -> &dyn Store {
        drop(self.shared.wait_until(Queue::is_idle));
        &*self.shared.store
    }

    /// The store, when everything is written.
    fn written(&self) -> Result<&dyn Store, StoreError> {
        let queue = self.shared.wait_until(Queue::is_idle);
        queue.failed.clone().map_or(Ok(&*self.shared.store), Err)
    }
}

fn write_all(shared: &Shared) {
    let mut queue = shared.queue();
    loop {
        let Some(blocks) = queue.waiting.take() else {
            if queue.closed {
                return;
            }
            queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        queue.busy = true;
        drop(queue);
        // A store that panics must not leave its callers waiting.
        let written =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shared.store.put_many(blocks)))
                .unwrap_or_else(|_| {
                    Err(StoreError::new(StoreErrorKind::Io, "the store failed while it wrote"))
                });
        queue = shared.queue();
        queue.busy = false;
        queue.failed = queue.failed.take().or(written.err());
        shared.changed.notify_all();
    }
}

impl Drop for WriteBehind {
    fn drop(&mut self) {
        let thread = {
            let mut queue = self.shared.queue();
            queue.closed = true;
            queue.thread.take()
        };
        self.shared.changed.notify_all();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl core::fmt::Debug for WriteBehind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WriteBehind").finish_non_exhaustive()
    }
}

impl BlockStore for WriteBehind {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.settled().get_many(ids)
    }

    fn get_each(&self, ids: &[Cid], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.settled().get_each(ids, visit)
    }

    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        let mut queue = self.shared.wait_until(|queue| queue.waiting.is_none());
        if let Some(failed) = &queue.failed {
            return Err(failed.clone());
        }
        if queue.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let builder = std::thread::Builder::new().name("dagvault-writer".into());
            let started = builder.spawn(move || write_all(&shared));
            queue.thread =
                Some(started.map_err(|error| StoreError::new(StoreErrorKind::Io, error.to_string()))?);
        }
        queue.waiting = Some(blocks);
        self.shared.changed.notify_all();
        Ok(())
    }

    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.written()?.has_many(ids)
    }

    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        self.written()?.delete_many(ids)
    }

    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.settled().iterate(cursor)
    }
}

impl Store for WriteBehind {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        self.settled().cell_load(cell)
    }

    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), StoreError> {
        self.written()?.commit(blocks, cell, expected, new, options)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.written()?.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use dagvault_core::limits::BLOCK_BYTES_MAX;

    fn block(byte: u8) -> Block {
        let bytes = alloc::vec![byte; 300];
        Block { cid: Cid(*blake3::hash(&bytes).as_bytes()), bytes }
    }

    #[test]
    fn what_was_put_is_there() {
        let store = WriteBehind::new(Arc::new(MemoryStore::new()));
        for byte in 0..100 {
            store.put_many(alloc::vec![block(byte)]).unwrap();
            if byte % 7 == 0 {
                assert_eq!(store.get_many(&[block(byte).cid]).unwrap(), [Some(block(byte).bytes)]);
            }
        }
        let ids: Vec<Cid> = (0..100).map(|byte| block(byte).cid).collect();
        assert_eq!(store.has_many(&ids).unwrap(), alloc::vec![true; 100]);
    }

    #[test]
    fn a_failure_stops_every_further_change() {
        let store = WriteBehind::new(Arc::new(MemoryStore::new()));
        store.put_many(alloc::vec![block(1)]).unwrap();
        let too_large = Block { cid: Cid([0; 32]), bytes: alloc::vec![0; BLOCK_BYTES_MAX + 1] };
        store.put_many(alloc::vec![too_large]).unwrap();
        for _ in 0..2 {
            let commit = store.commit(Vec::new(), CellId::HEAD, None, b"head", CommitOptions::default());
            assert_eq!(commit.map_err(|error| error.kind), Err(StoreErrorKind::Misuse));
            let put = store.put_many(alloc::vec![block(2)]);
            assert_eq!(put.map_err(|error| error.kind), Err(StoreErrorKind::Misuse));
        }
        assert_eq!(store.cell_load(CellId::HEAD).unwrap(), None);
        assert_eq!(store.has_many(&[block(1).cid]).map_err(|error| error.kind), Err(StoreErrorKind::Misuse));
        let found = store.get_many(&[block(1).cid, block(2).cid]).unwrap();
        assert_eq!(found, [Some(block(1).bytes), None]);
    }
}
