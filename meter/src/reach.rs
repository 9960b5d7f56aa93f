//! Which instructions can be reached: gas and frames leave out what stands behind an unconditional branch.

use wasmparser::Operator;

/// Follows a body's instructions in order.
#[derive(Default)]
pub(crate) struct Reach {
    /// In code that is never executed: one, and one for each block that was opened within it.
    dead: u32,
}

impl Reach {
    /// Takes the next instruction; whether it can be reached. An `end` or `else` behind dead code can be.
    pub(crate) fn step(&mut self, operator: &Operator<'_>) -> bool {
        if self.dead == 0 {
            let leaves = matches!(
                operator,
                Operator::Br { .. } | Operator::BrTable { .. } | Operator::Return | Operator::Unreachable
            );
            self.dead = u32::from(leaves);
            return true;
        }
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.dead = self.dead.saturating_add(1);
            }
            Operator::End => self.dead -= 1,
            Operator::Else if self.dead == 1 => self.dead = 0,
            _ => {}
        }
        self.dead == 0
    }

    /// Whether what comes next is dead code.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead > 0
    }
}
