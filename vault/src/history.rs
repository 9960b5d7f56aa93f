//! The commits in order: each after those that stand on it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use dagvault_api::{CommitInfo, CommitRoot, Error, Response};
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use dagvault_core::limits::PAGE_ITEMS_MAX;
use dagvault_dag::table::{Flag, Node, NodeTable};
use dagvault_dag::walk::missing;

use crate::check::read_commit;
use crate::head::Commit;
use crate::nodes::Nodes;
use crate::session::Session;

/// Most commits whose merge bases are asked for at once.
pub(crate) const TIPS_MAX: usize = 8;
/// The commit is a common ancestor, and so is one that stands on it.
const STALE: Flag = Flag::new(8);
const _: () = assert!(TIPS_MAX == 8);

/// Reached from a tip.
fn reached(tip: usize) -> Flag {
    Flag::new(u32::try_from(tip).unwrap_or(u32::MAX))
}

impl Commit {
    /// The commit as it is told.
    pub(crate) fn info(&self, cid: Cid) -> CommitInfo {
        let root = |space: &crate::head::CommitSpace| CommitRoot {
            space: space.id,
            epoch: space.epoch,
            root: space.root,
        };
        CommitInfo {
            cid,
            sequence: self.sequence,
            parents: self.parents.clone(),
            roots: self.spaces.iter().map(root).collect(),
            author: self.author,
            time_ms: self.time_ms,
        }
    }
}

/// Commits that are known and not yet told, by sequence: the highest comes next, so that children come before parents
/// and each comes once, whatever the branches and merges.
#[derive(Default)]
pub(crate) struct Frontier {
    pub(crate) ahead: BTreeMap<(u64, Cid), (Commit, u64)>,
}

impl Frontier {
    /// Begins at commits that somebody names.
    pub(crate) fn begin(nodes: &Nodes, session: &Session, from: &[Cid]) -> Result<Self, Error> {
        let mut frontier = Self::default();
        for cid in from {
            let block = nodes.store.get_many(&[*cid])?.pop().flatten();
            let block = block.ok_or_else(|| Error::NotFound { path: format!("block {cid}") })?;
            let bytes = block.len() as u64;
            let commit = read_commit(*cid, block, &session.keys)
                .map_err(|_| Error::bad_request(format!("{cid} is not a commit of this vault")))?;
            frontier.add(session, *cid, commit, bytes)?;
        }
        Ok(frontier)
    }

    fn add(&mut self, session: &Session, cid: Cid, commit: Commit, bytes: u64) -> Result<(), Error> {
        let keys = &session.keys;
        let first = commit.sequence == 1;
        if !commit.check(session.vault(), &keys.public, &keys.author) || commit.parents.is_empty() != first {
            return Err(Error::corrupt(format!("commit {cid} is not in line or not signed")));
        }
        self.ahead.insert((commit.sequence, cid), (commit, bytes));
        Ok(())
    }

    /// The next commit with its block's length; its parents are then ahead.
    pub(crate) fn next(
        &mut self,
        nodes: &Nodes,
        session: &Session,
    ) -> Result<Option<(Cid, Commit, u64)>, Error> {
        let Some(((sequence, cid), (commit, bytes))) = self.ahead.pop_last() else { return Ok(None) };
        let parents = nodes.store.get_many(&commit.parents)?;
        for (parent, block) in commit.parents.iter().zip(parents) {
            let block = block.ok_or_else(|| missing(*parent))?;
            let bytes = block.len() as u64;
            let before = read_commit(*parent, block, &session.keys)?;
            if before.sequence >= sequence {
                return Err(Error::corrupt(format!("commit {parent} is not older than its child {cid}")));
            }
            self.add(session, *parent, before, bytes)?;
        }
        Ok(Some((cid, commit, bytes)))
    }
}

/// Tells commits.
pub(crate) fn log(nodes: &Nodes, session: &Session, from: &[Cid], limit: u64) -> Result<Response, Error> {
    if from.len() > PAGE_ITEMS_MAX {
        return Err(Error::limit("a request has at most 4096 items"));
    }
    let limit = usize::try_from(limit).map_or(PAGE_ITEMS_MAX, |limit| limit.clamp(1, PAGE_ITEMS_MAX));
    let head = [session.body.commit];
    let mut frontier = Frontier::begin(nodes, session, if from.is_empty() { &head } else { from })?;
    let mut commits = Vec::new();
    while commits.len() < limit
        && let Some((cid, commit, _)) = frontier.next(nodes, session)?
    {
        commits.push(commit.info(cid));
    }
    Ok(Response::Log { commits, next: frontier.ahead.into_keys().map(|(_, cid)| cid).collect() })
}

/// What was found out about commits, by their nodes.
struct Painted {
    table: NodeTable,
    tips: usize,
}

impl Painted {
    fn node(&self, cid: &Cid) -> Result<Node, Error> {
        let (node, _) = self.table.worker().insert(cid).map_err(StoreError::from)?;
        Ok(node)
    }

    fn is_common(&self, node: Node) -> bool {
        (0..self.tips).all(|tip| self.table.is_set(node, reached(tip)))
    }

    /// Paints a parent as its child is painted.
    fn pass_on(&self, child: Node, parent: Node) {
        for tip in (0..self.tips).map(reached).filter(|tip| self.table.is_set(child, *tip)) {
            self.table.set(parent, tip);
        }
        if self.is_common(child) {
            self.table.set(parent, STALE);
        }
    }
}

/// The merge bases of commits: those that all of them stand on, and that no other such commit stands on.
///
/// Commits are looked at by descending sequence, so that each comes after all that stand on it, until only ancestors of
/// bases are left: what lies behind the bases is not read.
pub(crate) fn merge_bases(nodes: &Nodes, session: &Session, tips: &[Cid]) -> Result<Response, Error> {
    if tips.is_empty() || tips.len() > TIPS_MAX {
        return Err(Error::limit(format!("merge bases are of one to {TIPS_MAX} commits")));
    }
    let painted = Painted { table: nodes.table()?, tips: tips.len() };
    for (tip, cid) in tips.iter().enumerate() {
        painted.table.set(painted.node(cid)?, reached(tip));
    }
    let mut frontier = Frontier::begin(nodes, session, tips)?;
    let mut bases = Vec::new();
    loop {
        let mut ahead = frontier.ahead.keys();
        let is_stale = |cid| painted.node(cid).map(|node| painted.table.is_set(node, STALE));
        if ahead.try_fold(true, |all, (_, cid)| Ok::<_, Error>(all && is_stale(cid)?))? {
            break;
        }
        let Some((cid, commit, _)) = frontier.next(nodes, session)? else { break };
        let node = painted.node(&cid)?;
        let mut parents = Vec::with_capacity(commit.parents.len());
        for parent in &commit.parents {
            let parent = painted.node(parent)?;
            painted.pass_on(node, parent);
            parents.push(parent);
        }
        painted.table.worker().link(node, &parents).map_err(StoreError::from)?;
        if painted.is_common(node) && !painted.table.is_set(node, STALE) {
            bases.push(commit.info(cid));
        }
    }
    nodes.note(&painted.table);
    Ok(Response::Log { commits: bases, next: Vec::new() })
}

#[cfg(test)]
mod tests;
