//! Levels: how many links the longest way to each node has, found by Kahn's algorithm.
//!
//! First each node's links are counted at their far ends. Nodes that no link leads to are the first level; its links
//! are taken away, and nodes to which none is left are the next. What is left at the end is in a circle, or behind one.

use alloc::vec::Vec;
use core::ops::Range;

use dagvault_core::parallel;
use dagvault_core::slab::Slab;
use dagvault_core::sync::{AtomicU32, Ordering};

use super::marks::Marks;
use super::{Graph, GraphError, NodeSet, PARTS};
use crate::table::atomic::{Atomic as _, Brought};
use crate::table::edges::{NONE, UNKNOWN};
use crate::table::links::{BATCH, FEW, Gather, Near, Sight, Visitor};
use crate::table::share::extend;
use crate::table::{Direction, Node, TableError};

/// It is a node that takes part.
const THERE: u8 = 1;
/// Its links were known when they were counted, and are counted.
const LINKED: u8 = 2;
/// The number is none of those that take part.
const OUTSIDE: u8 = 4;

/// Nodes of a level that one worker takes at a time: less is not worth while.
const SHARE: usize = if cfg!(test) { 40 } else { 4096 };

/// A graph whose links are counted.
pub(super) struct Counted<'t> {
    pub(super) graph: Graph<'t>,
    sight: Sight<'t>,
    marks: Marks,
    /// Links to each node that were not taken yet.
    pending: Slab<AtomicU32>,
    /// Nodes that no link leads to, by number.
    sources: Vec<u32>,
    nodes: u64,
}

/// A graph without circles: its nodes by level, and on one level by number.
#[derive(Debug)]
pub(super) struct Levels {
    pub(super) order: Vec<u32>,
    /// Where in `order` each level ends.
    pub(super) ends: Vec<u32>,
}

impl<'t> Counted<'t> {
    /// Counts the links of the table's nodes, or of those in a set.
    pub(super) fn new(graph: Graph<'t>, within: Option<&NodeSet>) -> Result<Self, GraphError> {
        let sight = graph.table.sight();
        let numbers = sight.numbers();
        let marks = Marks::new(numbers)?;
        let pending = Slab::zeroed(numbers as usize).ok_or(GraphError::Memory)?;
        graph.parts(numbers, PARTS, |part| admit(&sight, &marks, within, part));
        let mut counted = Self { graph, sight, marks, pending, sources: Vec::new(), nodes: 0 };
        for part in graph.parts(numbers, 1, |part| counted.count(part)) {
            let (found, count) = part?;
            counted.nodes += count;
            if counted.sources.is_empty() {
                counted.sources = found;
            } else {
                extend(&mut counted.sources, &found)?;
            }
        }
        Ok(counted)
    }

