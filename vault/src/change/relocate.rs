//! Moving and copying.

use alloc::collections::BTreeMap;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use dagvault_api::{Error, Moved, Response, VersionState};

use super::{Change, Staged, checked, not_found};
use crate::entry::Entry;

/// Most paths that one move or copy takes.
const MOVE_PATHS_MAX: usize = 100_000;

impl Change<'_> {
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

    pub(super) fn relocate(
        &mut self,
        from: &str,
        to: &str,
        copy: bool,
        staged: &mut Staged,
    ) -> Result<Response, Error> {
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
