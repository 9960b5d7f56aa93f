//! What a worker does to the table, and what it holds meanwhile: some numbers and edge words of its own, so that
//! workers meet at few places.
#![allow(unsafe_code, reason = "words that nobody else can reach yet are stored to plainly")]

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use dagvault_core::ids::Cid;
use dagvault_core::sync::{AtomicU64, Ordering};

use super::atomic::Atomic as _;
use super::edges::{MANY, NONE, ONLY, UNKNOWN};
use super::index::{Probe, Seen};
use super::limits::{LEFTOVERS, NUMBERS, WORDS};
use super::links::GATHER;
use super::nodes::{COUNTS, Key, LINKED, LIVE, STATE, VERSION};
use super::{Node, NodeTable, TableError};

/// Names that are looked for at once, so that the waits for memory overlap.
const BATCH: usize = 32;

/// How far a look for a name has come: every cell before this one is another's, for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    pub(super) key: Key,
    pub(super) generation: u32,
    pub(super) probe: Probe,
}

/// Ranges that workers took and did not use up.
#[derive(Debug)]
pub(super) struct Leftovers([AtomicU64; LEFTOVERS]);

impl Leftovers {
    pub(super) fn new() -> Self {
        Self(core::array::from_fn(|_| AtomicU64::new(0)))
    }

    #[expect(clippy::cast_possible_truncation, reason = "two halves")]
    fn take(&self) -> Option<Range<u32>> {
        self.0.iter().find(|place| place.read(Ordering::Relaxed) != 0).and_then(|place| {
            // Acquire: finds the memory of the range, which may be another's making.
            let found = place.replace(0, Ordering::Acquire);
            (found != 0).then_some(found as u32..(found >> 32) as u32)
        })
    }

    /// Where no place is free the range is lost: a hole in the numbers, and no harm.
    fn leave(&self, range: &Range<u32>) {
        let value = u64::from(range.end) << 32 | u64::from(range.start);
        if !range.is_empty() {
            let _ = self.0.iter().any(|place| place.change(0, value, Ordering::Release).is_ok());
        }
    }
}

/// One worker at a table. A thread or job makes its own.
pub struct Worker<'t> {
    table: &'t NodeTable,
    numbers: Range<u32>,
    words: Range<u32>,
}

impl<'t> Worker<'t> {
    pub(super) fn new(table: &'t NodeTable) -> Self {
        Self { table, numbers: 0..0, words: 0..0 }
    }

