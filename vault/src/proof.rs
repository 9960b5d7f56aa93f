//! Proofs of inclusion: the blocks from a commit to a path, with what opens them.
//!
//! The commit is opened by an opening of its own, since its link key opens every commit; the root of the tree by its
//! link key, and each node below by the key that stands in its parent. Which way leads to a path is fixed by what
//! stands in the nodes, and every envelope commits to what opens it: so a commit and a path have one answer.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dagvault_api::{Error, Proven, check_path};
use dagvault_core::cbor::{self, Bytes, CborError, Decoder, Encoder, Wire as _};
use dagvault_core::ids::Cid;
use dagvault_core::limits::{BLOCK_BYTES_MAX, PROOF_BYTES_MAX, TREE_DEPTH_MAX};
use dagvault_crypto::{hash, secret::Secret};
use dagvault_dag::envelope::{self, Kind};
use dagvault_dag::link::Link;
use dagvault_dag::walk::missing;

use crate::change::checked;
use crate::entry::{Entry, Value};
use crate::head::Commit;
use crate::node::Node;
use crate::nodes::{Nodes, malformed, open};
use crate::session::Session;
use crate::value::plain_inline;

const NAME: &str = "dagvault proof";
/// Version of the form.
const FORMAT: u32 = 1;
/// Blocks of the longest proof: a commit, and a node for each level.
const BLOCKS_MAX: usize = TREE_DEPTH_MAX + 2;

/// A proof as it is written.
struct Proof<'a> {
    commit: Cid,
    path: Cow<'a, str>,
    /// Opens the commit's block and no other.
    opening: Secret<32>,
    /// Link key of the tree's root.
    root_key: Secret<32>,
    /// The commit, then the nodes from the root to the leaf.
    blocks: Vec<Cow<'a, [u8]>>,
}

impl<'a> Proof<'a> {
    fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.array(7);
        to.text(NAME);
        FORMAT.encode(&mut to);
        to.link(self.commit);
        to.text(&self.path);
        to.bytes(self.opening.expose());
        to.bytes(self.root_key.expose());
        self.blocks.encode(&mut to);
        to.finish()
    }

    fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let bad = |error: CborError| Error::bad_request(format!("this is not a proof: {error}"));
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(Error::limit(format!("a proof has at most {PROOF_BYTES_MAX} bytes")));
        }
        let mut from = Decoder::new(bytes);
        let fields = from.array().map_err(bad)?;
        if from.text().map_err(bad)? != NAME {
            return Err(bad(CborError::Value));
        }
        let format = u32::decode(&mut from).map_err(bad)?;
        if format > FORMAT {
            return Err(Error::Unsupported { detail: format!("the proof has format {format}") });
        }
        if format != FORMAT || fields != 7 {
            return Err(bad(CborError::Value));
        }
        let mut read = || {
            let commit = from.link()?;
            let path = Cow::decode(&mut from)?;
            let mut key = || Secret::from_slice(from.bytes()?).ok_or(CborError::Value);
            let (opening, root_key) = (key()?, key()?);
            let count = from.array()?;
            if !(2..=BLOCKS_MAX).contains(&count) {
                return Err(CborError::Value);
            }
            let mut blocks = Vec::with_capacity(count);
            for _ in 0..count {
                let block: Cow<'a, [u8]> = Cow::decode(&mut from)?;
                if block.len() > BLOCK_BYTES_MAX {
                    return Err(CborError::Value);
                }
                blocks.push(block);
            }
            from.end()?;
            Ok(Self { commit, path, opening, root_key, blocks })
        };
        let proof = read().map_err(bad)?;
        check_path(&proof.path).map_err(Error::bad_request)?;
        Ok(proof)
    }
}

/// The child of a branch below which a path is.
fn child_of<'n>(node: &'n Node, path: &str) -> Option<&'n Link> {
    let Node::Branch { children, .. } = node else { return None };
    children.get(children.before(path)).map(|child| &child.link)
}

/// The entry of a leaf.
fn entry_of<'n>(node: &'n Node, path: &str) -> Option<&'n Entry> {
    let Node::Leaf(entries) = node else { return None };
    entries.iter().find(|entry| entry.path == path).map(|entry| &**entry)
}

