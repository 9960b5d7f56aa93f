//! Slots of nodes and what lies beside them, by number, in segments that never move.
#![allow(unsafe_code, reason = "words that nobody else can reach yet are stored to plainly")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::ops::Range;

use dagvault_core::arena::Regions;
use dagvault_core::ids::Cid;
use dagvault_core::slab::{OnceBox, Plain as _, Slab};
use dagvault_core::sync::{AtomicU32, AtomicU64, Ordering};

use super::TableError;
use super::atomic::{Atomic as _, Brought};
use super::budget::Budget;
use super::limits::{HASH_BITS, NODES_MAX, SEGMENT_BITS};

pub(super) const SEGMENT_NODES: usize = 1 << SEGMENT_BITS;

/// A slot of 32 bytes, in little-endian words: hash prefix 16 | parents 4, children 4 | metadata offset 4, flags 2,
/// version 2.
pub(super) type Slot = [AtomicU64; 4];

/// Slots of a large page.
const PAGE_SLOTS: u32 = 1 << 16;
/// Nodes of a table that is small. The models have no table as large.
const SMALL: u32 = 1 << 12;

/// For each number of one segment, where its children are.
pub(super) type Firsts = [AtomicU32; SEGMENT_NODES];

/// The word of a slot with the counts of parents (low half) and children (high half).
pub(super) const COUNTS: usize = 2;
/// The word of a slot with the metadata offset (low half), the flags and the version.
pub(super) const STATE: usize = 3;

/// The node is in the table.
pub(super) const LIVE: u64 = 1 << 32;
/// The node's children are known, and the metadata offset says where they are. Set a moment after they are.
pub(super) const LINKED: u64 = 1 << 33;
/// The first of the flags that are the user's.
pub(super) const USER_FLAG: u64 = 1 << 34;
/// One change of the slot.
pub(super) const VERSION: u64 = 1 << 48;

#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot>() == dagvault_core::layout::NODE_SLOT_BYTES);

/// A name as the table compares it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Key {
    words: [u64; 4],
    /// Where an index has it: `HASH_BITS` bits.
    pub(super) hash: u32,
}

/// Odd multipliers, drawn for each table, so that nobody can prepare names that meet in an index.
#[derive(Clone, Copy)]
pub(super) struct Seed([u64; 4]);

impl Seed {
    /// Multipliers from a random number.
    pub(super) fn new(random: u64) -> Self {
        let mut state = random;
        // SplitMix64, as published by Steele, Lea and Flood.
        Self(core::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ mixed >> 31) | 1
        }))
    }

    /// The high bits of a sum of products: two names meet by chance only, whatever they have in common.
    #[inline]
    fn hash(&self, words: &[u64; 4]) -> u32 {
        let products = words.iter().zip(&self.0).map(|(word, factor)| word.wrapping_mul(*factor));
        let sum = products.fold(0, u64::wrapping_add);
        (sum >> (64 - HASH_BITS)) as u32
    }

    #[inline]
    pub(super) fn key(&self, cid: &Cid) -> Key {
        let words: [u64; 4] = core::array::from_fn(|at| {
            let mut word = [0; 8];
            word.copy_from_slice(&cid.0[at * 8..at * 8 + 8]);
            u64::from_le_bytes(word)
        });
        Key { words, hash: self.hash(&words) }
    }
}

/// What lies beside the slots of one segment.
#[derive(Debug)]
struct Segment {
    slots: Slab<Slot>,
    /// The second half of each hash.
    rests: Slab<[AtomicU64; 2]>,
    /// The first of the edges that lead to each node.
    heads: Slab<AtomicU32>,
    /// Where each node's children begin: what makes it linked, and all that a traversal reads of it.
    firsts: Slab<AtomicU32>,
}

impl Segment {
    fn use_large_pages(&self) {
        self.slots.use_large_pages();
        self.rests.use_large_pages();
    }
}

/// All slots.
pub(super) struct Nodes {
    segments: Box<[OnceBox<Segment>]>,
    pub(super) seed: Seed,
}

