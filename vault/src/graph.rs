//! A walk over what a block reaches.

use alloc::format;
use alloc::vec::Vec;

use dagvault_api::{BlockKind, Error, Response, WalkStep};
use dagvault_core::ids::Cid;
use dagvault_core::limits::RAW_BLOCKS_MAX;
use dagvault_core::sync::{AtomicU64, Ordering};
use dagvault_dag::walk::{Links, Promise, Task, Visited, Walk, missing};

use crate::check::{Checker, Visit, root_of};
use crate::history::Frontier;
use crate::nodes::Nodes;
use crate::session::Session;

/// Nodes that one step of a walk opens together.
const STEP_NODES: usize = 16;
/// Blocks in a page after which it is answered; the last step may add some thousands.
const PAGE_STEPS: usize = 2048;
/// Bytes read for a page after which it is answered.
const PAGE_BYTES: u64 = 16 << 20;

/// A link to follow, with the number of links before it.
struct Deep {
    visit: Visit,
    depth: u64,
}

impl Task for Deep {
    type Error = Error;
    type Found = Told;
    type Context<'c> = Checker<'c>;

    fn cid(&self) -> Cid {
        self.visit.cid()
    }

    fn promise(&self) -> Promise {
        self.visit.promise()
    }

    fn visit(self, checker: &Checker<'_>, block: Vec<u8>, links: &mut Links<Self>) -> Result<Told, Error> {
        let (kind, depth, mut below) = (self.visit.kind(), self.depth, Links::default());
        self.visit.visit(checker, block, &mut below)?;
        links.leaves = below.leaves;
        links.next = below.next.into_iter().map(|visit| Self { visit, depth: depth + 1 }).collect();
        Ok(Told { kind, depth })
    }
}

/// What a walk tells of a node.
struct Told {
    kind: BlockKind,
    depth: u64,
}

/// Where the head's tree has a block.
enum Start {
    Node(Visit),
    Chunk,
}

/// Looks for a block in the head's tree, node by node.
fn find(nodes: &Nodes, session: &Session, wanted: Cid) -> Result<Option<Start>, Error> {
    let checker = Checker { keys: &session.keys.space, values: false };
    let mut walk = Walk::new(nodes.table()?);
    if let Some(root) = root_of(session) {
        walk.begin(root)?;
    }
    loop {
        if walk.table().find(&wanted).is_some() {
            return Ok(Some(walk.take(&wanted).map_or(Start::Chunk, Start::Node)));
        }
        if walk.step(&*nodes.store, &checker, STEP_NODES)?.is_empty() {
            return Ok(None);
        }
    }
}

/// A walk under way.
pub(crate) struct Crawl {
    /// Met nodes and parts of values: about 70 bytes each.
    walk: Walk<Deep>,
    /// Parts of values that are not told yet, with their depth.
    chunks: Vec<(Cid, u64)>,
    commits: Frontier,
    /// The sequence of the commit at which it began, to count depths from.
    newest: u64,
    sizes: bool,
    /// Whether the commit at which it begins is not told yet: it comes before its tree, the others come behind.
    begins: bool,
    sealed: Option<Cid>,
}

impl Crawl {
    /// Begins at a commit, at a block of the head's tree, or at the head.
    pub(crate) fn new(
        nodes: &Nodes,
        session: &Session,
        root: Option<Cid>,
        sizes: bool,
    ) -> Result<Self, Error> {
        let cid = root.unwrap_or(session.body.commit);
        let mut crawl = Self {
            walk: Walk::new(nodes.table()?),
            chunks: Vec::new(),
            commits: Frontier::default(),
            newest: 0,
            sizes,
            begins: false,
            sealed: None,
        };
        match Frontier::begin(nodes, session, &[cid]) {
            Ok(commits) => crawl.commits = commits,
            Err(Error::BadRequest { .. }) => {
                let absent = || Error::NotFound { path: format!("{cid} (not in what the head reaches)") };
                match find(nodes, session, cid)?.ok_or_else(absent)? {
                    Start::Node(visit) => drop(crawl.walk.begin(Deep { visit, depth: 0 })?),
                    Start::Chunk => crawl.chunks.push((cid, 0)),
                }
                return Ok(crawl);
            }
            Err(error) => return Err(error),
        }
        crawl.begins = true;
        let mut roots = Vec::new();
        for ((sequence, _), (commit, _)) in &crawl.commits.ahead {
            crawl.newest = *sequence;
            roots.extend(commit.spaces.iter().filter_map(|space| space.root));
        }
        match root_of(session) {
            Some(visit) if roots.contains(&visit.cid()) => {
                crawl.walk.begin(Deep { visit, depth: 1 })?;
            }
            _ => crawl.sealed = roots.first().copied(),
        }
        Ok(crawl)
    }

