//! Blocks of a segment that is being written, or that has no index yet, in memory.

use super::format::{ALIGN, u64_at};
use super::table::Entry;
use dagvault_core::ids::Cid;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Bits of a place that hold a length less one; the rest holds the offset in units of [`ALIGN`].
const LEN_BITS: u32 = 18;

/// Where a record is, in 8 bytes, so that a block takes 41 bytes of a full table.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place(u64);

impl Place {
    fn new(offset: u64, len: u32) -> Self {
        Self(((offset / ALIGN) << LEN_BITS) | (u64::from(len.saturating_sub(1)) & ((1 << LEN_BITS) - 1)))
    }

    fn offset(self) -> u64 {
        (self.0 >> LEN_BITS) * ALIGN
    }

    fn len(self) -> u32 {
        // Eighteen bits are left.
        u32::try_from(self.0 & ((1 << LEN_BITS) - 1)).unwrap_or_default() + 1
    }
}

/// Hashes digests, which are hashes already: what is left to do is that nobody can choose digests that meet.
#[derive(Clone)]
struct Mix(u64, u64);

impl Default for Mix {
    fn default() -> Self {
        let random = RandomState::new();
        Self(random.hash_one(1), random.hash_one(2))
    }
}

impl BuildHasher for Mix {
    type Hasher = Mixed;

    fn build_hasher(&self) -> Mixed {
        Mixed { seeds: (self.0, self.1), hash: 0 }
    }
}

struct Mixed {
    seeds: (u64, u64),
    hash: u64,
}

impl Hasher for Mixed {
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() >= 16 {
            let (left, right) = (u64_at(bytes, 0) ^ self.seeds.0, u64_at(bytes, 8) ^ self.seeds.1);
            let product = u128::from(left) * u128::from(right);
            #[expect(clippy::cast_possible_truncation, reason = "the halves are folded")]
            let (low, high) = (product as u64, (product >> 64) as u64);
            self.hash ^= low ^ high;
        }
    }

    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

/// Blocks by their names.
#[derive(Default)]
pub(super) struct Fresh {
    places: HashMap<Cid, Place, Mix>,
    /// Further records of the same blocks.
    doubles: Vec<Entry>,
}

impl Fresh {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn insert(&mut self, entry: &Entry) {
        let old = self.places.insert(Cid(entry.digest), Place::new(entry.offset, entry.len));
        if let Some(old) = old.filter(|old| old.offset() != entry.offset) {
            self.doubles.push(Entry { digest: entry.digest, offset: old.offset(), len: old.len() });
        }
    }

    pub(super) fn find(&self, id: &Cid) -> Option<(u64, u32)> {
        self.places.get(id).map(|place| (place.offset(), place.len()))
    }

    /// All records of a block.
    pub(super) fn find_all(&self, id: &Cid) -> impl Iterator<Item = Entry> {
        let first = self.find(id).map(|(offset, len)| Entry { digest: id.0, offset, len });
        first.into_iter().chain(self.doubles.iter().copied().filter(|entry| entry.digest == id.0))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        let places = self.places.iter();
        let first =
            places.map(|(id, place)| Entry { digest: id.0, offset: place.offset(), len: place.len() });
        first.chain(self.doubles.iter().copied())
    }

    /// Leaves out records that have been erased.
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        self.places.retain(|_, place| keep(place.offset()));
        let doubles = std::mem::take(&mut self.doubles);
        for entry in doubles.iter().filter(|entry| keep(entry.offset)) {
            self.insert(entry);
        }
    }

    /// Leaves out everything and gives the memory back.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
