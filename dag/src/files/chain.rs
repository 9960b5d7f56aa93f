//! Links: the records that end a batch of the log. Each names the link before it.

use super::format::{Kind, array, len32, u32_at, u64_at};
use std::collections::BTreeMap;

/// Value of [`Place::offset`] that stands for the whole segment.
pub(super) const WHOLE: u64 = u64::MAX;

const FIXED: usize = 72;

/// A record in a segment, or a whole segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place {
    pub(super) segment: [u8; 16],
    pub(super) offset: u64,
}

/// What a link says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// Cells are set; `expected` is what the writer compared with.
    Commit { expected: Option<[u8; 32]>, cells: BTreeMap<u32, Vec<u8>> },
    /// These payloads are being overwritten.
    Erase { places: Vec<Place> },
    /// The erasure with this id is complete.
    Erased { erase: [u8; 32] },
}

/// A link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    /// The id of the link before.
    pub(super) previous: [u8; 32],
    /// BLAKE3 over the headers of the other records of this batch.
    pub(super) batch: [u8; 32],
    pub(super) deed: Deed,
}

impl Deed {
    /// Length of the payload of a link with this deed.
    pub(super) fn payload_len(&self) -> usize {
        FIXED
            + match self {
                Self::Commit { cells, .. } => 32 + cells.values().map(|value| 8 + value.len()).sum::<usize>(),
                Self::Erase { places } => places.len() * 24,
                Self::Erased { .. } => 32,
            }
    }
}

impl Link {
    pub(super) fn kind(&self) -> Kind {
        match self.deed {
            Deed::Commit { .. } => Kind::Commit,
            Deed::Erase { .. } => Kind::Erase,
            Deed::Erased { .. } => Kind::Erased,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let (flags, count) = match &self.deed {
            Deed::Commit { expected, cells } => (u8::from(expected.is_some()), cells.len()),
            Deed::Erase { places } => (0, places.len()),
            Deed::Erased { .. } => (0, 1),
        };
        let mut out = Vec::with_capacity(self.deed.payload_len());
        out.extend_from_slice(&[1, flags, 0, 0]);
        out.extend_from_slice(&len32(count).to_le_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.batch);
        match &self.deed {
            Deed::Commit { expected, cells } => {
                out.extend_from_slice(&expected.unwrap_or_default());
                for (cell, value) in cells {
                    out.extend_from_slice(&cell.to_le_bytes());
                    out.extend_from_slice(&len32(value.len()).to_le_bytes());
                }
                cells.values().for_each(|value| out.extend_from_slice(value));
            }
            Deed::Erase { places } => {
                for place in places {
                    out.extend_from_slice(&place.segment);
                    out.extend_from_slice(&place.offset.to_le_bytes());
                }
            }
            Deed::Erased { erase } => out.extend_from_slice(erase),
        }
        out
    }

    pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Option<Self> {
        if bytes.len() < FIXED || bytes[0] != 1 {
            return None;
        }
        let count = u32_at(bytes, 4) as usize;
        let rest = &bytes[FIXED..];
        let deed = match kind {
            Kind::Commit => decode_commit(bytes[1] & 1 == 1, count, rest)?,
            Kind::Erase if rest.len() == count.checked_mul(24)? => {
                let place = |item: &[u8]| Place { segment: array(item, 0), offset: u64_at(item, 16) };
                Deed::Erase { places: rest.chunks_exact(24).map(place).collect() }
            }
            Kind::Erased => Deed::Erased { erase: rest.try_into().ok()? },
            _ => return None,
        };
        Some(Self { previous: array(bytes, 8), batch: array(bytes, 40), deed })
    }
}

fn decode_commit(has_expected: bool, count: usize, rest: &[u8]) -> Option<Deed> {
    let table = rest.get(32..32 + count.checked_mul(8)?)?;
    let mut values = &rest[32 + table.len()..];
    let mut cells = BTreeMap::new();
    for item in table.chunks_exact(8) {
        let (value, behind) = values.split_at_checked(u32_at(item, 4) as usize)?;
        cells.insert(u32_at(item, 0), value.to_vec());
        values = behind;
    }
    let expected = has_expected.then(|| array(rest, 0));
    (values.is_empty() && cells.len() == count).then_some(Deed::Commit { expected, cells })
}