    /// The table that it works at.
    #[must_use]
    pub fn table(&self) -> &'t NodeTable {
        self.table
    }

    /// Finds the node of a name, or adds it; answers whether it is new.
    ///
    /// # Errors
    /// `Full` or `Memory` if there is no place for a new node; the table is as before.
    pub fn insert(&mut self, cid: &Cid) -> Result<(Node, bool), TableError> {
        self.insert_key(&self.table.look(cid))
    }

    /// As [`Worker::insert`] for many names, whose waits for memory overlap; hands out node and answer in their order.
    ///
    /// # Errors
    /// As `insert`, at the first that fails; those before it are in the table.
    pub fn insert_many(&mut self, cids: &[Cid], mut each: impl FnMut(Node, bool)) -> Result<(), TableError> {
        let mut looks = [Look::default(); BATCH];
        for batch in cids.chunks(BATCH) {
            self.bring_numbers(batch.len());
            for look in self.table.approach(batch, &mut looks, true) {
                let (node, new) = self.insert_key(look)?;
                each(node, new);
            }
        }
        Ok(())
    }

    fn insert_key(&mut self, look: &Look) -> Result<(Node, bool), TableError> {
        let (table, key) = (self.table, &look.key);
        let Look { mut generation, mut probe, .. } = *look;
        // Whether our next slot holds the name; nobody else looks at it before its number is in the index.
        let mut written = false;
        loop {
            let index = table.index(generation);
            match index.look(&table.nodes, key, probe) {
                Seen::Node(number) => {
                    table.nodes.set(number, LIVE);
                    return Ok((Node(number), false));
                }
                Seen::Sealed => {
                    table.help(generation);
                    generation += 1;
                    probe = table.index(generation).start(key.hash);
                }
                Seen::Vacant(at) => {
                    // Whatever this cell becomes, those before it never change.
                    probe = at;
                    if table.has_next(generation) {
                        index.seal(&at);
                        continue;
                    }
                    let number = self.number()?;
                    if number >= index.limit {
                        table.grow(generation)?;
                        continue;
                    }
                    if !written {
                        // SAFETY: the number is ours until we publish it.
                        unsafe { table.nodes.write(number, key) };
                        written = true;
                    }
                    if index.publish(&at, number) {
                        self.numbers.start += 1;
                        table.nodes.set(number, LIVE);
                        return Ok((Node(number), true));
                    }
                }
            }
        }
    }

    /// The number of our next node, whose slot is there.
    fn number(&mut self) -> Result<u32, TableError> {
        if self.numbers.is_empty() {
            let table = self.table;
            let range = match table.free_numbers.take() {
                Some(range) => range,
                None => table.take_numbers(NUMBERS)?,
            };
            if let Err(error) = table.nodes.ensure(range.end - 1, &table.budget) {
                table.free_numbers.leave(&range);
                return Err(error);
            }
            table.nodes.touch_ahead(&range);
            self.numbers = range;
        }
        Ok(self.numbers.start)
    }

    /// Brings near the slots of our next nodes, as far as we have their numbers.
    fn bring_numbers(&self, count: usize) {
        let near = self
            .numbers
            .clone()
            .take(count)
            .fold(0, |near, number| near ^ self.table.nodes.bring_to_write(number));
        core::hint::black_box(near);
    }

    /// `count` edge words that follow one another.
    fn words(&mut self, count: u32) -> Result<u32, TableError> {
        let table = self.table;
        if count > WORDS / 4 {
            return table.edges.take(count, &table.budget);
        }
        if (self.words.len() as u64) < u64::from(count) {
            // What is left is lost: less than a quarter of what was taken.
            self.words = match table.free_words.take().filter(|range| range.len() as u64 >= u64::from(count))
            {
                Some(range) => range,
                None => {
                    let from = table.edges.take(WORDS, &table.budget)?;
                    from..from + WORDS
                }
            };
        }
        self.words.start += count;
        Ok(self.words.start - count)
    }

    /// Says what the children of a node are, in their order; answers whether nobody had said so before.
    ///
    /// A name fixes what it names, so a node's children are said once, all at a time: whoever sees one of the new
    /// edges from any side sees all.
    ///
    /// # Errors
    /// `OtherChildren` if others were given before, `Full` or `Memory` if there is no place; the table answers as
    /// before.
    pub fn link(&mut self, parent: Node, children: &[Node]) -> Result<bool, TableError> {
        let table = self.table;
        let slot = table.nodes.slot(parent.0);
        let count = u32::try_from(children.len()).map_err(|_| TableError::Full)?;
        let first = table.nodes.first(parent.0);
        let there = first.read(Ordering::Acquire);
        if there != UNKNOWN {
            // Its worker may not have got this far, and never may.
            table.say_linked(parent, there);
            return table.same_children(parent, children);
        }
        // All who link this node agree on the count first, so that it stands when the edges appear.
        let mut counts = slot[COUNTS].read(Ordering::Relaxed);
        while counts >> 32 != u64::from(count) {
            if counts >> 32 != 0 {
                return Err(TableError::OtherChildren);
            }
            match slot[COUNTS].change(counts, counts | u64::from(count) << 32, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => counts = now,
            }
        }
        let mine = match children {
            [] => NONE,
            [only] => ONLY | only.0,
            _ => {
                let at = self.words(count)?;
                // SAFETY: `words` gave these to us alone, and the node does not name them yet.
                unsafe { table.edges.write(at, count, children.iter().map(|child| child.0)) };
                if children.len() > GATHER { at | MANY } else { at }
            }
        };
        for (done, child) in children.iter().enumerate() {
            table.nodes.slot(child.0)[COUNTS].add(1, Ordering::Relaxed);
            // SAFETY: `words` gives us words that nobody else has.
            let pushed = unsafe { table.edges.push(table.nodes.head(child.0), parent.0, || self.words(2)) };
            if let Err(error) = pushed {
                uncount(table, &children[..=done]);
                return Err(error);
            }
        }
        // Release: who finds where the children begin finds them written and the node in their lists.
        match first.change(UNKNOWN, mine, Ordering::AcqRel) {
            Ok(_) => {
                table.say_linked(parent, mine);
                Ok(true)
            }
            Err(there) => {
                table.say_linked(parent, there);
                uncount(table, children);
                table.same_children(parent, children)
            }
        }
    }
}

