//! Going through everything that the head reaches: to verify it, or to mark what is alive.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use dagvault_api::{BlockKind, Error, VerifyStep};
use dagvault_core::cbor;
use dagvault_core::ids::Cid;
use dagvault_crypto::hash;
use dagvault_dag::envelope::{self, Kind};
use dagvault_dag::link::Link;
use dagvault_dag::walk::{Links, Promise, Task, Walk, missing};

use crate::entry::{Older, Value, Version};
use crate::head::Commit;
use crate::keys::Keyring;
use crate::node::{Node, SpaceKeys};
use crate::nodes::{Nodes, damaged, decode_history, decode_index, malformed, open};
use crate::session::Session;
use crate::value::{open_chunk, open_inline};

/// Blocks that one step visits at once.
const STEP_BLOCKS: usize = 128;
/// Bytes after which a step of a verification answers.
const STEP_BYTES: u64 = 16 << 20;
/// How often a verification begins anew because what it reads was removed by later changes.
const RESTARTS_MAX: u32 = 16;
/// Commits that one step checks.
const STEP_COMMITS: usize = 256;

/// A link to follow, with what its parent says of the child.
pub(crate) enum Visit {
    Tree { level: u32, link: Link, paths: u64, last: Option<String> },
    Index { depth: u32, link: Link },
    Chunk { link: Link },
    History { older: Older },
}

impl Visit {
    /// What the link leads to.
    pub(crate) fn kind(&self) -> BlockKind {
        match self {
            Self::Tree { level: 0, .. } => BlockKind::Leaf {},
            Self::Tree { .. } => BlockKind::Branch {},
            Self::Index { .. } => BlockKind::Index {},
            Self::Chunk { .. } => BlockKind::Chunk {},
            Self::History { .. } => BlockKind::History {},
        }
    }
}

/// What a visit found.
#[derive(Default)]
pub(crate) struct Found {
    paths: u64,
    versions: u64,
}

/// Checks blocks under the keys of a vault.
pub(crate) struct Checker<'k> {
    pub(crate) keys: &'k SpaceKeys,
    /// Whether values are read too; else chunks are leaves of the walk.
    pub(crate) values: bool,
}

impl Task for Visit {
    type Error = Error;
    type Found = Found;
    type Context<'c> = Checker<'c>;

    fn cid(&self) -> Cid {
        match self {
            Self::Tree { link, .. } | Self::Index { link, .. } | Self::Chunk { link } => link.cid,
            Self::History { older } => older.link.cid,
        }
    }

    fn promise(&self) -> Promise {
        let (link, of, count, last) = match self {
            Self::Tree { level, link, paths, last } => (link, *level, *paths, last.as_deref()),
            Self::Index { depth, link } => (link, *depth, 0, None),
            Self::Chunk { link } => (link, 0, 0, None),
            Self::History { older } => (&older.link, 0, older.count, None),
        };
        let kind = match self {
            Self::Tree { .. } => 0,
            Self::Index { .. } => 1,
            Self::Chunk { .. } => 2,
            Self::History { .. } => 3,
        };
        let mut hasher = hash::Hasher::new();
        hasher.update(&[kind, u8::from(last.is_some())]);
        hasher.update(&of.to_le_bytes());
        hasher.update(&count.to_le_bytes());
        hasher.update(link.key.expose());
        hasher.update(&link.digest);
        hasher.update(last.unwrap_or_default().as_bytes());
        u128::from_le_bytes(*hasher.finalize().first_chunk().expect("16 of 32 bytes"))
    }

    fn visit(self, checker: &Checker<'_>, block: Vec<u8>, next: &mut Links<Self>) -> Result<Found, Error> {
        let mut found = Found::default();
        match self {
            Self::Tree { level, link, paths, last } => {
                let opened = open(Node::kind_at(level), &link, block)?;
                let node =
                    Node::decode(level, opened.payload()).map_err(|error| malformed(link.cid, error))?;
                expect_digest(&link, node.digest(checker.keys))?;
                if node.paths() != paths || last.is_some_and(|last| last != node.last()) {
                    return Err(Error::corrupt(format!("block {}: not what its parent says", link.cid)));
                }
                checker.node(&node, &mut found, next)?;
            }
            Self::Index { depth, link } => {
                let index = decode_index(depth, &link, &open(Kind::Index, &link, block)?)?;
                expect_digest(&link, index.digest(checker.keys))?;
                checker.links(depth.checked_sub(1), index.links, next);
            }
            Self::Chunk { link } => {
                open_chunk(checker.keys, &link, block)?;
            }
            Self::History { older } => {
                let link = older.link;
                let history = decode_history(&link, &open(Kind::History, &link, block)?)?;
                expect_digest(&link, history.digest(checker.keys))?;
                let behind = history.older.as_ref().map_or(0, |older| older.count);
                if history.versions.len() as u64 + behind != older.count {
                    return Err(Error::corrupt(format!("block {}: versions are missing", link.cid)));
                }
                checker.versions(&history.versions, &mut found, next)?;
                next.next.extend(history.older.map(|older| Self::History { older }));
            }
        }
        Ok(found)
    }
}

