//! Who takes part.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use anyhow::Result;
use dagvault_core::ids::Cid;
use dagvault_dag::table::{Limits, NodeTable};

/// What everybody does: each answers how many names it inserted or found.
pub(crate) trait Table: Sync {
    /// Inserts names.
    fn insert(&self, names: &[Cid]) -> usize;
    /// Looks for names.
    fn find(&self, names: &[Cid]) -> usize;
}

/// Makes an empty table.
type Make = fn() -> Result<Box<dyn Table>>;

/// Everybody.
pub(crate) const CONTENDERS: [(&str, Make); 5] = [
    ("node table", || Ok(Box::new(One(empty()?)))),
    ("node table, many at a time", || Ok(Box::new(Many(empty()?)))),
    ("dashmap", || Ok(Box::new(dashmap::DashMap::<Key, Record, Hashing>::default()))),
    ("papaya", || Ok(Box::new(papaya::HashMap::<Key, Record, Hashing>::default()))),
    ("scc", || Ok(Box::new(scc::HashMap::<Key, Record, Hashing>::default()))),
];

fn empty() -> Result<NodeTable> {
    Ok(NodeTable::new(None, 0x1234_5678_9abc_def0, Limits::default())?)
}

/// The node table, a name at a time.
struct One(NodeTable);

impl Table for One {
    fn insert(&self, names: &[Cid]) -> usize {
        let mut worker = self.0.worker();
        names.iter().filter(|cid| worker.insert(cid).is_ok_and(|(_, new)| new)).count()
    }

    fn find(&self, names: &[Cid]) -> usize {
        names.iter().filter(|cid| self.0.find(cid).is_some()).count()
    }
}

/// The node table, as traversals use it: all links of a block at a time.
struct Many(NodeTable);

impl Table for Many {
    fn insert(&self, names: &[Cid]) -> usize {
        let (mut worker, mut count) = (self.0.worker(), 0);
        worker.insert_many(names, |_, new| count += usize::from(new)).map_or(0, |()| count)
    }

    fn find(&self, names: &[Cid]) -> usize {
        let mut count = 0;
        self.0.find_many(names, |found| count += usize::from(found.is_some()));
        count
    }
}

/// The first half of a name. Being a hash, it needs one multiplication to be one again.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key([u64; 2]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// The cheapest hasher that serves everybody: the others' own would only make them slower.
#[derive(Default)]
struct Multiply(u64);

type Hashing = BuildHasherDefault<Multiply>;

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, word: u64) {
        let product = word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
}

fn key(cid: &Cid) -> Key {
    let word =
        |at: usize| cid.0[at..at + 8].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    Key([word(0), word(8)])
}

/// A record as the slots of the node table: the key, counts, an offset, flags.
type Record = [u64; 4];

fn record(cid: &Cid) -> Record {
    let Key([low, high]) = key(cid);
    [low, high, 0, 1]
}

impl Table for dashmap::DashMap<Key, Record, Hashing> {
    fn insert(&self, names: &[Cid]) -> usize {
        names.iter().filter(|cid| self.insert(key(cid), record(cid)).is_none()).count()
    }

    fn find(&self, names: &[Cid]) -> usize {
        names.iter().filter(|cid| self.get(&key(cid)).is_some_and(|found| found[3] == 1)).count()
    }
}

impl Table for papaya::HashMap<Key, Record, Hashing> {
    fn insert(&self, names: &[Cid]) -> usize {
        let map = self.pin();
        names.iter().filter(|cid| map.insert(key(cid), record(cid)).is_none()).count()
    }

    fn find(&self, names: &[Cid]) -> usize {
        let map = self.pin();
        names.iter().filter(|cid| map.get(&key(cid)).is_some_and(|found| found[3] == 1)).count()
    }
}

impl Table for scc::HashMap<Key, Record, Hashing> {
    fn insert(&self, names: &[Cid]) -> usize {
        names.iter().filter(|cid| self.insert_sync(key(cid), record(cid)).is_ok()).count()
    }

    fn find(&self, names: &[Cid]) -> usize {
        names.iter().filter(|cid| self.read_sync(&key(cid), |_, found| found[3] == 1) == Some(true)).count()
    }
}
