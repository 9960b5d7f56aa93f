//! Opening a segment: by its index file, or by its records where that is missing or wrong.

use super::base::{Base, Name, io_error};
use super::format::{HEADER_BYTES, Header, RECORD_BYTES, Tag, index};
use super::index::{Index, IndexFile};
use super::segment::{Owner, Report, Segment, is_locked, mark, rewrite};
use super::table::Table;
use super::walk::Scan;
use crate::disk::{DiskFile, Open};
use dagvault_core::error::{StoreError, StoreErrorKind};
use std::io::{self, ErrorKind};

/// The refusal of a file that a newer version has written.
pub(super) fn newer(path: &str, version: u16) -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, format!("{path}: segment format {version}"))
}

/// The first bytes of a segment, as far as they are there.
pub(super) fn read_header(file: &dyn DiskFile) -> io::Result<Header> {
    let mut head = vec![0; index(HEADER_BYTES)];
    let count = file.read_at(&mut head, 0)?;
    Ok(Header::decode(&head[..count]))
}

impl Segment {
    /// Opens a pack, or a log segment older than the newest; `None` if it is gone or of no use.
    ///
    /// # Errors
    /// `Unsupported` if it is of a newer format; what the system reports.
    pub(super) fn open(base: &Base, name: Name, report: &mut Report) -> Result<Option<Self>, StoreError> {
        let path = name.path();
        let fail = |error: io::Error| io_error(&path, &error);
        let file = match base.disk.open(&path, base.how()) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(fail)?,
        };
        let header = match read_header(&*file).map_err(fail)? {
            Header::Newer(version) => return Err(newer(&path, version)),
            Header::Ours(header) => Some(header),
            Header::Damaged => None,
        };
        let tag = match (name, &header) {
            (Name::Pack(id), _) => Tag { store: base.store, segment: id },
            (Name::Log(_), Some(header)) => header.tag,
            (Name::Log(_), None) => {
                report.damage(format!("{path}: the header is damaged"));
                return Ok(None);
            }
        };
        let ours = header.is_none_or(|header| header.fits(name, &base.store));
        if !ours {
            report.damage(format!("{path}: another file is in its place"));
            return Ok(None);
        }
        let segment = Self::new(name, tag, file, Owner::Shared);
        segment.open_records(base, header.is_some(), &path, report).map_err(fail)
    }

    fn open_records(
        mut self,
        base: &Base,
        has_header: bool,
        path: &str,
        report: &mut Report,
    ) -> io::Result<Option<Self>> {
        let flaw = self.load_index(base)?;
        if !has_header && flaw.is_some() && self.scan(HEADER_BYTES)?.proven_end == HEADER_BYTES {
            // Its handle crashed before anything in it was durable.
            return Ok(None);
        }
        match flaw {
            Some(flaw) => self.rebuild(base, flaw, report)?,
            // A pack that is full waits for its commit with an index and under its lock.
            None if matches!(self.name, Name::Pack(_)) && is_locked(&*self.file)? => {
                self.owner = Owner::Others;
            }
            None => {}
        }
        if !has_header && self.view.index.len() == 0 {
            return Ok(None);
        }
        if !has_header {
            report.damage(format!("{path}: the header is damaged"));
        }
        Ok(Some(self))
    }

    /// Takes over the index file, or answers what is wrong with it.
    fn load_index(&mut self, base: &Base) -> io::Result<Option<&'static str>> {
        let file = match base.disk.open(&self.name.index_path(), Open::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some("missing")),
            other => other?,
        };
        let found = IndexFile::open(file, &self.tag.store, &self.tag.segment, self.file.size()?)?;
        let Some(found) = found else { return Ok(Some("damaged")) };
        self.walked = found.summary.covered;
        self.commits.clone_from(&found.summary.commits);
        self.take_index(Index::File(found));
        self.indexed = true;
        Ok(None)
    }

    /// Builds the index from the records.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn rebuild(&mut self, base: &Base, flaw: &str, report: &mut Report) -> io::Result<()> {
        let path = self.name.path();
        self.indexed = false;
        if self.owner == Owner::Us {
            // Its lock must not be touched.
            let found = self.scan(HEADER_BYTES)?;
            self.take_index(Index::Memory(Table::new([found.proven, found.tail].concat())));
            report.notice(format!("the index of {path} was {flaw}"));
            return Ok(());
        }
        let is_pack = matches!(self.name, Name::Pack(_));
        // Several may look at the same time; only who changes the pack must be alone.
        let abandoned = is_pack && self.file.try_lock(false)?;
        if is_pack && !abandoned {
            self.owner = Owner::Others;
        }
        let mut found = self.scan(HEADER_BYTES)?;
        self.report_damage(&found, report);
        if abandoned {
            let whole = found.tail.is_empty() && self.file.size()? <= found.end;
            if whole || base.read_only || self.file.try_lock(true)? && self.adopt(base, &found).is_ok() {
                found.proven.append(&mut found.tail);
                found.proven_end = if base.read_only { found.end } else { found.end.max(self.walked) };
            } else {
                self.owner = Owner::Others;
            }
            self.file.unlock()?;
        }
        self.walked = found.proven_end;
        self.take_index(Index::Memory(Table::new(found.proven)));
        self.commits = found.commits;
        if self.owner != Owner::Shared || !found.damaged.is_empty() {
            return Ok(());
        }
        if base.read_only {
            report.notice(format!("the index of {path} is {flaw}; the next command that writes rebuilds it"));
            return Ok(());
        }
        report.notice(format!("the index of {path} was {flaw} and is rebuilt"));
        if self.freeze(base).is_err() {
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
