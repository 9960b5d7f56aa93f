//! Parallel traversal: follows links from a frontier, many blocks at a time, on all workers.

use alloc::format;
use alloc::vec::Vec;

use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use dagvault_core::parallel;

use crate::store::Store;

/// What to do with one link of a traversal.
pub trait Task: Sized + Send + Sync {
    /// Why a block is refused.
    type Error: From<StoreError> + Send;

    /// What is learnt from a block besides further links.
    type Found: Send;

    /// What every visit needs.
    type Context<'c>: Sync;

    /// Which block the link names.
    fn cid(&self) -> Cid;

    /// Checks and reads the block; pushes what it links to. Runs on any worker: it only computes.
    ///
    /// # Errors
    /// If the block is not what the link promised.
    fn visit(
        self,
        context: &Self::Context<'_>,
        block: Vec<u8>,
        next: &mut Vec<Self>,
    ) -> Result<Self::Found, Self::Error>;
}

/// The frontier of a traversal: a stack, so that memory grows with the depth and not the width of the graph.
#[derive(Debug)]
pub struct Walk<T> {
    stack: Vec<T>,
}

/// One link to visit, taken by the worker that visits it.
type Visit<T> = (T, Vec<u8>);

impl<T: Task> Walk<T> {
    /// A traversal from `roots`.
    #[must_use]
    pub fn new(roots: Vec<T>) -> Self {
        Self { stack: roots }
    }

    /// Links that are known and not yet followed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.stack.len()
    }

    /// Follows up to `count` links; answers what was found with each block's length, empty at the end.
    ///
    /// # Errors
    /// `Corrupt` naming a block that is missing, or the first failure of a visit.
    pub fn step(
        &mut self,
        store: &dyn Store,
        context: &T::Context<'_>,
        count: usize,
    ) -> Result<Vec<(u64, T::Found)>, T::Error> {
        let tasks = self.stack.split_off(self.stack.len().saturating_sub(count));
        let ids: Vec<_> = tasks.iter().map(Task::cid).collect();
        let blocks = store.get_many(&ids)?;
        let mut visits: Vec<Option<Visit<T>>> = Vec::with_capacity(tasks.len());
        for (task, block) in tasks.into_iter().zip(blocks) {
            let block = block.ok_or_else(|| missing(task.cid()))?;
            visits.push(Some((task, block)));
        }
        let results = parallel::map_take(&mut visits, |(task, block)| {
            let mut next = Vec::new();
            let bytes = block.len() as u64;
            task.visit(context, block, &mut next).map(|found| (bytes, found, next))
        });
        let mut found = Vec::with_capacity(results.len());
        for result in results {
            let (bytes, item, next) = result?;
            found.push((bytes, item));
            self.stack.extend(next);
        }
        Ok(found)
    }
}

/// The failure to find a block that a link names.
#[must_use]
pub fn missing(cid: Cid) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("block {cid} is missing"))
}
