//! Behind which instructions a NaN is made canonical: those whose bits can come to be seen.

use wasmparser::{BinaryReader, Operator, OperatorsReader};

use super::emit::{Width, ignores_nan_bits, makes_nan};
use crate::admit::Refusal;
use crate::reach::Reach;
use crate::schedule::Class;

/// How far it is followed which locals get their values from which.
const ROUNDS: usize = 4;

/// For each instruction that can be reached, in order, what it leaves on the stack that has to be made canonical.
pub(super) struct Floats(Vec<Option<Width>>);

impl Floats {
    /// Reads a body; `params` of the `locals` are parameters.
    pub(super) fn read(body: &BinaryReader<'_>, params: u32, locals: u32) -> Result<Self, Refusal> {
        let raw = raw_locals(body, params, locals)?;
        let mut walk = Walk { raw, stack: Vec::new(), marks: Vec::new() };
        each(body, |operator| walk.step(operator))?;
        Ok(Self(walk.marks))
    }

    /// Of the instruction of this number among those that can be reached.
    pub(super) fn at(&self, number: usize) -> Option<Width> {
        self.0.get(number).copied().flatten()
    }

    /// Whether there is any of this width.
    pub(super) fn any(&self, width: Width) -> bool {
        self.0.contains(&Some(width))
    }
}

/// Calls it with each instruction that can be reached.
fn each(body: &BinaryReader<'_>, mut step: impl FnMut(&Operator<'_>)) -> Result<(), Refusal> {
    let mut reach = Reach::default();
    let mut reader = OperatorsReader::new(body.clone());
    while !reader.eof() {
        let operator = reader.read()?;
        if reach.step(&operator) {
            step(&operator);
        }
    }
    Ok(())
}

/// The locals that hold only what arithmetic has made, with its width: whether their NaNs are made canonical when they
/// are written or when they are read makes no difference.
fn raw_locals(body: &BinaryReader<'_>, params: u32, locals: u32) -> Result<Vec<Option<Width>>, Refusal> {
    let mut raw = vec![None; locals as usize];
    for _ in 0..ROUNDS {
        // Of each local: whether nothing else is written to it, and the width of what is.
        let mut found: Vec<(bool, Option<Width>)> =
            (0..locals).map(|local| (local >= params, None)).collect();
        let mut before = Source::Other;
        each(body, |operator| {
            if let Operator::LocalSet { local_index } | Operator::LocalTee { local_index } = operator
                && let Some((only, width)) = found.get_mut(*local_index as usize)
            {
                match before {
                    Source::Made(made) => *width = Some(made),
                    Source::Number => {}
                    Source::Other => *only = false,
                }
            }
            before = Source::of(operator, &raw);
        })?;
        let next: Vec<_> = found.into_iter().map(|(only, width)| width.filter(|_| only)).collect();
        if next == raw {
            break;
        }
        raw = next;
    }
    Ok(raw)
}

/// What an instruction leaves on the stack.
#[derive(Clone, Copy)]
enum Source {
    /// By arithmetic.
    Made(Width),
    /// A constant that is no NaN.
    Number,
    Other,
}

impl Source {
    fn of(operator: &Operator<'_>, raw: &[Option<Width>]) -> Self {
        match operator {
            Operator::LocalGet { local_index } | Operator::LocalTee { local_index } => {
                raw.get(*local_index as usize).copied().flatten().map_or(Self::Other, Self::Made)
            }
            Operator::F32Const { value } if !f32::from_bits(value.bits()).is_nan() => Self::Number,
            Operator::F64Const { value } if !f64::from_bits(value.bits()).is_nan() => Self::Number,
            operator => makes_nan(operator).map_or(Self::Other, Self::Made),
        }
    }
}

/// Follows the operands of a body: of each what has made it, if it may be a NaN that is not canonical.
struct Walk {
    raw: Vec<Option<Width>>,
    /// Those on top; what lies below is canonical.
    stack: Vec<Option<(usize, Width)>>,
    marks: Vec<Option<Width>>,
}

impl Walk {
    fn step(&mut self, operator: &Operator<'_>) {
        let number = self.marks.len();
        self.marks.push(None);
        match operator {
            Operator::LocalGet { local_index } => {
                let width = self.raw.get(*local_index as usize).copied().flatten();
                self.stack.push(width.map(|width| (number, width)));
            }
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                let mut value = self.stack.pop().flatten();
                if self.raw.get(*local_index as usize).copied().flatten().is_none() {
                    self.see(value.take());
                }
                if matches!(operator, Operator::LocalTee { .. }) {
                    self.stack.push(value);
                }
            }
            operator => match arity(operator) {
                Some((pops, pushes)) => {
                    for _ in 0..pops {
                        let value = self.stack.pop().flatten();
                        if !ignores_nan_bits(operator) {
                            self.see(value);
                        }
                    }
                    let made = makes_nan(operator).map(|width| (number, width));
                    self.stack.extend((0..pushes).map(|_| made));
                }
                // Control may take them elsewhere.
                None => {
                    while let Some(value) = self.stack.pop() {
                        self.see(value);
                    }
                }
            },
        }
    }

    /// The bits of this operand are seen.
    fn see(&mut self, value: Option<(usize, Width)>) {
        if let Some((number, width)) = value {
            self.marks[number] = Some(width);
        }
    }
}

/// How many operands an instruction takes, and leaves; `None` for control, and for what takes and leaves as many as
/// types say.
fn arity(operator: &Operator<'_>) -> Option<(u8, u8)> {
    use Operator as O;
    Some(match operator {
        O::Nop => (0, 0),
        O::GlobalSet { .. } | O::Drop => (1, 0),
        O::GlobalGet { .. } => (0, 1),
        O::Select | O::TypedSelect { .. } => (3, 1),
        O::I32Eqz
        | O::I64Eqz
        | O::I32Clz
        | O::I32Ctz
        | O::I32Popcnt
        | O::I64Clz
        | O::I64Ctz
        | O::I64Popcnt
        | O::I32WrapI64
        | O::I64ExtendI32S
        | O::I64ExtendI32U
        | O::I32Extend8S
        | O::I32Extend16S
        | O::I64Extend8S
        | O::I64Extend16S
        | O::I64Extend32S
        | O::F32Abs
        | O::F32Neg
        | O::F32Ceil
        | O::F32Floor
        | O::F32Trunc
        | O::F32Nearest
        | O::F32Sqrt
        | O::F64Abs
        | O::F64Neg
        | O::F64Ceil
        | O::F64Floor
        | O::F64Trunc
        | O::F64Nearest
        | O::F64Sqrt => (1, 1),
        operator => match Class::of(operator)? {
            Class::Constant | Class::Size => (0, 1),
            Class::Convert | Class::Load => (1, 1),
            Class::Store => (2, 0),
            Class::Compare
            | Class::Arithmetic
            | Class::Multiply
            | Class::Divide
            | Class::Float
            | Class::FloatDivide => (2, 1),
            _ => return None,
        },
    })
}
