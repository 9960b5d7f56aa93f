//! The nodes of a space's DAG: leaves and branches of the state tree, index nodes of large values, nodes of
//! older versions. Each is strict dag-cbor inside an envelope; docs/format.md has the bytes.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use dagvault_core::cbor::{CborError, Decoder, Encoder, Wire};
use dagvault_core::limits::TREE_DEPTH_MAX;
use dagvault_crypto::{hash, secret::Secret};
use dagvault_dag::envelope::Kind;
use dagvault_dag::link::Link;

use crate::entry::{Entry, Older, Version, decode_path, digest_versions, encode_path};
use crate::keyed::{Keyed, Sorted};

/// Links in one index node.
pub(crate) const INDEX_LINKS_MAX: usize = 1024;

/// The keys of a space under which its digests and node boundaries are made.
pub struct SpaceKeys {
    digest: Secret<32>,
    rank: Secret<32>,
}

impl SpaceKeys {
    /// The keys that follow from the space's secret.
    #[must_use]
    pub fn derive(secret: &Secret<32>) -> Self {
        let key = |context| {
            Secret::generate(|out| {
                hash::derive(context, &[secret.expose()], out);
                Ok::<_, core::convert::Infallible>(())
            })
        };
        let Ok(digest) = key("dagvault 2026-11 space digest v1");
        let Ok(rank) = key("dagvault 2026-11 space node boundary v1");
        Self { digest, rank }
    }

    /// The digest of content of a kind.
    fn digest(&self, kind: u8, content: &[u8]) -> [u8; 32] {
        hash::keyed_parts(self.digest.expose(), &[&[kind], content])
    }

    /// The digest of a chunk: of the plain bytes of the value, before compression.
    pub(crate) fn chunk(&self, bytes: &[u8]) -> [u8; 32] {
        self.digest(Kind::Chunk as u8, bytes)
    }

    /// The digest of an index node from those of what it links to.
    pub(crate) fn index(&self, depth: u32, digests: &[[u8; 32]]) -> [u8; 32] {
        let mut content = Vec::with_capacity(4 + digests.len() * 32);
        content.extend_from_slice(&depth.to_le_bytes());
        digests.iter().for_each(|digest| content.extend_from_slice(digest));
        self.digest(Kind::Index as u8, &content)
    }

    /// The content hash of a value from its size and the digests of its top links.
    pub(crate) fn content(&self, size: u64, digests: &[[u8; 32]]) -> [u8; 32] {
        let mut content = Vec::with_capacity(8 + digests.len() * 32);
        content.extend_from_slice(&size.to_le_bytes());
        digests.iter().for_each(|digest| content.extend_from_slice(digest));
        self.digest(0, &content)
    }

    /// How many levels of the tree, from the leaves up, have a node that ends with this path.
    ///
    /// A leaf ends with one path in 8, a branch with one in 32 of those that end the level below.
    pub(crate) fn rank(&self, path: &str) -> u32 {
        let hash = hash::keyed(self.rank.expose(), path.as_bytes());
        let bits = hash.first_chunk().map_or(1, |head| u64::from_le_bytes(*head));
        match bits.trailing_zeros() {
            zeros @ 3.. => 1 + (zeros - 3) / 5,
            _ => 0,
        }
    }
}

/// What it costs to keep something behind a counted pointer with an allocation of its own.
pub(crate) const SHARED_BYTES: usize = 64;

/// A child of a branch.
pub(crate) struct Child {
    /// The last path below.
    pub(crate) last: String,
    pub(crate) link: Link,
    /// Paths below.
    pub(crate) paths: u64,
}

impl Keyed for Child {
    fn key(&self) -> &str {
        &self.last
    }
}

impl Keyed for Entry {
    fn key(&self) -> &str {
        &self.path
    }
}

/// A node of the state tree. What a change leaves as it is, old and new nodes share.
pub(crate) enum Node {
    Leaf(Sorted<Entry>),
    Branch { level: u32, children: Sorted<Child> },
}

