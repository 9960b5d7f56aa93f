//! Made-up nodes, to measure a table: the same names, links and work in every engine, whoever computes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use dagvault_core::arena::Regions;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use dagvault_core::limits::WORKERS_MAX;
use dagvault_core::parallel;

use super::{Limits, Node, NodeTable, TableError};
use crate::graph::{Direction, Graph};

/// Most nodes of a case.
pub const NODES_MAX: u32 = 1 << 24;
/// Links of a node.
const LINKS: u32 = 3;
/// Names that a worker makes and works on at a time.
const BATCH: u32 = 256;
/// Parts of the numbers for each worker: who is done sooner takes more.
const PARTS: usize = 32;

/// What is done to the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// A new, empty table.
    Begin,
    /// Inserts every name.
    Insert,
    /// Finds every name, in another order.
    Find,
    /// Links every node to three others that come later.
    Link,
    /// Finds what the first node reaches.
    Reach,
}

impl TryFrom<u32> for Work {
    type Error = StoreError;

    fn try_from(number: u32) -> Result<Self, StoreError> {
        let all = [Self::Begin, Self::Insert, Self::Find, Self::Link, Self::Reach];
        let unknown = || StoreError::new(StoreErrorKind::Misuse, "unknown work on a table");
        all.get(number as usize).copied().ok_or_else(unknown)
    }
}

/// A table of made-up nodes.
#[derive(Debug)]
pub struct Case {
    table: NodeTable,
    count: u32,
    random: u64,
}

