//! The blocks of a body: what the first pass finds out, so that the second can write what stands between instructions.

use wasmparser::{BinaryReader, Operator, OperatorsReader};

use crate::admit::Refusal;
use crate::reach::Reach;

/// What opened a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Block,
    Loop,
    /// An `if` whose condition may lead right to its end, or with an `else`.
    If,
    IfElse,
}

/// A block; the function's own is one, too.
#[derive(Clone, Copy)]
pub(super) struct Label {
    pub(super) kind: Kind,
    /// A branch names it.
    pub(super) named: bool,
    /// A label of the same class, or itself.
    of: usize,
}

/// The blocks of a body in the order in which they are opened, the function's own first; none of dead code.
///
/// Labels of one `br_table` are of one class: who branches to one of them must be able to arrive at the others.
pub(super) struct Labels(Vec<Label>);

impl Labels {
    /// Reads a body.
    pub(super) fn read(body: BinaryReader<'_>) -> Result<Self, Refusal> {
        let mut labels = Self(vec![Label { kind: Kind::Block, named: true, of: 0 }]);
        let mut open = vec![0];
        let mut reach = Reach::default();
        let mut reader = OperatorsReader::new(body);
        while !reader.eof() {
            let operator = reader.read()?;
            if reach.step(&operator) {
                labels.step(&operator, &mut open)?;
            }
        }
        Ok(labels)
    }

    fn step(&mut self, operator: &Operator<'_>, open: &mut Vec<usize>) -> Result<(), Refusal> {
        let kind = match operator {
            Operator::Block { .. } => Kind::Block,
            Operator::Loop { .. } => Kind::Loop,
            Operator::If { .. } => Kind::If,
            Operator::Else => {
                if let Some(label) = open.last().and_then(|at| self.0.get_mut(*at)) {
                    label.kind = Kind::IfElse;
                }
                return Ok(());
            }
            Operator::End => {
                open.pop();
                return Ok(());
            }
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.name(open, *relative_depth)?;
                return Ok(());
            }
            Operator::BrTable { targets } => {
                let class = self.name(open, targets.default())?;
                for target in targets.targets() {
                    let other = self.name(open, target?)?;
                    let (class, other) = (self.class(class), self.class(other));
                    // The first one opened stands for all: the function's own for whatever is with it.
                    self.0[class.max(other)].of = class.min(other);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        open.push(self.0.len());
        self.0.push(Label { kind, named: false, of: self.0.len() });
        Ok(())
    }

    /// Marks the block that a branch names, and answers which it is.
    fn name(&mut self, open: &[usize], relative_depth: u32) -> Result<usize, Refusal> {
        let at = *open.iter().nth_back(relative_depth as usize).ok_or(Refusal::Facts)?;
        self.0[at].named = true;
        Ok(at)
    }

    /// A block.
    pub(super) fn get(&self, at: usize) -> Result<Label, Refusal> {
        self.0.get(at).copied().ok_or(Refusal::Facts)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The label that stands for the class of this one.
    pub(super) fn class(&mut self, mut at: usize) -> usize {
        while self.0[at].of != at {
            let above = self.0[self.0[at].of].of;
            self.0[at].of = above;
            at = above;
        }
        at
    }
}