impl Node {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Leaf(_) => Kind::Leaf,
            Self::Branch { .. } => Kind::Branch,
        }
    }

    pub(crate) fn kind_at(level: u32) -> Kind {
        if level == 0 { Kind::Leaf } else { Kind::Branch }
    }

    pub(crate) fn last(&self) -> &str {
        let last = match self {
            Self::Leaf(entries) => entries.last().map(|entry| &entry.path),
            Self::Branch { children, .. } => children.last().map(|child| &child.last),
        };
        last.map_or("", String::as_str)
    }

    pub(crate) fn paths(&self) -> u64 {
        match self {
            Self::Leaf(entries) => entries.len() as u64,
            Self::Branch { children, .. } => children.iter().map(|child| child.paths).sum(),
        }
    }

    /// Rough bytes of memory, what it shares with other nodes counted as its own.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.iter().map(|entry| entry.memory()).sum(),
            Self::Branch { children, .. } => {
                children.iter().map(|child| size_of::<Child>() + child.last.len() + SHARED_BYTES).sum()
            }
        }
    }

    /// Rough bytes of its encoding.
    fn weight(&self) -> usize {
        match self {
            Self::Leaf(entries) => entries.iter().map(|entry| entry.weight()).sum(),
            Self::Branch { children, .. } => children.iter().map(|child| child.last.len() + 160).sum(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::new(Vec::with_capacity(self.weight() + 1024));
        match self {
            Self::Leaf(entries) => {
                to.array(entries.len());
                let mut before = "";
                for entry in entries {
                    entry.encode(before, &mut to);
                    before = &entry.path;
                }
            }
            Self::Branch { level, children } => {
                to.array(2);
                to.uint(u64::from(*level));
                to.array(children.len());
                let mut before = "";
                for child in children {
                    to.array(4);
                    encode_path(&child.last, before, &mut to);
                    to.uint(child.paths);
                    child.link.encode(&mut to);
                    before = &child.last;
                }
            }
        }
        to.finish()
    }

    /// Reads a node of a level; 0 is a leaf.
    pub(crate) fn decode(level: u32, payload: &[u8]) -> Result<Self, CborError> {
        let mut from = Decoder::new(payload);
        let node = if level == 0 {
            let mut entries: Vec<Arc<Entry>> = Vec::new();
            for _ in 0..from.array()? {
                let before = entries.last().map_or("", |entry| entry.path.as_str());
                entries.push(Arc::new(Entry::decode(before, &mut from)?));
            }
            Self::Leaf(entries.into())
        } else {
            from.record(2)?;
            if from.uint()? != u64::from(level) || level as usize > TREE_DEPTH_MAX {
                return Err(CborError::Value);
            }
            let mut children: Vec<Arc<Child>> = Vec::new();
            for _ in 0..from.array()? {
                from.record(4)?;
                let before = children.last().map_or("", |child| child.last.as_str());
                let last = decode_path(before, &mut from)?;
                let (paths, link) = (from.uint()?, Wire::decode(&mut from)?);
                children.push(Arc::new(Child { last, link, paths }));
            }
            Self::Branch { level, children: children.into() }
        };
        from.end()?;
        if node.last().is_empty() { Err(CborError::Value) } else { Ok(node) }
    }

    pub(crate) fn digest(&self, keys: &SpaceKeys) -> [u8; 32] {
        let mut to = Encoder::new(Vec::with_capacity(self.weight() + 1024));
        match self {
            Self::Leaf(entries) => {
                to.array(entries.len());
                entries.iter().for_each(|entry| entry.digest(&mut to));
            }
            Self::Branch { level, children } => {
                to.uint(u64::from(*level));
                for child in children {
                    to.text(&child.last);
                    to.uint(child.paths);
                    to.bytes(&child.link.digest);
                }
            }
        }
        keys.digest(self.kind() as u8, &to.finish())
    }
}

/// Links to parts of a large value.
pub(crate) struct Index {
    pub(crate) depth: u32,
    pub(crate) links: Vec<Link>,
}
dagvault_core::wire_struct!(Index { depth, links });

impl Index {
    pub(crate) fn digest(&self, keys: &SpaceKeys) -> [u8; 32] {
        let digests: Vec<_> = self.links.iter().map(|link| link.digest).collect();
        keys.index(self.depth, &digests)
    }
}

/// Older versions of a path, newest first.
pub(crate) struct History {
    pub(crate) versions: Vec<Version>,
    pub(crate) older: Option<Older>,
}
dagvault_core::wire_struct!(History { versions, older });

impl History {
    pub(crate) fn digest(&self, keys: &SpaceKeys) -> [u8; 32] {
        let mut to = Encoder::default();
        digest_versions(&self.versions, &mut to);
        self.older.as_ref().map(|older| older.link.digest).encode(&mut to);
        keys.digest(Kind::History as u8, &to.finish())
    }
}
