//! A disk in memory, under the production code: it cuts the power at any call, tears and reorders what was
//! not synced, fails calls and syncs, fills up, and counts syncs.
#![forbid(unsafe_code)]

use super::sim_state::{Change, Coins, Gate, Inode, Naming, Node, SimState, index, parent, power_is_off};
use super::{Disk, DiskFile, Open};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a call that is told to fail reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// An input/output error.
    Io,
    /// No space left.
    NoSpace,
}

impl Fault {
    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Io => io::Error::other("injected fault"),
            Self::NoSpace => ErrorKind::StorageFull.into(),
        }
    }
}

/// A simulated disk; clones are the same disk.
///
/// Calls that change something are numbered from 1. Syncs are counted and named by class: the first name
/// of the path (`log`, `packs`, `index`, `format`), and `dir:` before it for a folder (`dir:` alone for
/// the vault's own folder).
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<SimState>>,
}

impl SimDisk {
    /// An empty disk whose coins fall by `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(SimState {
            coins: Coins(seed),
            boot: 0,
            off: false,
            calls: 0,
            handles: 0,
            cut_at: None,
            fail_at: None,
            capacity: None,
            ignored: None,
            syncs: BTreeMap::new(),
            inodes: Vec::new(),
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
        })
    }

    fn with(state: SimState) -> Self {
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, SimState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An independent copy in the present state, with coins of its own.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let mut state = self.state().clone();
        state.coins = Coins(seed);
        Self::with(state)
    }

    /// Cuts the power during the call with this number.
    pub fn cut_at(&self, call: Option<u64>) {
        self.state().cut_at = call;
    }

    /// Lets the call with this number fail; a failing write has written a part, a failing sync any part.
    pub fn fail_at(&self, call: Option<u64>, fault: Fault) {
        self.state().fail_at = call.map(|call| (call, fault));
    }

    /// Bounds the bytes of all files together.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// Leaves out all syncs of a class while reporting success: a planted bug.
    pub fn ignore_sync(&self, class: Option<&str>) {
        self.state().ignored = class.map(str::to_owned);
    }

    /// Turns the power off now.
    pub fn cut(&self) {
        self.state().off = true;
    }

    /// Whether the power is off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Turns the power on again (off first, if it was on): handles from before fail for ever, calls are
    /// numbered from 1 again, and what was not synced has had its fate.
    pub fn reboot(&self) {
        self.state().reboot();
    }

    /// How many calls that change something were made since the last start.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// How many syncs of each class were asked for.
    #[must_use]
    pub fn syncs(&self) -> BTreeMap<String, u64> {
        self.state().syncs.clone()
    }

    /// The paths of all files.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let state = self.state();
        let files = state.live.iter().filter(|(_, node)| **node != Node::Folder);
        files.map(|(path, _)| path.clone()).collect()
    }

    /// The contents of a file as readers see them.
    #[must_use]
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let state = self.state();
        match state.live.get(path)? {
            Node::File(inode) => Some(state.inodes[*inode].live.clone()),
            Node::Folder => None,
        }
    }

    /// Replaces or creates a file behind the store's back, durably.
    pub fn plant(&self, path: &str, contents: &[u8]) {
        let mut state = self.state();
        let inode = Inode { durable: contents.to_vec(), live: contents.to_vec(), ..Inode::default() };
        state.inodes.push(inode);
        let node = Node::File(state.inodes.len() - 1);
        state.live.insert(path.to_owned(), node);
        state.durable.insert(path.to_owned(), node);
    }

    /// Removes a file behind the store's back, durably.
    pub fn uproot(&self, path: &str) {
        let mut state = self.state();
        state.live.remove(path);
        state.durable.remove(path);
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        if state.off {
            return Err(power_is_off());
        }
        let inode = if how == Open::New {
            if state.live.contains_key(path) {
                return Err(ErrorKind::AlreadyExists.into());
            }
            state.inodes.push(Inode::default());
            let inode = state.inodes.len() - 1;
            state.rename_or_so(parent(path), Naming::Put(path.to_owned(), Node::File(inode)))?;
            inode
        } else {
            match state.node(path)? {
                Node::File(inode) => inode,
                Node::Folder => return Err(io::Error::other("is a folder")),
            }
        };
        state.handles += 1;
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            boot: state.boot,
            inode,
            handle: state.handles,
            class: path.split('/').next().unwrap_or_default().trim_end_matches(".tmp").to_owned(),
            writable: how != Open::Read,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let node = state.node(from)?;
        state.rename_or_so(parent(to), Naming::Move(from.to_owned(), to.to_owned(), node))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        state.node(path)?;
        state.rename_or_so(parent(path), Naming::Drop(path.to_owned()))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        if state.off {
            return Err(power_is_off());
        }
        if !folder.is_empty() {
            state.node(folder)?;
        }
        let inside = state.live.keys().filter(|path| parent(path) == folder);
        Ok(inside.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect())
    }

    fn create_dir(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        if folder.is_empty() || state.live.get(folder) == Some(&Node::Folder) {
            return Ok(());
        }
        state.rename_or_so("", Naming::Put(folder.to_owned(), Node::Folder))
    }

    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        let mut state = self.state();
        match state.gate()? {
            Gate::Cut => return Err(power_is_off()),
            Gate::Fail(fault) => return Err(fault.error()),
            Gate::Go => {}
        }
        if state.count_sync(&format!("dir:{folder}")) {
            return Ok(());
        }
        let pending = std::mem::take(&mut state.pending);
        let (ours, others): (Vec<_>, Vec<_>) = pending.into_iter().partition(|(at, _)| at == folder);
        for (_, naming) in ours {
            naming.apply(&mut state.durable);
        }
        state.pending = others;
        Ok(())
    }
}

