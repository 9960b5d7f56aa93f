//! Index files: where the blocks of one segment are, looked up page by page and never held in memory as a whole.
//!
//! What stays in memory is a filter of 12 bits a block, which says of nearly every absent block that it is absent, and
//! the first key of each page of 23 blocks. A page is checked when it is read for the first time.

use super::format::{ALIGN, RECORD_BYTES, array, hash, u32_at, u64_at};
use super::table::{Entry, Table};
use crate::disk::DiskFile;
use dagvault_core::ids::Cid;
use dagvault_core::limits::BLOCK_BYTES_MAX;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MAGIC: &[u8; 8] = b"dvlt-idx";
/// Index files have versions of their own: one of another version is built anew.
const VERSION: u16 = 2;
const PAGE: usize = 1024;
const ENTRY: usize = 44;
/// Entries of a page; behind them zeros, and 8 bytes of check at its end.
const PAGE_ENTRIES: usize = 23;
const CHECKED: usize = PAGE - 8;
const FOOT: usize = 128;
/// The foot without its hash.
const FOOT_HEAD: usize = 96;
/// Bits of the filter for each block, and how many of them are set.
const FILTER_BITS: u64 = 12;
const PROBES: u32 = 6;
/// A record takes so much at least.
const RECORD_BYTES_MIN: u64 = RECORD_BYTES + ALIGN;
/// The filter's words are used in lines of so many: all bits of a block are in one.
const LINE: usize = 8;

/// A block's key: the first 8 bytes of its digest as a number, which sorts as the bytes do.
fn key(digest: &[u8; 32]) -> u64 {
    u64::from_be_bytes(array(digest, 0))
}

fn to_index(value: u64) -> Option<usize> {
    usize::try_from(value).ok()
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "the index is damaged")
}

/// Which blocks may be in a segment. Digests are hashes already, so their bits serve as they are.
#[derive(Default)]
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    fn words_for(blocks: u64) -> Option<u64> {
        Some(blocks.checked_mul(FILTER_BITS)?.div_ceil(64 * LINE as u64) * LINE as u64)
    }

    /// The line's first word, and which of its bits.
    fn bits(&self, digest: &[u8; 32]) -> (usize, u64) {
        let lines = (self.words.len() / LINE) as u128;
        let line = (u128::from(u64_at(digest, 8)) * lines) >> 64;
        (usize::try_from(line).unwrap_or_default() * LINE, u64_at(digest, 16))
    }

    fn each(&self, digest: &[u8; 32]) -> impl Iterator<Item = (usize, u64)> + use<> {
        let (line, bits) = self.bits(digest);
        (0..PROBES).map(move |probe| {
            let bit = (bits >> (9 * probe)) & 511;
            (line + (bit / 64) as usize, 1 << (bit % 64))
        })
    }

    fn insert(&mut self, digest: &[u8; 32]) {
        for (word, bit) in self.each(digest) {
            self.words[word] |= bit;
        }
    }

    fn has(&self, digest: &[u8; 32]) -> bool {
        !self.words.is_empty() && self.each(digest).all(|(word, bit)| self.words[word] & bit != 0)
    }
}

/// What an index says of its segment besides where blocks are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Summary {
    /// The segment's bytes that it covers.
    pub(super) covered: u64,
    /// Records of blocks, and the bytes of these blocks.
    pub(super) blocks: u64,
    pub(super) block_bytes: u64,
    /// Offsets of commits that still hold cells.
    pub(super) commits: Vec<u64>,
}

/// An open index file.
pub(super) struct IndexFile {
    file: Arc<dyn DiskFile>,
    segment: [u8; 16],
    pub(super) summary: Summary,
    /// The first key of each page.
    keys: Vec<u64>,
    filter: Filter,
    /// A bit for each page that was found whole.
    checked: Vec<AtomicU64>,
}

/// The check of a page.
fn page_check(segment: &[u8; 16], number: usize, page: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(segment).update(&(number as u64).to_le_bytes()).update(page);
    array(hasher.finalize().as_bytes(), 0)
}

fn encode_page(segment: &[u8; 16], number: usize, entries: &[Entry], out: &mut Vec<u8>) {
    let start = out.len();
    for entry in entries {
        out.extend_from_slice(&entry.digest);
        out.extend_from_slice(&entry.offset.to_le_bytes());
        out.extend_from_slice(&entry.len.to_le_bytes());
    }
    out.resize(start + CHECKED, 0);
    let check = page_check(segment, number, &out[start..]);
    out.extend_from_slice(&check);
}

