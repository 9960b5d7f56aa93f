//! Sizes of the table's parts. The models of loom and miri run with small ones, so that they reach growth.

#[cfg(not(any(loom, miri)))]
use dagvault_core::layout::{DAG_BYTES, NODE_SLOT_BYTES};

/// Bits of the number of a node within its segment: one segment fills the DAG region.
#[cfg(not(any(loom, miri)))]
pub(super) const SEGMENT_BITS: u32 = (DAG_BYTES / NODE_SLOT_BYTES).trailing_zeros();
/// Bits of the index of an edge word within its segment.
#[cfg(not(any(loom, miri)))]
pub(super) const WORDS_BITS: u32 = 18;
/// Bits of the number of cells of the first index.
#[cfg(not(any(loom, miri)))]
pub(super) const FIRST_BITS: u32 = 12;
/// Bits of the number of cells of a bucket: one line of the cache.
#[cfg(not(any(loom, miri)))]
pub(super) const BUCKET_BITS: u32 = 4;
/// Buckets that a worker moves at a time when the index grows.
#[cfg(not(any(loom, miri)))]
pub(super) const CHUNK_BUCKETS: u32 = 64;
/// Numbers that a worker takes at a time.
#[cfg(not(any(loom, miri)))]
pub(super) const NUMBERS: u32 = 64;
/// Edge words that a worker takes at a time.
#[cfg(not(any(loom, miri)))]
pub(super) const WORDS: u32 = 1024;

#[cfg(any(loom, miri))]
mod small {
    pub(crate) const SEGMENT_BITS: u32 = if cfg!(loom) { 2 } else { 5 };
    pub(crate) const WORDS_BITS: u32 = if cfg!(loom) { 3 } else { 6 };
    pub(crate) const FIRST_BITS: u32 = 2;
    pub(crate) const BUCKET_BITS: u32 = 1;
    pub(crate) const CHUNK_BUCKETS: u32 = 2;
    pub(crate) const NUMBERS: u32 = 1;
    pub(crate) const WORDS: u32 = 4;
}
#[cfg(any(loom, miri))]
pub(super) use small::*;

/// Most nodes of a table.
pub const NODES_MAX: u32 = 1 << 28;
/// Most edge words of a table: their indices have 30 bits.
pub(super) const WORDS_MAX: u32 = 1 << 30;
/// Bits of a name's hash that an index uses: those of a bucket, and those that a cell has beside the number.
pub(super) const HASH_BITS: u32 = 31 - BUCKET_BITS;
/// Bits of the number of cells of the largest index.
pub(super) const LAST_BITS: u32 = 29;
/// Indexes that a table may have had.
pub(super) const GENERATIONS: usize = (LAST_BITS - FIRST_BITS + 1) as usize;
/// Places where workers leave what they took and did not need.
pub(super) const LEFTOVERS: usize = dagvault_core::limits::WORKERS_MAX;

#[cfg(not(any(loom, miri)))]
const _: () = assert!(1 << SEGMENT_BITS == 262_144);
const _: () = assert!(NODES_MAX < (1 << LAST_BITS) / 16 * 13);
