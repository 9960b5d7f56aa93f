//! Changes, collected over the tree of one head and committed together.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use dagvault_api::{
    Error, MetaChange, Moved, PutItem, PutOutcome, Request, Response, Select, VersionInfo, VersionState,
    check_path,
};
use dagvault_core::arena::Regions;
use dagvault_core::cbor;
use dagvault_core::limits::{
    BATCH_BLOCKS_MAX, CHUNK_BYTES, ENTRY_BYTES_MAX, ENTRY_VERSIONS_MAX, MESSAGE_BYTES_MAX, META_BYTES_MAX,
    META_KEY_BYTES_MAX, PAGE_ITEMS_MAX,
};
use dagvault_core::parallel;
use dagvault_dag::envelope::Kind;
use dagvault_dag::store::Block;

use crate::entry::{Data, Entry, Older, Value, Version};
use crate::node::{History, SpaceKeys};
use crate::nodes::Nodes;
use crate::session::Session;
use crate::stream::VersionId;
use crate::tree::{Tree, entry_of};
use crate::value::{ContentHasher, LinkCursor, Piece, ValueBuilder, cut, is_inline, store};

/// Most paths that one move or copy takes.
const MOVE_PATHS_MAX: usize = 100_000;
/// Versions that stay in an entry when older ones spill.
const SPILL_KEEPS: usize = ENTRY_VERSIONS_MAX / 2;

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

    fn put(&mut self, items: &[PutItem<'_>], staged: &mut Staged) -> Result<Response, Error> {
        check_count(items.len())?;
        if items.iter().map(|item| item.value.len()).sum::<usize>() > MESSAGE_BYTES_MAX {
            return Err(Error::limit("the values of one request have at most 16 MiB; stream larger ones"));
        }
        let mut seen = BTreeSet::new();
        for item in items {
            if !seen.insert(checked(&item.path)?) {
                return Err(Error::bad_request(format!("{} is put twice", item.path)));
            }
        }
        let paths: Vec<&str> = items.iter().map(|item| item.path.as_ref()).collect();
        let before = self.find_many(&paths)?;
        for (item, before) in items.iter().zip(&before) {
            check_expected(item, before.as_ref())?;
        }
        let equal = self.find_equal(items, &before);
        let cuts: Vec<_> = items
            .iter()
            .zip(&equal)
            .filter(|(_, equal)| !**equal)
            .flat_map(|(item, _)| cut(&item.value, item.codec))
            .collect();
        let mut pieces = store(self.nodes, self.regions, self.keys, &cuts)?.into_iter();
        let mut outcomes = Vec::with_capacity(items.len());
        for ((item, before), equal) in items.iter().zip(before).zip(equal) {
            let mut entry = before.unwrap_or_else(|| Entry::new(&item.path));
            let outcome = if equal {
                let meta = entry.meta.clone();
                apply_meta(&mut entry, &item.meta)?;
                let latest = entry.latest().ok_or_else(|| not_found(&item.path))?;
                let outcome = PutOutcome { version: latest.info.clone(), written: false };
                if entry.meta == meta {
                    outcomes.push(outcome);
                    continue;
                }
                outcome
            } else {
                let prepared = self.assemble(&item.value, &mut pieces)?;
                self.name(&mut entry, item, prepared)?
            };
            outcomes.push(outcome);
            staged.push((entry.path.clone(), Some(entry)));
        }
        Ok(Response::Put { outcomes })
    }

    /// Which items have the content of their path's newest version.
    fn find_equal(&self, items: &[PutItem<'_>], before: &[Option<Entry>]) -> Vec<bool> {
        parallel::map(items.len(), |index| {
            let item = &items[index];
            let latest = before[index].as_ref().and_then(Entry::latest);
            item.skip_equal
                && latest.is_some_and(|latest| {
                    latest.info.state == VersionState::Live {}
                        && latest.info.size == item.value.len() as u64
                        && latest.info.content == Some(content_of(self.keys, &item.value))
                })
        })
    }

    fn assemble(
        &mut self,
        value: &[u8],
        pieces: &mut impl Iterator<Item = Piece>,
    ) -> Result<Prepared, Error> {
        let size = value.len() as u64;
        let missing = || Error::corrupt("a piece of a value is missing");
        if is_inline(value.len()) {
            let Some(Piece::Inline { codec, data, digest }) = pieces.next() else { return Err(missing()) };
            let stored = data.expose().len() as u64;
            let content = self.keys.content(size, &[digest]);
            return Ok(Prepared {
                value: Value::Inline { codec, data: Data(data) },
                content,
                size,
                stored,
                reused: None,
            });
        }
        let mut builder = ValueBuilder::default();
        for chunk in value.chunks(CHUNK_BYTES) {
            let Some(Piece::Chunk { block, link, stored }) = pieces.next() else { return Err(missing()) };
            self.blocks.push(block);
            builder.push(self.nodes, self.keys, link, &mut self.blocks)?;
            builder.size += chunk.len() as u64;
            builder.stored += stored;
        }
        let stored = builder.stored;
        let (value, content) = builder.finish(self.nodes, self.keys, &mut self.blocks)?;
        Ok(Prepared { value, content, size, stored, reused: None })
    }

    /// Makes a stored value the newest version of an entry.
    fn name(
        &mut self,
        entry: &mut Entry,
        item: &PutItem<'_>,
        prepared: Prepared,
    ) -> Result<PutOutcome, Error> {
        apply_meta(entry, &item.meta)?;
        if let Some(latest) = entry.latest()
            && item.skip_equal
            && latest.info.state == (VersionState::Live {})
            && latest.info.content == Some(prepared.content)
        {
            return Ok(PutOutcome { version: latest.info.clone(), written: false });
        }
        let info = VersionInfo {
            id: self.nodes.random()?,
            number: entry.next_number,
            parents: entry.latest().map(|latest| latest.info.id).into_iter().collect(),
            time_ms: self.now_ms,
            author: self.author,
            size: prepared.size,
            stored: prepared.stored,
            state: VersionState::Live {},
            content: Some(prepared.content),
        };
        entry.next_number += 1;
        entry.versions.insert(0, Version { info: info.clone(), value: prepared.value });
        self.spill(entry)?;
        Ok(PutOutcome { version: info, written: true })
    }

    /// Moves older versions of an entry to a history node when there are too many or they are too large.
    fn spill(&mut self, entry: &mut Entry) -> Result<(), Error> {
        let large = entry.weight() > ENTRY_BYTES_MAX;
        if entry.versions.len() < 2 || entry.versions.len() <= ENTRY_VERSIONS_MAX && !large {
            return Ok(());
        }
        let keep = if large { 1 } else { SPILL_KEEPS };
        let versions = entry.versions.split_off(keep);
        let older = entry.older.take();
        entry.older = Some(self.seal_history(History { versions, older })?);
        Ok(())
    }

    fn seal_history(&mut self, history: History) -> Result<Older, Error> {
        let behind = history.older.as_ref().map_or(0, |older| older.count);
        let count = history.versions.len() as u64 + behind;
        let digest = history.digest(self.keys);
        let payload = cbor::to_vec(&history);
        let link = self.nodes.seal_one(Kind::History, payload, digest, &mut self.blocks)?;
        Ok(Older { link, count })
    }

    /// Edits the versions of an entry, those in history nodes too; `edit` answers whether it changed one, and
    /// the walk goes back no further than `oldest`.
    fn edit_versions(
        &mut self,
        entry: &mut Entry,
        oldest: u64,
        edit: &mut dyn FnMut(&mut Version) -> bool,
    ) -> Result<(), Error> {
        entry.versions.iter_mut().for_each(|version| {
            edit(version);
        });
        let reaches = |versions: &[Version]| versions.last().is_none_or(|last| last.info.number > oldest);
        let mut chain: Vec<(History, bool)> = Vec::new();
        let mut behind = if reaches(&entry.versions) { entry.older.clone() } else { None };
        while let Some(older) = behind {
            let mut history = self.nodes.load_history(&older.link, &self.blocks)?;
            let mut changed = false;
            history.versions.iter_mut().for_each(|version| changed |= edit(version));
            behind = if reaches(&history.versions) { history.older.clone() } else { None };
            chain.push((history, changed));
        }
        // From the oldest changed node up, each gets a new link to the one behind it.
        let Some(last) = chain.iter().rposition(|(_, changed)| *changed) else { return Ok(()) };
        chain.truncate(last + 1);
        let mut sealed: Option<Older> = None;
        for (mut history, _) in chain.into_iter().rev() {
            if sealed.is_some() {
                history.older = sealed;
            }
            sealed = Some(self.seal_history(history)?);
        }
        entry.older = sealed;
        Ok(())
    }

    fn delete(&mut self, paths: &[impl AsRef<str>], staged: &mut Staged) -> Result<Response, Error> {
        check_count(paths.len())?;
        for path in paths {
            let mut entry = self.live(path.as_ref())?;
            entry.versions[0].info.state = VersionState::Deleted {};
            staged.push((entry.path.clone(), Some(entry)));
        }
        Ok(Response::Done {})
    }

    fn undelete(&mut self, path: &str, select: Select, staged: &mut Staged) -> Result<Response, Error> {
        let mut entry = self.find(checked(path)?)?.ok_or_else(|| not_found(path))?;
        let number = match select {
            Select::Latest {} => entry.latest().map_or(0, |latest| latest.info.number),
            Select::Number { number } => number,
        };
        let mut found = None;
        self.edit_versions(&mut entry, number, &mut |version| {
            if version.info.number != number {
                return false;
            }
            found = Some(version.info.state);
            let deleted = version.info.state == VersionState::Deleted {};
            if deleted {
                version.info.state = VersionState::Live {};
            }
            deleted
        })?;
        match found {
            None => Err(not_found(path)),
            Some(VersionState::Destroyed {}) => Err(Error::Destroyed { path: path.into() }),
            Some(_) => {
                staged.push((entry.path.clone(), Some(entry)));
                Ok(Response::Done {})
            }
        }
    }

    fn set_meta(&mut self, path: &str, change: &MetaChange, staged: &mut Staged) -> Result<Response, Error> {
        let mut entry = self.find(checked(path)?)?.ok_or_else(|| not_found(path))?;
        apply_meta(&mut entry, change)?;
        staged.push((entry.path.clone(), Some(entry)));
        Ok(Response::Done {})
    }

    fn destroy(&mut self, path: &str, numbers: &[u64], staged: &mut Staged) -> Result<Response, Error> {
        check_count(numbers.len())?;
        let mut entry = self.find(checked(path)?)?.ok_or_else(|| not_found(path))?;
        if numbers.is_empty() {
            staged.push((entry.path, None));
            return Ok(Response::Done {});
        }
        let wanted: BTreeSet<u64> = numbers.iter().copied().collect();
        let oldest = wanted.first().copied().unwrap_or(0);
        let mut found = 0;
        self.edit_versions(&mut entry, oldest, &mut |version| {
            let hit = wanted.contains(&version.info.number);
            if hit {
                found += 1;
                version.destroy();
            }
            hit
        })?;
        if found < wanted.len() {
            return Err(not_found(path));
        }
        staged.push((entry.path.clone(), Some(entry)));
        Ok(Response::Done {})
    }

    /// The entries that `prefix` covers, as this change has them so far.
    fn covered(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let mut found = BTreeMap::new();
        let mut over = false;
        self.tree.scan(prefix, None, &mut |entry| {
            found.insert(entry.path.clone(), entry.clone());
            over = found.len() > MOVE_PATHS_MAX;
            !over
        })?;
        if over {
            return Err(Error::limit("one move or copy takes at most 100000 paths"));
        }
        for (path, entry) in &self.entries {
            if path == prefix || below(path, prefix).is_some() {
                match entry {
                    Some(entry) => found.insert(path.clone(), entry.clone()),
                    None => found.remove(path),
                };
            }
        }
        Ok(found.into_values().collect())
    }

    fn relocate(&mut self, from: &str, to: &str, copy: bool, staged: &mut Staged) -> Result<Response, Error> {
        let (from, to) = (checked(from)?, checked(to)?);
        if from == to || below(to, from).is_some() {
            return Err(Error::bad_request("a path can't be moved or copied to itself or below itself"));
        }
        let mut sources = self.covered(from)?;
        if copy {
            sources.retain(|entry| {
                entry.latest().is_some_and(|latest| latest.info.state == VersionState::Live {})
            });
        }
        if sources.is_empty() {
            return Err(not_found(from));
        }
        if let Some(taken) = self.covered(to)?.first() {
            let found = taken.latest().map_or(0, |latest| latest.info.number);
            return Err(Error::Conflict { path: taken.path.clone(), found });
        }
        let paths = sources.len() as u64;
        for mut entry in sources {
            let path = to.to_string() + &entry.path[from.len()..];
            checked(&path)?;
            if copy {
                self.begin_anew(&mut entry)?;
            } else {
                staged.push((entry.path.clone(), None));
            }
            entry.path.clone_from(&path);
            staged.push((path, Some(entry)));
        }
        Ok(Response::Moved { moved: Moved { paths } })
    }

    /// Makes an entry a copy: its newest version alone, as the first.
    fn begin_anew(&self, entry: &mut Entry) -> Result<(), Error> {
        entry.versions.truncate(1);
        entry.older = None;
        entry.next_number = 2;
        if let Some(version) = entry.versions.first_mut() {
            version.info.id = self.nodes.random()?;
            version.info.number = 1;
            version.info.parents.clear();
            version.info.time_ms = self.now_ms;
            version.info.author = self.author;
        }
        Ok(())
    }
}

/// The rest of `path` behind `prefix` and a slash.
fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    path.strip_prefix(prefix)?.strip_prefix('/')
}

pub(crate) fn check_expected(item: &PutItem<'_>, before: Option<&Entry>) -> Result<(), Error> {
    let found = before.and_then(Entry::latest).map_or(0, |latest| latest.info.number);
    match item.expected {
        Some(expected) if expected != found => Err(Error::Conflict { path: item.path.to_string(), found }),
        _ => Ok(()),
    }
}
