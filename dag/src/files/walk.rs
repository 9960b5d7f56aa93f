//! Walking the records of a segment: what is whole, what is torn, and what is damaged.

use super::chain::Link;
use super::format::{ALIGN, HEADER_BYTES, Kind, RECORD_BYTES, RECORD_LEN, Record, Tag, hash, index};
use super::table::Entry;
use crate::disk::DiskFile;
use std::io;

const WINDOW_BYTES: usize = 64 << 10;

/// Reads a file through a window that moves forward.
pub(super) struct Window<'a> {
    file: &'a dyn DiskFile,
    buffer: Vec<u8>,
    start: u64,
    len: usize,
    ahead: usize,
    pub(super) tag: Tag,
}

impl<'a> Window<'a> {
    pub(super) fn new(file: &'a dyn DiskFile, tag: Tag) -> Self {
        Self { file, buffer: Vec::new(), start: 0, len: 0, ahead: 256, tag }
    }

    /// The bytes at `offset`, fewer than `count` at the file's end.
    pub(super) fn bytes(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let inside = offset >= self.start && offset + count as u64 <= self.start + self.len as u64;
        if !inside {
            self.ahead = (self.ahead * 2).min(WINDOW_BYTES);
            self.buffer.resize(count.max(self.ahead), 0);
            self.len = self.file.read_at(&mut self.buffer, offset)?;
            self.start = offset;
        }
        let from = index(offset - self.start);
        Ok(&self.buffer[from..(from + count).min(self.len)])
    }

    pub(super) fn record(&mut self, offset: u64) -> io::Result<Option<Record>> {
        let tag = self.tag;
        Ok(Record::decode(self.bytes(offset, RECORD_LEN)?, &tag, offset))
    }

    /// The payload, if it hashes to the record's id.
    pub(super) fn payload(&mut self, offset: u64, record: &Record) -> io::Result<Option<&[u8]>> {
        let bytes = self.bytes(offset + RECORD_BYTES, record.len as usize)?;
        Ok((bytes.len() == record.len as usize && hash(bytes) == record.id).then_some(bytes))
    }

    /// A block's bytes, if they hash to its name.
    pub(super) fn block(&mut self, entry: &Entry) -> io::Result<Option<&[u8]>> {
        self.payload(entry.offset, &Record { len: entry.len, kind: Kind::Block, id: entry.digest })
    }

    /// Whether a block's payload has been overwritten by zeros.
    pub(super) fn is_erased(&mut self, offset: u64, record: &Record) -> io::Result<bool> {
        if self.bytes(offset + RECORD_BYTES, 1)? != [0] {
            return Ok(false);
        }
        let bytes = self.bytes(offset + RECORD_BYTES, record.len as usize)?;
        Ok(bytes.iter().all(|byte| *byte == 0) && hash(bytes) != record.id)
    }

    /// The next record at or after `offset` for which `wanted` holds.
    fn search(
        &mut self,
        mut offset: u64,
        mut wanted: impl FnMut(&mut Self, u64, &Record) -> io::Result<bool>,
    ) -> io::Result<Option<u64>> {
        loop {
            let head = self.bytes(offset, RECORD_LEN)?;
            if head.len() < RECORD_LEN {
                return Ok(None);
            }
            if head[4] != 0
                && let Some(record) = self.record(offset)?
                && wanted(self, offset, &record)?
            {
                return Ok(Some(offset));
            }
            offset += ALIGN;
        }
    }

    /// Where the last byte that is not zero ends, at or after `offset`.
    pub(super) fn used_end(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        let mut end = None;
        loop {
            let bytes = self.bytes(offset, WINDOW_BYTES)?;
            if bytes.is_empty() {
                return Ok(end);
            }
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                end = Some(offset + last as u64 + 1);
            }
            offset += bytes.len() as u64;
        }
    }
}

/// A batch of the log: blocks and the link that ends it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) blocks: Vec<Entry>,
    /// The link's id and where its record begins.
    pub(super) id: [u8; 32],
    pub(super) offset: u64,
    pub(super) kind: Kind,
    /// `None`: its payload is erased or damaged.
    pub(super) link: Option<Link>,
}

/// What was found of a log segment from some link on.
pub(super) struct LogWalk {
    pub(super) batches: Vec<Batch>,
    pub(super) end: u64,
    pub(super) chain: [u8; 32],
    /// A mark says that the last link was durable.
    pub(super) marked: bool,
    /// Something stands behind the end that was never acknowledged.
    pub(super) stale: bool,
    /// Damage: where, in a place that had been durable.
    pub(super) damaged: Option<u64>,
}

impl LogWalk {
    /// Takes the last batch back: it is another writer's, who has not finished it.
    pub(super) fn pop(&mut self, chain: [u8; 32]) {
        if let Some(batch) = self.batches.pop() {
            self.end = batch.start;
            self.chain = self.batches.last().map_or(chain, |last| last.id);
            self.marked = true;
        }
    }
}

