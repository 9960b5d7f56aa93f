//! Changes, collected over the tree of one head and committed together.

mod edit;
mod put;
mod relocate;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use dagvault_api::{Error, MetaChange, PutItem, Request, Response, VersionState, check_path};
use dagvault_core::arena::Regions;
use dagvault_core::limits::{
    BATCH_BLOCKS_MAX, CHUNK_BYTES, META_BYTES_MAX, META_KEY_BYTES_MAX, PAGE_ITEMS_MAX,
};
use dagvault_dag::store::Block;

use crate::entry::{Entry, Value, Version};
use crate::node::SpaceKeys;
use crate::nodes::Nodes;
use crate::session::Session;
use crate::stream::VersionId;
use crate::tree::{Tree, entry_of};
use crate::value::{ContentHasher, LinkCursor, is_inline};

/// A value that is stored and not yet named.
pub(crate) struct Prepared {
    pub(crate) value: Value,
    pub(crate) content: [u8; 32],
    pub(crate) size: u64,
    pub(crate) stored: u64,
    /// The version whose chunks it links to, if any: that must still have them when the value is named.
    pub(crate) reused: Option<VersionId>,
}

/// What a path becomes.
type Staged = Vec<(String, Option<Entry>)>;

/// Changes over one head.
pub(crate) struct Change<'a> {
    tree: Tree<'a>,
    nodes: &'a Nodes,
    regions: &'a Regions,
    keys: &'a SpaceKeys,
    author: [u8; 16],
    now_ms: u64,
    pub(crate) entries: BTreeMap<String, Option<Entry>>,
    pub(crate) blocks: Vec<Block>,
}

fn not_found(path: &str) -> Error {
    Error::NotFound { path: path.into() }
}

pub(crate) fn checked(path: &str) -> Result<&str, Error> {
    check_path(path).map_err(Error::bad_request).map(|()| path)
}

fn check_count(count: usize) -> Result<(), Error> {
    if count > PAGE_ITEMS_MAX { Err(Error::limit("a request has at most 4096 items")) } else { Ok(()) }
}

fn apply_meta(entry: &mut Entry, change: &MetaChange) -> Result<(), Error> {
    for (key, value) in change {
        if key.is_empty() || key.len() > META_KEY_BYTES_MAX {
            return Err(Error::limit("a metadata key has 1 to 128 bytes"));
        }
        match value {
            Some(value) => {
                entry.meta.insert(key.clone(), value.clone());
            }
            None => {
                entry.meta.remove(key);
            }
        }
    }
    if entry.meta_bytes() > META_BYTES_MAX {
        return Err(Error::limit("the metadata of a path has at most 16 KiB"));
    }
    Ok(())
}

/// The content hash that a value would have.
pub(crate) fn content_of(keys: &SpaceKeys, value: &[u8]) -> [u8; 32] {
    let size = value.len() as u64;
    if is_inline(value.len()) {
        return keys.content(size, &[keys.chunk(value)]);
    }
    let mut hasher = ContentHasher::default();
    value.chunks(CHUNK_BYTES).for_each(|chunk| hasher.push(keys, keys.chunk(chunk)));
    hasher.finish(keys, size)
}

impl<'a> Change<'a> {
    pub(crate) fn new(session: &'a Session, nodes: &'a Nodes, regions: &'a Regions) -> Self {
        Self {
            tree: session.tree(nodes),
            nodes,
            regions,
            keys: &session.keys.space,
            author: session.keys.author,
            now_ms: nodes.system.now_ms(),
            entries: BTreeMap::new(),
            blocks: Vec::new(),
        }
    }

    /// Serves one change; a failed one leaves no trace.
    pub(crate) fn serve(&mut self, request: &Request<'_>) -> Result<Response, Error> {
        let mut staged = Staged::new();
        let response = match request {
            Request::Put { items } => self.put(items, &mut staged)?,
            Request::Delete { paths } => self.delete(paths, &mut staged)?,
            Request::Undelete { path, select } => self.undelete(path, *select, &mut staged)?,
            Request::SetMeta { path, change } => self.set_meta(path, change, &mut staged)?,
            Request::Move { from, to } => self.relocate(from, to, false, &mut staged)?,
            Request::Copy { from, to } => self.relocate(from, to, true, &mut staged)?,
            Request::Destroy { path, numbers } => self.destroy(path, numbers, &mut staged)?,
            _ => return Err(Error::bad_request("this request can't join a batch")),
        };
        self.entries.extend(staged);
        Ok(response)
    }

