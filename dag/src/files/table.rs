//! The blocks of a segment as a sorted table in memory.

use dagvault_core::ids::Cid;

/// A block's record in a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    pub(super) digest: [u8; 32],
    /// Where its record begins.
    pub(super) offset: u64,
    /// The payload's length.
    pub(super) len: u32,
}

/// A sorted table of records; a block may have several.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Table {
    entries: Vec<Entry>,
}

impl Table {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        Self { entries }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All records of a block.
    pub(super) fn find(&self, id: &Cid) -> &[Entry] {
        let from = self.entries.partition_point(|entry| entry.digest < id.0);
        let count = self.entries[from..].iter().take_while(|entry| entry.digest == id.0).count();
        &self.entries[from..from + count]
    }
}
