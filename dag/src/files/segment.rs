//! One segment as a handle knows it: its file and where its blocks are.

use super::base::{Base, Name, corrupt, io_error};
use super::format::{ALIGN, HEADER_BYTES, Kind, RECORD_BYTES, RECORD_LEN, Record, Tag, index, push_record};
use super::fresh::Fresh;
use super::index::{self as index_file, Index, IndexFile};
use super::table::{Entry, Table};
use super::walk::{Scan, Window, scan};
use crate::disk::{DiskFile, Open};
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// Erased blocks that an index may still list, before it is written anew: so many, and one part in so many of all.
const GONE_MIN: usize = 4096;
const GONE_SHARE: usize = 8;

/// Who may still append to a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Owner {
    /// No one, or (the newest log segment) whoever holds the lock.
    Shared,
    /// A pack of this handle.
    Us,
    /// A pack of another live handle.
    Others,
}

/// Where the blocks of a segment are, at one moment.
#[derive(Clone, Default)]
pub(super) struct View {
    pub(super) index: Arc<Index>,
    /// Offsets of records that have been erased since the index was made.
    pub(super) gone: Arc<BTreeSet<u64>>,
}

impl View {
    /// One place of a block: where its record begins, and its length.
    pub(super) fn find(&self, id: &Cid) -> io::Result<Option<(u64, u32)>> {
        let mut found = None;
        self.index.search(id, |entry| {
            let there = !self.gone.contains(&entry.offset);
            if there {
                found = Some((entry.offset, entry.len));
            }
            there
        })?;
        Ok(found)
    }

    fn live_entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = self.index.range(0, self.index.len())?;
        if !self.gone.is_empty() {
            entries.retain(|entry| !self.gone.contains(&entry.offset));
        }
        Ok(entries)
    }
}

pub(super) struct Segment {
    pub(super) name: Name,
    pub(super) tag: Tag,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) owner: Owner,
    /// How far the records have been looked at.
    pub(super) walked: u64,
    /// Commits that still hold cells.
    pub(super) commits: Vec<u64>,
    /// Whether its index file is there and lists nothing that was erased.
    pub(super) indexed: bool,
    pub(super) view: View,
    /// How many records of `view.gone` the index lists, and their bytes, as far as that is known.
    gone_known: Option<(u64, u64)>,
    pub(super) fresh: Fresh,
}

/// What a handle has to tell about files that were not as they should be.
#[derive(Clone, Default)]
pub(super) struct Report {
    pub(super) notices: Vec<String>,
    /// Damage that may have cost blocks.
    pub(super) damage: Vec<String>,
}

impl Report {
    pub(super) fn damage(&mut self, text: String) {
        if !self.damage.contains(&text) {
            self.damage.push(text);
        }
    }

    pub(super) fn notice(&mut self, text: String) {
        if !self.notices.contains(&text) {
            self.notices.push(text);
        }
    }
}

impl Segment {
    pub(super) fn new(name: Name, tag: Tag, file: Arc<dyn DiskFile>, owner: Owner) -> Self {
        Self {
            name,
            tag,
            file,
            owner,
            walked: HEADER_BYTES,
            commits: Vec::new(),
            indexed: false,
            view: View::default(),
            gone_known: Some((0, 0)),
            fresh: Fresh::default(),
        }
    }

    /// Walks the records from `start`. Damage is looked at twice: a mark that a live handle has just
    /// written can stand behind records that were not there yet at the first look.
    pub(super) fn scan(&self, start: u64) -> io::Result<Scan> {
        let found = scan(&mut Window::new(&*self.file, self.tag), start)?;
        if found.damaged.is_empty() {
            Ok(found)
        } else {
            scan(&mut Window::new(&*self.file, self.tag), start)
        }
    }

    pub(super) fn report_damage(&self, found: &Scan, report: &mut Report) {
        for offset in &found.damaged {
            report.damage(format!("{}: the record at {offset} is damaged", self.name.path()));
        }
    }

    pub(super) fn insert(&mut self, entries: &[Entry]) {
        entries.iter().for_each(|entry| self.fresh.insert(entry));
    }

