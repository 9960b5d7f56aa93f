//! What instructions cost.

use wasmparser::Operator;

use crate::admit::Refusal;
use crate::schedule::Schedule;

/// What an instruction costs on top, by the number that is its last operand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charged {
    /// For each started 64 bytes.
    Bytes,
    /// For each element.
    Elements,
    /// For each page.
    Pages,
}

impl Charged {
    /// Of this instruction, if any.
    pub(super) fn of(operator: &Operator<'_>) -> Option<Self> {
        match operator {
            Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => {
                Some(Self::Bytes)
            }
            Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. } => Some(Self::Elements),
            Operator::MemoryGrow { .. } => Some(Self::Pages),
            _ => None,
        }
    }

    /// The price of one.
    pub(super) fn price(self, schedule: &Schedule) -> u64 {
        match self {
            Self::Bytes => schedule.per_64_bytes(),
            Self::Elements => schedule.per_element(),
            Self::Pages => schedule.per_page(),
        }
    }
}

/// The price of an admitted instruction.
pub(super) fn price(schedule: &Schedule, operator: &Operator<'_>) -> Result<i64, Refusal> {
    signed(schedule.cost(operator).ok_or(Refusal::Facts)?)
}

/// A price as the counter has it.
pub(super) fn signed(price: u64) -> Result<i64, Refusal> {
    i64::try_from(price).map_err(|_| Refusal::Facts)
}
