//! The index of a segment: a sorted table of its blocks, in memory and as a file that can be thrown away.

use super::format::{VERSION, array, hash, u32_at, u64_at};
use dagvault_core::ids::Cid;

const MAGIC: &[u8; 8] = b"dvlt-idx";
const HEAD: usize = 72;
const ENTRY: usize = 44;

/// A block's record in a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    pub(super) digest: [u8; 32],
    /// Where its record begins.
    pub(super) offset: u64,
    /// The payload's length.
    pub(super) len: u32,
}

/// A sorted table of records; a block may have several.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Table {
    entries: Vec<Entry>,
}

impl Table {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        Self { entries }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// All records of a block.
    pub(super) fn find(&self, id: &Cid) -> &[Entry] {
        let from = self.entries.partition_point(|entry| entry.digest < id.0);
        let count = self.entries[from..].iter().take_while(|entry| entry.digest == id.0).count();
        &self.entries[from..from + count]
    }
}

/// What an index file holds.
pub(super) struct IndexFile {
    pub(super) table: Table,
    /// The segment's bytes that it covers.
    pub(super) covered: u64,
    /// Offsets of commits that still hold cells.
    pub(super) commits: Vec<u64>,
}

impl IndexFile {
    pub(super) fn encode(
        store: &[u8; 16],
        segment: &[u8; 16],
        entries: &[Entry],
        covered: u64,
        commits: &[u64],
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + ENTRY * entries.len() + 8 * commits.len() + 32);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(store);
        out.extend_from_slice(segment);
        out.extend_from_slice(&covered.to_le_bytes());
        out.extend_from_slice(&(entries.len() as u64).to_le_bytes());
        out.extend_from_slice(&(commits.len() as u64).to_le_bytes());
        for entry in entries {
            out.extend_from_slice(&entry.digest);
            out.extend_from_slice(&entry.offset.to_le_bytes());
            out.extend_from_slice(&entry.len.to_le_bytes());
        }
        commits.iter().for_each(|offset| out.extend_from_slice(&offset.to_le_bytes()));
        let check = hash(&out);
        out.extend_from_slice(&check);
        out
    }

    pub(super) fn decode(bytes: &[u8], store: &[u8; 16], segment: &[u8; 16]) -> Option<Self> {
        let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        let right = body.len() >= HEAD
            && body[..8] == *MAGIC
            && body[8..10] == VERSION.to_le_bytes()
            && body[16..32] == *store
            && body[32..48] == *segment;
        if !right || hash(body) != check {
            return None;
        }
        let (entries, commits) = (usize::try_from(u64_at(body, 56)).ok()?, u64_at(body, 64));
        let table_bytes = entries.checked_mul(ENTRY)?;
        let (table, rest) = body[HEAD..].split_at_checked(table_bytes)?;
        if rest.len() as u64 != commits.checked_mul(8)? {
            return None;
        }
        let entry =
            |item: &[u8]| Entry { digest: array(item, 0), offset: u64_at(item, 32), len: u32_at(item, 40) };
        let table = Table { entries: table.chunks_exact(ENTRY).map(entry).collect() };
        let commits = rest.chunks_exact(8).map(|item| u64_at(item, 0)).collect();
        Some(Self { table, covered: u64_at(body, 48), commits })
    }
}
