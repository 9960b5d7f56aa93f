//! Links of many nodes at a time, in either direction, so that the waits for memory overlap.

use alloc::vec::Vec;
use core::ops::Range;

use dagvault_core::sync::{AtomicU32, Ordering};

use super::atomic::{self, Atomic as _};
use super::edges::{LAST, MANY, NONE, ONLY, SEGMENT_WORDS, UNKNOWN, Words};
use super::limits::{SEGMENT_BITS, WORDS_BITS};
use super::nodes::{Firsts, LIVE, SEGMENT_NODES};
use super::share::extend;
use super::{NodeTable, TableError};

/// Nodes that are visited at once.
pub(crate) const BATCH: usize = 32;
/// Nodes that are too few to be visited at once.
pub(crate) const FEW: usize = 16;
/// Links that are looked at at once.
pub(super) const GATHER: usize = 64;

/// Along which links to go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From a node to those that it links to: from a block to its parts, from a commit to those before it.
    Children,
    /// From a node to those that link to it: from a block to those that use it, from a commit to those after it.
    Parents,
}

/// What is done with links.
pub(crate) trait Visitor: Copy + Sync {
    /// Along which links.
    const DIRECTION: Direction;
    /// Whether nodes without children are handed on too, which have nothing to be visited for.
    const LEAVES: bool;

    /// At a node, before its links, when going along children; says whether they are looked at. They can only be if
    /// they are known.
    fn open(&self, number: u32, linked: bool) -> bool;

    /// Brings near what `claim` will look at.
    fn bring(&self, to: u32) -> atomic::Brought;

    /// At a link's far end; says whether it is to be kept.
    fn claim(&self, to: u32) -> bool;
}

/// What was in a table at some time: its numbers, and where their children are, with fewer steps to each.
pub(crate) struct Sight<'t> {
    pub(crate) table: &'t NodeTable,
    numbers: u32,
    /// By segment; one that is made later is missing.
    firsts: Vec<Option<&'t Firsts>>,
    words: Vec<&'t Words>,
}

/// Space for the links of some nodes, used again and again.
pub(crate) struct Gather {
    to: [u32; GATHER],
    count: usize,
}

impl Gather {
    pub(crate) fn new() -> Self {
        Self { to: [0; GATHER], count: 0 }
    }

    #[inline]
    fn put(&mut self, to: u32) {
        self.to[self.count] = to;
        self.count += 1;
    }

    /// Puts children in as far as there is room, from the words that begin at `at`; answers where the others begin.
    #[inline]
    fn put_children(&mut self, at: u32, words: &[AtomicU32]) -> u32 {
        let (mut next, mut count) = (at, self.count);
        for (word, place) in words.iter().zip(&mut self.to[self.count..]) {
            let word = word.read(Ordering::Relaxed);
            *place = word & !LAST;
            (next, count) = (next.wrapping_add(1), count + 1);
            if word & LAST != 0 {
                next = NONE;
                break;
            }
        }
        self.count = count;
        next
    }
}

/// Reads what is mostly near to what was read before: a guess that the segment is the same costs no wait, where to
/// look it up does.
pub(crate) struct Near<'s, 't> {
    sight: &'s Sight<'t>,
    firsts: (u32, Option<&'t Firsts>),
    words: (u32, Option<&'t Words>),
}

impl<'t> Near<'_, 't> {
    /// Where a node's children begin.
    #[inline]
    pub(crate) fn first(&mut self, number: u32) -> u32 {
        let segment = number >> SEGMENT_BITS;
        if segment != self.firsts.0 {
            self.firsts = (segment, self.sight.firsts.get(segment as usize).copied().flatten());
        }
        let firsts = self.firsts.1;
        firsts.map_or(UNKNOWN, |firsts| firsts[number as usize % SEGMENT_NODES].read(Ordering::Acquire))
    }

    /// The words from one on, as far as they lie together.
    #[inline]
    fn words(&mut self, at: u32) -> &'t [AtomicU32] {
        let segment = at >> WORDS_BITS;
        if segment != self.words.0 {
            self.words = (segment, self.sight.words_at(segment << WORDS_BITS).as_array());
        }
        &self.words.1.expect("segments are whole")[(at % SEGMENT_WORDS) as usize..]
    }

