//! What requests and answers are made of.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use dagvault_core::cbor::Bytes;
use dagvault_core::{wire_enum, wire_struct};

/// Metadata of a path: small named values, encrypted like everything else.
pub type Meta = BTreeMap<String, Bytes>;

/// A change of metadata: a value to set, or `None` to remove the key.
pub type MetaChange = BTreeMap<String, Option<Bytes>>;

/// What opens a vault.
#[derive(Clone, PartialEq, Eq)]
pub enum Unlock<'a> {
    /// A passphrase, stretched by Argon2id.
    Passphrase {
        /// Its bytes, as typed.
        bytes: Cow<'a, [u8]>,
    },
    /// The content of a key file: at least 32 bytes, of which at least 256 bits are random.
    KeyFile {
        /// Its bytes.
        bytes: Cow<'a, [u8]>,
    },
}
wire_enum!(Unlock<'a> { 0 => Passphrase { bytes }, 1 => KeyFile { bytes } });

impl fmt::Debug for Unlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase { .. } => "Passphrase(..)",
            Self::KeyFile { .. } => "KeyFile(..)",
        })
    }
}

/// Cost of Argon2id (RFC 9106).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KdfParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}
wire_struct!(KdfParams { memory_kib, passes, lanes });

impl Default for KdfParams {
    /// RFC 9106's second recommended choice: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 }
    }
}

/// A new key slot: what will open it and, for a passphrase, at which cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Protect<'a> {
    /// What will open the slot.
    pub unlock: Unlock<'a>,
    /// Cost of a passphrase's derivation; not used for a key file.
    pub kdf: KdfParams,
}
wire_struct!(Protect<'a> { unlock, kdf });

/// How a value is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Codec {
    /// Not at all.
    Raw {},
    /// LZ4 for values over `COMPRESS_BYTES_MIN`, where that makes them smaller.
    Lz4 {},
    /// LZ4 for values over `COMPRESS_FILE_BYTES_MIN`: for files, in which no short secret stands beside text that
    /// somebody else chose.
    Lz4File {},
}
wire_enum!(Codec { 0 => Raw {}, 1 => Lz4 {}, 2 => Lz4File {} });

/// One value to put.
#[derive(Clone, PartialEq, Eq)]
pub struct PutItem<'a> {
    /// Where to.
    pub path: Cow<'a, str>,
    /// The value.
    pub value: Cow<'a, [u8]>,
    /// Metadata to change in the same step.
    pub meta: MetaChange,
    /// Check-and-set: the number of the version that must be the newest, 0 for "no such path".
    pub expected: Option<u64>,
    /// Whether a value equal to the newest version makes no new version.
    pub skip_equal: bool,
    /// Compression.
    pub codec: Codec,
}
wire_struct!(PutItem<'a> { path, value, meta, expected, skip_equal, codec });

impl fmt::Debug for PutItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PutItem(.., {} bytes)", self.value.len())
    }
}

/// What a put did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutOutcome {
    /// The newest version now.
    pub version: VersionInfo,
    /// Whether it is new (not for a value that was equal).
    pub written: bool,
}
wire_struct!(PutOutcome { version, written });

/// Which version of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Select {
    /// The newest.
    Latest {},
    /// The one with this display number.
    Number {
        /// Counted from 1.
        number: u64,
    },
}
wire_enum!(Select { 0 => Latest {}, 1 => Number { number } });

/// Whether a version's value can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VersionState {
    /// It can.
    Live {},
    /// Marked as deleted; undelete brings it back.
    Deleted {},
    /// Gone for good.
    Destroyed {},
}
wire_enum!(VersionState { 0 => Live {}, 1 => Deleted {}, 2 => Destroyed {} });

/// What is known of a version besides its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionInfo {
    /// Its unique id.
    pub id: [u8; 16],
    /// Its display number, counted from 1 in each path.
    pub number: u64,
    /// Ids of the versions that it follows.
    pub parents: Vec<[u8; 16]>,
    /// When it was written, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// First 16 bytes of the BLAKE3 of the author's public key.
    pub author: [u8; 16],
    /// Length of the value in bytes; 0 once destroyed.
    pub size: u64,
    /// Bytes that it takes inside the vault before padding; 0 once destroyed.
    pub stored: u64,
    /// Whether it can be read.
    pub state: VersionState,
    /// Hash of the value under a key of the vault's: equal for equal values of one vault; absent once
    /// destroyed.
    pub content: Option<[u8; 32]>,
}
wire_struct!(VersionInfo { id, number, parents, time_ms, author, size, stored, state, content });

/// A path in a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryInfo {
    /// The path.
    pub path: String,
    /// Its newest version; absent for a path that has only metadata.
    pub latest: VersionInfo,
    /// How many versions it has.
    pub versions: u64,
    /// Its metadata, where the request asked for it.
    pub meta: Option<Meta>,
}
wire_struct!(EntryInfo { path, latest, versions, meta });

/// A key slot as it may be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeySlotInfo {
    /// Its number in this vault, never used again.
    pub id: u32,
    /// `passphrase` or `key-file`.
    pub kind: String,
    /// Cost of the derivation, for a passphrase.
    pub kdf: Option<KdfParams>,
    /// Whether this session was opened with it.
    pub current: bool,
}
wire_struct!(KeySlotInfo { id, kind, kdf, current });
