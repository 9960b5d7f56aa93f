//! One segment as a handle knows it: its file and where its blocks are.

use super::base::{Base, Name, corrupt, io_error};
use super::format::{
    ALIGN, HEADER_BYTES, Kind, RECORD_BYTES, RECORD_LEN, Record, SegmentHeader, Tag, index, push_record,
};
use super::table::{Entry, IndexFile, Table};
use super::walk::{Scan, Window, scan};
use crate::disk::DiskFile;
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};
use std::sync::Arc;

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

pub(super) struct Segment {
    pub(super) name: Name,
    pub(super) tag: Tag,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) owner: Owner,
    /// How far the records have been looked at.
    pub(super) walked: u64,
    /// Commits that still hold cells.
    pub(super) commits: Vec<u64>,
    table: Arc<Table>,
    fresh: HashMap<Cid, (u64, u32)>,
    doubles: Vec<Entry>,
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
            table: Arc::default(),
            fresh: HashMap::new(),
            doubles: Vec::new(),
        }
    }

    /// Walks the records from `start`. Damage is looked at twice: a mark that a live handle has just
    /// written can stand behind records that were not there yet at the first look.
    fn scan(&self, start: u64) -> io::Result<Scan> {
        let found = scan(&mut Window::new(&*self.file, self.tag), start)?;
        if found.damaged.is_empty() {
            Ok(found)
        } else {
            scan(&mut Window::new(&*self.file, self.tag), start)
        }
    }

    fn report_damage(&self, found: &Scan, report: &mut Report) {
        for offset in &found.damaged {
            report.damage(format!("{}: the record at {offset} is damaged", self.name.path()));
        }
    }

    pub(super) fn insert(&mut self, entries: &[Entry]) {
        for entry in entries {
            let old = self.fresh.insert(Cid(entry.digest), (entry.offset, entry.len));
            if let Some((offset, len)) = old.filter(|old| old.0 != entry.offset) {
                self.doubles.push(Entry { digest: entry.digest, offset, len });
            }
        }
    }

    /// One place of a block: where its record begins, and its length.
    pub(super) fn find(&self, id: &Cid) -> Option<(u64, u32)> {
        let fresh = self.fresh.get(id).copied();
        fresh.or_else(|| self.table.find(id).first().map(|entry| (entry.offset, entry.len)))
    }

    /// All places of a block.
    pub(super) fn find_all(&self, id: &Cid) -> Vec<Entry> {
        let mut all = self.table.find(id).to_vec();
        if let Some(&(offset, len)) = self.fresh.get(id) {
            all.push(Entry { digest: id.0, offset, len });
            all.extend(self.doubles.iter().filter(|entry| entry.digest == id.0));
        }
        all
    }

    /// All blocks as one table.
    pub(super) fn snapshot(&self) -> Arc<Table> {
        if self.fresh.is_empty() {
            return Arc::clone(&self.table);
        }
        let fresh = self.fresh.iter().map(|(id, &(offset, len))| Entry { digest: id.0, offset, len });
        let all = self.table.entries().iter().copied().chain(fresh).chain(self.doubles.iter().copied());
        Arc::new(Table::new(all.collect()))
    }

    /// Forgets records that have been erased.
    pub(super) fn forget(&mut self, offsets: &BTreeSet<u64>) {
        if offsets.is_empty() {
            return;
        }
        if self.table.entries().iter().any(|entry| offsets.contains(&entry.offset)) {
            let kept = self.table.entries().iter().filter(|entry| !offsets.contains(&entry.offset));
            self.table = Arc::new(Table::new(kept.copied().collect()));
        }
        if !self.fresh.is_empty() {
            let all = self.snapshot();
            self.fresh.clear();
            self.doubles.clear();
            self.table = Arc::new(Table::new(
                all.entries().iter().filter(|entry| !offsets.contains(&entry.offset)).copied().collect(),
            ));
        }
        self.commits.retain(|offset| !offsets.contains(offset));
    }

    /// Blocks and their bytes.
    pub(super) fn live(&self) -> (u64, u64) {
        let table = self.snapshot();
        let bytes = table.entries().iter().map(|entry| u64::from(entry.len)).sum();
        (table.entries().len() as u64, bytes)
    }

    /// Writes the index file; it is derived, so it need not be durable.
    pub(super) fn write_index(&self, base: &Base) -> io::Result<()> {
        let table = self.snapshot();
        let bytes = IndexFile::encode(
            &self.tag.store,
            &self.tag.segment,
            table.entries(),
            self.walked,
            &self.commits,
        );
        base.write_new(&self.name.index_temporary(base.random()), &self.name.index_path(), &bytes, false)
    }

    /// Takes over what has been appended by another live handle, as far as it is durable. True if that
    /// handle is gone.
    pub(super) fn follow(&mut self, report: &mut Report) -> io::Result<bool> {
        let found = self.scan(self.walked)?;
        self.report_damage(&found, report);
        self.insert(&found.proven);
        self.walked = found.proven_end;
        let free = self.file.try_lock(false)?;
        if free {
            self.file.unlock()?;
        }
        Ok(free)
    }

    /// Opens a pack, or a log segment older than the newest; `None` if it is gone or of no use.
    pub(super) fn open(base: &Base, name: Name, report: &mut Report) -> Result<Option<Self>, StoreError> {
        let path = name.path();
        Self::open_io(base, name, &path, report).map_err(|error| io_error(&path, &error))
    }

    fn open_io(base: &Base, name: Name, path: &str, report: &mut Report) -> io::Result<Option<Self>> {
        let file = match base.disk.open(path, base.how()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut head = vec![0; index(HEADER_BYTES)];
        let count = file.read_at(&mut head, 0)?;
        let header = SegmentHeader::decode(&head[..count]);
        let tag = match (name, &header) {
            (Name::Pack(id), _) => Tag { store: base.store, segment: id },
            (Name::Log(_), Some(header)) => header.tag,
            (Name::Log(_), None) => {
                report.damage(format!("{path}: the header is damaged"));
                return Ok(None);
            }
        };
        let ours = header.is_none_or(|header| match name {
            Name::Pack(_) => header.tag == tag && !header.is_log,
            Name::Log(number) => header.tag.store == base.store && header.is_log && header.number == number,
        });
        if !ours {
            report.damage(format!("{path}: another file is in its place"));
            return Ok(None);
        }
        let mut segment = Self::new(name, tag, file, Owner::Shared);
        let flaw = segment.load_index(base)?;
        if header.is_none() && flaw.is_some() && segment.scan(HEADER_BYTES)?.proven_end == HEADER_BYTES {
            // Its handle crashed before anything in it was durable.
            return Ok(None);
        }
        if let Some(flaw) = flaw {
            segment.rebuild(base, path, flaw, report)?;
        }
        if header.is_none() && segment.table.entries().is_empty() {
            return Ok(None);
        }
        if header.is_none() {
            report.damage(format!("{path}: the header is damaged"));
        }
        Ok(Some(segment))
    }

    /// Takes over the index file, or answers what is wrong with it.
    fn load_index(&mut self, base: &Base) -> io::Result<Option<&'static str>> {
        let Some(bytes) = base.read_all(&self.name.index_path())? else { return Ok(Some("missing")) };
        let found = IndexFile::decode(&bytes, &self.tag.store, &self.tag.segment);
        let Some(found) = found.filter(|found| self.file.size().is_ok_and(|size| found.covered <= size))
        else {
            return Ok(Some("damaged"));
        };
        self.table = Arc::new(found.table);
        self.walked = found.covered;
        self.commits = found.commits;
        Ok(None)
    }

    /// Builds the index from the records.
    fn rebuild(&mut self, base: &Base, path: &str, flaw: &str, report: &mut Report) -> io::Result<()> {
        let is_pack = matches!(self.name, Name::Pack(_));
        let abandoned = is_pack && self.file.try_lock(!base.read_only)?;
        if is_pack && !abandoned {
            self.owner = Owner::Others;
        }
        let mut found = self.scan(HEADER_BYTES)?;
        self.report_damage(&found, report);
        if abandoned {
            if base.read_only || self.adopt(base, &found).is_ok() {
                found.proven.append(&mut found.tail);
                found.proven_end = if base.read_only { found.end } else { found.end.max(self.walked) };
            } else {
                self.owner = Owner::Others;
            }
            self.file.unlock()?;
        }
        self.walked = found.proven_end;
        self.table = Arc::new(Table::new(found.proven));
        self.commits = found.commits;
        if self.owner != Owner::Shared || !found.damaged.is_empty() {
            return Ok(());
        }
        if base.read_only {
            report.notice(format!("the index of {path} is {flaw}; the next command that writes rebuilds it"));
            return Ok(());
        }
        report.notice(format!("the index of {path} was {flaw} and is rebuilt"));
        if self.write_index(base).is_err() {
            report.notice(format!("the index of {path} could not be written"));
        }
        Ok(())
    }

    /// Makes what a crashed handle left in its pack durable, and cuts off what it did not finish. The tail
    /// is written again, as a failed sync may have left it in memory only.
    fn adopt(&mut self, base: &Base, found: &Scan) -> io::Result<()> {
        self.walked = found.end;
        if found.damaged.is_empty() && self.file.size()? > found.end.max(HEADER_BYTES) {
            self.file.set_len(found.end)?;
        }
        if found.tail.is_empty() {
            return Ok(());
        }
        // The header was never synced either, unless something behind it was.
        let from = if found.proven_end == HEADER_BYTES { 0 } else { found.proven_end };
        rewrite(&*self.file, from, found.end)?;
        self.file.sync_data()?;
        base.disk.sync_dir("packs")?;
        let mark = mark(&self.tag, found.end, [0; 32]);
        self.file.write_at(&mark, found.end)?;
        self.walked = found.end + RECORD_BYTES;
        Ok(())
    }
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