/// Takes back what a link that did not come about has counted.
fn uncount(table: &NodeTable, children: &[Node]) {
    for child in children {
        table.nodes.slot(child.0)[COUNTS].sub(1, Ordering::Relaxed);
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        self.table.free_numbers.leave(&self.numbers);
        self.table.free_words.leave(&self.words);
    }
}

impl fmt::Debug for Worker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("numbers", &self.numbers).field("words", &self.words).finish()
    }
}

impl NodeTable {
    /// Says in the slot of a node that it is linked, and where its children are.
    fn say_linked(&self, node: Node, first: u32) {
        let place = &self.nodes.slot(node.0)[STATE];
        let mut state = place.read(Ordering::Acquire);
        while state & LINKED == 0 {
            let linked = (state | u64::from(first & !MANY) | LINKED).wrapping_add(VERSION);
            match place.change(state, linked, Ordering::AcqRel) {
                Ok(_) => break,
                Err(now) => state = now,
            }
        }
    }

    /// A look for a name, before its first step.
    #[inline]
    pub(super) fn look(&self, cid: &Cid) -> Look {
        let (generation, key) = (self.generation(), self.nodes.seed.key(cid));
        Look { probe: self.index(generation).start(key.hash), generation, key }
    }

    /// Looks for names as far as it goes without waiting for memory: brings near what is needed next, for all, and only
    /// then uses it. `to_add` says that what is not there will be added.
    #[inline]
    pub(super) fn approach<'l>(
        &self,
        cids: &[Cid],
        looks: &'l mut [Look; BATCH],
        to_add: bool,
    ) -> &'l [Look] {
        let (generation, mut near) = (self.generation(), 0);
        let index = self.index(generation);
        let looks = &mut looks[..cids.len().min(BATCH)];
        for (cid, look) in cids.iter().zip(looks.iter_mut()) {
            let key = self.nodes.seed.key(cid);
            *look = Look { probe: index.start(key.hash), generation, key };
            near ^= index.bring(&look.probe, to_add);
        }
        for look in looks.iter_mut() {
            near ^= index.approach(&self.nodes, &mut look.probe);
        }
        core::hint::black_box(near);
        looks
    }

    /// Finds the nodes of many names, whose waits for memory overlap; hands them out in their order.
    pub fn find_many(&self, cids: &[Cid], mut each: impl FnMut(Option<Node>)) {
        let mut looks = [Look::default(); BATCH];
        for batch in cids.chunks(BATCH) {
            self.approach(batch, &mut looks, false).iter().for_each(|look| each(self.find_from(look)));
        }
    }

    /// The nodes of names, or `None` where one is unknown.
    #[must_use]
    pub fn find_all(&self, cids: &[Cid]) -> Option<Vec<Node>> {
        let mut found = Vec::with_capacity(cids.len());
        self.find_many(cids, |node| found.extend(node));
        (found.len() == cids.len()).then_some(found)
    }
}