    /// One place of a block: where its record begins, and its length.
    ///
    /// # Errors
    /// `InvalidData` if the index is damaged; what the system reports.
    pub(super) fn find(&self, id: &Cid) -> io::Result<Option<(u64, u32)>> {
        match self.fresh.find(id) {
            Some(found) => Ok(Some(found)),
            None => self.view.find(id),
        }
    }

    /// All places of a block.
    ///
    /// # Errors
    /// As [`Segment::find`].
    pub(super) fn find_all(&self, id: &Cid) -> io::Result<Vec<Entry>> {
        let mut all: Vec<Entry> = self.fresh.find_all(id).collect();
        self.view.index.search(id, |entry| {
            if !self.view.gone.contains(&entry.offset) {
                all.push(entry);
            }
            false
        })?;
        Ok(all)
    }

    /// All blocks, sorted by digest.
    ///
    /// # Errors
    /// As [`Segment::find`].
    pub(super) fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = self.view.live_entries()?;
        if !self.fresh.is_empty() {
            entries.extend(self.fresh.entries());
            entries.sort_unstable();
        }
        Ok(entries)
    }

    /// All blocks as they are now, whatever happens to the segment.
    ///
    /// # Errors
    /// As [`Segment::find`].
    pub(super) fn snapshot(&self) -> io::Result<View> {
        if self.fresh.is_empty() {
            return Ok(self.view.clone());
        }
        let index = Arc::new(Index::Memory(Table::new(self.entries()?)));
        Ok(View { index, gone: Arc::default() })
    }

    /// Forgets records that have been erased.
    pub(super) fn forget(&mut self, offsets: &BTreeSet<u64>) {
        if offsets.is_empty() {
            return;
        }
        if !self.fresh.is_empty() {
            self.fresh.retain(|offset| !offsets.contains(&offset));
        }
        if self.view.index.len() > 0 && offsets.iter().any(|offset| !self.view.gone.contains(offset)) {
            Arc::make_mut(&mut self.view.gone).extend(offsets);
            self.gone_known = None;
        }
        self.commits.retain(|offset| !offsets.contains(offset));
    }

    /// Forgets all records.
    pub(super) fn forget_all(&mut self) {
        self.fresh.clear();
        self.view = View::default();
        self.gone_known = Some((0, 0));
        self.commits.clear();
    }

    /// How many records that the index lists are gone, and their bytes.
    fn gone(&mut self) -> io::Result<(u64, u64)> {
        if let Some(known) = self.gone_known {
            return Ok(known);
        }
        let live = self.view.live_entries()?;
        let bytes: u64 = live.iter().map(|entry| u64::from(entry.len)).sum();
        let known = (
            (self.view.index.len() - live.len()) as u64,
            self.view.index.block_bytes().saturating_sub(bytes),
        );
        self.gone_known = Some(known);
        Ok(known)
    }

    /// Blocks and their bytes.
    ///
    /// # Errors
    /// As [`Segment::find`].
    pub(super) fn live(&mut self) -> io::Result<(u64, u64)> {
        let gone = self.gone()?;
        let fresh = self
            .fresh
            .entries()
            .fold((0, 0), |sum: (u64, u64), entry| (sum.0 + 1, sum.1 + u64::from(entry.len)));
        let blocks = (self.view.index.len() as u64).saturating_sub(gone.0) + fresh.0;
        Ok((blocks, self.view.index.block_bytes().saturating_sub(gone.1) + fresh.1))
    }

    /// Notes how much is alive, counted by who has just erased the rest.
    pub(super) fn set_live(&mut self, blocks: u64, bytes: u64) {
        if self.fresh.is_empty() {
            let listed = (self.view.index.len() as u64, self.view.index.block_bytes());
            self.gone_known = Some((listed.0.saturating_sub(blocks), listed.1.saturating_sub(bytes)));
        }
    }

    /// Whether so much of what the index lists is gone that it should be written anew.
    pub(super) fn index_is_stale(&self) -> bool {
        let (gone, listed) = (self.view.gone.len(), self.view.index.len());
        gone > 0 && (listed <= GONE_MIN || gone >= listed / GONE_SHARE)
    }

    /// Writes the index file and looks blocks up there from now on. The file is derived, so it need not be durable.
    ///
    /// # Errors
    /// What the system reports; blocks are found as before.
    pub(super) fn freeze(&mut self, base: &Base) -> io::Result<()> {
        let entries = self.entries()?;
        let (store, segment) = (&self.tag.store, &self.tag.segment);
        let bytes = index_file::encode(store, segment, &entries, self.walked, &self.commits);
        drop(entries);
        let path = self.name.index_path();
        base.write_new(&self.name.index_temporary(base.random()), &path, &bytes, false)?;
        drop(bytes);
        let file = base.disk.open(&path, Open::Read)?;
        let found = IndexFile::open(file, store, segment, self.file.size()?)?;
        let found = found.ok_or_else(|| io::Error::from(ErrorKind::InvalidData))?;
        self.take_index(Index::File(found));
        self.indexed = true;
        Ok(())
    }

    /// Looks all blocks up in this index from now on.
    pub(super) fn take_index(&mut self, index: Index) {
        self.view = View { index: Arc::new(index), gone: Arc::default() };
        self.gone_known = Some((0, 0));
        self.fresh.clear();
    }

    /// Whether the index file is, to the byte, that of these entries.
    pub(super) fn has_index_of(&self, base: &Base, sorted: &[Entry], commits: &[u64]) -> io::Result<bool> {
        let right = index_file::encode(&self.tag.store, &self.tag.segment, sorted, self.walked, commits);
        let file = base.disk.open(&self.name.index_path(), Open::Read)?;
        let mut part = vec![0; 1 << 20];
        for (number, right) in right.chunks(1 << 20).enumerate() {
            let count = file.read_at(&mut part[..right.len()], (number as u64) << 20)?;
            if part[..count] != *right {
                return Ok(false);
            }
        }
        Ok(file.size()? == right.len() as u64)
    }

    /// Takes over what an examination has found; the index file is to be written anew.
    pub(super) fn take_scan(&mut self, sorted: Vec<Entry>, commits: Vec<u64>, end: u64) {
        self.walked = end;
        self.commits = commits;
        self.indexed = false;
        self.take_index(Index::Memory(Table::new(sorted)));
    }

    /// Takes over what has been appended by another live handle, as far as it is durable. True if that
    /// handle is gone.
    pub(super) fn follow(&mut self, report: &mut Report) -> io::Result<bool> {
        let found = self.scan(self.walked)?;
        self.report_damage(&found, report);
        self.insert(&found.proven);
        self.walked = found.proven_end;
        Ok(!is_locked(&*self.file)?)
    }
}

