//! The classes of instructions: each that is admitted has one.

use serde::{Deserialize, Serialize};
use wasmparser::Operator;

/// The classes, once as an enumeration, once as the object of their prices.
macro_rules! classes {
    ($($class:ident $field:ident: $says:literal,)*) => {
        /// Instructions that cost the same.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Class {
            $(#[doc = $says] $class,)*
        }

        impl Class {
            /// Every class, in the order of the schedule.
            pub const ALL: [Self; [$(Self::$class),*].len()] = [$(Self::$class),*];

            /// The schedule's key of it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$class => stringify!($field),)*
                }
            }
        }

        /// A price for each class.
        #[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Prices {
            $($field: u64,)*
        }

        impl Prices {
            /// The price of a class.
            pub(super) fn of(&self, class: Class) -> u64 {
                match class {
                    $(Class::$class => self.$field,)*
                }
            }
        }
    };
}

classes! {
    Constant constant: "Constants of numbers.",
    Local local: "Reading and writing locals.",
    Global global: "Reading and writing globals.",
    Parametric parametric: "`drop` and `select`.",
    Compare compare: "Comparisons, of integers and of floats.",
    Arithmetic arithmetic: "Integers: all but multiplication and division; wrapping and extension, too.",
    Multiply multiply: "Multiplication of integers.",
    Divide divide: "Division and remainder of integers.",
    Convert convert: "Between integers and floats, and between floats.",
    Float float: "Floats: all but division and roots.",
    FloatDivide float_divide: "Division and square root of floats.",
    Load load: "Loads.",
    Store store: "Stores.",
    Size size: "The size of a memory or table.",
    Grow grow: "Growth of a memory or table, without what is asked for.",
    Branch branch: "`br` and `return`.",
    BranchIf branch_if: "`br_if` and `if`.",
    BranchTable branch_table: "`br_table`.",
    Unreachable unreachable: "`unreachable`.",
    Call call: "`call`.",
    CallIndirect call_indirect: "`call_indirect`.",
    Bulk bulk: "Copies, fills and initialisations of memories and tables, without what is moved; `data.drop`, \
        `elem.drop`.",
    Table table: "`table.get` and `table.set`.",
    Reference reference: "`ref.null`, `ref.func`, `ref.is_null`.",
}

