//! What can go wrong in a store, as it crosses the ABI.

use alloc::string::String;
use core::fmt;

/// The kinds of failure of a store; the number is what an import of the ABI answers, negated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum StoreErrorKind {
    /// The cell did not hold the expected value: someone else committed first.
    Conflict = 1,
    /// Another process holds what is needed, for longer than the time allowed.
    Busy = 2,
    /// Stored bytes are not what was written.
    Corrupt = 3,
    /// The disk or a quota is full; nothing acknowledged is lost.
    NoSpace = 4,
    /// The store was opened for reading, or its files cannot be written.
    ReadOnly = 5,
    /// The system refused access.
    Denied = 6,
    /// Written by a newer version of the format.
    Unsupported = 7,
    /// A limit of `limits` is exceeded.
    Limit = 8,
    /// Any other failure of the system below.
    Io = 9,
    /// The caller asked for something that makes no sense (a bug on our side, or a guest that lies).
    Misuse = 10,
    /// There is no vault there.
    Absent = 11,
    /// A vault is there already.
    Exists = 12,
    /// There is no memory for it, or none that it may use.
    Memory = 13,
}

impl StoreErrorKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 13] = [
        Self::Conflict,
        Self::Busy,
        Self::Corrupt,
        Self::NoSpace,
        Self::ReadOnly,
        Self::Denied,
        Self::Unsupported,
        Self::Limit,
        Self::Io,
        Self::Misuse,
        Self::Absent,
        Self::Exists,
        Self::Memory,
    ];

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == code)
    }
}

/// A failure of a store: its kind, and where it happened in words (never with a secret in them).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreError {
    /// What kind of failure.
    pub kind: StoreErrorKind,
    /// Which file, block or call.
    pub detail: String,
}

impl StoreError {
    /// A failure of `kind` with its detail.
    #[must_use]
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            StoreErrorKind::Conflict => "changed by another writer",
            StoreErrorKind::Busy => "busy: another process is writing",
            StoreErrorKind::Corrupt => "stored data is damaged",
            StoreErrorKind::NoSpace => "no space left",
            StoreErrorKind::ReadOnly => "read-only",
            StoreErrorKind::Denied => "permission denied",
            StoreErrorKind::Unsupported => "written by a newer version",
            StoreErrorKind::Limit => "over a limit",
            StoreErrorKind::Io => "input/output error",
            StoreErrorKind::Misuse => "misuse",
            StoreErrorKind::Absent => "no vault here",
            StoreErrorKind::Exists => "a vault is already here",
            StoreErrorKind::Memory => "out of memory",
        };
        if self.detail.is_empty() { f.write_str(what) } else { write!(f, "{what}: {}", self.detail) }
    }
}

impl core::error::Error for StoreError {}
