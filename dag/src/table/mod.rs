//! The node table: which blocks there are and how they are linked, for all workers at once and without locks.
//!
//! `docs/dag.md` explains it with a picture. In short: an index of 4-byte cells leads from names to dense node
//! numbers; a number is a slot of 32 bytes, in the DAG region for the first 262,144 and in segments on the heap from
//! there on; edges lie in an arena beside. Slots, edges and index cells never move and are written once, but for
//! counts and flags, so a reader needs no lock, and a worker that dies leaves nothing half done that others see.

pub(crate) mod atomic;
mod budget;
pub mod case;
mod deque;
pub(crate) mod edges;
mod index;
mod limits;
pub(crate) mod links;
mod nodes;
pub(crate) mod share;
mod stats;
mod worker;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use dagvault_core::arena::Regions;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use dagvault_core::slab::OnceBox;
use dagvault_core::sync::{AtomicU32, Ordering};

use atomic::Atomic as _;
use budget::Budget;
use edges::{Edges, UNKNOWN};
use index::{Index, Seen};
use limits::{FIRST_BITS, GENERATIONS};
use nodes::{COUNTS, LIVE, Nodes, STATE, USER_FLAG};
use worker::{Leftovers, Look};

pub use limits::NODES_MAX;
pub use links::Direction;
pub use stats::Stats;
pub use worker::Worker;

/// Why the table did not do what it was asked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TableError {
    /// It has as many nodes, or edges, as it may have.
    Full,
    /// There is no memory for more, or none that it may use.
    Memory,
    /// A node was given other children than before: two blocks under one name.
    OtherChildren,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the node table is full",
            Self::Memory => "there is no memory for more nodes",
            Self::OtherChildren => "a node was given other children than before",
        })
    }
}

impl core::error::Error for TableError {}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        let kind = match error {
            TableError::Full => StoreErrorKind::Limit,
            TableError::Memory => StoreErrorKind::Memory,
            TableError::OtherChildren => StoreErrorKind::Corrupt,
        };
        Self::new(kind, error.to_string())
    }
}

/// A node of a table: a number below [`NodeTable::numbers`], dense, so that arrays can be indexed by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Node(u32);

impl Node {
    /// The node of a number, if it is one.
    #[inline]
    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// One of the flags that a user of the table may set on a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flag(u64);

impl Flag {
    /// Flags that there are.
    pub const COUNT: u32 = 14;

    /// Flag `number`, below [`Flag::COUNT`].
    ///
    /// # Panics
    /// If there is no such flag.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        assert!(number < Self::COUNT, "a slot has 14 flags for users");
        Self(USER_FLAG << number)
    }
}

/// What a table may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most numbers of nodes, at most [`NODES_MAX`]. Several workers may be refused a few earlier: each holds up to 63
    /// unused numbers.
    pub nodes_max: u32,
    /// Most bytes of memory beside the DAG region.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nodes_max: NODES_MAX, bytes_max: usize::MAX }
    }
}

/// What is known of a node, as of one moment but for the parents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// Parents by links: never fewer than there are. More only while a link is under way or if its worker died.
    pub parents: u32,
    /// Children; `None` while they are unknown.
    pub children: Option<u32>,
    /// Changes of flags and links since the node was made, modulo 2^16.
    pub version: u16,
}

/// Names of blocks with their links.
pub struct NodeTable {
    nodes: Nodes,
    edges: Edges,
    indexes: Box<[OnceBox<Index>]>,
    /// The generation where looks begin: all before it have been moved to it.
    current: AtomicU32,
    /// Numbers given out.
    numbers: AtomicU32,
    free_numbers: Leftovers,
    free_words: Leftovers,
    budget: Budget,
    limits: Limits,
}

/// The ordering that makes a node visible: release, so that whoever finds its number finds its name. A model plants a
/// wrong one, to see that it is found.
#[inline(always)]
fn publish_order() -> Ordering {
    #[cfg(all(test, loom))]
    if tests::model::PLANTED.get() {
        return Ordering::Relaxed;
    }
    Ordering::Release
}