/// Bytes of one segment: what the region holds is no allocation.
const SEGMENT_BYTES: usize = SEGMENT_NODES * (16 + 4 + 4);
const SLOTS_BYTES: usize = SEGMENT_NODES * 32;

impl Nodes {
    pub(super) fn new(seed: u64) -> Self {
        let count = (NODES_MAX as usize) >> SEGMENT_BITS;
        #[cfg(any(loom, miri))]
        let count = count.min(if cfg!(loom) { 8 } else { 32 });
        Self { segments: (0..count).map(|_| OnceBox::new()).collect(), seed: Seed::new(seed) }
    }

    /// The first segment, whose slots are the DAG region if it is free.
    pub(super) fn begin(&self, regions: Option<&Arc<Regions>>, budget: &Budget) -> Result<(), TableError> {
        let region = regions.and_then(Regions::dag::<Slot>).filter(|slots| slots.len() == SEGMENT_NODES);
        self.add(0, region, budget)
    }

    fn add(&self, at: usize, region: Option<Slab<Slot>>, budget: &Budget) -> Result<(), TableError> {
        let bytes = SEGMENT_BYTES + if region.is_some() { 0 } else { SLOTS_BYTES };
        budget.take(bytes, || {
            let slots = match region {
                Some(slots) => slots,
                None => Slab::zeroed(SEGMENT_NODES)?,
            };
            let rests = Slab::zeroed(SEGMENT_NODES)?;
            let (heads, firsts) = (Slab::zeroed(SEGMENT_NODES)?, Slab::zeroed(SEGMENT_NODES)?);
            let mine = Box::new(Segment { slots, rests, heads, firsts });
            if at > 0 {
                mine.use_large_pages();
            }
            let address = core::ptr::from_ref(&*mine);
            Some(core::ptr::eq(self.segments[at].set(mine), address))
        })
    }

    /// Makes room for a number.
    pub(super) fn ensure(&self, number: u32, budget: &Budget) -> Result<(), TableError> {
        let at = number as usize >> SEGMENT_BITS;
        match self.segments.get(at) {
            None => Err(TableError::Full),
            Some(segment) if segment.get().is_some() => Ok(()),
            Some(_) => self.add(at, None, budget),
        }
    }

    /// Writes to the next large page of slots if a range begins one, so that it is there when numbers come to it:
    /// workers that come to a new page together all zero one, and all but one of them for nothing.
    pub(super) fn touch_ahead(&self, range: &Range<u32>) {
        let begun = range.start.next_multiple_of(PAGE_SLOTS);
        let next = if range.contains(&SMALL) {
            // Most tables are small, and would zero large pages for little.
            self.segment(SMALL).0.use_large_pages();
            PAGE_SLOTS
        } else if begun > 0 && range.contains(&begun) {
            begun + PAGE_SLOTS
        } else {
            return;
        };
        if self.has(next) {
            let (segment, at) = self.segment(next);
            // An exchange that changes nothing is a write nevertheless.
            let _ = segment.slots[at][STATE].change(0, 0, Ordering::Relaxed);
            let _ = segment.rests[at][0].change(0, 0, Ordering::Relaxed);
        }
    }

    #[inline]
    fn segment(&self, number: u32) -> (&Segment, usize) {
        let segment = self.segments[number as usize >> SEGMENT_BITS].get();
        (segment.expect("a number of this table"), number as usize & (SEGMENT_NODES - 1))
    }

    /// The slot of a number that was given out.
    #[inline]
    pub(super) fn slot(&self, number: u32) -> &Slot {
        let (segment, at) = self.segment(number);
        &segment.slots[at]
    }

    /// Where the children of numbers below `numbers` are, by segment; those that are not there yet are missing.
    pub(super) fn firsts(&self, numbers: u32) -> impl Iterator<Item = Option<&Firsts>> {
        let count = (numbers as usize).div_ceil(SEGMENT_NODES);
        self.segments.iter().take(count).map(|segment| segment.get()?.firsts.as_array())
    }

    /// Whether there is a slot for a number.
    pub(super) fn has(&self, number: u32) -> bool {
        self.segments.get(number as usize >> SEGMENT_BITS).is_some_and(|segment| segment.get().is_some())
    }

