//! Values of the guest.

use wasmparser::{RefType, ValType};

use super::Error;

/// A value; floats as their bits, so that equal means the same bits and moving never changes a NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// The bits of a 32-bit float.
    F32(u32),
    /// The bits of a 64-bit float.
    F64(u64),
    /// The index of a function, or null.
    FuncRef(Option<u32>),
    /// Something of the host's, by the host's number, or null.
    ExternRef(Option<u32>),
}

impl Value {
    /// Zero, or null.
    pub(super) fn zero(of: ValType) -> Result<Self, Error> {
        Ok(match of {
            ValType::I32 => Value::I32(0),
            ValType::I64 => Value::I64(0),
            ValType::F32 => Value::F32(0),
            ValType::F64 => Value::F64(0),
            ValType::Ref(RefType::FUNCREF) => Value::FuncRef(None),
            ValType::Ref(RefType::EXTERNREF) => Value::ExternRef(None),
            _ => return Err(Error::Unsupported("a type of values")),
        })
    }

    /// Whether this is a value of a type.
    pub(super) fn is(self, of: ValType) -> bool {
        matches!(
            (self, of),
            (Value::I32(_), ValType::I32)
                | (Value::I64(_), ValType::I64)
                | (Value::F32(_), ValType::F32)
                | (Value::F64(_), ValType::F64)
                | (Value::FuncRef(_), ValType::Ref(RefType::FUNCREF))
                | (Value::ExternRef(_), ValType::Ref(RefType::EXTERNREF))
        )
    }
}

/// A type of Rust that a number of the guest is taken as.
pub(super) trait Number: Copy {
    /// `None` if the value is of another type, which validation excludes.
    fn of(value: Value) -> Option<Self>;
    fn value(self) -> Value;
}

macro_rules! number {
    ($type:ty, $variant:ident, $of:expr, $value:expr) => {
        impl Number for $type {
            fn of(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(raw) => Some($of(raw)),
                    _ => None,
                }
            }

            fn value(self) -> Value {
                Value::$variant($value(self))
            }
        }
    };
}

number!(i32, I32, |raw| raw, |number| number);
number!(u32, I32, i32::cast_unsigned, u32::cast_signed);
number!(i64, I64, |raw| raw, |number| number);
number!(u64, I64, i64::cast_unsigned, u64::cast_signed);
number!(bool, I32, |raw| raw != 0, i32::from);
number!(f32, F32, f32::from_bits, f32::to_bits);
number!(f64, F64, f64::from_bits, f64::to_bits);
number!(Bits32, F32, Bits32, |bits: Bits32| bits.0);
number!(Bits64, F64, Bits64, |bits: Bits64| bits.0);

/// A 32-bit float taken as its bits.
#[derive(Clone, Copy)]
pub(super) struct Bits32(pub(super) u32);

/// A 64-bit float taken as its bits.
#[derive(Clone, Copy)]
pub(super) struct Bits64(pub(super) u64);
