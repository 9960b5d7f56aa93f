//! Requests that only read.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use dagvault_api::{EntryInfo, Error, Response, Select, VaultStats, VersionState};
use dagvault_core::cbor::Bytes;
use dagvault_core::limits::{MESSAGE_BYTES_MAX, PAGE_ITEMS_MAX};
use dagvault_core::parallel;
use dagvault_dag::store::Cursor;

use crate::change::checked;
use crate::entry::{Entry, Version};
use crate::nodes::Nodes;
use crate::session::Session;
use crate::tree::{Found, entry_of};
use crate::value::ValueReader;

fn not_found(path: &str) -> Error {
    Error::NotFound { path: path.into() }
}

fn info_of(entry: &Entry, meta: bool) -> Option<EntryInfo> {
    Some(EntryInfo {
        path: entry.path.clone(),
        latest: entry.latest()?.info.clone(),
        versions: entry.version_count(),
        meta: meta.then(|| entry.meta.clone()),
    })
}

/// The version that a request selects, wherever it is.
pub(crate) fn select(nodes: &Nodes, session: &Session, path: &str, which: Select) -> Result<Version, Error> {
    let entry = session.tree(nodes).find(checked(path)?)?.ok_or_else(|| not_found(path))?;
    let number = match which {
        Select::Latest {} => entry.latest().map_or(0, |latest| latest.info.number),
        Select::Number { number } => number,
    };
    let mut behind = entry.older;
    let mut versions = entry.versions;
    loop {
        if let Some(found) = versions.into_iter().find(|version| version.info.number == number) {
            return match found.info.state {
                VersionState::Live {} => Ok(found),
                VersionState::Deleted {} => Err(Error::Deleted { path: path.into() }),
                VersionState::Destroyed {} => Err(Error::Destroyed { path: path.into() }),
            };
        }
        let older = behind.ok_or_else(|| not_found(path))?;
        let history = nodes.load_history(&older.link, &[])?;
        (versions, behind) = (history.versions, history.older);
    }
}

pub(crate) fn reader(session: &Session, version: &Version) -> Result<ValueReader, Error> {
    let info = &version.info;
    ValueReader::new(&session.keys.space, &version.value, info.size, info.content)
}

fn value_of(nodes: &Nodes, session: &Session, version: &Version) -> Result<Vec<u8>, Error> {
    let size = usize::try_from(version.info.size).ok().filter(|size| *size <= MESSAGE_BYTES_MAX);
    let size = size.ok_or_else(|| Error::limit("the value is over 16 MiB; it must be streamed"))?;
    let value = reader(session, version)?.next(nodes, &session.keys.space, size)?;
    if value.len() == size { Ok(value) } else { Err(Error::corrupt("a value is shorter than it says")) }
}

pub(crate) fn get(nodes: &Nodes, session: &Session, path: &str, which: Select) -> Result<Response, Error> {
    let version = select(nodes, session, path, which)?;
    let value = Bytes(value_of(nodes, session, &version)?);
    Ok(Response::Value { version: version.info, value })
}

/// A value that can be answered now, by its place in the tree.
fn small_live(found: &Option<Found>) -> Option<&Version> {
    let version = entry_of(found.as_ref()?)?.latest()?;
    let small = version.info.size <= MESSAGE_BYTES_MAX as u64;
    (small && version.info.state == VersionState::Live {}).then_some(version)
}

pub(crate) fn get_many(
    nodes: &Nodes,
    session: &Session,
    paths: &[impl AsRef<str>],
) -> Result<Response, Error> {
    if paths.len() > PAGE_ITEMS_MAX {
        return Err(Error::limit("a request has at most 4096 items"));
    }
    let paths: Vec<&str> = paths.iter().map(AsRef::as_ref).collect();
    let mut found = session.tree(nodes).find_many(&paths)?;
    let mut room = MESSAGE_BYTES_MAX as u64;
    let fits = found.iter().position(|found| {
        let size = small_live(found).map_or(0, |version| version.info.size);
        let over = size > room;
        room = room.saturating_sub(size);
        over
    });
    found.truncate(fits.unwrap_or(paths.len()).max(1));
    // Inline values are opened on all workers; those in chunks spread by themselves.
    let keys = &session.keys.space;
    let mut values = parallel::map(found.len(), |index| {
        let version = small_live(&found[index])?;
        let crate::entry::Value::Inline { codec, data } = &version.value else { return None };
        let info = &version.info;
        let opened = crate::value::open_inline(keys, *codec, data, info.size, info.content);
        Some(opened.map(|plain| Bytes(plain.expose().to_vec())))
    });
    let mut answers = Vec::with_capacity(found.len());
    for (found, value) in found.iter().zip(values.drain(..)) {
        answers.push(match (value, small_live(found)) {
            (Some(value), _) => Some(value?),
            (None, Some(version)) => Some(Bytes(value_of(nodes, session, version)?)),
            (None, None) => None,
        });
    }
    Ok(Response::Values { values: answers })
}