    /// Counts the links to some numbers; answers those that none leads to, and how many of the numbers are nodes.
    ///
    /// Each worker looks at all links, in the order in which they lie there, and counts those to its own numbers. That
    /// is faster than to exchange each count with others.
    fn count(&self, own: Range<u32>) -> Result<(Vec<u32>, u64), TableError> {
        let mut near = self.sight.near();
        let mine = &self.pending[own.start as usize..own.end as usize];
        self.sight.each_first(0..self.numbers(), |number, first| {
            if first > NONE && self.is_linked(number) {
                near.each(first, |child| {
                    if let Some(place) = mine.get(child.wrapping_sub(own.start) as usize) {
                        place.put(place.read(Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        let (mut sources, mut nodes) = (Vec::new(), 0);
        for (number, place) in own.zip(mine) {
            let (marks, links) = (self.marks.get(number), place.read(Ordering::Relaxed));
            if marks & OUTSIDE != 0 {
                // It will wrap, and never be the last link that is taken.
                place.put(0);
            } else if marks & THERE != 0 || links > 0 {
                nodes += 1;
                // A node may have been added after it was looked for, and is linked to all the same.
                self.marks.set(number, THERE);
                if links == 0 {
                    extend(&mut sources, &[number])?;
                }
            }
        }
        Ok((sources, nodes))
    }

    /// Numbers that it looks at.
    pub(super) fn numbers(&self) -> u32 {
        self.sight.numbers()
    }

    /// Whether a number is that of a node that takes part.
    pub(super) fn is_there(&self, number: u32) -> bool {
        self.marks.get(number) & THERE != 0
    }

    /// Whether a node's links count.
    #[inline]
    pub(super) fn is_linked(&self, number: u32) -> bool {
        self.marks.get(number) & LINKED != 0
    }

    /// How many links lead to a node, less those that were taken.
    pub(super) fn links_to(&self, number: u32) -> u32 {
        self.pending.get(number as usize).map_or(0, |place| place.read(Ordering::Relaxed))
    }

    /// How many nodes no link leads to.
    pub(super) fn sources(&self) -> u64 {
        self.sources.len() as u64
    }

    /// What its links lead to.
    pub(super) fn near(&self) -> Near<'_, 't> {
        self.sight.near()
    }

    /// Finds the levels.
    pub(super) fn levels(&mut self) -> Result<Levels, GraphError> {
        let (mut order, mut ends) = (core::mem::take(&mut self.sources), Vec::new());
        let room = usize::try_from(self.nodes).map_err(|_| GraphError::Memory)?;
        order.try_reserve_exact(room - order.len()).map_err(|_| GraphError::Memory)?;
        let (mut near, mut gather, mut from) = (self.near(), Gather::new(), 0);
        while from < order.len() {
            let to = order.len();
            extend(&mut ends, &[u32::try_from(to).map_err(|_| GraphError::Memory)?])?;
            match to - from {
                ..FEW => self.take_few(&mut near, from, &mut order)?,
                FEW..SHARE => self.take_many(&mut gather, from..to, &mut order)?,
                _ => self.share(from..to, &mut order)?,
            }
            order[to..].sort_unstable();
            from = to;
        }
        if (order.len() as u64) < self.nodes {
            return Err(GraphError::Cycle(super::cycle::find(self)?));
        }
        Ok(Levels { order, ends })
    }

    fn taking(&self, alone: bool) -> Taking<'_> {
        Taking { marks: &self.marks, pending: &self.pending, alone }
    }

    /// Takes the links of the nodes from `from` on in `order`, and adds the next level there.
    #[inline]
    fn take_few(&self, near: &mut Near<'_, 't>, from: usize, order: &mut Vec<u32>) -> Result<(), TableError> {
        let taking = self.taking(true);
        let mut result = Ok(());
        for at in from..order.len() {
            let number = order[at];
            if self.is_linked(number) {
                let first = near.first(number);
                near.each(first, |child| {
                    if taking.claim(child) {
                        result = result.and(extend(order, &[child]));
                    }
                });
            }
        }
        result
    }

    /// As `take_few`, many at a time.
    fn take_many(
        &self,
        gather: &mut Gather,
        level: Range<usize>,
        order: &mut Vec<u32>,
    ) -> Result<(), TableError> {
        let taking = self.taking(true);
        let mut batch = [0; BATCH];
        for from in level.clone().step_by(BATCH) {
            let part = &order[from..level.end.min(from + BATCH)];
            let count = part.len();
            batch[..count].copy_from_slice(part);
            self.sight.visit(taking, gather, &batch[..count], |numbers, _| extend(order, numbers))?;
        }
        Ok(())
    }

    /// As `take_few`, on all workers.
    fn share(&self, level: Range<usize>, order: &mut Vec<u32>) -> Result<(), TableError> {
        if self.graph.workers == 1 {
            return self.take_many(&mut Gather::new(), level, order);
        }
        let taking = self.taking(false);
        let parts: Vec<&[u32]> = order[level].chunks(SHARE / 4).collect();
        let found = parallel::map(parts.len(), |turn| {
            let (mut found, mut gather) = (Vec::new(), Gather::new());
            for batch in parts[turn].chunks(BATCH) {
                self.sight.visit(taking, &mut gather, batch, |numbers, _| extend(&mut found, numbers))?;
            }
            Ok(found)
        });
        found.into_iter().try_for_each(|part| extend(order, &part?))
    }
}

/// Takes links away.
#[derive(Clone, Copy)]
struct Taking<'c> {
    marks: &'c Marks,
    pending: &'c [AtomicU32],
    /// Whether one worker does it, which then needs no exchanges.
    alone: bool,
}

impl Visitor for Taking<'_> {
    const DIRECTION: Direction = Direction::Children;
    const LEAVES: bool = true;

    #[inline]
    fn open(&self, number: u32, _: bool) -> bool {
        self.marks.get(number) & LINKED != 0
    }

    #[inline]
    fn bring(&self, to: u32) -> Brought {
        self.pending.get(to as usize).map_or(0, |place| place.bring())
    }

    #[inline]
    fn claim(&self, to: u32) -> bool {
        let Some(place) = self.pending.get(to as usize) else { return false };
        if !self.alone {
            return place.sub(1, Ordering::Relaxed) == 1;
        }
        let left = place.read(Ordering::Relaxed).wrapping_sub(1);
        place.put(left);
        left == 0
    }
}

/// Says which numbers take part, and which of them are linked.
fn admit(sight: &Sight<'_>, marks: &Marks, within: Option<&NodeSet>, numbers: Range<u32>) {
    sight.each_first(numbers, |number, first| {
        let outside = within.is_some_and(|within| !within.contains(Node::from_number(number)));
        if outside {
            marks.replace(number, OUTSIDE);
        } else if first != UNKNOWN {
            marks.replace(number, THERE | LINKED);
        } else if sight.is_live(number) {
            marks.replace(number, THERE);
        }
    });
}