/// A step of `SplitMix64`, as published by Steele, Lea and Flood.
fn mixed(state: u64) -> u64 {
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// The name of a node: no bit of it can be told from another's.
fn name(number: u32) -> Cid {
    let mut cid = Cid([0; 32]);
    for (at, part) in (0_u64..).zip(cid.0.chunks_exact_mut(8)) {
        let word = mixed((u64::from(number) << 2 | at).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        part.copy_from_slice(&word.to_le_bytes());
    }
    cid
}

impl Case {
    /// An empty table for up to `count` names.
    ///
    /// # Errors
    /// `Limit` over [`NODES_MAX`], or if there is no memory.
    pub fn new(regions: &Arc<Regions>, random: u64, count: u32) -> Result<Self, StoreError> {
        if count > NODES_MAX {
            return Err(StoreError::new(StoreErrorKind::Limit, "a case has at most 2^24 nodes"));
        }
        Ok(Self { table: NodeTable::new(Some(regions), random, Limits::default())?, count, random })
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &NodeTable {
        &self.table
    }

    /// Works; answers how many nodes were inserted, found, linked, marked or cleared.
    ///
    /// # Errors
    /// As the table's.
    pub fn run(&mut self, regions: &Arc<Regions>, work: Work, workers: usize) -> Result<u64, StoreError> {
        let workers = workers.clamp(1, WORKERS_MAX);
        match work {
            Work::Begin => {
                self.table.reset(Some(regions), self.random)?;
                Ok(0)
            }
            Work::Insert => self.spread(workers, |case, numbers| case.insert(numbers)),
            Work::Find => self.spread(workers, |case, numbers| case.find(numbers)),
            Work::Link => self.spread(workers, |case, numbers| case.link(numbers)),
            Work::Reach => match self.table.find(&name(0)) {
                Some(root) => {
                    let found = Graph::new(&self.table, workers).reachable(&[root], Direction::Children);
                    found.map(|set| set.len()).map_err(|_| TableError::Memory.into())
                }
                None => Ok(0),
            },
        }
    }

    fn spread(
        &self,
        workers: usize,
        part: impl Fn(&Self, Range<u32>) -> Result<u64, TableError> + Sync,
    ) -> Result<u64, StoreError> {
        let parts = workers * PARTS;
        let size = self.count.div_ceil(u32::try_from(parts).unwrap_or(1)).max(1);
        let counts = parallel::map(parts, |at| {
            let from = u32::try_from(at).unwrap_or(u32::MAX).saturating_mul(size);
            part(self, from.min(self.count)..from.saturating_add(size).min(self.count))
        });
        counts.into_iter().try_fold(0, |sum, count| Ok(sum + count?))
    }

    fn batches(
        numbers: Range<u32>,
        name_of: impl Fn(u32) -> Cid,
        mut each: impl FnMut(Range<u32>, &[Cid]) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut names = Vec::with_capacity(BATCH as usize);
        for from in numbers.clone().step_by(BATCH as usize) {
            let part = from..from.saturating_add(BATCH).min(numbers.end);
            names.clear();
            names.extend(part.clone().map(&name_of));
            each(part, &names)?;
        }
        Ok(())
    }

    fn insert(&self, numbers: Range<u32>) -> Result<u64, TableError> {
        let (mut worker, mut count) = (self.table.worker(), 0);
        Self::batches(numbers, name, |_, names| worker.insert_many(names, |_, new| count += u64::from(new)))?;
        Ok(count)
    }

    fn find(&self, numbers: Range<u32>) -> Result<u64, TableError> {
        let mut count = 0;
        // Another order than that of insertion: by a stride.
        let other = |number: u32| {
            let spread = u64::from(number) * 0x9e37_79b1 % u64::from(self.count.max(1));
            name(u32::try_from(spread).unwrap_or(0))
        };
        Self::batches(numbers, other, |_, names| {
            self.table.find_many(names, |found| count += u64::from(found.is_some()));
            Ok(())
        })?;
        Ok(count)
    }

    /// Where a node's links lead: not far, or anywhere behind.
    fn targets(&self, number: u32) -> impl Iterator<Item = u32> {
        let behind = u64::from(self.count - 1 - number);
        (0..LINKS).filter(move |_| behind > 0).map(move |turn| {
            let draw = mixed(u64::from(number) << 2 | u64::from(turn)) % behind.min(1 << (8 * turn + 4));
            number + 1 + u32::try_from(draw).unwrap_or(0)
        })
    }

    fn link(&self, numbers: Range<u32>) -> Result<u64, TableError> {
        let (mut worker, mut count) = (self.table.worker(), 0);
        let (mut names, mut nodes): (Vec<Cid>, Vec<Option<Node>>) = (Vec::new(), Vec::new());
        for number in numbers {
            names.clear();
            nodes.clear();
            names.push(name(number));
            names.extend(self.targets(number).map(name));
            self.table.find_many(&names, |node| nodes.push(node));
            let all: Vec<Node> = nodes.iter().flatten().copied().collect();
            if let Some((parent, children)) = all.split_first().filter(|_| all.len() == names.len()) {
                count += u64::from(worker.link(*parent, children)?);
            }
        }
        Ok(count)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_done_by_any_number_of_workers() {
        let regions = Regions::allocate();
        let count = if cfg!(miri) { 60 } else { 30_000 };
        let mut case = Case::new(&regions, 3, count).unwrap();
        let mut reached = Vec::new();
        for workers in [1, 2, 5] {
            let pool = parallel::Workers::new(if cfg!(miri) { 1 } else { workers }).unwrap();
            pool.scope(|| {
                let mut run = |work| case.run(&regions, work, workers).unwrap();
                assert_eq!(run(Work::Begin), 0);
                assert_eq!(run(Work::Find), 0);
                assert_eq!(run(Work::Insert), u64::from(count));
                assert_eq!(run(Work::Insert), 0);
                assert_eq!(run(Work::Find), u64::from(count));
                assert_eq!(run(Work::Link), u64::from(count));
                reached.push(run(Work::Reach));
            });
        }
        assert!(
            reached.iter().all(|times| times == &reached[0] && *times > u64::from(count) / 2),
            "{reached:?}"
        );
        assert!(Case::new(&regions, 3, NODES_MAX + 1).is_err());
        assert!(Work::try_from(5).is_err());
    }
}