/// Walks a log segment from `start`, where a batch begins whose link names `chain`. With `whole` the rest
/// of the file is searched for proof of damage in any case, else only if something stands at the end.
pub(super) fn walk_log(
    window: &mut Window<'_>,
    start: u64,
    chain: [u8; 32],
    whole: bool,
) -> io::Result<LogWalk> {
    let mut batches = links(window, start, chain)?;
    let last = |batches: &[Batch]| batches.last().map_or((start, chain), |batch| (batch.end, batch.id));
    let (mut end, mut id) = last(&batches);
    let mut marked = is_mark(window, end, &id)?;
    if !marked && let Some(batch) = batches.last() {
        let mut good = batch.link.is_some();
        for block in &batch.blocks {
            let record = Record { len: block.len, kind: Kind::Block, id: block.digest };
            good = good && window.payload(block.offset, &record)?.is_some();
        }
        if !good {
            batches.pop();
            (end, id) = last(&batches);
        }
    }
    let behind = if marked { end + RECORD_BYTES } else { end };
    let stale = window.bytes(behind, RECORD_LEN)?.iter().any(|byte| *byte != 0);
    let proof = if stale || whole { proof(window, behind, &id)? } else { None };
    let damaged = proof.map(|_| end);
    marked = marked && damaged.is_none();
    Ok(LogWalk { batches, end, chain: id, marked, stale, damaged })
}

fn is_mark(window: &mut Window<'_>, offset: u64, id: &[u8; 32]) -> io::Result<bool> {
    Ok(window.record(offset)?.is_some_and(|record| record.kind == Kind::Mark && record.id == *id))
}

fn links(window: &mut Window<'_>, start: u64, mut chain: [u8; 32]) -> io::Result<Vec<Batch>> {
    let (mut batches, mut blocks) = (Vec::new(), Vec::new());
    let (mut offset, mut first) = (start, start);
    let mut heads = blake3::Hasher::new();
    while let Some(record) = window.record(offset)? {
        let end = record.end(offset);
        if record.kind == Kind::Block {
            heads.update(window.bytes(offset, RECORD_LEN)?);
            if !window.is_erased(offset, &record)? {
                blocks.push(Entry { digest: record.id, offset, len: record.len });
            }
            offset = end;
            continue;
        }
        if record.kind == Kind::Mark {
            break;
        }
        let link = window.payload(offset, &record)?.and_then(|bytes| Link::decode(record.kind, bytes));
        let fits = |link: &Link| link.previous == chain && link.batch == *heads.finalize().as_bytes();
        if link.as_ref().is_some_and(|link| !fits(link)) {
            break;
        }
        chain = record.id;
        let blocks = std::mem::take(&mut blocks);
        batches.push(Batch { start: first, end, blocks, id: chain, offset, kind: record.kind, link });
        heads.reset();
        (offset, first) = (end, end);
    }
    Ok(batches)
}

/// Looks behind the end for a record that can only be there if more than the link `chain` had been durable:
/// the mark of another link, or a link that does not follow `chain`.
fn proof(window: &mut Window<'_>, from: u64, chain: &[u8; 32]) -> io::Result<Option<u64>> {
    window.search(from, |window, offset, record| {
        if record.kind == Kind::Mark {
            return Ok(record.id != *chain);
        }
        if !record.kind.is_link() {
            return Ok(false);
        }
        let link = window.payload(offset, record)?.and_then(|bytes| Link::decode(record.kind, bytes));
        Ok(link.is_some_and(|link| link.previous != *chain))
    })
}

/// What was found in a pack, or in a log segment that is no longer written.
#[derive(Default)]
pub(super) struct Scan {
    /// Blocks that were durable.
    pub(super) proven: Vec<Entry>,
    /// Where the last record that proves it ends.
    pub(super) proven_end: u64,
    /// Blocks behind it whose bytes are whole.
    pub(super) tail: Vec<Entry>,
    /// Where the last of all these ends.
    pub(super) end: u64,
    /// Offsets of commits that still hold cells.
    pub(super) commits: Vec<u64>,
    /// The id of the last link.
    pub(super) chain: Option<[u8; 32]>,
    /// Offsets of damaged records in a place that had been durable.
    pub(super) damaged: Vec<u64>,
}

/// Walks a segment from `start`, stepping over damage if a later record proves that it is damage.
pub(super) fn scan(window: &mut Window<'_>, start: u64) -> io::Result<Scan> {
    let mut found = Scan { proven_end: start, ..Scan::default() };
    let mut tail: Vec<Entry> = Vec::new();
    let mut offset = start.max(HEADER_BYTES);
    loop {
        let Some(record) = window.record(offset)? else {
            if window.search(offset, |_, _, record| Ok(record.kind != Kind::Block))?.is_none() {
                break;
            }
            found.damaged.push(offset);
            offset = window.search(offset + ALIGN, |_, _, _| Ok(true))?.unwrap_or(offset + ALIGN);
            continue;
        };
        match record.kind {
            Kind::Block => {
                if !window.is_erased(offset, &record)? {
                    tail.push(Entry { digest: record.id, offset, len: record.len });
                }
            }
            kind => {
                if kind == Kind::Commit && holds_cells(window, offset, &record)? {
                    found.commits.push(offset);
                }
                if kind.is_link() {
                    found.chain = Some(record.id);
                }
                found.proven.append(&mut tail);
                found.proven_end = record.end(offset);
            }
        }
        offset = record.end(offset);
    }
    found.end = found.proven_end;
    for entry in tail {
        let record = Record { len: entry.len, kind: Kind::Block, id: entry.digest };
        if window.payload(entry.offset, &record)?.is_none() {
            break;
        }
        found.end = record.end(entry.offset);
        found.tail.push(entry);
    }
    Ok(found)
}

/// Whether a commit's payload has bytes left that are not zero.
fn holds_cells(window: &mut Window<'_>, offset: u64, record: &Record) -> io::Result<bool> {
    Ok(window.bytes(offset + RECORD_BYTES, record.len as usize)?.iter().any(|byte| *byte != 0))
}
