//! Where runs begin and end, and what they cost.

use wasmparser::Operator;

use crate::admit::Refusal;
use crate::reach::Reach;
use crate::schedule::Schedule;

/// What an open block is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Loop,
    If,
}

/// Follows a body's instructions and says where runs begin. Blocks in dead code are not opened.
#[derive(Default)]
pub(super) struct Walk {
    reach: Reach,
    /// Open blocks, with whether a branch names them.
    blocks: Vec<(Kind, bool)>,
}

/// What the walk says of an instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// It can be reached.
    pub(super) live: bool,
    /// A run begins behind it.
    pub(super) begins: bool,
}

impl Walk {
    /// Open blocks, without the function's own.
    pub(super) fn depth(&self) -> u32 {
        u32::try_from(self.blocks.len()).unwrap_or(u32::MAX)
    }

    /// Marks the block that a branch names.
    fn name(&mut self, relative_depth: u32) {
        if let Some(block) = self.blocks.iter_mut().nth_back(relative_depth as usize) {
            block.1 = true;
        }
    }

    /// Takes the next instruction.
    pub(super) fn step(&mut self, operator: &Operator<'_>) -> Result<Step, Refusal> {
        let revived = self.reach.is_dead();
        let live = self.reach.step(operator);
        if !live {
            return Ok(Step { live, begins: false });
        }
        let begins = match operator {
            Operator::Block { .. } => {
                self.blocks.push((Kind::Block, false));
                false
            }
            Operator::Loop { .. } => {
                self.blocks.push((Kind::Loop, false));
                true
            }
            Operator::If { .. } => {
                self.blocks.push((Kind::If, false));
                true
            }
            Operator::Else => true,
            Operator::End => match self.blocks.pop() {
                Some((Kind::Block, named)) => named || revived,
                Some((Kind::If, _)) => true,
                Some((Kind::Loop, _)) | None => revived,
            },
            Operator::BrIf { relative_depth } => {
                self.name(*relative_depth);
                true
            }
            // Behind these nothing is reached before an `end` or `else`.
            Operator::Br { relative_depth } => {
                self.name(*relative_depth);
                false
            }
            Operator::BrTable { targets } => {
                self.name(targets.default());
                for target in targets.targets() {
                    self.name(target?);
                }
                false
            }
            operator => Charged::of(operator).is_some() || is_call(operator),
        };
        Ok(Step { live, begins })
    }
}

/// Whether it is a call, after which another function has run.
fn is_call(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. })
}

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
pub(super) fn price(schedule: &Schedule, operator: &Operator<'_>) -> Result<u64, Refusal> {
    schedule.cost(operator).ok_or(Refusal::Facts)
}