    /// The children of a node, by where they begin.
    #[inline]
    pub(crate) fn each(&mut self, first: u32, mut each: impl FnMut(u32)) {
        let mut at = first & !MANY;
        if at & ONLY != 0 {
            return each(at & !ONLY);
        }
        while at > NONE {
            for word in self.words(at) {
                let word = word.read(Ordering::Relaxed);
                each(word & !LAST);
                at += 1;
                if word & LAST != 0 {
                    return;
                }
            }
        }
    }
}

/// Where children begin, without what else is said there.
#[inline]
fn begin(first: u32) -> u32 {
    core::hint::select_unpredictable(first & ONLY == 0, first & !MANY, NONE)
}

impl NodeTable {
    /// What is in the table now.
    pub(crate) fn sight(&self) -> Sight<'_> {
        let numbers = self.numbers();
        let firsts = self.nodes.firsts(numbers).collect();
        Sight { table: self, numbers, firsts, words: self.edges.segments().collect() }
    }
}

impl<'t> Sight<'t> {
    /// Every node that was there has a number below.
    pub(crate) fn numbers(&self) -> u32 {
        self.numbers
    }

    /// Where a node's children begin.
    #[inline]
    fn first(&self, number: u32) -> u32 {
        let segment = self.firsts.get((number >> SEGMENT_BITS) as usize).copied().flatten();
        segment.map_or(UNKNOWN, |firsts| firsts[number as usize % SEGMENT_NODES].read(Ordering::Acquire))
    }

    /// Brings near where a node's children begin.
    #[inline]
    fn bring(&self, number: u32) -> atomic::Brought {
        let segment = self.firsts.get((number >> SEGMENT_BITS) as usize).copied().flatten();
        segment.map_or(0, |firsts| firsts[number as usize % SEGMENT_NODES].bring())
    }

    /// Shows where the children of some numbers begin; [`UNKNOWN`] where they are unknown.
    #[inline]
    pub(crate) fn each_first(&self, numbers: Range<u32>, mut each: impl FnMut(u32, u32)) {
        let mut from = numbers.start;
        while from < numbers.end {
            let segment = from >> SEGMENT_BITS;
            let to = ((segment + 1) << SEGMENT_BITS).min(numbers.end);
            match self.firsts.get(segment as usize).copied().flatten() {
                Some(firsts) => (from..to)
                    .zip(&firsts[from as usize % SEGMENT_NODES..])
                    .for_each(|(number, first)| each(number, first.read(Ordering::Acquire))),
                None => (from..to).for_each(|number| each(number, UNKNOWN)),
            }
            from = to;
        }
    }

    /// Whether a number is a node's.
    #[inline]
    pub(crate) fn is_live(&self, number: u32) -> bool {
        self.table.state(number) & LIVE != 0
    }