    /// Names a value that was streamed.
    pub(crate) fn serve_prepared(
        &mut self,
        item: &PutItem<'_>,
        prepared: Prepared,
    ) -> Result<Response, Error> {
        let before = self.find(&item.path)?;
        check_expected(item, before.as_ref())?;
        self.check_stored(item, &prepared, before.as_ref())?;
        let mut entry = before.unwrap_or_else(|| Entry::new(&item.path));
        let meta = entry.meta.clone();
        let outcome = self.name(&mut entry, item, prepared)?;
        if outcome.written || entry.meta != meta {
            self.entries.insert(entry.path.clone(), Some(entry));
        }
        Ok(Response::Put { outcomes: Vec::from([outcome]) })
    }

    /// Whether the blocks of a value that was streamed are still there: its version may have been destroyed, or
    /// another process may have collected them.
    fn check_stored(
        &self,
        item: &PutItem<'_>,
        prepared: &Prepared,
        before: Option<&Entry>,
    ) -> Result<(), Error> {
        if let Some((id, number)) = prepared.reused
            && !self.has_value(before, id, number)?
        {
            let found = before.and_then(Entry::latest).map_or(0, |latest| latest.info.number);
            return Err(Error::Conflict { path: item.path.to_string(), found });
        }
        let mut links = LinkCursor::new(&prepared.value);
        loop {
            let mut ids = Vec::new();
            while ids.len() < BATCH_BLOCKS_MAX {
                let Some(link) = links.next(self.nodes)? else { break };
                ids.push(link.cid);
            }
            if ids.is_empty() {
                return Ok(());
            }
            if self.nodes.store.has_many(&ids)?.contains(&false) {
                let detail = "parts of the value were collected while it was written; write it again".into();
                return Err(Error::Busy { detail });
            }
        }
    }

    /// Whether a version of an entry still has its value.
    fn has_value(&self, entry: Option<&Entry>, id: [u8; 16], number: u64) -> Result<bool, Error> {
        let Some(entry) = entry else { return Ok(false) };
        let holds = |version: &Version| version.info.id == id && !matches!(version.value, Value::Gone {});
        if entry.versions.iter().any(holds) {
            return Ok(true);
        }
        let mut behind = entry.older.clone();
        while let Some(older) = behind {
            let history = self.nodes.load_history(&older.link, &self.blocks)?;
            if history.versions.iter().any(holds) {
                return Ok(true);
            }
            behind = history
                .older
                .filter(|_| history.versions.last().is_some_and(|last| last.info.number > number));
        }
        Ok(false)
    }

    fn find(&self, path: &str) -> Result<Option<Entry>, Error> {
        match self.entries.get(path) {
            Some(entry) => Ok(entry.clone()),
            None => self.tree.find(path),
        }
    }

    fn find_many(&self, paths: &[&str]) -> Result<Vec<Option<Entry>>, Error> {
        let found = self.tree.find_many(paths)?;
        let latest = |(path, found): (&&str, Option<_>)| match self.entries.get(*path) {
            Some(entry) => entry.clone(),
            None => found.as_ref().and_then(entry_of).cloned(),
        };
        Ok(paths.iter().zip(found).map(latest).collect())
    }

    fn live(&self, path: &str) -> Result<Entry, Error> {
        let entry = self.find(checked(path)?)?.ok_or_else(|| not_found(path))?;
        match entry.latest() {
            Some(latest) if latest.info.state == VersionState::Live {} => Ok(entry),
            _ => Err(not_found(path)),
        }
    }
}

pub(crate) fn check_expected(item: &PutItem<'_>, before: Option<&Entry>) -> Result<(), Error> {
    let found = before.and_then(Entry::latest).map_or(0, |latest| latest.info.number);
    match item.expected {
        Some(expected) if expected != found => Err(Error::Conflict { path: item.path.to_string(), found }),
        _ => Ok(()),
    }
}
