//! What can be read of a segment, whatever has happened to it: every payload is hashed.

use super::base::Name;
use super::chain::{Deed, Link};
use super::format::{ALIGN, HEADER_BYTES, Kind, RECORD_LEN, Record, Tag};
use super::table::Entry;
use super::walk::Window;
use crate::disk::DiskFile;
use std::io;

/// A link that is whole.
pub(super) struct Found {
    pub(super) offset: u64,
    pub(super) id: [u8; 32],
    pub(super) link: Link,
}

/// The records of a segment.
#[derive(Default)]
pub(super) struct Examined {
    /// Blocks whose bytes hash to their names.
    pub(super) good: Vec<Entry>,
    /// Blocks whose bytes do not, and have not been erased.
    pub(super) bad: Vec<Entry>,
    /// Where no record can be read: from, to.
    pub(super) gaps: Vec<(u64, u64)>,
    /// Whole links.
    pub(super) links: Vec<Found>,
    /// Offsets of commits that still hold cells.
    pub(super) commits: Vec<u64>,
    /// Where the last record ends that says that all before was durable, and what it names.
    pub(super) proven: (u64, [u8; 32]),
    /// Where the last record ends.
    pub(super) end: u64,
    /// Where the last byte ends that is not zero.
    pub(super) used: u64,
}

/// How often the bytes of a file are hashed at most, where only hashing tells records from other bytes.
const HASHED_TIMES_MAX: u64 = 64;

/// How records are told from other bytes.
struct Search {
    /// Whether their checksums can be computed; else a record's payload must hash to its id.
    tagged: bool,
    size: u64,
    /// Bytes that may still be hashed in vain.
    patience: u64,
}

impl Search {
    /// The next offset at or after this one where a record begins.
    fn next(&mut self, window: &mut Window<'_>, mut offset: u64) -> io::Result<Option<(u64, Record)>> {
        while offset + RECORD_LEN as u64 <= self.size && self.patience > 0 {
            let head = window.bytes(offset, RECORD_LEN)?;
            if head.len() < RECORD_LEN {
                return Ok(None);
            }
            if head[4] != 0
                && let Some(record) = self.at(window, offset)?
            {
                return Ok(Some((offset, record)));
            }
            offset += ALIGN;
        }
        Ok(None)
    }

    fn at(&mut self, window: &mut Window<'_>, offset: u64) -> io::Result<Option<Record>> {
        if self.tagged {
            return window.record(offset);
        }
        let Some(record) = Record::parse(window.bytes(offset, RECORD_LEN)?) else { return Ok(None) };
        if record.kind == Kind::Mark || record.end(offset) > self.size {
            return Ok(None);
        }
        let whole = window.payload(offset, &record)?.is_some();
        if !whole {
            self.patience = self.patience.saturating_sub(u64::from(record.len) + 1);
        }
        Ok(whole.then_some(record))
    }
}

/// Reads a whole segment. `tag`: what its records are bound to; `None` where that is lost with the header. `progress`
/// is told where the reading is.
pub(super) fn examine(
    file: &dyn DiskFile,
    name: Name,
    tag: Option<Tag>,
    progress: &mut dyn FnMut(u64),
) -> io::Result<Examined> {
    let size = file.size()?;
    let any = Tag { store: [0; 16], segment: [0; 16] };
    let mut window = Window::new(file, tag.unwrap_or(any));
    let mut found = Examined { proven: (HEADER_BYTES, [0; 32]), end: HEADER_BYTES, ..Examined::default() };
    let mut offset = HEADER_BYTES;
    let patience = (size + 1).saturating_mul(HASHED_TIMES_MAX);
    let mut search = Search { tagged: tag.is_some(), size, patience };
    while let Some((at, record)) = search.next(&mut window, offset)? {
        if at > offset {
            found.gaps.push((offset, at));
        }
        found.take(&mut window, at, &record)?;
        offset = record.end(at);
        found.end = offset;
        progress(offset.min(size));
    }
    found.used = window.used_end(found.end)?.unwrap_or(found.end);
    if matches!(name, Name::Log(_)) {
        // Of all that is behind the last link nothing was promised.
        found.end = found.links.last().map_or(HEADER_BYTES, |_| found.proven.0);
    }
    Ok(found)
}

impl Examined {
    fn take(&mut self, window: &mut Window<'_>, at: u64, record: &Record) -> io::Result<()> {
        let entry = Entry { digest: record.id, offset: at, len: record.len };
        match record.kind {
            Kind::Mark => self.proven = (record.end(at), record.id),
            Kind::Block if window.payload(at, record)?.is_some() => self.good.push(entry),
            Kind::Block if window.is_erased(at, record)? => {}
            Kind::Block => self.bad.push(entry),
            kind => {
                let payload = window.payload(at, record)?;
                let whole = payload.and_then(|bytes| Link::decode(kind, bytes));
                if let Some(link) = whole {
                    if matches!(link.deed, Deed::Commit { .. }) {
                        self.commits.push(at);
                    }
                    self.links.push(Found { offset: at, id: record.id, link });
                    self.proven = (record.end(at), record.id);
                } else if window.is_erased(at, record)? {
                    self.proven = (record.end(at), record.id);
                } else {
                    self.gaps.push((at, record.end(at)));
                }
            }
        }
        Ok(())
    }
}
