//! The operations on i32 and i64 that take no immediates. Divisions stand elsewhere: they are reported.

use wasmparser::Operator::{self, *};

use super::value::{
    Binary, Unary, Value, add, and, count, equal, left, less, less_signed, moved, mul, not, or, right,
    right_signed, rotate_left, rotate_right, sub, unequal, xor,
};

const ZERO: Value = Value::public(0);

fn leading_zeros(width: u32, a: Value) -> Value {
    match width {
        32 => count(32, a, |bits| bits.leading_zeros() - 96),
        _ => count(64, a, |bits| bits.leading_zeros() - 64),
    }
}

pub(crate) const UNARY: &[(Operator<'static>, Unary)] = &[
    (I32Eqz, |a| equal(32, a, ZERO)),
    (I64Eqz, |a| equal(64, a, ZERO)),
    (I32Clz, |a| leading_zeros(32, a)),
    (I64Clz, |a| leading_zeros(64, a)),
    (I32Ctz, |a| count(32, a, |bits| (bits | 1 << 32).trailing_zeros())),
    (I64Ctz, |a| count(64, a, |bits| (bits | 1 << 64).trailing_zeros())),
    (I32Popcnt, |a| count(32, a, u128::count_ones)),
    (I64Popcnt, |a| count(64, a, u128::count_ones)),
    (I32WrapI64, |a| a.low(32)),
    (I64ExtendI32S, |a| a.sign_extended(32, 64)),
    (I64ExtendI32U, |a| a.low(32)),
    (I32Extend8S, |a| a.sign_extended(8, 32)),
    (I32Extend16S, |a| a.sign_extended(16, 32)),
    (I64Extend8S, |a| a.sign_extended(8, 64)),
    (I64Extend16S, |a| a.sign_extended(16, 64)),
    (I64Extend32S, |a| a.sign_extended(32, 64)),
];

pub(crate) const BINARY: &[(Operator<'static>, Binary)] = &[
    (I32Add, |a, b| add(32, a, b)),
    (I64Add, |a, b| add(64, a, b)),
    (I32Sub, |a, b| sub(32, a, b)),
    (I64Sub, |a, b| sub(64, a, b)),
    (I32Mul, |a, b| mul(32, a, b)),
    (I64Mul, |a, b| mul(64, a, b)),
    (I32And, and),
    (I64And, and),
    (I32Or, or),
    (I64Or, or),
    (I32Xor, xor),
    (I64Xor, xor),
    (I32Shl, |a, b| moved(32, a, b, left)),
    (I64Shl, |a, b| moved(64, a, b, left)),
    (I32ShrU, |a, b| moved(32, a, b, right)),
    (I64ShrU, |a, b| moved(64, a, b, right)),
    (I32ShrS, |a, b| moved(32, a, b, right_signed)),
    (I64ShrS, |a, b| moved(64, a, b, right_signed)),
    (I32Rotl, |a, b| moved(32, a, b, rotate_left)),
    (I64Rotl, |a, b| moved(64, a, b, rotate_left)),
    (I32Rotr, |a, b| moved(32, a, b, rotate_right)),
    (I64Rotr, |a, b| moved(64, a, b, rotate_right)),
    (I32Eq, |a, b| equal(32, a, b)),
    (I64Eq, |a, b| equal(64, a, b)),
    (I32Ne, |a, b| unequal(32, a, b)),
    (I64Ne, |a, b| unequal(64, a, b)),
    (I32LtU, |a, b| less(32, a, b)),
    (I64LtU, |a, b| less(64, a, b)),
    (I32GtU, |a, b| less(32, b, a)),
    (I64GtU, |a, b| less(64, b, a)),
    (I32LeU, |a, b| not(1, less(32, b, a))),
    (I64LeU, |a, b| not(1, less(64, b, a))),
    (I32GeU, |a, b| not(1, less(32, a, b))),
    (I64GeU, |a, b| not(1, less(64, a, b))),
    (I32LtS, |a, b| less_signed(32, a, b)),
    (I64LtS, |a, b| less_signed(64, a, b)),
    (I32GtS, |a, b| less_signed(32, b, a)),
    (I64GtS, |a, b| less_signed(64, b, a)),
    (I32LeS, |a, b| not(1, less_signed(32, b, a))),
    (I64LeS, |a, b| not(1, less_signed(64, b, a))),
    (I32GeS, |a, b| not(1, less_signed(32, a, b))),
    (I64GeS, |a, b| not(1, less_signed(64, a, b))),
];
