//! Changes of versions and metadata that are there.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use dagvault_api::{Error, MetaChange, Response, Select, VersionState};

use super::{Change, Staged, apply_meta, check_count, checked, not_found};
use crate::entry::{Entry, Older, Version};
use crate::node::History;

impl Change<'_> {
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

    pub(super) fn delete(
        &mut self,
        paths: &[impl AsRef<str>],
        staged: &mut Staged,
    ) -> Result<Response, Error> {
        check_count(paths.len())?;
        for path in paths {
            let mut entry = self.live(path.as_ref())?;
            entry.versions[0].info.state = VersionState::Deleted {};
            staged.push((entry.path.clone(), Some(entry)));
        }
        Ok(Response::Done {})
    }

    pub(super) fn undelete(
        &mut self,
        path: &str,
        select: Select,
        staged: &mut Staged,
    ) -> Result<Response, Error> {
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

    pub(super) fn set_meta(
        &mut self,
        path: &str,
        change: &MetaChange,
        staged: &mut Staged,
    ) -> Result<Response, Error> {
        let mut entry = self.find(checked(path)?)?.ok_or_else(|| not_found(path))?;
        apply_meta(&mut entry, change)?;
        staged.push((entry.path.clone(), Some(entry)));
        Ok(Response::Done {})
    }

    pub(super) fn destroy(
        &mut self,
        path: &str,
        numbers: &[u64],
        staged: &mut Staged,
    ) -> Result<Response, Error> {
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
}
