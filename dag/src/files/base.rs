//! What every part of the file store needs: the disk, the vault's id and the options.

use super::chain::Place;
use super::format::hex;
use crate::disk::{Disk, DiskFile, Open};
use dagvault_core::error::{StoreError, StoreErrorKind};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

/// Where random bytes come from: fills the buffer.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// Sizes at which the store changes from one way of writing to another, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// A log segment that would outgrow this is closed and the next one begun.
    pub log_segment_bytes: u64,
    /// A pack that outgrows this is closed.
    pub pack_bytes: u64,
    /// A commit with more bytes of blocks than this writes them into a pack, not into the log.
    pub inline_bytes: u64,
    /// The log's first preallocated length; it doubles up to `log_step_bytes_max` at a time.
    pub log_step_bytes_min: u64,
    /// The most that the log is preallocated ahead.
    pub log_step_bytes_max: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            log_segment_bytes: 16 << 20,
            pack_bytes: 256 << 20,
            inline_bytes: 1 << 20,
            log_step_bytes_min: 16 << 10,
            log_step_bytes_max: 1 << 20,
        }
    }
}

/// How to open a file store.
pub struct OpenOptions {
    /// Refuse every write, and change nothing on disk.
    pub read_only: bool,
    /// How long a write waits for another process, in milliseconds.
    pub lock_wait_ms: u64,
    /// The source of names for new files.
    pub random: Random,
    /// When to begin new files.
    pub sizes: Sizes,
}

impl OpenOptions {
    /// Reading and writing, 30 seconds of patience, the default sizes.
    #[must_use]
    pub fn new(random: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Self { read_only: false, lock_wait_ms: 30_000, random: Box::new(random), sizes: Sizes::default() }
    }
}

/// Offsets by segment.
pub(super) type Offsets = BTreeMap<[u8; 16], BTreeSet<u64>>;

pub(super) fn by_segment(places: &[Place]) -> Offsets {
    let mut out = Offsets::new();
    for place in places {
        out.entry(place.segment).or_default().insert(place.offset);
    }
    out
}

pub(super) struct Base {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) store: [u8; 16],
    pub(super) read_only: bool,
    pub(super) lock_wait_ms: u64,
    pub(super) sizes: Sizes,
    pub(super) random: Mutex<Random>,
    /// The lock file, opened to find out whether a writer is at work.
    pub(super) probe: Arc<dyn DiskFile>,
}

impl Base {
    pub(super) fn how(&self) -> Open {
        if self.read_only { Open::Read } else { Open::Write }
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        (self.random.lock().unwrap_or_else(PoisonError::into_inner))(&mut out);
        out
    }

    /// Whether some process is inside a commit or a deletion right now.
    pub(super) fn writer_active(&self) -> io::Result<bool> {
        let free = self.probe.try_lock(false)?;
        if free {
            self.probe.unlock()?;
        }
        Ok(!free)
    }

    /// Writes a file that is not there, or none.
    pub(super) fn write_new(&self, temporary: &str, path: &str, bytes: &[u8], sync: bool) -> io::Result<()> {
        let write = || {
            let file = self.disk.open(temporary, Open::New)?;
            file.write_at(bytes, 0)?;
            if sync {
                file.sync_data()?;
            }
            self.disk.rename(temporary, path)
        };
        write().inspect_err(|_| {
            // A leftover is removed by the next recovery if this fails too.
            drop(self.disk.remove(temporary));
        })
    }
}

/// Names of segments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Name {
    Log(u64),
    Pack([u8; 16]),
}

impl Name {
    fn stem(self) -> String {
        match self {
            Self::Log(number) => format!("{number:010}"),
            Self::Pack(id) => hex(&id),
        }
    }

    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Log(_) => "log",
            Self::Pack(_) => "packs",
        }
    }

    pub(super) fn path(self) -> String {
        match self {
            Self::Log(_) => format!("log/{}.log", self.stem()),
            Self::Pack(_) => format!("packs/{}.pack", self.stem()),
        }
    }

    pub(super) fn temporary(self) -> String {
        format!("{}/{}.tmp", self.folder(), self.stem())
    }

    pub(super) fn index_path(self) -> String {
        format!("index/{}.idx", self.stem())
    }

    pub(super) fn index_temporary(self, random: [u8; 4]) -> String {
        format!("index/{}.{}.tmp", self.stem(), hex(&random))
    }

    pub(super) fn parse_log(file: &str) -> Option<u64> {
        let stem = file.strip_suffix(".log")?;
        let number = stem.parse().ok()?;
        (Self::Log(number).stem() == stem).then_some(number)
    }

    pub(super) fn parse_pack(file: &str) -> Option<[u8; 16]> {
        super::format::unhex(file.strip_suffix(".pack")?)
    }
}

/// A failure of the system, with the file or folder where it happened.
pub(super) fn io_error(place: &str, error: &io::Error) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            StoreErrorKind::NoSpace
        }
        ErrorKind::PermissionDenied => StoreErrorKind::Denied,
        ErrorKind::ReadOnlyFilesystem => StoreErrorKind::ReadOnly,
        _ => StoreErrorKind::Io,
    };
    StoreError::new(kind, format!("{place}: {error}"))
}

pub(super) fn corrupt(detail: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, detail)
}
