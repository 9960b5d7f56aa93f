//! Creating and opening a vault's folder.

use super::FileStore;
use super::base::{Base, Name, OpenOptions, io_error};
use super::format::{SegmentHeader, Tag, format_text, parse_format};
use super::log::first_bytes;
use super::pack::Writer;
use super::state::State;
use super::tip::Tip;
use crate::disk::{Disk, Open};
use dagvault_core::error::{StoreError, StoreErrorKind};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

const FOLDERS: [&str; 3] = ["index", "log", "packs"];
const OURS: [&str; 5] = ["index", "log", "packs", "lock", "format.tmp"];

/// Refuses a folder with a vault or foreign files, and clears away a creation that was interrupted.
fn clear(disk: &dyn Disk) -> Result<(), StoreError> {
    let fail = |error: io::Error| io_error("the vault's folder", &error);
    disk.create_dir("").map_err(fail)?;
    let names = disk.list("").map_err(fail)?;
    if names.iter().any(|name| name == "format") {
        return Err(StoreError::new(StoreErrorKind::Exists, ""));
    }
    if let Some(name) = names.iter().find(|name| !OURS.contains(&name.as_str())) {
        return Err(StoreError::new(StoreErrorKind::Exists, format!("the folder holds {name}")));
    }
    for folder in FOLDERS.iter().filter(|folder| names.iter().any(|name| name == *folder)) {
        for name in disk.list(folder).map_err(fail)? {
            disk.remove(&format!("{folder}/{name}")).map_err(fail)?;
        }
    }
    for name in names.iter().filter(|name| *name == "lock" || *name == "format.tmp") {
        disk.remove(name).map_err(fail)?;
    }
    Ok(())
}

pub(super) fn write_synced(disk: &dyn Disk, temporary: &str, path: &str, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(temporary, Open::New)?;
    file.write_at(bytes, 0)?;
    file.sync_data()?;
    disk.rename(temporary, path)
}

impl FileStore {
    /// Creates an empty vault and opens it. The folder must be empty or absent; an interrupted creation is
    /// begun anew.
    ///
    /// # Errors
    /// `Exists` if there is a vault, or a file that is not ours; what the system reports.
    pub fn create(disk: Arc<dyn Disk>, mut options: OpenOptions) -> Result<Self, StoreError> {
        clear(&*disk)?;
        let (mut store, mut segment) = ([0; 16], [0; 16]);
        (options.random)(&mut store);
        segment[0] = 1;
        (options.random)(&mut segment[8..]);
        let tag = Tag { store, segment };
        let header = SegmentHeader { tag, is_log: true, number: 1, chain: [0; 32] };
        let mut first = first_bytes(&header, BTreeMap::new());
        first.resize(first.len().next_multiple_of(4096), 0);
        let name = Name::Log(1);
        let write = || {
            for folder in FOLDERS {
                disk.create_dir(folder)?;
            }
            drop(disk.open("lock", Open::New)?);
            write_synced(&*disk, &name.temporary(), &name.path(), &first)?;
            disk.sync_dir("log")?;
            disk.sync_dir("")?;
            write_synced(&*disk, "format.tmp", "format", format_text(&store).as_bytes())?;
            disk.sync_dir("")
        };
        write().map_err(|error| io_error("the new vault", &error))?;
        Self::open(disk, options)
    }

    /// Opens a vault. Never waits for another process.
    ///
    /// # Errors
    /// `Absent` if there is no vault, `Unsupported` if its format is newer, `Corrupt` if it is damaged in a
    /// way that would hide a commit; what the system reports.
    pub fn open(disk: Arc<dyn Disk>, options: OpenOptions) -> Result<Self, StoreError> {
        let fail = |error: io::Error| io_error("lock", &error);
        let how = if options.read_only { Open::Read } else { Open::Write };
        let format = match disk.open("format", Open::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::new(StoreErrorKind::Absent, ""));
            }
            other => other.map_err(|error| io_error("format", &error))?,
        };
        let mut bytes = [0; 256];
        let count = format.read_at(&mut bytes, 0).map_err(|error| io_error("format", &error))?;
        let store = parse_format(&bytes[..count])?;
        let lock = disk.open("lock", how).map_err(fail)?;
        let base = Base {
            probe: disk.open("lock", Open::Read).map_err(fail)?,
            disk,
            store,
            read_only: options.read_only,
            lock_wait_ms: options.lock_wait_ms,
            sizes: options.sizes,
            random: Mutex::new(options.random),
        };
        let noted = Tip::read(&*base.probe, &store).map_err(fail)?;
        let mut state = State::load(&base, None, false)?;
        if let Some(noted) = noted {
            noted.check(&mut state, &base)?;
        }
        let opened = Self {
            base,
            lock,
            state: Mutex::new(state),
            writer: Mutex::new(Writer::default()),
            poisoned: AtomicBool::new(false),
        };
        if !opened.base.read_only {
            opened.recover()?;
        }
        Ok(opened)
    }

    /// Completes what a crash has left, unless another process is writing, which then does it.
    fn recover(&self) -> Result<(), StoreError> {
        let Some(_held) = self.try_hold()? else { return Ok(()) };
        match self.prepare().and_then(|()| self.sweep()) {
            // A full disk does not hinder reading; the next write tries again.
            Err(error) if error.kind == StoreErrorKind::NoSpace => Ok(()),
            other => other,
        }
    }

    /// Removes temporary files that nobody is writing, and indexes without a segment.
    fn sweep(&self) -> Result<(), StoreError> {
        let disk = &self.base.disk;
        let known: BTreeSet<String> =
            self.state().segments.iter().map(|segment| segment.name.index_path()).collect();
        for folder in FOLDERS {
            for name in disk.list(folder).map_err(|error| io_error(folder, &error))? {
                let path = format!("{folder}/{name}");
                let orphan = name.ends_with(".idx") && !known.contains(&path);
                if !name.ends_with(".tmp") && !orphan {
                    continue;
                }
                let free = disk.open(&path, Open::Write).and_then(|file| file.try_lock(true));
                if free.unwrap_or(false) {
                    disk.remove(&path).map_err(|error| io_error(&path, &error))?;
                }
            }
        }
        Ok(())
    }
}