/// The bytes of an index file for sorted entries.
pub(super) fn encode(
    store: &[u8; 16],
    segment: &[u8; 16],
    entries: &[Entry],
    covered: u64,
    commits: &[u64],
) -> Vec<u8> {
    let pages = entries.len().div_ceil(PAGE_ENTRIES);
    let blocks = entries.len() as u64;
    let words = Filter::words_for(blocks).and_then(to_index).unwrap_or_default();
    let mut filter = Filter { words: vec![0; words] };
    let tail = 8 * (pages + commits.len() + words);
    let mut out = Vec::with_capacity(pages * PAGE + tail + FOOT);
    for (number, entries) in entries.chunks(PAGE_ENTRIES).enumerate() {
        entries.iter().for_each(|entry| filter.insert(&entry.digest));
        encode_page(segment, number, entries, &mut out);
    }
    let tail = out.len();
    for entries in entries.chunks(PAGE_ENTRIES) {
        out.extend_from_slice(&key(&entries[0].digest).to_le_bytes());
    }
    for number in commits.iter().chain(&filter.words) {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let bytes: u64 = entries.iter().map(|entry| u64::from(entry.len)).sum();
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 6]);
    out.extend_from_slice(store);
    out.extend_from_slice(segment);
    for number in [covered, blocks, bytes, commits.len() as u64, 0, 0] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let check = hash(&out[tail..]);
    out.extend_from_slice(&check);
    out
}

impl IndexFile {
    /// Takes a file over; `None` if it is not the index of this segment of so many bytes, whole and of this version.
    pub(super) fn open(
        file: Arc<dyn DiskFile>,
        store: &[u8; 16],
        segment: &[u8; 16],
        segment_bytes: u64,
    ) -> io::Result<Option<Self>> {
        let size = file.size()?;
        let Some(foot_at) = size.checked_sub(FOOT as u64) else { return Ok(None) };
        let mut foot = [0; FOOT];
        if file.read_at(&mut foot, foot_at)? < FOOT {
            return Ok(None);
        }
        let ours = foot[..8] == *MAGIC
            && foot[8..10] == VERSION.to_le_bytes()
            && foot[16..32] == *store
            && foot[32..48] == *segment;
        let (covered, blocks, commits) = (u64_at(&foot, 48), u64_at(&foot, 56), u64_at(&foot, 72));
        // What is claimed bounds the memory that it takes.
        let most = segment_bytes / RECORD_BYTES_MIN;
        let possible = ours && covered <= segment_bytes && blocks <= most && commits <= most;
        let Some(shape) = Shape::of(blocks, commits).filter(|shape| possible && shape.size() == Some(size))
        else {
            return Ok(None);
        };
        let mut tail = vec![0; shape.tail_bytes()];
        if file.read_at(&mut tail, shape.pages as u64 * PAGE as u64)? < tail.len() {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&tail).update(&foot[..FOOT_HEAD]);
        if hasher.finalize().as_bytes()[..] != foot[FOOT_HEAD..] {
            return Ok(None);
        }
        let mut numbers = tail.chunks_exact(8).map(|number| u64_at(number, 0));
        let keys: Vec<u64> = numbers.by_ref().take(shape.pages).collect();
        let commits = numbers.by_ref().take(shape.commits).collect();
        let filter = Filter { words: numbers.collect() };
        let summary = Summary { covered, blocks, block_bytes: u64_at(&foot, 64), commits };
        let checked = (0..shape.pages.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Some(Self { file, segment: *segment, summary, keys, filter, checked }))
    }

