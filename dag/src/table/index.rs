//! The index: from names to numbers, in cells of 4 bytes.
//!
//! A cell goes from vacant to a node's number, or from vacant to sealed, and never changes again. So the cells that
//! a name's probe passes are the same for ever, and the one that ends it decides: one exchange of it adds the name
//! here, or, sealed, sends everybody to the next, larger index.

use dagvault_core::slab::Slab;
use dagvault_core::sync::{AtomicU32, Ordering};

use super::TableError;
use super::atomic::{Atomic as _, Brought};
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
    /// At this vacant cell.
    Vacant(Probe),
    /// At a sealed cell: the next index knows.
    Sealed,
}

/// A place in the order of cells that a hash may be in: those of its bucket from one on, then those of the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Probe {
    at: u32,
    turn: u32,
    tag: u32,
}

impl Probe {
    /// Goes to the next cell of an index with so many bits.
    #[inline]
    fn step(&mut self, bits: u32) {
        let (mut bucket, cell) = (self.at >> BUCKET_BITS, (self.at + 1) & (BUCKET_CELLS - 1));
        self.turn += 1;
        if self.turn == BUCKET_CELLS {
            self.turn = 0;
            bucket = (bucket + 1) & ((1 << (bits - BUCKET_BITS)) - 1);
            self.tag |= 1 << tag_bits(bits);
        }
        self.at = bucket << BUCKET_BITS | cell;
    }
}

/// Bits of a hash that a cell has of its own, in an index with so many bits.
#[inline]
fn tag_bits(bits: u32) -> u32 {
    HASH_BITS + BUCKET_BITS - bits
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
        cells.use_large_pages();
        let chunks = (1_usize << bits).div_ceil((CHUNK_BUCKETS << BUCKET_BITS) as usize);
        let moved = Slab::zeroed(chunks.div_ceil(32)).ok_or(TableError::Memory)?;
        // Buckets of 16 stay short of overflowing at 13 of 16 on average, and one vacant cell must always be left.
        let limit = (1_u32 << bits).div_ceil(16) * 13;
        let limit = limit.min((1 << bits) - 1);
        Ok(Self { cells, bits, limit, claimed: AtomicU32::new(0), moved })
    }

    /// Where a look for a hash begins.
    #[inline]
    pub(super) fn start(&self, hash: u32) -> Probe {
        let tag_bits = tag_bits(self.bits);
        let at = hash >> tag_bits << BUCKET_BITS | hash & (BUCKET_CELLS - 1);
        Probe { at, turn: 0, tag: hash & ((1 << tag_bits) - 1) }
    }

    #[inline]
    fn number(&self, cell: u32) -> Option<u32> {
        (cell & ((1 << self.bits) - 1)).checked_sub(1)
    }

    #[inline]
    fn cell(&self, probe: &Probe) -> u32 {
        // Acquire: as in `seek`.
        self.cells[probe.at as usize].read(Ordering::Acquire)
    }

    /// Goes to the next cell, this one included, that ends the probe or may be the name's.
    #[inline(always)]
    fn seek(&self, probe: &mut Probe) -> u32 {
        // In variables: after a read that acquires, all else would be read again.
        let (cells, bits, mut near) = (&*self.cells, self.bits, *probe);
        loop {
            // Acquire: with `publish`, sees what was written into the slot before its number came here.
            let cell = cells[near.at as usize].read(Ordering::Acquire);
            if cell & ((1 << bits) - 1) == 0 || cell >> bits == near.tag {
                *probe = near;
                return cell;
            }
            near.step(bits);
        }
    }

    /// Brings a cell near.
    #[inline]
    pub(super) fn bring(&self, probe: &Probe, to_change: bool) -> Brought {
        let cell = &self.cells[probe.at as usize];
        if to_change { cell.bring_to_change() } else { cell.bring() }
    }

    /// Goes on to the first cell that ends the probe or may be the name's, and brings near what is looked at there.
    #[inline]
    pub(super) fn approach(&self, nodes: &Nodes, probe: &mut Probe) -> Brought {
        let cell = self.seek(probe);
        self.number(cell).map_or(0, |number| nodes.bring(number))
    }

    /// Looks for a name, from a place on that its probe came to.
    #[inline(always)]
    pub(super) fn look(&self, nodes: &Nodes, key: &Key, mut probe: Probe) -> Seen {
        loop {
            let cell = self.seek(&mut probe);
            match self.number(cell) {
                Some(number) if nodes.is(number, key) => return Seen::Node(number),
                Some(_) => probe.step(self.bits),
                None if cell == VACANT => return Seen::Vacant(probe),
                None => return Seen::Sealed,
            }
        }
    }

    /// Adds a number at the vacant cell where its probe ended; not if another was faster there.
    #[inline]
    pub(super) fn publish(&self, probe: &Probe, number: u32) -> bool {
        let cell = probe.tag << self.bits | (number + 1);
        self.cells[probe.at as usize].change(VACANT, cell, super::publish_order()).is_ok()
    }

    /// Seals the vacant cell where a probe ended; not if another was faster there.
    pub(super) fn seal(&self, probe: &Probe) -> bool {
        // Release: who finds the seal finds the next index, which was there before.
        self.cells[probe.at as usize].change(VACANT, SEALED, Ordering::Release).is_ok()
    }

    /// Adds a number that another index has; `false` at a sealed cell. Doing it twice is doing it once.
    fn carry(&self, hash: u32, number: u32) -> bool {
        let mut probe = self.start(hash);
        loop {
            let cell = self.cell(&probe);
            match self.number(cell) {
                Some(found) if found == number => return true,
                None if cell == VACANT => {
                    // An exchange that fails leaves us at the same cell, which has changed for good.
                    if self.publish(&probe, number) {
                        return true;
                    }
                    continue;
                }
                None => return false,
                Some(_) => probe.step(self.bits),
            }
        }
    }

    /// Seals or copies the cells of one chunk.
    fn move_chunk(&self, chunk: u32, nodes: &Nodes, carry: &impl Fn(u32, u32)) {
        let first = chunk * CHUNK_BUCKETS;
        let last = (first + CHUNK_BUCKETS).min(1 << (self.bits - BUCKET_BITS));
        // The names of displaced numbers are anywhere: here the waits for them overlap.
        let cells = self.cells[(first << BUCKET_BITS) as usize..(last << BUCKET_BITS) as usize].iter();
        let near = cells.map(|cell| match cell.read(Ordering::Acquire) {
            cell if cell & DISPLACED != 0 => self.number(cell).map_or(0, |number| nodes.bring(number)),
            _ => 0,
        });
        core::hint::black_box(near.fold(0, |sum, near| sum ^ near));
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
                    0 => bucket << tag_bits(self.bits) | value >> self.bits,
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
    pub(super) fn help(&self, nodes: &Nodes, carry: &impl Fn(u32, u32)) -> bool {
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
            match self.number(self.cell(&probe)) {
                Some(found) if found == number => return Some(passed),
                None => return None,
                Some(_) => probe.step(self.bits),
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