/// A proof that the newest commit holds `path`.
pub(crate) fn make(nodes: &Nodes, session: &Session, path: &str) -> Result<Vec<u8>, Error> {
    let absent = || Error::NotFound { path: path.into() };
    let root = session.root.as_ref().filter(|_| checked(path).is_ok());
    let root = root.ok_or_else(|| checked(path).err().unwrap_or_else(absent))?;
    let block_of = |cid: Cid| -> Result<Vec<u8>, Error> {
        Ok(nodes.store.get_many(&[cid])?.pop().flatten().ok_or_else(|| missing(cid))?)
    };
    let commit = session.body.commit;
    let block = block_of(commit)?;
    let opening = envelope::opening(&session.keys.commit, &block).ok_or_else(|| missing(commit))?;
    let mut blocks = Vec::from([Cow::Owned(block)]);
    let mut link = root.link.clone();
    for level in (0..=root.level).rev() {
        let block = block_of(link.cid)?;
        let opened = open(Node::kind_at(level), &link, block.clone())?;
        let node = Node::decode(level, opened.payload()).map_err(|error| malformed(link.cid, error))?;
        blocks.push(Cow::Owned(block));
        if level == 0 {
            entry_of(&node, path).ok_or_else(absent)?;
        } else {
            link = child_of(&node, path).ok_or_else(absent)?.clone();
        }
    }
    let root_key = root.link.key.clone();
    Ok(Proof { commit, path: path.into(), opening, root_key, blocks }.encode())
}

fn refuted(detail: impl Into<String>) -> Error {
    Error::Refuted { detail: detail.into() }
}

/// What a proof proves of a commit.
///
/// # Errors
/// `BadRequest`, `Limit` or `Unsupported` for what is no proof of ours; `Refuted` if it does not prove what it says, or
/// is of another commit.
pub fn check(proof: &[u8], commit: Cid) -> Result<Proven, Error> {
    let proof = Proof::decode(proof)?;
    if proof.commit != commit {
        return Err(refuted(format!("it is of the commit {}", proof.commit)));
    }
    let cid_of = |block: &[u8]| Cid(hash::hash(block));
    let mut blocks = proof.blocks.iter();
    let first = blocks.next().ok_or_else(|| refuted("it has no blocks"))?;
    if cid_of(first) != commit {
        return Err(refuted("its first block is not the commit"));
    }
    let opened = envelope::open_by(Kind::Commit, &proof.opening, first.to_vec())
        .map_err(|error| refuted(format!("commit: {error}")))?;
    let named: Commit =
        cbor::from_slice(opened.payload()).map_err(|error| refuted(format!("commit: {error}")))?;
    let mut expected: Vec<Cid> = named.spaces.iter().filter_map(|space| space.root).collect();
    let mut key = proof.root_key.clone();
    let mut level = u32::try_from(blocks.len()).unwrap_or(u32::MAX);
    for block in blocks {
        level -= 1;
        let cid = cid_of(block);
        if !expected.contains(&cid) {
            return Err(refuted(format!("the block above does not name {cid}")));
        }
        let opened = envelope::open(Node::kind_at(level), &key, block.to_vec())
            .map_err(|error| refuted(format!("block {cid}: {error}")))?;
        let node = Node::decode(level, opened.payload())
            .map_err(|error| refuted(format!("block {cid}: {error}")))?;
        if level == 0 {
            let entry = entry_of(&node, &proof.path).ok_or_else(|| refuted("the path is not there"))?;
            return proven(named.info(commit), entry, proof.blocks.len() as u64 - 1);
        }
        let link = child_of(&node, &proof.path).ok_or_else(|| refuted("the path is not there"))?;
        (expected, key) = (Vec::from([link.cid]), link.key.clone());
    }
    Err(refuted("it does not reach the path"))
}

fn proven(commit: dagvault_api::CommitInfo, entry: &Entry, nodes: u64) -> Result<Proven, Error> {
    let latest = entry.latest().ok_or_else(|| refuted("the path has no version"))?;
    let (value, parts) = match &latest.value {
        Value::Gone {} => (None, Vec::new()),
        Value::Inline { codec, data } => {
            let plain = plain_inline(*codec, data, latest.info.size).map_err(|error| match error {
                Error::Corrupt { detail } => refuted(detail),
                other => other,
            })?;
            (Some(Bytes(plain.expose().to_vec())), Vec::new())
        }
        Value::Chunks { links } => (None, links.iter().map(|link| link.cid).collect()),
        Value::Index { link, .. } => (None, Vec::from([link.cid])),
    };
    Ok(Proven {
        commit,
        path: entry.path.clone(),
        latest: latest.info.clone(),
        versions: entry.version_count(),
        meta: entry.meta.clone(),
        value,
        parts,
        nodes,
    })
}
