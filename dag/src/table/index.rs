//! The index: from names to numbers, in cells of 4 bytes.
//!
//! A cell goes from vacant to a node's number, or from vacant to sealed, and never changes again. So the cells that
//! a name's probe passes are the same for ever, and the one that ends it decides: one exchange of it adds the name
//! here, or, sealed, sends everybody to the next, larger index.

use dagvault_core::slab::Slab;
use dagvault_core::sync::{AtomicU32, Ordering};

use super::TableError;
use super::atomic::Atomic as _;
use super::limits::{BUCKET_BITS, CHUNK_BUCKETS, HASH_BITS};
use super::nodes::{Key, Nodes};

/// A cell that nobody has used.
const VACANT: u32 = 0;
/// A cell that nobody may use any more: no number, but displaced.
const SEALED: u32 = DISPLACED;
/// Marks a number that found its own bucket full.
const DISPLACED: u32 = 1 << 31;

const BUCKET_CELLS: u32 = 1 << BUCKET_BITS;

/// One index: a power of two of cells, in buckets of one line of the cache.
#[derive(Debug)]
pub(super) struct Index {
    cells: Slab<AtomicU32>,
    /// Bits of the number of cells.
    pub(super) bits: u32,
    /// Numbers from here on belong in a larger index.
    pub(super) limit: u32,
    /// Chunks that were given out to be moved; then how often somebody looked for one left behind.
    claimed: AtomicU32,
    /// One bit for each chunk that was moved.
    moved: Slab<AtomicU32>,
}

/// Where a probe ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    /// At the name's node.
    Node(u32),
    /// At this vacant cell; with it the tag that goes there.
    Vacant(usize, u32),
    /// At a sealed cell: the next index knows.
    Sealed,
}

/// The cells that a hash may be in, in their order.
struct Probe {
    bucket: u32,
    start: u32,
    turn: u32,
    tag: u32,
}

impl Index {
    /// Bytes that an index of so many cells takes.
    pub(super) fn bytes(bits: u32) -> usize {
        let chunks = (1_usize << bits).div_ceil((CHUNK_BUCKETS << BUCKET_BITS) as usize);
        ((1 << bits) + chunks.div_ceil(32)) * size_of::<AtomicU32>()
    }

    /// An empty one; `Memory` if there is none for it.
    pub(super) fn new(bits: u32) -> Result<Self, TableError> {
        let cells = Slab::zeroed(1 << bits).ok_or(TableError::Memory)?;
        let chunks = (1_usize << bits).div_ceil((CHUNK_BUCKETS << BUCKET_BITS) as usize);
        let moved = Slab::zeroed(chunks.div_ceil(32)).ok_or(TableError::Memory)?;
        // Buckets of 16 stay short of overflowing at 13 of 16 on average, and one vacant cell must always be left.
        let limit = (1_u32 << bits).div_ceil(16) * 13;
        let limit = limit.min((1 << bits) - 1);
        Ok(Self { cells, bits, limit, claimed: AtomicU32::new(0), moved })
    }

    #[inline]
    fn buckets(&self) -> &[[AtomicU32; BUCKET_CELLS as usize]] {
        self.cells.as_chunks().0
    }

    #[inline]
    fn tag_bits(&self) -> u32 {
        HASH_BITS + BUCKET_BITS - self.bits
    }

    #[inline]
    fn start(&self, hash: u32) -> Probe {
        let tag_bits = self.tag_bits();
        Probe {
            bucket: hash >> tag_bits,
            start: hash & (BUCKET_CELLS - 1),
            turn: 0,
            tag: hash & ((1 << tag_bits) - 1),
        }
    }

    /// The next cell of a probe.
    #[inline]
    fn step(&self, probe: &mut Probe) -> usize {
        if probe.turn == BUCKET_CELLS {
            probe.turn = 0;
            probe.bucket = (probe.bucket + 1) & ((1 << (self.bits - BUCKET_BITS)) - 1);
            probe.tag |= 1 << self.tag_bits();
        }
        let cell = (probe.start + probe.turn) & (BUCKET_CELLS - 1);
        probe.turn += 1;
        (probe.bucket << BUCKET_BITS | cell) as usize
    }

    #[inline]
    fn number(&self, cell: u32) -> Option<u32> {
        (cell & ((1 << self.bits) - 1)).checked_sub(1)
    }

    /// Looks for a name.
    #[inline]
    pub(super) fn probe(&self, nodes: &Nodes, key: &Key) -> Seen {
        let (bits, mut tag) = (self.bits, key.hash & ((1 << self.tag_bits()) - 1));
        let start = (key.hash & (BUCKET_CELLS - 1)) as usize;
        let mut bucket = (key.hash >> self.tag_bits()) as usize;
        loop {
            let cells = &self.buckets()[bucket];
            for turn in 0..BUCKET_CELLS as usize {
                let at = (start + turn) % BUCKET_CELLS as usize;
                // Acquire: with `publish`, sees what was written into the slot before its number came here.
                let cell = cells[at].read(Ordering::Acquire);
                if cell & ((1 << bits) - 1) == 0 {
                    return if cell == VACANT {
                        Seen::Vacant(bucket << BUCKET_BITS | at, tag)
                    } else {
                        Seen::Sealed
                    };
                }
                if cell >> bits == tag {
                    let number = (cell & ((1 << bits) - 1)) - 1;
                    if nodes.is(number, key) {
                        return Seen::Node(number);
                    }
                }
            }
            bucket = (bucket + 1) & ((1 << (bits - BUCKET_BITS)) - 1);
            tag |= 1 << self.tag_bits();
        }
    }

