//! A byte of marks for each number, and sets made of it.
//!
//! Bytes, for workers write them without an exchange: a mark is read, and stored if it was not there. Two that come at
//! once both believe to be first and go on from the node twice, which harms nothing; counts are made from the marks.

use alloc::vec::Vec;

use dagvault_core::parallel;
use dagvault_core::slab::Slab;
use dagvault_core::sync::{AtomicU8, AtomicU32, Ordering};

use super::GraphError;
use crate::table::atomic::{Atomic as _, Brought};
use crate::table::links::Visitor;
use crate::table::{Direction, Node};

/// Marks of numbers.
#[derive(Debug)]
pub(super) struct Marks(Slab<AtomicU8>);

impl Marks {
    /// None, for so many numbers.
    pub(super) fn new(numbers: u32) -> Result<Self, GraphError> {
        Slab::zeroed(numbers as usize).map(Self).ok_or(GraphError::Memory)
    }

    /// How many numbers it has.
    pub(super) fn numbers(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// The marks of a number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> u8 {
        get(&self.0, number)
    }

    /// Sets a mark; answers whether it was not there. A number that is beyond has no marks. Only one kind of mark is
    /// set at a time, so that no other is lost.
    #[inline]
    pub(super) fn set(&self, number: u32, mark: u8) -> bool {
        set(&self.0, number, mark)
    }

    /// Puts other marks in place of a number's.
    #[inline]
    pub(super) fn replace(&self, number: u32, marks: u8) {
        if let Some(place) = self.0.get(number as usize) {
            place.put(marks);
        }
    }

    /// The nodes whose marks, of those in `mask`, are these, by number.
    pub(super) fn nodes(&self, mask: u8, marks: u8) -> impl Iterator<Item = Node> + '_ {
        (0..)
            .zip(self.0.iter())
            .filter(move |(_, place)| place.read(Ordering::Relaxed) & mask == marks)
            .map(|(number, _)| Node::from_number(number))
    }
}

/// A search along children.
#[derive(Clone, Copy)]
pub(super) struct Down<'m> {
    marks: &'m [AtomicU8],
    mark: u8,
    unlinked: &'m AtomicU32,
}

/// A search along parents.
#[derive(Clone, Copy)]
pub(super) struct Up<'m> {
    marks: &'m [AtomicU8],
    mark: u8,
}

/// The smallest number that a search met whose children are unknown.
pub(super) struct Unlinked(AtomicU32);

impl Unlinked {
    /// None so far.
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(u32::MAX))
    }

    /// The node.
    pub(super) fn node(&self) -> Option<Node> {
        let number = self.0.read(Ordering::Relaxed);
        (number != u32::MAX).then(|| Node::from_number(number))
    }
}

impl<'m> Down<'m> {
    pub(super) fn new(marks: &'m Marks, mark: u8, unlinked: &'m Unlinked) -> Self {
        Self { marks: &marks.0, mark, unlinked: &unlinked.0 }
    }

    #[cold]
    fn note_unlinked(&self, number: u32) {
        let mut least = self.unlinked.read(Ordering::Relaxed);
        while number < least {
            match self.unlinked.change(least, number, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => least = now,
            }
        }
    }
}

impl<'m> Up<'m> {
    pub(super) fn new(marks: &'m Marks, mark: u8) -> Self {
        Self { marks: &marks.0, mark }
    }
}

#[inline]
fn get(marks: &[AtomicU8], number: u32) -> u8 {
    marks.get(number as usize).map_or(0, |place| place.read(Ordering::Relaxed))
}

#[inline]
fn set(marks: &[AtomicU8], number: u32, mark: u8) -> bool {
    let Some(place) = marks.get(number as usize) else { return false };
    let now = place.read(Ordering::Relaxed);
    if now & mark != 0 {
        return false;
    }
    place.put(now | mark);
    true
}

impl Visitor for Down<'_> {
    const DIRECTION: Direction = Direction::Children;
    const LEAVES: bool = false;

    #[inline]
    fn open(&self, number: u32, linked: bool) -> bool {
        if !linked {
            self.note_unlinked(number);
        }
        linked
    }

    #[inline]
    fn bring(&self, to: u32) -> Brought {
        self.marks.get(to as usize).map_or(0, |place| place.bring())
    }

    #[inline]
    fn claim(&self, to: u32) -> bool {
        set(self.marks, to, self.mark)
    }
}

impl Visitor for Up<'_> {
    const DIRECTION: Direction = Direction::Parents;
    const LEAVES: bool = false;

    #[inline]
    fn open(&self, _: u32, _: bool) -> bool {
        true
    }

    #[inline]
    fn bring(&self, to: u32) -> Brought {
        self.marks.get(to as usize).map_or(0, |place| place.bring())
    }

    #[inline]
    fn claim(&self, to: u32) -> bool {
        set(self.marks, to, self.mark)
    }
}

/// A set of nodes.
#[derive(Debug)]
pub struct NodeSet {
    pub(super) marks: Marks,
    pub(super) count: u64,
    pub(super) unlinked: Option<Node>,
}

/// The mark of those in a set.
const IN: u8 = 1;

impl NodeSet {
    /// Whether a node is in it.
    #[inline]
    #[must_use]
    pub fn contains(&self, node: Node) -> bool {
        self.marks.get(node.number()) == IN
    }

    /// How many nodes are in it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether no node is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its nodes, by number.
    pub fn iter(&self) -> impl Iterator<Item = Node> + '_ {
        self.marks.nodes(IN, IN)
    }

    /// Of its nodes whose children were asked for and are unknown, that with the smallest number.
    #[must_use]
    pub fn unlinked(&self) -> Option<Node> {
        self.unlinked
    }
}

/// Marks that are counted at a time: the sum of each bit fits into a byte.
const COUNTED: usize = 128;
/// Numbers whose marks one worker counts sooner than another thread wakes.
const COUNTED_ALONE: usize = 4 << 20;

/// How many numbers have each combination of the first two marks.
pub(super) fn counts(marks: &mut Marks) -> [u64; 4] {
    let numbers = u64::from(marks.numbers());
    let mut parts: Vec<_> = marks.0.chunks_mut(COUNTED_ALONE).map(Some).collect();
    let parts = parallel::map_take(&mut parts, |part| {
        part.chunks_mut(COUNTED).fold([0; 3], |sums, few| {
            let mut sum = |of: fn(u8) -> u8| few.iter_mut().fold(0, |sum, place| sum + of(place.plain()));
            let few =
                [sum(|marks| marks & 1), sum(|marks| marks >> 1 & 1), sum(|marks| marks & marks >> 1 & 1)];
            [0, 1, 2].map(|at| sums[at] + u64::from(few[at]))
        })
    });
    let [first, second, both] =
        parts.into_iter().fold([0; 3], |sums, part: [u64; 3]| [0, 1, 2].map(|at| sums[at] + part[at]));
    [numbers + both - first - second, first - both, second - both, both]
}