    /// The words from one on, as far as they lie together.
    #[inline]
    fn words_at(&self, at: u32) -> &'t [AtomicU32] {
        match self.words.get((at >> WORDS_BITS) as usize) {
            Some(words) => &words[(at % SEGMENT_WORDS) as usize..],
            None => self.table.edges.words_at(at),
        }
    }

    /// Visits one node after another, as long as few wait and none of them has many links; answers how many were kept.
    /// Where few are left, there are no waits to overlap.
    // Not inlined: then all that the loop uses is in registers.
    #[inline(never)]
    pub(crate) fn follow<V: Visitor>(&self, visitor: V, stack: &mut Vec<u32>) -> Result<u64, TableError> {
        let (mut kept, mut next, mut near) = (0, stack.pop(), self.near());
        // First come, first served: of branches that merge again and again, few nodes wait at any time.
        let (mut ring, mut begin, mut end) = ([0; FEW], 0_usize, 0_usize);
        while let Some(number) = next {
            let first = near.first(number);
            if first & MANY != 0 || V::DIRECTION == Direction::Parents {
                break;
            }
            let opened = visitor.open(number, first != UNKNOWN);
            if opened && first & ONLY != 0 {
                let to = first & !ONLY;
                if visitor.claim(to) {
                    // A chain is followed to its end.
                    (kept, next) = (kept + 1, Some(to));
                    continue;
                }
            } else if opened && first > NONE {
                let mut at = first;
                while at > NONE {
                    for word in near.words(at) {
                        let word = word.read(Ordering::Relaxed);
                        let to = word & !LAST;
                        if visitor.claim(to) {
                            kept += 1;
                            if end - begin < FEW {
                                ring[end % FEW] = to;
                                end += 1;
                            } else {
                                extend(stack, &[to])?;
                            }
                        }
                        if word & LAST != 0 {
                            at = NONE;
                            break;
                        }
                        at += 1;
                    }
                }
            }
            if begin < end {
                next = Some(ring[begin % FEW]);
                begin += 1;
                if stack.len() >= FEW {
                    break;
                }
            } else {
                next = stack.pop();
            }
        }
        for left in (begin..end).map(|at| ring[at % FEW]).chain(next) {
            extend(stack, &[left])?;
        }
        Ok(kept)
    }

    /// For reading what is mostly near to what was read before.
    pub(crate) fn near(&self) -> Near<'_, 't> {
        Near { sight: self, firsts: (u32::MAX, None), words: (u32::MAX, None) }
    }

    /// Shows a visitor the links of at most `BATCH` nodes; `keep` takes the far ends that are kept and lead further,
    /// some at a time, and how many were kept.
    #[inline]
    pub(crate) fn visit<V: Visitor>(
        &self,
        visitor: V,
        gather: &mut Gather,
        numbers: &[u32],
        mut keep: impl FnMut(&[u32], usize) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut flush = |gather: &mut Gather| self.flush(visitor, gather, &mut keep);
        match V::DIRECTION {
            Direction::Children => self.visit_children(visitor, gather, numbers, &mut flush)?,
            Direction::Parents => self.visit_parents(gather, numbers, &mut flush)?,
        }
        flush(gather)
    }

    #[inline]
    fn visit_children<V: Visitor>(
        &self,
        visitor: V,
        gather: &mut Gather,
        numbers: &[u32],
        flush: &mut impl FnMut(&mut Gather) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut firsts = [NONE; BATCH];
        // No branch on what is read, but those that are always taken alike: the reads would wait for each other.
        for (number, first) in numbers.iter().zip(&mut firsts) {
            *first = self.first(*number);
        }
        if numbers.len() > 1 && !self.words.is_empty() {
            let words = firsts.iter().map(|first| self.words_at(begin(*first))[0].bring());
            core::hint::black_box(words.fold(0, |sum, word| sum ^ word));
        }
        for (number, first) in numbers.iter().zip(firsts) {
            if !visitor.open(*number, first != UNKNOWN) || first <= NONE {
                continue;
            }
            if first & ONLY != 0 {
                gather.put(first & !ONLY);
                if gather.count == GATHER {
                    flush(gather)?;
                }
                continue;
            }
            let mut at = first & !MANY;
            while at > NONE {
                at = gather.put_children(at, self.words_at(at));
                if gather.count == GATHER {
                    flush(gather)?;
                }
            }
        }
        Ok(())
    }

    fn visit_parents(
        &self,
        gather: &mut Gather,
        numbers: &[u32],
        flush: &mut impl FnMut(&mut Gather) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut heads = [0; BATCH];
        for (number, head) in numbers.iter().zip(&mut heads) {
            *head = self.table.nodes.head(*number).read(Ordering::Acquire);
        }
        // A step along each list in turn: a list waits for memory at each of its steps, the lists don't for each other.
        let mut left = true;
        while left {
            left = false;
            for head in &mut heads[..numbers.len()] {
                let Some((parent, next)) = self.table.edges.step(*head) else { continue };
                (*head, left) = (next, true);
                gather.put(parent);
                if gather.count == GATHER {
                    flush(gather)?;
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn flush<V: Visitor>(
        &self,
        visitor: V,
        gather: &mut Gather,
        keep: &mut impl FnMut(&[u32], usize) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let along_parents = V::DIRECTION == Direction::Parents;
        let Gather { to, count } = gather;
        let count = core::mem::take(count).min(GATHER);
        // What follows may branch on each, or exchange it, which waits for all before: so all are brought near first.
        let near = to[..count].iter().map(|number| self.bring(*number) ^ visitor.bring(*number));
        core::hint::black_box(near.fold(0, |near, brought| near ^ brought));
        let (mut kept, mut further) = (0, 0);
        for at in 0..count {
            let number = to[at];
            // An entry in a list is a link once its parent is linked.
            if along_parents && self.first(number) == UNKNOWN || !visitor.claim(number) {
                continue;
            }
            kept += 1;
            to[further % GATHER] = number;
            further += usize::from(along_parents || V::LEAVES || self.first(number) != NONE);
        }
        if kept == 0 { Ok(()) } else { keep(&to[..further.min(GATHER)], kept) }
    }
}
