//! What a repair may do, and what it tells.

use dagvault_core::ids::Cid;

/// How far a repair may go.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RepairOptions {
    /// Look only.
    pub dry_run: bool,
    /// Go on with the newest cells that can be read even if acknowledged ones may have been newer.
    pub accept_older: bool,
}

/// A part of a file in which nothing can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Range {
    /// The file.
    pub path: String,
    /// Offset of the first byte.
    pub from: u64,
    /// Offset behind the last one.
    pub to: u64,
}

/// What became of the cells.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Cells {
    /// They can be read as they are.
    #[default]
    Whole,
    /// The log was damaged, but its newest values were found.
    Saved,
    /// Values may have been newer than those found; taken over with [`RepairOptions::accept_older`] only.
    Older,
}

/// What a repair found and did, or would do.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct RepairReport {
    /// Segments looked at, their bytes, and records of blocks that are whole.
    pub segments: u64,
    /// See `segments`.
    pub bytes: u64,
    /// See `segments`.
    pub blocks: u64,
    /// Indexes made anew.
    pub indexes: u64,
    /// What became of the cells.
    pub cells: Cells,
    /// Damaged files: what could be read of them was saved, they themselves are in the folder `damaged`.
    pub damaged: Vec<String>,
    /// Where nothing could be read.
    pub ranges: Vec<Range>,
    /// Blocks that were there and of which no whole copy is left, as far as their names are known.
    pub lost: Vec<Cid>,
    /// What was left alone, and why.
    pub left: Vec<String>,
    /// Whether a store that opens is there now (with `dry_run`: would be).
    pub opens: bool,
}

impl RepairReport {
    /// Whether nothing that was stored is lost.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.opens
            && self.cells != Cells::Older
            && self.ranges.is_empty()
            && self.lost.is_empty()
            && self.left.is_empty()
    }
}