struct SimFile {
    disk: SimDisk,
    boot: u64,
    inode: usize,
    handle: u64,
    class: String,
    writable: bool,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, SimState>> {
        let state = self.disk.state();
        if state.off || state.boot != self.boot { Err(power_is_off()) } else { Ok(state) }
    }

    fn writable(&self) -> io::Result<MutexGuard<'_, SimState>> {
        if self.writable { self.state() } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    fn change(&self, change: Change, end: u64) -> io::Result<()> {
        let mut state = self.writable()?;
        let gate = state.gate()?;
        let grown = end.saturating_sub(state.inodes[self.inode].live.len() as u64);
        let room = state.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(state.used()));
        let fault = match gate {
            Gate::Fail(fault) => Some(fault),
            _ if grown > room => Some(Fault::NoSpace),
            _ => None,
        };
        let Some(fault) = fault else {
            state.inodes[self.inode].change(change);
            return if matches!(gate, Gate::Cut) { Err(power_is_off()) } else { Ok(()) };
        };
        if let Change::Write(offset, bytes) = change {
            let fits = (bytes.len() as u64).saturating_sub(grown.saturating_sub(room));
            let part = state.coins.below(fits + 1);
            state.inodes[self.inode].change(Change::Write(offset, bytes[..index(part)].to_vec()));
        }
        Err(fault.error())
    }
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.state()?.inodes[self.inode].live.len() as u64)
    }

    fn is_named(&self) -> io::Result<bool> {
        let node = Node::File(self.inode);
        Ok(self.state()?.live.values().any(|named| *named == node))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state()?;
        let live = &state.inodes[self.inode].live;
        let rest = live.get(index(offset)..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()), offset + bytes.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(len), len)
    }

    fn punch(&self, offset: u64, len: u64) -> io::Result<()> {
        let start = offset.next_multiple_of(4096);
        let end = (offset + len) / 4096 * 4096;
        if start >= end {
            return Ok(());
        }
        self.change(Change::Write(start, vec![0; index(end - start)]), end)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state()?;
        match state.gate()? {
            Gate::Cut => return Err(power_is_off()),
            Gate::Fail(fault) => {
                let mut coins = state.coins.clone();
                state.inodes[self.inode].fail_sync(&mut coins);
                state.coins = coins;
                return Err(fault.error());
            }
            Gate::Go => {}
        }
        if !state.count_sync(&self.class) {
            state.inodes[self.inode].sync();
        }
        Ok(())
    }

    fn try_lock(&self, exclusive: bool) -> io::Result<bool> {
        let mut state = self.state()?;
        let inode = &mut state.inodes[self.inode];
        let others = inode.exclusive.is_some_and(|holder| holder != self.handle)
            || exclusive && inode.shared.iter().any(|holder| *holder != self.handle);
        if others {
            return Ok(false);
        }
        inode.exclusive = exclusive.then_some(self.handle);
        inode.shared.remove(&self.handle);
        if !exclusive {
            inode.shared.insert(self.handle);
        }
        Ok(true)
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.state()?;
        let inode = &mut state.inodes[self.inode];
        inode.shared.remove(&self.handle);
        if inode.exclusive == Some(self.handle) {
            inode.exclusive = None;
        }
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        // Closing releases the lock; with the power off or after a reboot there is none.
        drop(self.unlock());
    }
}