    /// Brings the first cell of a probe near, and tells the number in it if it could be the name's.
    #[inline]
    pub(super) fn touch(&self, hash: u32) -> Option<u32> {
        let mut probe = self.start(hash);
        let cell = self.cells[self.step(&mut probe)].read(Ordering::Acquire);
        if cell >> self.bits == probe.tag { self.number(cell) } else { None }
    }

    /// Adds a number at the vacant cell where its probe ended; not if another was faster there.
    pub(super) fn publish(&self, at: usize, tag: u32, number: u32) -> bool {
        let cell = tag << self.bits | (number + 1);
        self.cells[at].change(VACANT, cell, super::publish_order()).is_ok()
    }

    /// Seals the vacant cell where a probe ended; not if another was faster there.
    pub(super) fn seal(&self, at: usize) -> bool {
        // Release: who finds the seal finds the next index, which was there before.
        self.cells[at].change(VACANT, SEALED, Ordering::Release).is_ok()
    }

    /// Adds a number that another index has; `false` at a sealed cell. Doing it twice is doing it once.
    fn carry(&self, hash: u32, number: u32) -> bool {
        let mut probe = self.start(hash);
        let mut at = self.step(&mut probe);
        loop {
            let cell = self.cells[at].read(Ordering::Acquire);
            match self.number(cell) {
                Some(found) if found == number => return true,
                None if cell == VACANT => {
                    // An exchange that fails leaves us at the same cell, which has changed for good.
                    if self.publish(at, probe.tag, number) {
                        return true;
                    }
                    continue;
                }
                None => return false,
                Some(_) => at = self.step(&mut probe),
            }
        }
    }

    /// Seals or copies the cells of one chunk.
    fn move_chunk(&self, chunk: u32, nodes: &Nodes, carry: &dyn Fn(u32, u32)) {
        let first = chunk * CHUNK_BUCKETS;
        let last = (first + CHUNK_BUCKETS).min(1 << (self.bits - BUCKET_BITS));
        for bucket in first..last {
            for at in (bucket << BUCKET_BITS)..((bucket + 1) << BUCKET_BITS) {
                let cell = &self.cells[at as usize];
                let mut value = cell.read(Ordering::Acquire);
                if value == VACANT {
                    match cell.change(VACANT, SEALED, Ordering::Release) {
                        Ok(_) => continue,
                        Err(now) => value = now,
                    }
                }
                let Some(number) = self.number(value) else { continue };
                // A cell in its own bucket has the whole hash: no need to look at the slot.
                let hash = match value & DISPLACED {
                    0 => bucket << self.tag_bits() | value >> self.bits,
                    _ => nodes.hash(number),
                };
                carry(hash, number);
            }
        }
        // Release: who finds all chunks moved finds them in the next index.
        self.moved[chunk as usize / 32].or(1 << (chunk % 32), Ordering::Release);
    }

    fn chunks(&self) -> u32 {
        (1_u32 << (self.bits - BUCKET_BITS)).div_ceil(CHUNK_BUCKETS)
    }

    /// A chunk that nobody has moved.
    fn left_behind(&self) -> Option<u32> {
        (0..self.chunks())
            .find(|chunk| self.moved[*chunk as usize / 32].read(Ordering::Acquire) & 1 << (chunk % 32) == 0)
    }

    /// Moves one chunk to the next index; `true` when none is left. A chunk whose worker died is moved again by
    /// whoever comes after all were given out.
    pub(super) fn help(&self, nodes: &Nodes, carry: &dyn Fn(u32, u32)) -> bool {
        let mut chunk = self.claimed.read(Ordering::Relaxed);
        if chunk < self.chunks() {
            chunk = self.claimed.add(1, Ordering::Relaxed);
        }
        if chunk >= self.chunks() {
            match self.left_behind() {
                Some(left) => chunk = left,
                None => return true,
            }
        }
        self.move_chunk(chunk, nodes, carry);
        false
    }

    /// Cells that a probe for the number's name passes, the last included.
    pub(super) fn probe_cells(&self, hash: u32, number: u32) -> Option<u32> {
        let mut probe = self.start(hash);
        for passed in 1.. {
            let cell = self.cells[self.step(&mut probe)].read(Ordering::Acquire);
            match self.number(cell) {
                Some(found) if found == number => return Some(passed),
                None => return None,
                Some(_) => {}
            }
        }
        None
    }
}

/// Adds a number to the index of a generation or, where that is sealed, to a later one.
pub(super) fn carry<'i>(index: impl Fn(u32) -> &'i Index, mut generation: u32, hash: u32, number: u32) {
    while !index(generation).carry(hash, number) {
        generation += 1;
    }
}