impl NodeTable {
    /// An empty table; its first slots are the DAG region of `regions` if that is free. `random` must be a number
    /// that nobody who makes up names can know.
    ///
    /// # Errors
    /// `Memory` if there is none for the smallest table.
    pub fn new(regions: Option<&Arc<Regions>>, random: u64, limits: Limits) -> Result<Self, TableError> {
        let table = Self {
            nodes: Nodes::new(random),
            edges: Edges::new(),
            indexes: (0..GENERATIONS).map(|_| OnceBox::new()).collect(),
            current: AtomicU32::new(0),
            numbers: AtomicU32::new(0),
            free_numbers: Leftovers::new(),
            free_words: Leftovers::new(),
            budget: Budget::new(limits.bytes_max),
            limits: Limits { nodes_max: limits.nodes_max.min(NODES_MAX), ..limits },
        };
        table.nodes.begin(regions, &table.budget)?;
        table.add_index(0)?;
        Ok(table)
    }

    /// A worker at this table.
    pub fn worker(&self) -> Worker<'_> {
        Worker::new(self)
    }

    #[inline]
    fn generation(&self) -> u32 {
        // Acquire: with `help`, finds all that was moved.
        self.current.read(Ordering::Acquire)
    }

    #[inline]
    fn index(&self, generation: u32) -> &Index {
        self.indexes[generation as usize].get().expect("an index that was made")
    }

    #[inline]
    fn has_next(&self, generation: u32) -> bool {
        self.indexes.get(generation as usize + 1).is_some_and(|next| next.get().is_some())
    }

    fn add_index(&self, generation: u32) -> Result<(), TableError> {
        let place = self.indexes.get(generation as usize).ok_or(TableError::Full)?;
        let bits = FIRST_BITS + generation;
        let mut failed = None;
        let made = self.budget.take(Index::bytes(bits), || {
            let mine = Index::new(bits).map(Box::new).map_err(|error| failed = Some(error)).ok()?;
            let address = core::ptr::from_ref(&*mine);
            Some(core::ptr::eq(place.set(mine), address))
        });
        made.map_err(|error| failed.unwrap_or(error))
    }

    /// Makes the index after that of `generation`, unless another has.
    fn grow(&self, generation: u32) -> Result<(), TableError> {
        if self.has_next(generation) { Ok(()) } else { self.add_index(generation + 1) }
    }

    /// Moves a part of an index that has a successor.
    fn help(&self, generation: u32) {
        let carry = |hash, number| index::carry(|at| self.index(at), generation + 1, hash, number);
        if self.index(generation).help(&self.nodes, &carry) {
            // Release: who begins at the successor finds there all that was moved.
            let _ = self.current.change(generation, generation + 1, Ordering::AcqRel);
        }
    }

    fn take_numbers(&self, count: u32) -> Result<Range<u32>, TableError> {
        let mut from = self.numbers.read(Ordering::Relaxed);
        loop {
            let to = from.saturating_add(count).min(self.limits.nodes_max);
            if to <= from {
                return Err(TableError::Full);
            }
            match self.numbers.change(from, to, Ordering::Relaxed) {
                Ok(_) => return Ok(from..to),
                Err(now) => from = now,
            }
        }
    }

    /// The node of a name.
    #[inline]
    #[must_use]
    pub fn find(&self, cid: &Cid) -> Option<Node> {
        self.find_from(&self.look(cid))
    }

    #[inline]
    fn find_from(&self, look: &Look) -> Option<Node> {
        let Look { key, mut generation, mut probe } = *look;
        loop {
            match self.index(generation).look(&self.nodes, &key, probe) {
                Seen::Node(number) => {
                    // Its worker may not have got this far, and never may: then it is us who add the node.
                    self.nodes.set(number, LIVE);
                    return Some(Node(number));
                }
                Seen::Vacant(_) => return None,
                Seen::Sealed => {
                    generation += 1;
                    probe = self.index(generation).start(key.hash);
                }
            }
        }
    }

    /// The name of a node.
    #[must_use]
    pub fn cid(&self, node: Node) -> Cid {
        self.nodes.cid(node.0)
    }

    /// Numbers given out so far; every node's is below.
    #[must_use]
    pub fn numbers(&self) -> u32 {
        self.numbers.read(Ordering::Relaxed)
    }

    /// Bytes allocated, slots in the DAG region not counted.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.budget.used()
    }

    /// The nodes with numbers in a range; workers share an iteration by sharing the numbers. A node that is added
    /// meanwhile may be missed.
    pub fn nodes(&self, numbers: Range<u32>) -> impl Iterator<Item = Node> + '_ {
        let end = numbers.end.min(self.numbers());
        (numbers.start..end).filter(|number| self.state(*number) & LIVE != 0).map(Node)
    }

    fn state(&self, number: u32) -> u64 {
        // Numbers are given out before their slots are there.
        if self.nodes.has(number) { self.nodes.slot(number)[STATE].read(Ordering::Acquire) } else { 0 }
    }

    /// The children of a node in the order of its links; `None` while they are unknown.
    #[inline]
    pub fn children(&self, node: Node) -> Option<impl ExactSizeIterator<Item = Node> + '_> {
        let first = self.nodes.first(node.0).read(Ordering::Acquire);
        (first != UNKNOWN).then(|| {
            let count = halves(self.nodes.slot(node.0)[COUNTS].read(Ordering::Relaxed)).1;
            self.edges.read(first, count).map(Node)
        })
    }

    /// The parents of a node, by number, each once.
    #[must_use]
    pub fn parents(&self, node: Node) -> Vec<Node> {
        let mut parents: Vec<_> = self.parents_listed(node).collect();
        parents.sort_unstable();
        parents.dedup();
        parents.into_iter().map(Node).collect()
    }

    /// The numbers of the parents of a node as they are listed: the newest first, and perhaps more than once.
    pub(crate) fn parents_listed(&self, node: Node) -> impl Iterator<Item = u32> + '_ {
        // An edge is there when its parent is linked: it is put into the list before.
        let list = self.edges.list(self.nodes.head(node.0));
        list.filter(|parent| self.nodes.first(*parent).read(Ordering::Acquire) != UNKNOWN)
    }

    /// Whether the children of a node are these.
    fn same_children(&self, node: Node, children: &[Node]) -> Result<bool, TableError> {
        let same = self.children(node).is_some_and(|there| there.eq(children.iter().copied()));
        if same { Ok(false) } else { Err(TableError::OtherChildren) }
    }

    /// Sets a flag; answers whether it was clear, which of several workers one is told.
    #[inline]
    pub fn set(&self, node: Node, flag: Flag) -> bool {
        self.nodes.set(node.0, flag.0)
    }

    /// Clears a flag; answers whether it was set, which of several workers one is told.
    pub fn clear(&self, node: Node, flag: Flag) -> bool {
        self.nodes.clear(node.0, flag.0)
    }

    /// Whether a flag is set.
    #[inline]
    #[must_use]
    pub fn is_set(&self, node: Node, flag: Flag) -> bool {
        self.nodes.slot(node.0)[STATE].read(Ordering::Acquire) & flag.0 != 0
    }

    /// Counts and version of a node.
    #[must_use]
    pub fn view(&self, node: Node) -> View {
        let slot = self.nodes.slot(node.0);
        let linked = self.nodes.first(node.0).read(Ordering::Acquire) != UNKNOWN;
        let state = slot[STATE].read(Ordering::Acquire);
        // The count of children stands before the node is linked and never changes after.
        let (parents, children) = halves(slot[COUNTS].read(Ordering::Acquire));
        let version = (state >> 48) as u16;
        View { parents, children: linked.then_some(children), version }
    }

    /// Finishes what growth has begun and frees the indexes that it left behind: between phases, when no worker is at
    /// the table.
    pub fn settle(&mut self) {
        while self.has_next(self.generation()) {
            self.help(self.generation());
        }
        for generation in 0..self.generation() {
            if self.indexes[generation as usize].take().is_some() {
                self.budget.give_back(Index::bytes(FIRST_BITS + generation));
            }
        }
    }

    /// Empties the table, which keeps its limits; `random` as in [`NodeTable::new`].
    ///
    /// # Errors
    /// `Memory` if there is none for the smallest table; the old one is gone nevertheless.
    pub fn reset(&mut self, regions: Option<&Arc<Regions>>, random: u64) -> Result<(), TableError> {
        // Without numbers nothing is left to be reached; and the region must be free before it is taken again.
        *self = Self::new(None, random, self.limits)?;
        if regions.is_some() {
            *self = Self::new(regions, random, self.limits)?;
        }
        Ok(())
    }
}

/// The low and the high half of a word.
#[expect(clippy::cast_possible_truncation, reason = "each is a half")]
fn halves(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

impl Drop for NodeTable {
    fn drop(&mut self) {
        let numbers = self.numbers();
        self.nodes.set_dirty(numbers);
    }
}

impl fmt::Debug for NodeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeTable").field("numbers", &self.numbers()).finish_non_exhaustive()
    }
}
