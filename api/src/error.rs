//! Why a request failed.

use alloc::string::{String, ToString as _};
use core::fmt;

use dagvault_core::cbor::CborError;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::wire_enum;

/// Why a request failed, by who can do something about it. No variant ever carries a value or a key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no such path, or no such version of it.
    NotFound {
        /// The path.
        path: String,
    },
    /// The version is there but marked as deleted.
    Deleted {
        /// The path.
        path: String,
    },
    /// The version was destroyed.
    Destroyed {
        /// The path.
        path: String,
    },
    /// The passphrase or key file opens no key slot.
    WrongKey {},
    /// Stored data is not what was written.
    Corrupt {
        /// What, and where.
        detail: String,
    },
    /// A check-and-set found another version, or something is there already.
    Conflict {
        /// The path.
        path: String,
        /// The number of the newest version found, 0 for none.
        found: u64,
    },
    /// Another process is writing, for longer than the time allowed.
    Busy {
        /// Who, and how long was waited.
        detail: String,
    },
    /// The disk is full; nothing acknowledged is lost.
    NoSpace {
        /// Where.
        detail: String,
    },
    /// The vault can't be written.
    ReadOnly {
        /// Why.
        detail: String,
    },
    /// The system refused access.
    Denied {
        /// To what.
        detail: String,
    },
    /// Written by a newer version.
    Unsupported {
        /// Which part.
        detail: String,
    },
    /// Over a limit.
    Limit {
        /// Which one.
        detail: String,
    },
    /// The request makes no sense.
    BadRequest {
        /// Why.
        detail: String,
    },
    /// There is no vault there.
    Absent {
        /// Where.
        detail: String,
    },
    /// A vault is there already.
    Exists {
        /// Where.
        detail: String,
    },
    /// The vault is not open.
    Locked {},
    /// The system below failed.
    Io {
        /// How.
        detail: String,
    },
    /// The call took longer than its deadline and was ended; the engine starts anew with the next call.
    Deadline {},
    /// The guest trapped and was thrown away; the engine starts anew with the next call.
    Trap {
        /// What Wasmtime said.
        detail: String,
    },
    /// Memory ran out within the limit that the user set.
    Memory {},
    /// Guest and host disagree: a bug, or a module that is not ours.
    GuestMisbehaved {
        /// In what.
        detail: String,
    },
    /// A check found that something was computed wrongly; nothing of it was written.
    Fault {
        /// What.
        detail: String,
    },
    /// A proof does not prove what it says.
    Refuted {
        /// Why.
        detail: String,
    },
}

wire_enum!(Error {
    0 => NotFound { path },
    1 => Deleted { path },
    2 => Destroyed { path },
    3 => WrongKey {},
    4 => Corrupt { detail },
    5 => Conflict { path, found },
    6 => Busy { detail },
    7 => NoSpace { detail },
    8 => ReadOnly { detail },
    9 => Denied { detail },
    10 => Unsupported { detail },
    11 => Limit { detail },
    12 => BadRequest { detail },
    13 => Absent { detail },
    14 => Exists { detail },
    15 => Locked {},
    16 => Io { detail },
    17 => Deadline {},
    18 => Trap { detail },
    19 => Memory {},
    20 => GuestMisbehaved { detail },
    21 => Fault { detail },
    22 => Refuted { detail },
});

impl Error {
    /// A `Corrupt` with its detail.
    #[must_use]
    pub fn corrupt(detail: impl Into<String>) -> Self {
        Self::Corrupt { detail: detail.into() }
    }

    /// A `BadRequest` with its detail.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::BadRequest { detail: detail.into() }
    }

    /// A `Limit` with its detail.
    #[must_use]
    pub fn limit(detail: impl Into<String>) -> Self {
        Self::Limit { detail: detail.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { path } => write!(f, "not found: {path}"),
            Self::Deleted { path } => write!(f, "deleted: {path} (undelete brings it back)"),
            Self::Destroyed { path } => write!(f, "destroyed for good: {path}"),
            Self::WrongKey {} => f.write_str("wrong passphrase or key file"),
            Self::Corrupt { detail } => write!(f, "stored data is damaged: {detail}"),
            Self::Conflict { path, found: 0 } => write!(f, "conflict: {path} does not exist"),
            Self::Conflict { path, found } => write!(f, "conflict: {path} is at version {found}"),
            Self::Busy { detail } => write!(f, "busy: {detail}"),
            Self::NoSpace { detail } => write!(f, "no space left: {detail}"),
            Self::ReadOnly { detail } => write!(f, "read-only: {detail}"),
            Self::Denied { detail } => write!(f, "permission denied: {detail}"),
            Self::Unsupported { detail } => write!(f, "written by a newer version: {detail}"),
            Self::Limit { detail } => write!(f, "over a limit: {detail}"),
            Self::BadRequest { detail } => write!(f, "bad request: {detail}"),
            Self::Absent { detail } => write!(f, "no vault here: {detail}"),
            Self::Exists { detail } => write!(f, "a vault is already here: {detail}"),
            Self::Locked {} => f.write_str("the vault is not open"),
            Self::Io { detail } => write!(f, "input/output error: {detail}"),
            Self::Deadline {} => f.write_str("the call took longer than its deadline and was ended"),
            Self::Trap { detail } => write!(f, "the engine stopped and was thrown away: {detail}"),
            Self::Memory {} => f.write_str("out of memory within the set maximum"),
            Self::Fault { detail } => {
                write!(f, "a computation went wrong, and nothing of it was written: {detail}")
            }
            Self::Refuted { detail } => write!(f, "the proof does not hold: {detail}"),
            Self::GuestMisbehaved { detail } => write!(f, "the engine module misbehaved: {detail}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let detail = error.detail;
        match error.kind {
            StoreErrorKind::Conflict => Self::Busy { detail: "other writers kept changing the vault".into() },
            StoreErrorKind::Busy => Self::Busy { detail },
            StoreErrorKind::Corrupt => Self::Corrupt { detail },
            StoreErrorKind::NoSpace => Self::NoSpace { detail },
            StoreErrorKind::ReadOnly => Self::ReadOnly { detail },
            StoreErrorKind::Denied => Self::Denied { detail },
            StoreErrorKind::Unsupported => Self::Unsupported { detail },
            StoreErrorKind::Limit => Self::Limit { detail },
            StoreErrorKind::Misuse => Self::GuestMisbehaved { detail },
            StoreErrorKind::Absent => Self::Absent { detail },
            StoreErrorKind::Exists => Self::Exists { detail },
            StoreErrorKind::Memory => Self::Memory {},
            _ => Self::Io { detail },
        }
    }
}

impl From<CborError> for Error {
    fn from(error: CborError) -> Self {
        Self::BadRequest { detail: error.to_string() }
    }
}