    /// Brings near what a comparison of a number with a name looks at.
    #[inline]
    pub(super) fn bring(&self, number: u32) -> Brought {
        let (segment, at) = self.segment(number);
        segment.slots[at][STATE].bring() ^ segment.rests[at][0].bring()
    }

    /// Brings near what a new number's name is written to.
    #[inline]
    pub(super) fn bring_to_write(&self, number: u32) -> Brought {
        let (segment, at) = self.segment(number);
        segment.slots[at][STATE].bring_to_change() ^ segment.rests[at][0].bring_to_change()
    }

    /// Where the list of edges to a node begins.
    pub(super) fn head(&self, number: u32) -> &AtomicU32 {
        let (segment, at) = self.segment(number);
        &segment.heads[at]
    }

    /// Where the children of a number are, as `edges` says it.
    #[inline]
    pub(super) fn first(&self, number: u32) -> &AtomicU32 {
        let (segment, at) = self.segment(number);
        &segment.firsts[at]
    }

    /// Writes a name into a slot.
    ///
    /// # Safety
    /// The number is the caller's, and is not in an index yet: nobody else looks at the names of such slots.
    pub(super) unsafe fn write(&self, number: u32, key: &Key) {
        let (segment, at) = self.segment(number);
        let places = segment.slots[at][..2].iter().chain(&segment.rests[at]);
        // SAFETY: who had the number before released it to the caller, and who finds it later in an index has
        // synchronised with `Index::publish`.
        places.zip(key.words).for_each(|(place, word)| unsafe { place.store_plain(word) });
    }

    #[inline]
    fn words(&self, number: u32) -> [u64; 4] {
        let (segment, at) = self.segment(number);
        let (slot, rest) = (&segment.slots[at], &segment.rests[at]);
        [&slot[0], &slot[1], &rest[0], &rest[1]].map(|word| word.read(Ordering::Relaxed))
    }

    /// Whether a number is a name's: all 32 bytes, for half of them may be another's too.
    #[inline]
    pub(super) fn is(&self, number: u32, key: &Key) -> bool {
        // Without branches: the four reads wait for memory together.
        self.words(number).iter().zip(&key.words).fold(0, |other, (word, mine)| other | (word ^ mine)) == 0
    }

    /// The hash of a number's name.
    pub(super) fn hash(&self, number: u32) -> u32 {
        self.seed.hash(&self.words(number))
    }

    /// The name of a number.
    pub(super) fn cid(&self, number: u32) -> Cid {
        let mut bytes = [0; 32];
        for (place, word) in bytes.chunks_exact_mut(8).zip(self.words(number)) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Cid(bytes)
    }

    /// Sets `bits` in a slot's state; answers whether any was clear before.
    #[inline]
    pub(super) fn set(&self, number: u32, bits: u64) -> bool {
        let state = &self.slot(number)[STATE];
        let mut now = state.read(Ordering::Acquire);
        while now & bits != bits {
            // Acquire and release: who finds the bits set finds what the one who set them saw.
            match state.change(now, (now | bits).wrapping_add(VERSION), Ordering::AcqRel) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Clears `bits` in a slot's state; answers whether any was set before.
    pub(super) fn clear(&self, number: u32, bits: u64) -> bool {
        let state = &self.slot(number)[STATE];
        let mut now = state.read(Ordering::Acquire);
        while now & bits != 0 {
            match state.change(now, (now & !bits).wrapping_add(VERSION), Ordering::AcqRel) {
                Ok(_) => return true,
                Err(other) => now = other,
            }
        }
        false
    }

    /// Slots that were written to, of those in the region.
    pub(super) fn set_dirty(&mut self, numbers: u32) {
        if let Some(mut first) = self.segments[0].take() {
            first.slots.set_dirty(numbers as usize);
            self.segments[0].set(first);
        }
    }

    /// Segments, and whether the first is in the region.
    pub(super) fn segments(&self) -> (usize, bool) {
        let there = self.segments.iter().map_while(OnceBox::get);
        (there.clone().count(), there.clone().next().is_some_and(|first| first.slots.in_region()))
    }
}
