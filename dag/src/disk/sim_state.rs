//! What the simulated disk remembers, and what a power cut leaves of it.
#![forbid(unsafe_code)]

use super::sim::Fault;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

/// The unit that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// A small deterministic generator (`SplitMix64`).
#[derive(Clone)]
pub(super) struct Coins(pub(super) u64);

impl Coins {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A change of a file's contents that is not durable yet.
#[derive(Clone)]
pub(super) enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => write(contents, *offset, bytes),
            Self::SetLen(len) => contents.resize(index(*len), 0),
        }
    }

    /// Applies what a power cut leaves: all, nothing, some sectors, or the first bytes.
    fn apply_torn(&self, contents: &mut Vec<u8>, coins: &mut Coins) {
        let fate = coins.below(4);
        match self {
            _ if fate == 0 => {}
            _ if fate == 1 => self.apply(contents),
            Self::SetLen(_) => self.apply(contents),
            Self::Write(offset, bytes) if fate == 2 => {
                write(contents, *offset, &bytes[..index(coins.below(bytes.len() as u64 + 1))]);
            }
            Self::Write(offset, bytes) => {
                let end = offset + bytes.len() as u64;
                let mut at = *offset;
                while at < end {
                    let next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
                    let next = next.min(end);
                    if coins.below(2) == 0 {
                        write(contents, at, &bytes[index(at - offset)..index(next - offset)]);
                    }
                    at = next;
                }
            }
        }
    }
}

fn write(contents: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let end = index(offset) + bytes.len();
    if contents.len() < end {
        contents.resize(end, 0);
    }
    contents[index(offset)..end].copy_from_slice(bytes);
}

pub(super) fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a simulated file fits into memory")
}

#[derive(Clone, Default)]
pub(super) struct Inode {
    pub(super) durable: Vec<u8>,
    pub(super) live: Vec<u8>,
    pub(super) pending: Vec<Change>,
    pub(super) exclusive: Option<u64>,
    pub(super) shared: BTreeSet<u64>,
}

impl Inode {
    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// A failed sync: each change has reached the disk or never will; readers still see all of them.
    pub(super) fn fail_sync(&mut self, coins: &mut Coins) {
        for change in std::mem::take(&mut self.pending) {
            change.apply_torn(&mut self.durable, coins);
        }
    }
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(usize),
}

/// A change of names that is not durable yet.
#[derive(Clone)]
pub(super) enum Naming {
    Put(String, Node),
    Drop(String),
    Move(String, String, Node),
}

impl Naming {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Put(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Drop(path) => {
                names.remove(path);
            }
            Self::Move(from, to, node) => {
                names.remove(from);
                names.insert(to.clone(), *node);
            }
        }
    }
}

/// How a numbered call goes on.
pub(super) enum Gate {
    Go,
    Cut,
    Fail(Fault),
}

#[derive(Clone)]
pub(super) struct SimState {
    pub(super) coins: Coins,
    pub(super) boot: u64,
    pub(super) off: bool,
    pub(super) calls: u64,
    pub(super) handles: u64,
    pub(super) cut_at: Option<u64>,
    pub(super) fail_at: Option<(u64, Fault)>,
    pub(super) capacity: Option<u64>,
    pub(super) ignored: Option<String>,
    pub(super) syncs: BTreeMap<String, u64>,
    pub(super) inodes: Vec<Inode>,
    pub(super) live: BTreeMap<String, Node>,
    pub(super) durable: BTreeMap<String, Node>,
    pub(super) pending: Vec<(String, Naming)>,
}

pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn power_is_off() -> io::Error {
    io::Error::other("the power is off")
}

impl SimState {
    /// Numbers a mutating call and says how it goes.
    pub(super) fn gate(&mut self) -> io::Result<Gate> {
        if self.off {
            return Err(power_is_off());
        }
        self.calls += 1;
        if self.cut_at == Some(self.calls) {
            self.off = true;
            return Ok(Gate::Cut);
        }
        match self.fail_at {
            Some((call, fault)) if call == self.calls => Ok(Gate::Fail(fault)),
            _ => Ok(Gate::Go),
        }
    }

    /// Does a change of names, which the power cut may interrupt.
    pub(super) fn rename_or_so(&mut self, folder: &str, naming: Naming) -> io::Result<()> {
        match self.gate()? {
            Gate::Fail(fault) => Err(fault.error()),
            gate => {
                naming.apply(&mut self.live);
                self.pending.push((folder.to_owned(), naming));
                if matches!(gate, Gate::Cut) { Err(power_is_off()) } else { Ok(()) }
            }
        }
    }

    /// Counts a sync of `class`; true if it is to be left out silently.
    pub(super) fn count_sync(&mut self, class: &str) -> bool {
        *self.syncs.entry(class.to_owned()).or_default() += 1;
        self.ignored.as_deref() == Some(class)
    }

    /// Bytes of all files that have a name.
    pub(super) fn used(&self) -> u64 {
        let size = |node: &Node| match node {
            Node::File(inode) => self.inodes[*inode].live.len() as u64,
            Node::Folder => 0,
        };
        self.live.values().map(size).sum()
    }

    pub(super) fn node(&self, path: &str) -> io::Result<Node> {
        self.live.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Power comes back: what was synced is there, each other change by its coin.
    pub(super) fn reboot(&mut self) {
        let mut coins = self.coins.clone();
        for inode in &mut self.inodes {
            for change in std::mem::take(&mut inode.pending) {
                change.apply_torn(&mut inode.durable, &mut coins);
            }
            inode.live.clone_from(&inode.durable);
            inode.exclusive = None;
            inode.shared.clear();
        }
        for (_, naming) in std::mem::take(&mut self.pending) {
            if coins.below(2) == 0 {
                naming.apply(&mut self.durable);
            }
        }
        let folders: BTreeSet<String> = self
            .durable
            .iter()
            .filter(|(_, node)| **node == Node::Folder)
            .map(|(path, _)| path.clone())
            .collect();
        self.durable.retain(|path, _| parent(path).is_empty() || folders.contains(parent(path)));
        self.live.clone_from(&self.durable);
        self.coins = coins;
        self.boot += 1;
        self.off = false;
        self.cut_at = None;
        self.fail_at = None;
        self.calls = 0;
    }
}