/// Whether another handle holds the exclusive lock of a pack: it writes it, or makes good what a crash left.
pub(super) fn is_locked(file: &dyn DiskFile) -> io::Result<bool> {
    let free = file.try_lock(false)?;
    if free {
        file.unlock()?;
    }
    Ok(!free)
}

/// The bytes of a mark at `offset`.
pub(super) fn mark(tag: &Tag, offset: u64, id: [u8; 32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_record(&mut bytes, tag, offset, Kind::Mark, id, &[]);
    bytes
}

/// Reads a range and writes the same bytes again, so that the next sync carries them to the disk.
pub(super) fn rewrite(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let mut bytes = vec![0; index((to - at).min(1 << 20))];
        let count = file.read_at(&mut bytes, at)?;
        if count == 0 {
            break;
        }
        file.write_at(&bytes[..count], at)?;
        at += count as u64;
    }
    Ok(())
}

/// Overwrites the payload of the record at `offset` by zeros; answers the payload's range.
pub(super) fn overwrite(
    file: &dyn DiskFile,
    tag: &Tag,
    path: &str,
    offset: u64,
) -> Result<Option<(u64, u64)>, StoreError> {
    let fail = |error: io::Error| io_error(path, &error);
    if !offset.is_multiple_of(ALIGN) {
        return Err(corrupt(format!("{path}: an erasure names offset {offset}")));
    }
    let mut head = [0; RECORD_LEN];
    let count = file.read_at(&mut head, offset).map_err(fail)?;
    let Some(record) = Record::decode(&head[..count], tag, offset) else { return Ok(None) };
    let from = offset + RECORD_BYTES;
    file.write_at(&vec![0; record.len as usize], from).map_err(fail)?;
    Ok(Some((from, u64::from(record.len))))
}
