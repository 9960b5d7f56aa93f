//! `dag diff`: which paths differ between two commits.
//!
//! A commit names its tree without a key, and only the newest commit's key is kept. So two trees can be compared only
//! where one of them is empty or both are the same. Otherwise the newest tree tells which versions of its paths were
//! written between the two.

use dagvault_api::{CommitInfo, EntryInfo, Request, Response};
use dagvault_core::ids::Cid;
use dagvault_core::limits::PAGE_ITEMS_MAX;
use serde_json::json;

use super::dag::commit;
use super::listing::Listing;
use crate::args::{Global, Root};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::show;

/// Why the answer may lack something.
const INEXACT: &str = "the keys of older trees are not kept, so this tells which versions of today's paths were \
                       written between the two commits; paths that were deleted, destroyed or moved, and metadata, are \
                       not seen";

/// How a path differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    fn back(self) -> Self {
        match self {
            Self::Added => Self::Removed,
            Self::Changed => Self::Changed,
            Self::Removed => Self::Added,
        }
    }
}

fn tree(commit: &CommitInfo) -> Vec<Option<Cid>> {
    commit.roots.iter().map(|root| root.root).collect()
}

fn is_empty(commit: &CommitInfo) -> bool {
    commit.roots.iter().all(|root| root.root.is_none())
}

/// Tells the difference from one commit to another.
pub(super) fn run(global: &Global, from: Root, to: Root, out: &mut Out) -> Outcome<()> {
    let mut session = Session::open(global, Access::Read, out)?;
    let (from, to) = (commit(&session, from)?, commit(&session, to)?);
    let (older, newer, forth) =
        if from.sequence <= to.sequence { (&from, &to, true) } else { (&to, &from, false) };
    if tree(older) == tree(newer) {
        session.tell(out);
        return Ok(());
    }
    let head = commit(&session, Root::Head)?;
    let exact = is_empty(older) && tree(newer) == tree(&head);
    let mut listing = Listing::new(&session, "").with_deleted(!exact);
    loop {
        let page = listing.page()?;
        if page.is_empty() {
            break;
        }
        for entry in &page {
            let change = if exact { Some(Change::Added) } else { written(&session, entry, older, newer)? };
            if let Some(change) = change {
                show_change(&entry.path, if forth { change } else { change.back() }, exact, out)?;
            }
        }
    }
    session.tell(out);
    if !exact {
        out.note(INEXACT);
    }
    Ok(())
}

/// Whether a version of a path was written after the one commit and by the time of the other.
fn written(
    session: &Session,
    entry: &EntryInfo,
    older: &CommitInfo,
    newer: &CommitInfo,
) -> Outcome<Option<Change>> {
    if entry.latest.time_ms <= older.time_ms {
        return Ok(None);
    }
    let (mut before, mut inside) = (None, false);
    loop {
        let request = Request::History {
            path: entry.path.as_str().into(),
            before,
            limit: if before.is_none() { 16 } else { PAGE_ITEMS_MAX as u64 },
        };
        let Response::History { versions, more } = session.call(&request)? else {
            return Err(Failure::odd_answer());
        };
        for version in &versions {
            if version.time_ms <= older.time_ms {
                return Ok(inside.then_some(Change::Changed));
            }
            inside |= version.time_ms <= newer.time_ms;
        }
        before = versions.last().map(|version| version.number);
        if !more || before.is_none() {
            return Ok(inside.then_some(Change::Added));
        }
    }
}

fn show_change(path: &str, change: Change, exact: bool, out: &mut Out) -> Outcome<()> {
    let (letter, word) = match change {
        Change::Added => ('A', "added"),
        Change::Changed => ('M', "changed"),
        Change::Removed => ('D', "removed"),
    };
    if out.json {
        return out.object(&json!({ "path": path, "change": word, "exact": exact }));
    }
    out.line(&format!("{letter}\t{}", show::safe(path)))
}
