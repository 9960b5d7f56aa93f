//! The bytes of segments and of the file `format`; docs/format-store.md says the same in prose.

use super::base::Name;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::limits::BLOCK_BYTES_MAX;
use std::fmt::Write as _;

/// The newest version of the files that this code reads and writes.
pub(super) const VERSION: u16 = 1;
/// Length of a segment's header.
pub(super) const HEADER_BYTES: u64 = 96;
/// Length of a record's header.
pub(super) const RECORD_BYTES: u64 = 48;
/// The same, for slices.
pub(super) const RECORD_LEN: usize = 48;
/// Records begin at multiples of this.
pub(super) const ALIGN: u64 = 16;
/// The largest value of a cell.
pub(super) const CELL_BYTES_MAX: usize = 1 << 20;
/// How many cells a store can have.
pub(super) const CELLS_MAX: usize = 64;
/// The largest payload of any record: a commit that carries every cell.
const PAYLOAD_BYTES_MAX: usize = CELLS_MAX * (CELL_BYTES_MAX + 8) + 1024;

const MAGIC: &[u8; 8] = b"dvlt-seg";

/// BLAKE3-256.
pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}

/// A slice's bytes as an array; the caller has bounded `at` and `N`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

/// A length as a slice index; the files handled in memory are far below 4 GiB.
pub(super) fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A length that a limit keeps below 4 GiB.
pub(super) fn len32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != 2 * N || !lower {
        return None;
    }
    let mut out = [0; N];
    for (at, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(out)
}

/// Which vault and which segment a record belongs to: part of each checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tag {
    pub(super) store: [u8; 16],
    pub(super) segment: [u8; 16],
}

/// The kind of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Block = 1,
    Commit = 2,
    Erase = 3,
    Mark = 4,
    Erased = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Block, Self::Commit, Self::Erase, Self::Mark, Self::Erased]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }

    /// Whether records of this kind end a batch of the log and name the one before.
    pub(super) fn is_link(self) -> bool {
        matches!(self, Self::Commit | Self::Erase | Self::Erased)
    }
}

/// A record's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub(super) len: u32,
    pub(super) kind: Kind,
    pub(super) id: [u8; 32],
}

impl Record {
    fn check(head: &[u8], tag: &Tag, offset: u64) -> [u8; 8] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&tag.store).update(&tag.segment).update(&offset.to_le_bytes()).update(&head[..40]);
        array(hasher.finalize().as_bytes(), 0)
    }

    pub(super) fn encode(&self, tag: &Tag, offset: u64) -> [u8; RECORD_LEN] {
        let mut head = [0; RECORD_LEN];
        head[..4].copy_from_slice(&self.len.to_le_bytes());
        head[4] = self.kind as u8;
        head[8..40].copy_from_slice(&self.id);
        let check = Self::check(&head, tag, offset);
        head[40..].copy_from_slice(&check);
        head
    }

    /// Reads a header at `offset`; `None` if no record of this segment begins there.
    pub(super) fn decode(head: &[u8], tag: &Tag, offset: u64) -> Option<Self> {
        let record = Self::parse(head)?;
        (Self::check(head, tag, offset) == head[40..48]).then_some(record)
    }

    /// The same without the checksum.
    pub(super) fn parse(head: &[u8]) -> Option<Self> {
        if head.len() < RECORD_LEN || head[5..8] != [0; 3] {
            return None;
        }
        let (kind, len) = (Kind::from_byte(head[4])?, u32_at(head, 0));
        let fits = match kind {
            Kind::Block => len > 0 && len as usize <= BLOCK_BYTES_MAX,
            Kind::Mark => len == 0,
            _ => len as usize <= PAYLOAD_BYTES_MAX,
        };
        fits.then(|| Self { len, kind, id: array(head, 8) })
    }

    /// Where the next record begins if this one begins at `offset`.
    pub(super) fn end(&self, offset: u64) -> u64 {
        (offset + RECORD_BYTES + u64::from(self.len)).next_multiple_of(ALIGN)
    }
}

/// Appends a record to bytes that will stand at `base` of a segment; answers its header.
pub(super) fn push_record(
    out: &mut Vec<u8>,
    tag: &Tag,
    base: u64,
    kind: Kind,
    id: [u8; 32],
    payload: &[u8],
) -> [u8; RECORD_LEN] {
    let head = Record { len: len32(payload.len()), kind, id }.encode(tag, base + out.len() as u64);
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
    out.resize(out.len().next_multiple_of(index(ALIGN)), 0);
    head
}

/// The header of a segment. Packs have number 0 and a chain of zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SegmentHeader {
    pub(super) tag: Tag,
    pub(super) is_log: bool,
    pub(super) number: u64,
    /// The id of the last link of the segment before.
    pub(super) chain: [u8; 32],
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(index(HEADER_BYTES));
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.push(u8::from(!self.is_log));
        out.extend_from_slice(&[0; 5]);
        out.extend_from_slice(&self.tag.store);
        out.extend_from_slice(&self.tag.segment);
        out.extend_from_slice(&self.chain);
        out.extend_from_slice(&self.number.to_le_bytes());
        let check: [u8; 8] = array(&hash(&out), 0);
        out.extend_from_slice(&check);
        out
    }

    /// Whether a file of this name in this store may begin so.
    pub(super) fn fits(&self, name: Name, store: &[u8; 16]) -> bool {
        self.tag.store == *store
            && match name {
                Name::Pack(id) => self.tag.segment == id && !self.is_log,
                Name::Log(number) => self.is_log && self.number == number,
            }
    }
}

/// How a segment begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Header {
    Ours(SegmentHeader),
    /// A whole header of a version to come.
    Newer(u16),
    Damaged,
}

impl Header {
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let whole = bytes.len() == index(HEADER_BYTES) && bytes[..8] == *MAGIC;
        if !whole || hash(&bytes[..88])[..8] != bytes[88..96] {
            return Self::Damaged;
        }
        let version = u16::from_le_bytes(array(bytes, 8));
        if version > VERSION {
            return Self::Newer(version);
        }
        let tag = Tag { store: array(bytes, 16), segment: array(bytes, 32) };
        let number = u64_at(bytes, 80);
        let header = SegmentHeader { tag, is_log: bytes[10] == 0, number, chain: array(bytes, 48) };
        if header.encode() == bytes { Self::Ours(header) } else { Self::Damaged }
    }
}

/// The text of the file `format`.
pub(super) fn format_text(store: &[u8; 16]) -> String {
    let body = format!("dagvault store {VERSION}\nid {}\n", hex(store));
    let check = hex(&hash(body.as_bytes())[..8]);
    format!("{body}check {check}\n")
}

/// Reads the file `format`. The version is looked at first: what stands behind it is a later version's own.
///
/// # Errors
/// `Unsupported` for a higher version, `Corrupt` for anything but a whole file.
pub(super) fn parse_format(bytes: &[u8]) -> Result<[u8; 16], StoreError> {
    let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "format");
    let text = std::str::from_utf8(bytes).map_err(|_| corrupt())?;
    let mut lines = text.lines();
    let version = lines.next().and_then(|line| line.strip_prefix("dagvault store ")).ok_or_else(corrupt)?;
    let version: u32 = version.parse().map_err(|_| corrupt())?;
    if version > u32::from(VERSION) {
        return Err(StoreError::new(StoreErrorKind::Unsupported, format!("store format {version}")));
    }
    let store = lines.next().and_then(|line| unhex(line.strip_prefix("id ")?)).ok_or_else(corrupt)?;
    if text == format_text(&store) { Ok(store) } else { Err(corrupt()) }
}
