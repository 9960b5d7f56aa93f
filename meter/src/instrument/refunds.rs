//! What is given back at the place of a trap.

use wasmparser::Operator;

/// Kinds of traps, as far as the place of one depends on them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrapKind {
    /// Out of the memory's bounds.
    Memory,
    /// Out of a table's bounds, a call of null, or of another type than was said.
    Table,
    /// Division by zero, overflow, or a float that is no integer.
    Number,
    /// `unreachable`.
    Unreachable,
}

impl TrapKind {
    /// How this instruction can trap, if it can.
    pub(super) fn of(operator: &Operator<'_>) -> Option<Self> {
        use crate::schedule::Class;
        use Operator as O;
        match operator {
            O::MemoryInit { .. } | O::MemoryCopy { .. } | O::MemoryFill { .. } => return Some(Self::Memory),
            O::TableInit { .. } | O::TableCopy { .. } | O::TableFill { .. } => return Some(Self::Table),
            O::I32TruncF32S
            | O::I32TruncF32U
            | O::I32TruncF64S
            | O::I32TruncF64U
            | O::I64TruncF32S
            | O::I64TruncF32U
            | O::I64TruncF64S
            | O::I64TruncF64U => return Some(Self::Number),
            _ => {}
        }
        match Class::of(operator)? {
            Class::Load | Class::Store => Some(Self::Memory),
            Class::Table | Class::CallIndirect => Some(Self::Table),
            Class::Divide => Some(Self::Number),
            Class::Unreachable => Some(Self::Unreachable),
            _ => None,
        }
    }
}

/// An instruction that can trap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    /// Where it is, in the metered bytes.
    pub(super) offset: u32,
    pub(super) kind: TrapKind,
    /// What stands behind it in its run.
    pub(super) refund: u64,
}

/// For each instruction that can trap what stands behind it in its run: charged, and not executed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refunds {
    /// In the order of their places.
    pub(super) places: Vec<Place>,
    /// Where each charge of a run begins and ends, in the same order.
    pub(super) charges: Vec<(u32, u32)>,
}

impl Refunds {
    /// What is given back for a trap of this kind that an engine reports at this place of the metered bytes.
    ///
    /// An engine that fuses a load with the instruction that uses it reports the place of the latter: so it is the
    /// last instruction at or before the place that can trap in this way. One that sees that a run only traps makes
    /// its charge trap on a condition: so within a charge it is the first instruction behind.
    #[must_use]
    pub fn at(&self, offset: u32, kind: TrapKind) -> u64 {
        let charge = self.charges[..self.charges.partition_point(|charge| charge.0 <= offset)].last();
        if charge.is_some_and(|charge| offset < charge.1) {
            let begin = self.places.partition_point(|place| place.offset < offset);
            return self.places[begin..]
                .iter()
                .find(|place| place.kind == kind)
                .map_or(0, |place| place.refund);
        }
        let end = self.places.partition_point(|place| place.offset <= offset);
        self.places[..end].iter().rev().find(|place| place.kind == kind).map_or(0, |place| place.refund)
    }

    /// What is given back where: the place in the metered bytes, how it traps, and the gas.
    pub fn iter(&self) -> impl Iterator<Item = (u32, TrapKind, u64)> + '_ {
        self.places.iter().map(|place| (place.offset, place.kind, place.refund))
    }

    /// Where each charge of a run begins and ends in the metered bytes.
    pub fn charges(&self) -> &[(u32, u32)] {
        &self.charges
    }

    /// The table as bytes, for [`Refunds::read`].
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 13 * self.places.len() + 8 * self.charges.len());
        bytes.extend((self.places.len() as u64).to_le_bytes());
        for place in &self.places {
            bytes.extend(place.offset.to_le_bytes());
            bytes.push(place.kind as u8);
            bytes.extend(place.refund.to_le_bytes());
        }
        for (begin, end) in &self.charges {
            bytes.extend(begin.to_le_bytes());
            bytes.extend(end.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Refunds::write`] wrote; `None` for what is no table, or one that is not in order.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        const KINDS: [TrapKind; 4] =
            [TrapKind::Memory, TrapKind::Table, TrapKind::Number, TrapKind::Unreachable];
        let (count, rest) = bytes.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*count)).ok()?.checked_mul(13)?;
        let (places, charges) = rest.split_at_checked(length)?;
        let places: Option<Vec<_>> = places
            .chunks_exact(13)
            .map(|bytes| {
                let offset = u32::from_le_bytes(*bytes.first_chunk()?);
                let kind = *KINDS.get(usize::from(bytes[4]))?;
                Some(Place { offset, kind, refund: u64::from_le_bytes(*bytes.last_chunk()?) })
            })
            .collect();
        let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        let charges_read: Vec<_> =
            charges.chunks_exact(8).map(|pair| (word(pair), word(&pair[4..]))).collect();
        let table = Self { places: places?, charges: charges_read };
        let ordered = table.places.is_sorted_by_key(|place| place.offset)
            && table.charges.is_sorted()
            && charges.len().is_multiple_of(8);
        ordered.then_some(table)
    }

    /// How many instructions it knows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len()
    }
}
