//! What the state tree keeps under one path: versions, newest first, and metadata.

use alloc::string::String;
use alloc::vec::Vec;

use dagvault_api::{Meta, VersionInfo, VersionState};
use dagvault_core::cbor::{CborError, Decoder, Encoder, Wire};
use dagvault_core::wire_enum;
use dagvault_crypto::secret::SecretVec;
use dagvault_dag::link::Link;

use crate::node::SHARED_BYTES;

/// Chunk links that a version holds itself; more go to index nodes.
pub(crate) const DIRECT_LINKS_MAX: usize = 8;

/// Where a version's value is.
#[derive(Clone)]
pub(crate) enum Value {
    /// Nowhere: it was destroyed.
    Gone {},
    /// Here, encoded by a codec.
    Inline { codec: u32, data: Data },
    /// In chunks.
    Chunks { links: Vec<Link> },
    /// In chunks behind index nodes; `depth` 0 is a node that links to chunks.
    Index { depth: u32, link: Link },
}
wire_enum!(Value {
    0 => Gone {},
    1 => Inline { codec, data },
    2 => Chunks { links },
    3 => Index { depth, link },
});

/// Bytes of a value, zeroed when dropped.
#[derive(Clone)]
pub(crate) struct Data(pub(crate) SecretVec);

impl<'a> Wire<'a> for Data {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.bytes(self.0.expose());
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.bytes().map(|bytes| Self(SecretVec::from_slice(bytes)))
    }
}

/// One version of a path.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) info: VersionInfo,
    pub(crate) value: Value,
}

impl<'a> Wire<'a> for Version {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(2);
        self.info.encode(to);
        self.value.encode(to);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.record(2)?;
        let version = Self { info: Wire::decode(from)?, value: Wire::decode(from)? };
        let gone = matches!(version.value, Value::Gone {});
        let destroyed = version.info.state == VersionState::Destroyed {};
        if gone == destroyed && version.info.content.is_none() == destroyed {
            Ok(version)
        } else {
            Err(CborError::Value)
        }
    }
}

impl Version {
    /// Bytes that count towards the size of a node; part of the format, for it decides where nodes end.
    fn weight(&self) -> usize {
        let value = match &self.value {
            Value::Gone {} => 0,
            Value::Inline { data, .. } => data.0.expose().len(),
            Value::Chunks { links } => links.len() * LINK_WEIGHT,
            Value::Index { .. } => LINK_WEIGHT,
        };
        VERSION_WEIGHT + self.info.parents.len() * 17 + value
    }

    /// The version as it enters a digest: CIDs, keys and codecs left out.
    fn digest(&self, to: &mut Encoder<'_>) {
        to.array(8);
        to.bytes(&self.info.id);
        to.uint(self.info.number);
        self.info.parents.encode(to);
        to.uint(self.info.time_ms);
        to.bytes(&self.info.author);
        to.uint(self.info.size);
        self.info.state.encode(to);
        self.info.content.encode(to);
    }

    /// Forgets the value, its hash and its size for good.
    pub(crate) fn destroy(&mut self) {
        self.value = Value::Gone {};
        self.info.state = VersionState::Destroyed {};
        self.info.content = None;
        self.info.size = 0;
        self.info.stored = 0;
    }
}

const LINK_WEIGHT: usize = 112;
const VERSION_WEIGHT: usize = 128;
const ENTRY_WEIGHT: usize = 32;

/// Older versions of a path in linked nodes.
#[derive(Clone)]
pub(crate) struct Older {
    pub(crate) link: Link,
    /// Versions in the linked node and behind it.
    pub(crate) count: u64,
}
dagvault_core::wire_struct!(Older { link, count });

/// Everything under one path.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) meta: Meta,
    /// The display number that the next version gets.
    pub(crate) next_number: u64,
    /// Newest first, at least one.
    pub(crate) versions: Vec<Version>,
    pub(crate) older: Option<Older>,
}

impl Entry {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.into(), meta: Meta::new(), next_number: 1, versions: Vec::new(), older: None }
    }

    /// The newest version; an entry in a tree always has one.
    pub(crate) fn latest(&self) -> Option<&Version> {
        self.versions.first()
    }

    pub(crate) fn version_count(&self) -> u64 {
        self.versions.len() as u64 + self.older.as_ref().map_or(0, |older| older.count)
    }

    pub(crate) fn meta_bytes(&self) -> usize {
        self.meta.iter().map(|(key, value)| key.len() + value.0.len() + 8).sum()
    }

    pub(crate) fn weight(&self) -> usize {
        let older = if self.older.is_some() { LINK_WEIGHT } else { 0 };
        let versions: usize = self.versions.iter().map(Version::weight).sum();
        ENTRY_WEIGHT + self.path.len() + self.meta_bytes() + versions + older
    }

    /// Rough bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        let held = size_of::<Self>() + self.versions.len() * size_of::<Version>();
        held + self.weight() + SHARED_BYTES
    }

    /// The entry behind one whose path is `before`: the shared start of the path is a number.
    pub(crate) fn encode(&self, before: &str, to: &mut Encoder<'_>) {
        to.array(6);
        encode_path(&self.path, before, to);
        self.meta.encode(to);
        to.uint(self.next_number);
        self.versions.encode(to);
        self.older.encode(to);
    }

    pub(crate) fn decode(before: &str, from: &mut Decoder<'_>) -> Result<Self, CborError> {
        from.record(6)?;
        let path = decode_path(before, from)?;
        let entry = Self {
            path,
            meta: Wire::decode(from)?,
            next_number: from.uint()?,
            versions: Wire::decode(from)?,
            older: Wire::decode(from)?,
        };
        let falling = entry.versions.is_sorted_by(|a, b| a.info.number > b.info.number);
        match entry.latest() {
            Some(latest) if falling && latest.info.number < entry.next_number => Ok(entry),
            _ => Err(CborError::Value),
        }
    }

    pub(crate) fn digest(&self, to: &mut Encoder<'_>) {
        to.array(5);
        to.text(&self.path);
        self.meta.encode(to);
        to.uint(self.next_number);
        digest_versions(&self.versions, to);
        self.older.as_ref().map(|older| older.link.digest).encode(to);
    }
}

pub(crate) fn digest_versions(versions: &[Version], to: &mut Encoder<'_>) {
    to.array(versions.len());
    versions.iter().for_each(|version| version.digest(to));
}

fn shared_prefix(path: &str, before: &str) -> usize {
    let equal = path.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
    (0..=equal).rev().find(|at| path.is_char_boundary(*at)).unwrap_or(0)
}

/// Two items: the bytes that `path` shares with `before`, and its rest.
pub(crate) fn encode_path(path: &str, before: &str, to: &mut Encoder<'_>) {
    let shared = shared_prefix(path, before);
    to.uint(shared as u64);
    to.text(&path[shared..]);
}

/// Reads what [`encode_path`] wrote; refuses a path that is not behind `before`, or shares more than it says.
pub(crate) fn decode_path(before: &str, from: &mut Decoder<'_>) -> Result<String, CborError> {
    let shared = usize::try_from(from.uint()?).map_err(|_| CborError::Value)?;
    let start = before.get(..shared).ok_or(CborError::Value)?;
    let rest = from.text()?;
    let mut path = String::with_capacity(start.len() + rest.len());
    path.push_str(start);
    path.push_str(rest);
    if path.as_str() <= before && !before.is_empty() || dagvault_api::check_path(&path).is_err() {
        return Err(CborError::Value);
    }
    if shared_prefix(&path, before) == shared { Ok(path) } else { Err(CborError::NotCanonical) }
}
