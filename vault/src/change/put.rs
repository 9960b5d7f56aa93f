//! Values and the versions that name them.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use dagvault_api::{Error, PutItem, PutOutcome, Response, VersionInfo, VersionState};
use dagvault_core::cbor;
use dagvault_core::limits::{CHUNK_BYTES, ENTRY_BYTES_MAX, ENTRY_VERSIONS_MAX, MESSAGE_BYTES_MAX};
use dagvault_core::parallel;
use dagvault_dag::envelope::Kind;

use super::{
    Change, Prepared, Staged, apply_meta, check_count, check_expected, checked, content_of, not_found,
};
use crate::entry::{Data, Entry, Older, Value, Version};
use crate::node::History;
use crate::value::{Piece, ValueBuilder, cut, is_inline, store};

/// Versions that stay in an entry when older ones spill.
const SPILL_KEEPS: usize = ENTRY_VERSIONS_MAX / 2;

impl Change<'_> {
    pub(super) fn put(&mut self, items: &[PutItem<'_>], staged: &mut Staged) -> Result<Response, Error> {
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
    pub(super) fn name(
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

    pub(super) fn seal_history(&mut self, history: History) -> Result<Older, Error> {
        let behind = history.older.as_ref().map_or(0, |older| older.count);
        let count = history.versions.len() as u64 + behind;
        let digest = history.digest(self.keys);
        let payload = cbor::to_vec(&history);
        let link = self.nodes.seal_one(Kind::History, payload, digest, &mut self.blocks)?;
        Ok(Older { link, count })
    }
}
