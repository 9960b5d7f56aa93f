//! Blocks, commits and proofs, as requests and answers have them.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use dagvault_core::cbor::Bytes;
use dagvault_core::ids::Cid;
use dagvault_core::{wire_enum, wire_struct};

use crate::types::{Meta, VersionInfo};

/// A block as it is stored: opaque.
#[derive(Clone, PartialEq, Eq)]
pub struct RawBlock<'a> {
    /// The name that it must have; none: whatever its bytes hash to.
    pub cid: Option<Cid>,
    /// Its bytes, at most `BLOCK_BYTES_MAX`.
    pub bytes: Cow<'a, [u8]>,
}
wire_struct!(RawBlock<'a> { cid, bytes });

impl fmt::Debug for RawBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBlock({:?}, {} bytes)", self.cid, self.bytes.len())
    }
}

/// A block of the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlockInfo {
    /// Its name.
    pub cid: Cid,
    /// Its length in bytes.
    pub bytes: u64,
}
wire_struct!(BlockInfo { cid, bytes });

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BlockKind {
    /// A leaf of a state tree.
    Leaf {},
    /// A branch of a state tree.
    Branch {},
    /// A part of a value.
    Chunk {},
    /// Links to parts of a value.
    Index {},
    /// Older versions of a path.
    History {},
    /// A commit.
    Commit {},
}
wire_enum!(BlockKind {
    1 => Leaf {},
    2 => Branch {},
    3 => Chunk {},
    4 => Index {},
    5 => History {},
    6 => Commit {},
});

/// A block that a walk has reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WalkStep {
    /// Its name.
    pub cid: Cid,
    /// What it holds.
    pub kind: BlockKind,
    /// Its length in bytes; 0 for a part of a value whose size was not asked for.
    pub bytes: u64,
    /// Links between the root and it, on the way on which it was met first; between commits, changes.
    pub depth: u64,
    /// Links in it.
    pub links: u64,
    /// Those of them that lead to blocks met before.
    pub shared: u64,
}
wire_struct!(WalkStep { cid, kind, bytes, depth, links, shared });

/// What a commit names of a space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitRoot {
    /// The space.
    pub space: [u8; 16],
    /// Epoch of its keys.
    pub epoch: u64,
    /// The root of its tree; none for an empty one.
    pub root: Option<Cid>,
}
wire_struct!(CommitRoot { space, epoch, root });

/// A commit whose signature was checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommitInfo {
    /// Its name.
    pub cid: Cid,
    /// One more than that of its newest parent.
    pub sequence: u64,
    /// What it follows.
    pub parents: Vec<Cid>,
    /// The states that it names.
    pub roots: Vec<CommitRoot>,
    /// First 16 bytes of the BLAKE3 of the author's public key.
    pub author: [u8; 16],
    /// When it was made, milliseconds since 1970 UTC.
    pub time_ms: u64,
}
wire_struct!(CommitInfo { cid, sequence, parents, roots, author, time_ms });

/// What a proof of inclusion proves.
#[derive(Clone, PartialEq, Eq)]
pub struct Proven {
    /// The commit; its signature is not checked, for that needs the author's public key.
    pub commit: CommitInfo,
    /// The path.
    pub path: String,
    /// Its newest version.
    pub latest: VersionInfo,
    /// How many versions it has.
    pub versions: u64,
    /// Its metadata.
    pub meta: Meta,
    /// The newest version's value, if that stands in the tree; a destroyed one has none, and that of a deleted one is
    /// still there.
    pub value: Option<Bytes>,
    /// The blocks that hold the value if it does not: parts of it or nodes that link to them, in order.
    pub parts: Vec<Cid>,
    /// Nodes between the commit and the path.
    pub nodes: u64,
}
wire_struct!(Proven { commit, path, latest, versions, meta, value, parts, nodes });

impl fmt::Debug for Proven {
    /// Neither path nor value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proven(.., {:?})", self.commit.cid)
    }
}
