//! Counts the memory of a table against the user's maximum.

use dagvault_core::sync::{AtomicUsize, Ordering};

use super::TableError;

/// Bytes allocated, and their maximum.
#[derive(Debug)]
pub(super) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
    }

    /// Bytes allocated now.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Allocates so many bytes by `make`, which answers whether they are kept (another may have been faster), or
    /// `None` if there is no memory.
    pub(super) fn take(&self, bytes: usize, make: impl FnOnce() -> Option<bool>) -> Result<(), TableError> {
        let before = self.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.checked_add(bytes).is_some_and(|sum| sum <= self.max);
        let kept = if fits { make() } else { None };
        if kept != Some(true) {
            self.give_back(bytes);
        }
        kept.map(drop).ok_or(TableError::Memory)
    }

    /// Counts bytes as free again.
    pub(super) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}