pub(crate) fn list(
    nodes: &Nodes,
    session: &Session,
    prefix: &str,
    after: Option<&str>,
    limit: u64,
    meta: bool,
    deleted: bool,
) -> Result<Response, Error> {
    if !prefix.is_empty() {
        checked(prefix)?;
    }
    let limit = usize::try_from(limit).map_or(PAGE_ITEMS_MAX, |limit| limit.clamp(1, PAGE_ITEMS_MAX));
    let mut entries = Vec::new();
    let mut more = false;
    session.tree(nodes).scan(prefix, after, &mut |entry| {
        let live = entry.latest().is_some_and(|latest| latest.info.state == VersionState::Live {});
        if live || deleted {
            more = entries.len() == limit;
            if !more {
                entries.extend(info_of(entry, meta));
            }
        }
        !more
    })?;
    Ok(Response::List { entries, more })
}

pub(crate) fn info(nodes: &Nodes, session: &Session, path: &str) -> Result<Response, Error> {
    let entry = session.tree(nodes).find(checked(path)?)?.ok_or_else(|| not_found(path))?;
    Ok(Response::List { entries: info_of(&entry, true).into_iter().collect(), more: false })
}

pub(crate) fn history(
    nodes: &Nodes,
    session: &Session,
    path: &str,
    before: Option<u64>,
    limit: u64,
) -> Result<Response, Error> {
    let limit = usize::try_from(limit).map_or(PAGE_ITEMS_MAX, |limit| limit.clamp(1, PAGE_ITEMS_MAX));
    let entry = session.tree(nodes).find(checked(path)?)?.ok_or_else(|| not_found(path))?;
    let (mut versions, mut behind) = (entry.versions, entry.older);
    let mut found = Vec::new();
    loop {
        for version in &versions {
            if before.is_some_and(|before| version.info.number >= before) {
                continue;
            }
            if found.len() == limit {
                return Ok(Response::History { versions: found, more: true });
            }
            found.push(version.info.clone());
        }
        let Some(older) = behind else { return Ok(Response::History { versions: found, more: false }) };
        let history = nodes.load_history(&older.link, &[])?;
        (versions, behind) = (history.versions, history.older);
    }
}

pub(crate) fn stat(nodes: &Nodes, session: &Session) -> Result<Response, Error> {
    let commit = session.body.commit;
    let mut stats = VaultStats {
        vault: session.vault().0,
        sequence: session.head.sequence,
        commit: commit.to_string(),
        epoch: session.body.space.epoch,
        depth: session.root.as_ref().map_or(0, |root| u64::from(root.level) + 1),
        key_slots: session.head.slots.len() as u64,
        paranoid: session.body.settings.paranoid,
        ..VaultStats::default()
    };
    if let Some(block) = nodes.store.get_many(&[commit])?.pop().flatten() {
        stats.time_ms = crate::check::read_commit(commit, block, &session.keys)?.time_ms;
    }
    session.tree(nodes).scan("", None, &mut |entry| {
        stats.paths += 1;
        stats.versions += entry.version_count();
        if let Some(latest) = entry.latest().filter(|latest| latest.info.state == VersionState::Live {}) {
            stats.value_bytes += latest.info.size;
            stats.stored_bytes += latest.info.stored;
        }
        true
    })?;
    let mut cursor = Some(Cursor::START);
    while let Some(at) = cursor {
        let (page, next) = nodes.store.iterate(at)?;
        stats.blocks += page.len() as u64;
        stats.block_bytes += page.iter().map(|(_, bytes)| u64::from(*bytes)).sum::<u64>();
        cursor = next;
    }
    Ok(Response::Stat { stats })
}

/// The engine's name and version.
pub(crate) fn version() -> String {
    String::from(concat!("dagvault engine ", env!("CARGO_PKG_VERSION")))
}