    /// The next page, and whether it is the last.
    pub(crate) fn next(&mut self, nodes: &Nodes, session: &Session) -> Result<Response, Error> {
        let mut steps = Vec::new();
        let mut bytes = 0;
        while steps.len() < PAGE_STEPS && bytes < PAGE_BYTES {
            if !self.begins && !self.chunks.is_empty() {
                bytes += self.tell_chunks(nodes, &mut steps)?;
            } else if !self.begins && self.walk.pending() > 0 {
                bytes += self.tell_nodes(nodes, session, &mut steps)?;
            } else if let Some((cid, commit, length)) = self.commits.next(nodes, session)? {
                let links =
                    commit.parents.len() + commit.spaces.iter().filter(|space| space.root.is_some()).count();
                steps.push(WalkStep {
                    cid,
                    kind: BlockKind::Commit {},
                    bytes: length,
                    depth: self.newest - commit.sequence,
                    links: links as u64,
                    shared: 0,
                });
                bytes += length;
                self.begins = false;
            } else {
                return Ok(Response::Walk { steps, sealed: self.sealed.take(), done: true });
            }
        }
        Ok(Response::Walk { steps, sealed: self.sealed.take(), done: false })
    }

    fn tell_nodes(
        &mut self,
        nodes: &Nodes,
        session: &Session,
        steps: &mut Vec<WalkStep>,
    ) -> Result<u64, Error> {
        let checker = Checker { keys: &session.keys.space, values: false };
        let visited = self.walk.step(&*nodes.store, &checker, STEP_NODES)?;
        nodes.note(self.walk.table());
        let mut read = 0;
        for Visited { node, bytes, again, found: Told { kind, depth }, links, shared, leaves } in visited {
            let table = self.walk.table();
            self.chunks.extend(leaves.into_iter().map(|leaf| (table.cid(leaf), depth + 1)));
            if !again {
                steps.push(WalkStep { cid: table.cid(node), kind, bytes, depth, links, shared });
            }
            read += bytes;
        }
        Ok(read)
    }

    fn tell_chunks(&mut self, nodes: &Nodes, steps: &mut Vec<WalkStep>) -> Result<u64, Error> {
        let now: Vec<(Cid, u64)> = self.chunks.drain(..self.chunks.len().min(RAW_BLOCKS_MAX)).collect();
        let lengths: Vec<AtomicU64> = now.iter().map(|_| AtomicU64::new(0)).collect();
        if self.sizes {
            let cids: Vec<Cid> = now.iter().map(|(cid, _)| *cid).collect();
            // No block is empty.
            let note = |at: usize, block: Option<Vec<u8>>| {
                lengths[at].store(block.map_or(0, |block| block.len() as u64), Ordering::Relaxed);
            };
            nodes.store.get_each(&cids, &note)?;
        }
        let mut read = 0;
        for ((cid, depth), length) in now.into_iter().zip(lengths) {
            let (kind, bytes) = (BlockKind::Chunk {}, length.into_inner());
            if self.sizes && bytes == 0 {
                return Err(missing(cid).into());
            }
            steps.push(WalkStep { cid, kind, bytes, depth, links: 0, shared: 0 });
            read += bytes;
        }
        Ok(read)
    }
}