fn expect_digest(link: &Link, digest: [u8; 32]) -> Result<(), Error> {
    if digest == link.digest {
        Ok(())
    } else {
        Err(Error::corrupt(format!("block {}: another digest than its parent says", link.cid)))
    }
}

impl Checker<'_> {
    fn node(&self, node: &Node, found: &mut Found, next: &mut Links<Visit>) -> Result<(), Error> {
        match node {
            Node::Leaf(entries) => {
                found.paths += entries.len() as u64;
                for entry in entries {
                    self.versions(&entry.versions, found, next)?;
                    next.next.extend(entry.older.clone().map(|older| Visit::History { older }));
                }
            }
            // The first child is visited first: the walk takes from the end.
            Node::Branch { level, children } => {
                next.next.extend(children.iter().rev().map(|child| Visit::Tree {
                    level: level - 1,
                    link: child.link.clone(),
                    paths: child.paths,
                    last: Some(child.last.clone()),
                }));
            }
        }
        Ok(())
    }

    fn versions(
        &self,
        versions: &[Version],
        found: &mut Found,
        next: &mut Links<Visit>,
    ) -> Result<(), Error> {
        for version in versions {
            found.versions += 1;
            let info = &version.info;
            let digests: Vec<_> = match &version.value {
                Value::Gone {} => continue,
                Value::Inline { codec, data } => {
                    if self.values {
                        open_inline(self.keys, *codec, data, info.size, info.content)?;
                    }
                    continue;
                }
                Value::Chunks { links } => {
                    self.links(None, links.clone(), next);
                    links.iter().map(|link| link.digest).collect()
                }
                Value::Index { depth, link } => {
                    next.next.push(Visit::Index { depth: *depth, link: link.clone() });
                    vec![link.digest]
                }
            };
            if Some(self.keys.content(info.size, &digests)) != info.content {
                return Err(Error::corrupt("a value has another content hash"));
            }
        }
        Ok(())
    }

    /// Links to chunks (`None`) or to index nodes of a depth.
    fn links(&self, depth: Option<u32>, links: Vec<Link>, to: &mut Links<Visit>) {
        match depth {
            Some(depth) => {
                to.next.extend(links.into_iter().rev().map(|link| Visit::Index { depth, link }));
            }
            None if self.values => to.next.extend(links.into_iter().rev().map(|link| Visit::Chunk { link })),
            None => to.leaves.extend(links.iter().map(|link| link.cid)),
        }
    }
}

/// Goes back along the commits from the newest.
struct Commits {
    next: Vec<Cid>,
    /// The sequence that the next one must have.
    sequence: u64,
}

impl Commits {
    /// Checks up to `count` commits; answers their names and bytes.
    fn step(&mut self, nodes: &Nodes, session: &Session, count: usize) -> Result<Vec<(Cid, u64)>, Error> {
        let mut seen = Vec::new();
        while seen.len() < count {
            let Some(cid) = self.next.pop() else { break };
            let block = nodes.store.get_many(&[cid])?.pop().flatten().ok_or_else(|| missing(cid))?;
            let bytes = block.len() as u64;
            let commit = read_commit(cid, block, &session.keys)?;
            let keys = &session.keys;
            let rightful = commit.check(session.vault(), &keys.public, &keys.author);
            let in_line =
                commit.sequence == self.sequence && commit.parents.len() == usize::from(commit.sequence > 1);
            if !rightful || !in_line {
                return Err(Error::corrupt(format!("commit {cid} is not in line or not signed")));
            }
            self.sequence -= 1;
            self.next.extend(commit.parents);
            seen.push((cid, bytes));
        }
        Ok(seen)
    }
}

pub(crate) fn read_commit(cid: Cid, block: Vec<u8>, keys: &Keyring) -> Result<Commit, Error> {
    let opened = envelope::open(Kind::Commit, &keys.commit, block).map_err(|error| damaged(cid, error))?;
    cbor::from_slice(opened.payload()).map_err(|error| malformed(cid, error))
}

