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
    /// What was charged and is not executed; the other way round, if it is negative.
    pub(super) refund: i64,
}

/// For each instruction that can trap how far the counter is from what was executed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refunds {
    /// In the order of their places.
    pub(super) places: Vec<Place>,
}

impl Refunds {
    /// What is left of the gas after a trap of this kind that an engine reports at this place of the metered bytes,
    /// where the counter was left at `counter`; `None`: the gas was out before.
    #[must_use]
    pub fn left(&self, counter: i64, offset: u32, kind: TrapKind) -> Option<u64> {
        u64::try_from(counter.saturating_add(self.at(offset, kind))).ok()
    }

    /// What has to be added to the counter for it.
    ///
    /// An engine that fuses a load with the instruction that uses it reports the place of the latter: so it is the
    /// last instruction at or before the place that can trap in this way.
    #[must_use]
    pub fn at(&self, offset: u32, kind: TrapKind) -> i64 {
        let end = self.places.partition_point(|place| place.offset <= offset);
        self.places[..end].iter().rev().find(|place| place.kind == kind).map_or(0, |place| place.refund)
    }

    /// What has to be added where: the place in the metered bytes, how it traps, and the gas.
    pub fn iter(&self) -> impl Iterator<Item = (u32, TrapKind, i64)> + '_ {
        self.places.iter().map(|place| (place.offset, place.kind, place.refund))
    }

    /// The table as bytes, for [`Refunds::read`].
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(13 * self.places.len());
        for place in &self.places {
            bytes.extend(place.offset.to_le_bytes());
            bytes.push(place.kind as u8);
            bytes.extend(place.refund.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Refunds::write`] wrote; `None` for what is no table, or one that is not in order.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        const KINDS: [TrapKind; 4] =
            [TrapKind::Memory, TrapKind::Table, TrapKind::Number, TrapKind::Unreachable];
        let places: Option<Vec<_>> = bytes
            .chunks_exact(13)
            .map(|bytes| {
                let offset = u32::from_le_bytes(*bytes.first_chunk()?);
                let kind = *KINDS.get(usize::from(bytes[4]))?;
                Some(Place { offset, kind, refund: i64::from_le_bytes(*bytes.last_chunk()?) })
            })
            .collect();
        let table = Self { places: places? };
        let ordered = table.places.is_sorted_by_key(|place| place.offset) && bytes.len().is_multiple_of(13);
        ordered.then_some(table)
    }

    /// How many instructions it knows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len()
    }
}

/// The offset of an access to memory that stands in the instruction.
pub(super) fn memory_offset(operator: &Operator<'_>) -> Option<u64> {
    use Operator as O;
    Some(match operator {
        O::I32Load { memarg }
        | O::I64Load { memarg }
        | O::F32Load { memarg }
        | O::F64Load { memarg }
        | O::I32Load8S { memarg }
        | O::I32Load8U { memarg }
        | O::I32Load16S { memarg }
        | O::I32Load16U { memarg }
        | O::I64Load8S { memarg }
        | O::I64Load8U { memarg }
        | O::I64Load16S { memarg }
        | O::I64Load16U { memarg }
        | O::I64Load32S { memarg }
        | O::I64Load32U { memarg }
        | O::I32Store { memarg }
        | O::I64Store { memarg }
        | O::F32Store { memarg }
        | O::F64Store { memarg }
        | O::I32Store8 { memarg }
        | O::I32Store16 { memarg }
        | O::I64Store8 { memarg }
        | O::I64Store16 { memarg }
        | O::I64Store32 { memarg } => memarg.offset,
        _ => return None,
    })
}
