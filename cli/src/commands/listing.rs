//! `ls` and `history`, and walking through a listing page by page.

use std::collections::HashSet;

use dagvault_api::{EntryInfo, Request, Response, VersionInfo};
use dagvault_core::limits::{PAGE_ITEMS_MAX, PATH_BYTES_MAX};
use serde_json::json;

use super::{entry_type, path, prefix, state, version_json};
use crate::args::{Global, History, Ls};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::show;

/// First page of a listing of one level: much of it may lie below one folder.
const LEVEL_ITEMS_MIN: u64 = 64;

/// A listing in byte order of the paths, read by pages.
pub(crate) struct Listing<'a> {
    session: &'a Session,
    prefix: &'a str,
    after: Option<String>,
    more: bool,
    deleted: bool,
    limit: u64,
}

impl<'a> Listing<'a> {
    /// The live paths below `prefix`.
    pub(crate) fn new(session: &'a Session, prefix: &'a str) -> Self {
        Self { session, prefix, after: None, more: true, deleted: false, limit: PAGE_ITEMS_MAX as u64 }
    }

    /// The same, with deleted and destroyed paths if asked.
    pub(crate) fn with_deleted(self, deleted: bool) -> Self {
        Self { deleted, ..self }
    }

    /// The next page, with metadata; empty at the end.
    pub(crate) fn page(&mut self) -> Outcome<Vec<EntryInfo>> {
        if !self.more {
            return Ok(Vec::new());
        }
        let request = Request::List {
            prefix: self.prefix.into(),
            after: self.after.as_deref().map(Into::into),
            limit: self.limit,
            meta: true,
            deleted: self.deleted,
        };
        let Response::List { entries, more } = self.session.call(&request)? else {
            return Err(Failure::odd_answer());
        };
        self.more = more && !entries.is_empty();
        if let Some(last) = entries.last() {
            self.after = Some(last.path.clone());
        }
        Ok(entries)
    }

    /// Goes on behind everything below `folder`, as far as that is known to be ahead.
    fn skip(&mut self, folder: &str) {
        let end = format!("{folder}/\u{10ffff}");
        if end.len() <= PATH_BYTES_MAX && self.after.as_ref().is_none_or(|after| *after < end) {
            self.after = Some(end);
        }
    }
}

/// Lists paths.
pub(super) fn ls(global: &Global, options: &Ls, out: &mut Out) -> Outcome<()> {
    let prefix = prefix(&options.prefix)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let found = if options.recursive {
        let mut listing = Listing::new(&session, prefix).with_deleted(options.all);
        let mut found = false;
        loop {
            let page = listing.page()?;
            if page.is_empty() {
                break found;
            }
            found = true;
            for entry in &page {
                show_entry(entry, &entry.path, options, out)?;
            }
        }
    } else {
        level(&session, prefix, options, out)?
    };
    session.tell(out);
    if !found && !prefix.is_empty() {
        return Err(super::change::nothing_below(prefix));
    }
    Ok(())
}

/// Lists one level, without reading what lies below its folders.
fn level(session: &Session, prefix: &str, options: &Ls, out: &mut Out) -> Outcome<bool> {
    let mut listing =
        Listing { deleted: options.all, limit: LEVEL_ITEMS_MIN, ..Listing::new(session, prefix) };
    let skip_bytes = if prefix.is_empty() { 0 } else { prefix.len() + 1 };
    let mut folders = HashSet::new();
    let mut found = false;
    loop {
        let page = listing.page()?;
        let Some(last) = page.last() else { return Ok(found) };
        found = true;
        let inside = last.path.get(skip_bytes..).and_then(|rest| rest.split_once('/')).map(|(name, _)| name);
        let below = inside.map(|name| format!("{}{name}", &last.path[..skip_bytes]));
        for entry in &page {
            if entry.path == prefix {
                if entry_type(entry) != "dir" {
                    show_entry(entry, &entry.path, options, out)?;
                }
                continue;
            }
            let rest = &entry.path[skip_bytes..];
            let (name, is_below) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            let is_dir = entry_type(entry) == "dir";
            let is_new = !(is_below || is_dir) || folders.insert(name.to_owned());
            if is_below && is_new {
                show_folder(&entry.path[..skip_bytes + name.len()], name, options, out)?;
            } else if is_new {
                show_entry(entry, name, options, out)?;
            }
        }
        match below {
            Some(folder) => listing.skip(&folder),
            None => listing.limit = (listing.limit * 4).min(PAGE_ITEMS_MAX as u64),
        }
    }
}

fn show_entry(entry: &EntryInfo, name: &str, options: &Ls, out: &mut Out) -> Outcome<()> {
    if out.json {
        let mut object = version_json(&entry.latest);
        object["path"] = json!(entry.path);
        object["type"] = json!(entry_type(entry));
        object["versions"] = json!(entry.versions);
        return out.object(&object);
    }
    let slash = if entry_type(entry) == "dir" { "/" } else { "" };
    if options.long {
        return out.line(&format!("{}  {name}{slash}", columns(&entry.latest, entry.versions)));
    }
    out.line(&format!("{name}{slash}"))
}

/// A folder that only the paths below it make.
fn show_folder(folder: &str, name: &str, options: &Ls, out: &mut Out) -> Outcome<()> {
    if out.json {
        return out.object(&json!({ "path": folder, "type": "folder" }));
    }
    if options.long {
        return out.line(&format!("{:>8} {:>10} {:>4} {:20}  {name}/", "folder", "-", "-", "-"));
    }
    out.line(&format!("{name}/"))
}

fn columns(version: &VersionInfo, versions: u64) -> String {
    let size = show::bytes(version.size);
    format!("{:>8} {size:>10} {versions:>4} {}", state(version), show::time(version.time_ms))
}

/// Lists the versions of a path.
pub(super) fn history(global: &Global, options: &History, out: &mut Out) -> Outcome<()> {
    let path = path(&options.path)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let mut left = options.limit.unwrap_or(u64::MAX);
    let mut before = None;
    while left > 0 {
        let request = Request::History { path: path.into(), before, limit: left.min(PAGE_ITEMS_MAX as u64) };
        let Response::History { versions, more } = session.call(&request)? else {
            return Err(Failure::odd_answer());
        };
        for version in &versions {
            if out.json {
                let mut object = version_json(version);
                object["path"] = json!(path);
                out.object(&object)?;
            } else {
                let size = show::bytes(version.size);
                let time = show::time(version.time_ms);
                out.line(&format!("{:>6} {time} {:>9} {size:>10}", version.number, state(version)))?;
            }
        }
        left = left.saturating_sub(versions.len() as u64);
        before = versions.last().map(|version| version.number);
        if !more || versions.is_empty() {
            break;
        }
    }
    session.tell(out);
    Ok(())
}