    /// Reads a page.
    ///
    /// # Errors
    /// `InvalidData` if it is damaged.
    fn page<'a>(&self, number: usize, page: &'a mut [u8; PAGE]) -> io::Result<&'a [u8]> {
        let count = self.file.read_at(page, number as u64 * PAGE as u64)?;
        let (word, bit) = (&self.checked[number / 64], 1 << (number % 64));
        // The bit only says what the file holds, which every thread reads for itself.
        if word.load(Ordering::Relaxed) & bit == 0 {
            if page_check(&self.segment, number, &page[..CHECKED]) != page[CHECKED..] {
                return Err(damaged());
            }
            word.fetch_or(bit, Ordering::Relaxed);
        }
        if count < PAGE {
            return Err(damaged());
        }
        let before = number as u64 * PAGE_ENTRIES as u64;
        let entries = self.summary.blocks.saturating_sub(before).min(PAGE_ENTRIES as u64);
        Ok(&page[..to_index(entries).unwrap_or_default() * ENTRY])
    }

    fn entry(&self, bytes: &[u8]) -> io::Result<Entry> {
        let entry = Entry { digest: array(bytes, 0), offset: u64_at(bytes, 32), len: u32_at(bytes, 40) };
        let inside = entry.offset < self.summary.covered && entry.len as usize <= BLOCK_BYTES_MAX;
        if inside && entry.len > 0 { Ok(entry) } else { Err(damaged()) }
    }

    /// All entries of pages that are whole.
    pub(super) fn readable(&self) -> Vec<Entry> {
        let mut out = Vec::new();
        let mut page = [0; PAGE];
        for number in 0..self.keys.len() {
            let entries = self.page(number, &mut page).unwrap_or_default();
            out.extend(entries.chunks_exact(ENTRY).filter_map(|entry| self.entry(entry).ok()));
        }
        out
    }

    /// Calls `found` with each record of a block until it answers true.
    fn search(&self, id: &Cid, mut found: impl FnMut(Entry) -> bool) -> io::Result<()> {
        if !self.filter.has(&id.0) {
            return Ok(());
        }
        let wanted = key(&id.0);
        let mut number = self.keys.partition_point(|first| *first < wanted).saturating_sub(1);
        let mut page = [0; PAGE];
        while self.keys.get(number).is_some_and(|first| *first <= wanted) {
            let entries = self.page(number, &mut page)?;
            let digest = |at: usize| &entries[at * ENTRY..at * ENTRY + 32];
            let (mut low, mut high) = (0, entries.len() / ENTRY);
            while low < high {
                let middle = usize::midpoint(low, high);
                if digest(middle) < &id.0[..] {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            for entry in entries[low * ENTRY..].chunks_exact(ENTRY) {
                if entry[..32] != id.0 || found(self.entry(entry)?) {
                    return Ok(());
                }
            }
            number += 1;
        }
        Ok(())
    }

    /// Entries `from..to` in their order.
    fn range(&self, from: usize, to: usize) -> io::Result<Vec<Entry>> {
        let to = to.min(to_index(self.summary.blocks).ok_or_else(damaged)?);
        let mut out = Vec::with_capacity(to.saturating_sub(from));
        let mut page = [0; PAGE];
        let mut at = from;
        while at < to {
            let number = at / PAGE_ENTRIES;
            let end = ((number + 1) * PAGE_ENTRIES).min(to);
            let (first, last) = (at - number * PAGE_ENTRIES, end - number * PAGE_ENTRIES);
            let entries = self.page(number, &mut page)?;
            for entry in entries[first * ENTRY..last * ENTRY].chunks_exact(ENTRY) {
                out.push(self.entry(entry)?);
            }
            at = end;
        }
        Ok(out)
    }
}

/// How many parts an index file has.
struct Shape {
    pages: usize,
    commits: usize,
    words: usize,
}

impl Shape {
    fn of(blocks: u64, commits: u64) -> Option<Self> {
        Some(Self {
            pages: to_index(blocks.div_ceil(PAGE_ENTRIES as u64))?,
            commits: to_index(commits)?,
            words: to_index(Filter::words_for(blocks)?)?,
        })
    }

    fn numbers(&self) -> Option<u64> {
        (self.pages as u64).checked_add(self.commits as u64)?.checked_add(self.words as u64)
    }

    fn tail_bytes(&self) -> usize {
        8 * (self.pages + self.commits + self.words)
    }

    fn size(&self) -> Option<u64> {
        let tail = self.numbers()?.checked_mul(8)?.checked_add(FOOT as u64)?;
        (self.pages as u64).checked_mul(PAGE as u64)?.checked_add(tail)
    }
}

/// Where the blocks of a segment are that nothing is added to.
pub(super) enum Index {
    /// Of a segment whose index file is not there and can't be written.
    Memory(Table),
    File(IndexFile),
}

impl Default for Index {
    fn default() -> Self {
        Self::Memory(Table::default())
    }
}

impl Index {
    /// How many records of blocks it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(table) => table.entries().len(),
            Self::File(file) => to_index(file.summary.blocks).unwrap_or_default(),
        }
    }

    /// Bytes of these blocks.
    pub(super) fn block_bytes(&self) -> u64 {
        match self {
            Self::Memory(table) => table.entries().iter().map(|entry| u64::from(entry.len)).sum(),
            Self::File(file) => file.summary.block_bytes,
        }
    }

    /// Calls `found` with each record of a block until it answers true.
    ///
    /// # Errors
    /// `InvalidData` if the index is damaged; what the system reports.
    pub(super) fn search(&self, id: &Cid, mut found: impl FnMut(Entry) -> bool) -> io::Result<()> {
        match self {
            Self::Memory(table) => {
                let _ = table.find(id).iter().any(|entry| found(*entry));
                Ok(())
            }
            Self::File(file) => file.search(id, found),
        }
    }

    /// Entries `from..to`, sorted by digest.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub(super) fn range(&self, from: usize, to: usize) -> io::Result<Vec<Entry>> {
        match self {
            Self::Memory(table) => {
                let to = to.min(table.entries().len());
                Ok(table.entries().get(from..to).unwrap_or_default().to_vec())
            }
            Self::File(file) => file.range(from, to),
        }
    }

    /// Reads every page that was never read, so that later reads find none damaged.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub(super) fn check(&self) -> io::Result<()> {
        let Self::File(file) = self else { return Ok(()) };
        let mut page = [0; PAGE];
        for number in 0..file.keys.len() {
            let checked = file.checked[number / 64].load(Ordering::Relaxed) & (1 << (number % 64)) != 0;
            if !checked {
                let entries = file.page(number, &mut page)?;
                entries.chunks_exact(ENTRY).try_for_each(|entry| file.entry(entry).map(drop))?;
            }
        }
        Ok(())
    }
}
