//! Edges: an arena of 4-byte words in segments that never move.
//!
//! The children of a node are consecutive words, in the order of its links, the last one marked; where they begin
//! stands beside its slot. An only child stands there itself. The parents of a node are a list that
//! begins at its head: most nodes have one parent, which is the head itself; each further one takes a pair of words,
//! the parent and what the head was before.
#![allow(unsafe_code, reason = "words that nobody else can reach yet are stored to plainly")]

use alloc::boxed::Box;

use dagvault_core::slab::{OnceBox, Plain as _, Slab};
use dagvault_core::sync::{AtomicU32, Ordering};

use super::TableError;
use super::atomic::Atomic as _;
use super::budget::Budget;
use super::limits::{WORDS_BITS, WORDS_MAX};

pub(super) const SEGMENT_WORDS: u32 = 1 << WORDS_BITS;

/// The words of one segment.
pub(super) type Words = [AtomicU32; SEGMENT_WORDS as usize];

/// Marks the index of a pair in the head of a list; what has no mark is a parent's number, plus one.
const PAIR: u32 = 1 << 31;

/// Marks the last child of a node.
pub(super) const LAST: u32 = 1 << 31;
/// Where a node's children begin, while they are unknown.
pub(crate) const UNKNOWN: u32 = 0;
/// Where they begin if there are none. So no words begin here, nor before.
pub(crate) const NONE: u32 = 1;
/// Marks the beginning of more children than a traversal takes at once.
pub(super) const MANY: u32 = 1 << 31;
/// Marks the number of an only child, in place of where children begin.
pub(super) const ONLY: u32 = 1 << 30;

/// All edge words.
pub(super) struct Edges {
    segments: Box<[OnceBox<Slab<AtomicU32>>]>,
    /// Words handed out.
    top: AtomicU32,
}

impl Edges {
    pub(super) fn new() -> Self {
        let count = WORDS_MAX >> WORDS_BITS;
        #[cfg(any(loom, miri))]
        let count = count.min(if cfg!(loom) { 8 } else { 64 });
        Self { segments: (0..count).map(|_| OnceBox::new()).collect(), top: AtomicU32::new(NONE + 1) }
    }

    /// Takes `count` words that follow one another; answers the first.
    pub(super) fn take(&self, count: u32, budget: &Budget) -> Result<u32, TableError> {
        let mut from = self.top.read(Ordering::Relaxed);
        let to = loop {
            let to = from.checked_add(count).filter(|to| *to <= WORDS_MAX).ok_or(TableError::Full)?;
            // The memory first, so that no word is handed out that is not there.
            for at in from >> WORDS_BITS..to.div_ceil(SEGMENT_WORDS) {
                let segment = self.segments.get(at as usize).ok_or(TableError::Full)?;
                if segment.get().is_none() {
                    budget.take(SEGMENT_WORDS as usize * 4, || {
                        let mine = Box::new(Slab::zeroed(SEGMENT_WORDS as usize)?);
                        let address = core::ptr::from_ref(&*mine);
                        Some(core::ptr::eq(segment.set(mine), address))
                    })?;
                }
            }
            match self.top.change(from, to, Ordering::Relaxed) {
                Ok(_) => break to,
                Err(now) => from = now,
            }
        };
        Ok(to - count)
    }

    /// Words handed out.
    pub(super) fn used(&self) -> u32 {
        self.top.read(Ordering::Relaxed)
    }

    /// The segments, the first first: all words that were handed out are in them.
    pub(super) fn segments(&self) -> impl Iterator<Item = &Words> {
        self.segments.iter().map_while(|segment| segment.get()?.as_array())
    }

    /// The words from one on that was handed out, as far as they lie together.
    pub(super) fn words_at(&self, at: u32) -> &[AtomicU32] {
        let segment = self.segments[(at >> WORDS_BITS) as usize].get().expect("a word that was handed out");
        &segment[(at & (SEGMENT_WORDS - 1)) as usize..]
    }

    #[inline]
    fn word(&self, at: u32) -> &AtomicU32 {
        &self.words_at(at)[0]
    }

    /// Writes the children of a node, so many.
    ///
    /// # Safety
    /// The words are the caller's, and no node has them as children yet.
    pub(super) unsafe fn write(&self, at: u32, count: u32, children: impl Iterator<Item = u32>) {
        for (turn, child) in (0..count).zip(children) {
            let mark = if turn + 1 == count { LAST } else { 0 };
            // SAFETY: who had the words before released them to the caller, and who finds them later has synchronised
            // with what says where they begin.
            unsafe { self.word(at + turn).store_plain(child | mark) };
        }
    }

    /// The children that begin at `first`, `count` of them.
    #[inline]
    pub(super) fn read(&self, first: u32, count: u32) -> impl ExactSizeIterator<Item = u32> + '_ {
        let at = first & !MANY;
        let mut segment: &[AtomicU32] = &[];
        (0..count as usize).map(move |index| {
            if at & ONLY != 0 {
                return at & !ONLY;
            }
            #[expect(clippy::cast_possible_truncation, reason = "below `count`")]
            let at = at + index as u32;
            let within = (at & (SEGMENT_WORDS - 1)) as usize;
            if within == 0 || segment.is_empty() {
                segment =
                    self.segments[(at >> WORDS_BITS) as usize].get().expect("a word that was handed out");
            }
            segment[within].read(Ordering::Relaxed) & !LAST
        })
    }

    /// Adds a parent to the list at `head`, unless it is the newest there; `pair` gives two words where they are
    /// needed.
    ///
    /// # Safety
    /// The words that `pair` gives are the caller's, and in no list yet.
    pub(super) unsafe fn push(
        &self,
        head: &AtomicU32,
        parent: u32,
        mut pair: impl FnMut() -> Result<u32, TableError>,
    ) -> Result<(), TableError> {
        let (mine, mut at) = (parent + 1, None);
        let mut first = head.read(Ordering::Acquire);
        loop {
            if self.parent(first) == Some(mine) {
                return Ok(());
            }
            let new = if first == 0 {
                mine
            } else {
                let at = match at {
                    Some(at) => at,
                    None => *at.insert(pair()?),
                };
                // SAFETY: the pair is the caller's; who follows the list to it has synchronised with the exchange.
                unsafe {
                    self.word(at).store_plain(mine);
                    self.word(at + 1).store_plain(first);
                }
                PAIR | at
            };
            // Release: who follows the list finds the pair written. Each pusher has acquired what it puts behind.
            match head.change(first, new, Ordering::AcqRel) {
                Ok(_) => return Ok(()),
                Err(now) => first = now,
            }
        }
    }

    /// The newest parent of a list, plus one.
    fn parent(&self, head: u32) -> Option<u32> {
        match head {
            0 => None,
            _ if head & PAIR == 0 => Some(head),
            _ => Some(self.word(head & !PAIR).read(Ordering::Relaxed)),
        }
    }

    /// The newest parent of a list, and the list of those before it.
    #[inline]
    pub(super) fn step(&self, head: u32) -> Option<(u32, u32)> {
        let parent = self.parent(head)?;
        let next = if head & PAIR == 0 { 0 } else { self.word((head & !PAIR) + 1).read(Ordering::Relaxed) };
        Some((parent - 1, next))
    }

    /// The parents of a list, the newest first.
    pub(super) fn list(&self, head: &AtomicU32) -> impl Iterator<Item = u32> + '_ {
        let mut at = head.read(Ordering::Acquire);
        core::iter::from_fn(move || {
            let (parent, next) = self.step(at)?;
            at = next;
            Some(parent)
        })
    }
}
