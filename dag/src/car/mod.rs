//! CAR files of version 1, by which IPFS tools carry blocks.
//!
//! Source: <https://ipld.io/specs/transport/car/carv1/>. A header, then sections, each behind its length as a varint:
//! the header is dag-cbor `{roots: [CID…], version: 1}`, a section is a CID and the bytes that it names. Both ends
//! stream and keep one section in memory. Reading is strict: what has a second form, does not hash to its CID, or is
//! over a limit is refused, with the place where it stands.

mod read;
mod write;

use std::fmt;
use std::io;

use dagvault_core::cbor::CborError;
use dagvault_core::cid::{AnyCid, CID_BYTES_MAX, CidError};
use dagvault_core::limits::BLOCK_BYTES_MAX;

pub use read::{Reader, Section};
pub use write::Writer;

/// Most roots of a file.
pub const ROOTS_MAX: usize = 256;
/// Largest section, in bytes: a CID and a block. A header may be as large, so that one with too many roots is told so.
pub const SECTION_BYTES_MAX: usize = CID_BYTES_MAX + BLOCK_BYTES_MAX;

// Roots with CIDs as long as they may be fit.
const _: () = assert!(64 + ROOTS_MAX * (CID_BYTES_MAX + 6) <= SECTION_BYTES_MAX);

/// What is wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The system failed.
    Io(io::Error),
    /// The file ends inside of a number, the header or a section.
    Truncated,
    /// A length that is no varint in its shortest form.
    Length(CidError),
    /// A length over the limit, before anything of it was read.
    TooLarge {
        /// What the file says, in bytes.
        claimed: u64,
        /// The most, in bytes.
        most: usize,
    },
    /// A header that is not strict dag-cbor, or another map than a header's.
    Header(CborError),
    /// A file of another version; 2 wraps one of version 1.
    Version(u64),
    /// More roots than [`ROOTS_MAX`].
    Roots(usize),
    /// A root or the name of a section that is no CID.
    Cid(CidError),
    /// Bytes that do not hash to their CID.
    Mismatch(AnyCid),
    /// A CID by a hash function that we can't check, by its multicodec.
    Hash(AnyCid),
}

/// Why a CAR file is refused, and where.
#[derive(Debug)]
pub struct CarError {
    /// Where in the file the part begins that is refused, in bytes.
    pub at: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Truncated => f.write_str("the CAR file ends too early"),
            Self::Length(CidError::TooLong) => f.write_str("a length has more than 63 bits"),
            Self::Length(_) => f.write_str("a length is not in its shortest form"),
            Self::TooLarge { claimed, most } => write!(f, "a part of {claimed} bytes is over {most}"),
            Self::Header(error) => write!(f, "not the header of a CAR file of version 1: {error}"),
            Self::Version(version) => write!(f, "a CAR file of version {version}; only version 1 is read"),
            Self::Roots(count) => write!(f, "{count} roots are more than {ROOTS_MAX}"),
            Self::Cid(error) => write!(f, "{error}"),
            Self::Mismatch(cid) => write!(f, "the bytes of {cid} do not hash to it"),
            Self::Hash(cid) => write!(f, "the hash function of {cid} ({:#x}) is not known", cid.hash()),
        }
    }
}

impl fmt::Display for CarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.at, self.fault)
    }
}

impl std::error::Error for CarError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Io(error) => Some(error),
            Fault::Length(error) | Fault::Cid(error) => Some(error),
            Fault::Header(error) => Some(error),
            _ => None,
        }
    }
}