impl Class {
    /// The class of an instruction; `None` for what has no cost, and for what is not admitted.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a table of all instructions")]
    pub fn of(operator: &Operator<'_>) -> Option<Self> {
        use Operator as O;
        Some(match operator {
            O::I32Const { .. } | O::I64Const { .. } | O::F32Const { .. } | O::F64Const { .. } => {
                Self::Constant
            }
            O::LocalGet { .. } | O::LocalSet { .. } | O::LocalTee { .. } => Self::Local,
            O::GlobalGet { .. } | O::GlobalSet { .. } => Self::Global,
            O::Drop | O::Select | O::TypedSelect { .. } => Self::Parametric,
            O::I32Eqz
            | O::I32Eq
            | O::I32Ne
            | O::I32LtS
            | O::I32LtU
            | O::I32GtS
            | O::I32GtU
            | O::I32LeS
            | O::I32LeU
            | O::I32GeS
            | O::I32GeU
            | O::I64Eqz
            | O::I64Eq
            | O::I64Ne
            | O::I64LtS
            | O::I64LtU
            | O::I64GtS
            | O::I64GtU
            | O::I64LeS
            | O::I64LeU
            | O::I64GeS
            | O::I64GeU
            | O::F32Eq
            | O::F32Ne
            | O::F32Lt
            | O::F32Gt
            | O::F32Le
            | O::F32Ge
            | O::F64Eq
            | O::F64Ne
            | O::F64Lt
            | O::F64Gt
            | O::F64Le
            | O::F64Ge => Self::Compare,
            O::I32Clz
            | O::I32Ctz
            | O::I32Popcnt
            | O::I32Add
            | O::I32Sub
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I32Shl
            | O::I32ShrS
            | O::I32ShrU
            | O::I32Rotl
            | O::I32Rotr
            | O::I64Clz
            | O::I64Ctz
            | O::I64Popcnt
            | O::I64Add
            | O::I64Sub
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrS
            | O::I64ShrU
            | O::I64Rotl
            | O::I64Rotr
            | O::I32WrapI64
            | O::I64ExtendI32S
            | O::I64ExtendI32U
            | O::I32Extend8S
            | O::I32Extend16S
            | O::I64Extend8S
            | O::I64Extend16S
            | O::I64Extend32S => Self::Arithmetic,
            O::I32Mul | O::I64Mul => Self::Multiply,
            O::I32DivS
            | O::I32DivU
            | O::I32RemS
            | O::I32RemU
            | O::I64DivS
            | O::I64DivU
            | O::I64RemS
            | O::I64RemU => Self::Divide,
            O::I32TruncF32S
            | O::I32TruncF32U
            | O::I32TruncF64S
            | O::I32TruncF64U
            | O::I64TruncF32S
            | O::I64TruncF32U
            | O::I64TruncF64S
            | O::I64TruncF64U
            | O::F32ConvertI32S
            | O::F32ConvertI32U
            | O::F32ConvertI64S
            | O::F32ConvertI64U
            | O::F32DemoteF64
            | O::F64ConvertI32S
            | O::F64ConvertI32U
            | O::F64ConvertI64S
            | O::F64ConvertI64U
            | O::F64PromoteF32
            | O::I32ReinterpretF32
            | O::I64ReinterpretF64
            | O::F32ReinterpretI32
            | O::F64ReinterpretI64
            | O::I32TruncSatF32S
            | O::I32TruncSatF32U
            | O::I32TruncSatF64S
            | O::I32TruncSatF64U
            | O::I64TruncSatF32S
            | O::I64TruncSatF32U
            | O::I64TruncSatF64S
            | O::I64TruncSatF64U => Self::Convert,
            O::F32Abs
            | O::F32Neg
            | O::F32Ceil
            | O::F32Floor
            | O::F32Trunc
            | O::F32Nearest
            | O::F32Add
            | O::F32Sub
            | O::F32Mul
            | O::F32Min
            | O::F32Max
            | O::F32Copysign
            | O::F64Abs
            | O::F64Neg
            | O::F64Ceil
            | O::F64Floor
            | O::F64Trunc
            | O::F64Nearest
            | O::F64Add
            | O::F64Sub
            | O::F64Mul
            | O::F64Min
            | O::F64Max
            | O::F64Copysign => Self::Float,
            O::F32Div | O::F32Sqrt | O::F64Div | O::F64Sqrt => Self::FloatDivide,
            O::I32Load { .. }
            | O::I64Load { .. }
            | O::F32Load { .. }
            | O::F64Load { .. }
            | O::I32Load8S { .. }
            | O::I32Load8U { .. }
            | O::I32Load16S { .. }
            | O::I32Load16U { .. }
            | O::I64Load8S { .. }
            | O::I64Load8U { .. }
            | O::I64Load16S { .. }
            | O::I64Load16U { .. }
            | O::I64Load32S { .. }
            | O::I64Load32U { .. } => Self::Load,
            O::I32Store { .. }
            | O::I64Store { .. }
            | O::F32Store { .. }
            | O::F64Store { .. }
            | O::I32Store8 { .. }
            | O::I32Store16 { .. }
            | O::I64Store8 { .. }
            | O::I64Store16 { .. }
            | O::I64Store32 { .. } => Self::Store,
            O::MemorySize { .. } | O::TableSize { .. } => Self::Size,
            O::MemoryGrow { .. } | O::TableGrow { .. } => Self::Grow,
            O::Br { .. } | O::Return => Self::Branch,
            O::BrIf { .. } | O::If { .. } => Self::BranchIf,
            O::BrTable { .. } => Self::BranchTable,
            O::Unreachable => Self::Unreachable,
            O::Call { .. } => Self::Call,
            O::CallIndirect { .. } => Self::CallIndirect,
            O::MemoryInit { .. }
            | O::MemoryCopy { .. }
            | O::MemoryFill { .. }
            | O::TableInit { .. }
            | O::TableCopy { .. }
            | O::TableFill { .. }
            | O::DataDrop { .. }
            | O::ElemDrop { .. } => Self::Bulk,
            O::TableGet { .. } | O::TableSet { .. } => Self::Table,
            O::RefNull { .. } | O::RefFunc { .. } | O::RefIsNull => Self::Reference,
            _ => return None,
        })
    }
}