/// The link to the head's tree.
pub(crate) fn root_of(session: &Session) -> Option<Visit> {
    session.root.as_ref().map(|root| Visit::Tree {
        level: root.level,
        link: root.link.clone(),
        paths: root.paths,
        last: None,
    })
}

fn commits_of(session: &Session) -> Commits {
    Commits { next: vec![session.body.commit], sequence: session.head.sequence }
}

/// A verification under way.
pub(crate) struct Verify {
    walk: Walk<Visit>,
    commits: Commits,
    step: VerifyStep,
    /// The change whose state it verifies.
    sequence: u64,
    /// How often it may still begin anew.
    restarts: u32,
}

impl Verify {
    /// Begins at the head of the session; checks that the newest commit names the head's root.
    pub(crate) fn new(nodes: &Nodes, session: &Session) -> Result<Self, Error> {
        let cid = session.body.commit;
        let block = nodes.store.get_many(&[cid])?.pop().flatten().ok_or_else(|| missing(cid))?;
        let commit = read_commit(cid, block, &session.keys)?;
        let space = &session.body.space;
        let root = session.root.as_ref().map(|root| root.link.cid);
        let named = commit
            .spaces
            .iter()
            .any(|named| named.id == space.id && named.epoch == space.epoch && named.root == root);
        if !named {
            return Err(Error::corrupt("the newest commit names another root than the head"));
        }
        let mut walk = Walk::new(nodes.table()?);
        if let Some(root) = root_of(session) {
            walk.begin(root)?;
        }
        Ok(Self {
            walk,
            commits: commits_of(session),
            step: VerifyStep::default(),
            sequence: session.head.sequence,
            restarts: RESTARTS_MAX,
        })
    }

    /// Verifies on. What fails because a later change has removed it is no damage: then it begins anew, at the
    /// newest head.
    pub(crate) fn next(&mut self, nodes: &Nodes, session: &mut Session) -> Result<VerifyStep, Error> {
        let error = match self.step(nodes, session) {
            Err(error @ Error::Corrupt { .. }) => error,
            other => return other,
        };
        session.refresh(nodes)?;
        if session.head.sequence == self.sequence || self.restarts == 0 {
            return Err(error);
        }
        let restarts = self.restarts - 1;
        *self = Self { restarts, ..Self::new(nodes, session)? };
        self.step.pending = (self.walk.pending() + self.commits.next.len()) as u64;
        Ok(self.step)
    }

    fn step(&mut self, nodes: &Nodes, session: &Session) -> Result<VerifyStep, Error> {
        let checker = Checker { keys: &session.keys.space, values: true };
        let enough = self.step.bytes + STEP_BYTES;
        while self.walk.pending() > 0 && self.step.bytes < enough {
            for visited in self.walk.step(&*nodes.store, &checker, STEP_BLOCKS)? {
                self.step.bytes += visited.bytes;
                // A block that others promise otherwise is read once more, and is the same block.
                if !visited.again {
                    self.step.blocks += 1;
                    self.step.paths += visited.found.paths;
                    self.step.versions += visited.found.versions;
                }
            }
        }
        if self.walk.pending() == 0 {
            for (cid, bytes) in self.commits.step(nodes, session, STEP_COMMITS)? {
                self.walk.leaf(&cid)?;
                self.step.blocks += 1;
                self.step.commits += 1;
                self.step.bytes += bytes;
            }
        }
        nodes.note(self.walk.table());
        self.step.pending = (self.walk.pending() + self.commits.next.len()) as u64;
        self.step.done = self.step.pending == 0;
        Ok(self.step)
    }
}

/// Meets every block that the head reaches, and what the links in `held` reach: to chunks (`None`) and index nodes of a
/// depth.
pub(crate) fn mark(
    nodes: &Nodes,
    session: &Session,
    held: Vec<(Option<u32>, Link)>,
    walk: &mut Walk<Visit>,
) -> Result<(), Error> {
    let checker = Checker { keys: &session.keys.space, values: false };
    let mut links = Links::default();
    held.into_iter().for_each(|(depth, link)| checker.links(depth, Vec::from([link]), &mut links));
    for leaf in links.leaves {
        walk.leaf(&leaf)?;
    }
    for visit in links.next.into_iter().chain(root_of(session)) {
        walk.begin(visit)?;
    }
    while walk.pending() > 0 {
        walk.step(&*nodes.store, &checker, STEP_BLOCKS)?;
    }
    let mut commits = commits_of(session);
    while !commits.next.is_empty() {
        for (cid, _) in commits.step(nodes, session, STEP_COMMITS)? {
            walk.leaf(&cid)?;
        }
    }
    nodes.note(walk.table());
    Ok(())
}
