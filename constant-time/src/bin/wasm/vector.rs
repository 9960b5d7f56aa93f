//! The operations on vectors of 128 bits that take no immediates.

use wasmparser::Operator::{self, *};

use super::value::{
    Binary, Ternary, Unary, Value, add, all_if_any, and, bit_select, equal, left, less, less_signed, moved,
    mul, not, ones, or, right, right_signed, signed, sub, unequal, xor,
};

/// How the lanes of a narrow number are widened.
#[derive(Clone, Copy)]
enum Sign {
    Signed,
    Unsigned,
}
use Sign::{Signed, Unsigned};

/// Lane `index` of lanes that are `width` bits wide.
pub(crate) fn lane(width: u32, index: u32, vector: Value) -> Value {
    vector.shifted_right(width * index).low(width)
}

/// A vector whose lanes are made by number.
pub(crate) fn from_lanes(width: u32, lane: impl Fn(u32) -> Value) -> Value {
    (0..128 / width).fold(Value::public(0), |vector, index| {
        vector.joined(lane(index).low(width).shifted_left(width * index))
    })
}

/// The same in every lane.
pub(crate) fn splat(width: u32, value: Value) -> Value {
    from_lanes(width, |_| value)
}

fn map(width: u32, a: Value, f: impl Fn(Value) -> Value) -> Value {
    from_lanes(width, |index| f(lane(width, index, a)))
}

fn zip(width: u32, a: Value, b: Value, f: impl Fn(u32, Value, Value) -> Value) -> Value {
    from_lanes(width, |index| f(width, lane(width, index, a), lane(width, index, b)))
}

/// A comparison: all ones or zero in every lane.
fn compared(width: u32, a: Value, b: Value, f: impl Fn(u32, Value, Value) -> Value) -> Value {
    zip(width, a, b, |width, a, b| f(width, a, b).sign_extended(1, width))
}

/// Lanes by their numbers in two's complement, or without a sign; one secret bit makes a lane secret.
fn numbers(width: u32, sign: Sign, a: Value, b: Value, f: impl Fn(i128, i128) -> i128) -> Value {
    zip(width, a, b, |width, a, b| Value {
        bits: f(number(width, sign, a), number(width, sign, b)).cast_unsigned() & ones(width),
        secret: all_if_any(width, a.secret | b.secret),
    })
}

fn number(width: u32, sign: Sign, a: Value) -> i128 {
    match sign {
        Signed => signed(width, a.bits),
        Unsigned => a.bits.cast_signed(),
    }
}

/// The nearest number of `width` bits.
fn saturated(width: u32, sign: Sign, value: i128) -> i128 {
    match sign {
        Signed => value.clamp(-1 << (width - 1), (1 << (width - 1)) - 1),
        Unsigned => value.clamp(0, (1 << width) - 1),
    }
}

fn shift(width: u32, a: Value, amount: Value, bits: fn(u32, u128, u32) -> u128) -> Value {
    map(width, a, |lane| moved(width, lane, amount, bits))
}

/// Twice as wide.
fn widened(width: u32, sign: Sign, a: Value) -> Value {
    match sign {
        Signed => a.sign_extended(width, 2 * width),
        Unsigned => a.low(width),
    }
}

/// The lanes of one half, twice as wide.
pub(crate) fn extend(width: u32, is_signed: bool, high: bool, a: Value) -> Value {
    let (sign, half) =
        (if is_signed { Signed } else { Unsigned }, if high { a.shifted_right(64) } else { a });
    from_lanes(2 * width, |index| widened(width, sign, lane(width, index, half)))
}

fn ext_mul(width: u32, is_signed: bool, high: bool, a: Value, b: Value) -> Value {
    zip(2 * width, extend(width, is_signed, high, a), extend(width, is_signed, high, b), mul)
}

fn ext_add(width: u32, sign: Sign, a: Value) -> Value {
    from_lanes(2 * width, |index| {
        let (even, odd) = (lane(width, 2 * index, a), lane(width, 2 * index + 1, a));
        add(2 * width, widened(width, sign, even), widened(width, sign, odd))
    })
}

fn narrow(width: u32, sign: Sign, a: Value, b: Value) -> Value {
    let count = 64 / width;
    from_lanes(width, |index| {
        let wide = if index < count { lane(2 * width, index, a) } else { lane(2 * width, index - count, b) };
        let bits = saturated(width, sign, signed(2 * width, wide.bits)).cast_unsigned();
        Value { bits, secret: all_if_any(width, wide.secret) }
    })
}

fn dot_i16(a: Value, b: Value) -> Value {
    from_lanes(32, |index| {
        let product = |at| {
            let of = |vector| lane(16, at, vector).sign_extended(16, 32);
            mul(32, of(a), of(b))
        };
        add(32, product(2 * index), product(2 * index + 1))
    })
}

/// Products of bytes with bytes below 128, added in pairs.
fn dot_i8(a: Value, b: Value) -> Value {
    from_lanes(16, |index| {
        let product = |at| {
            let of = |vector| lane(8, at, vector).sign_extended(8, 16);
            mul(16, of(a), of(b))
        };
        add(16, product(2 * index), product(2 * index + 1))
    })
}

/// The bytes of `a` that those of `index` name; 0 where that is above 15.
pub(crate) fn swizzle(a: Value, index: Value) -> Value {
    map(8, index, |index| {
        let byte = match u32::try_from(index.bits) {
            Ok(at @ 0..16) => lane(8, at, a),
            _ => Value::public(0),
        };
        Value { bits: byte.bits, secret: byte.secret | all_if_any(8, index.secret) }
    })
}

/// Whether a relaxed swizzle gives the same in every engine: no index is 16 to 127.
pub(crate) fn is_defined_everywhere(index: Value) -> bool {
    (0..16).all(|byte| !(16..128).contains(&lane(8, byte, index).bits))
}

fn any_true(a: Value) -> Value {
    unequal(128, a, Value::public(0))
}

fn all_true(width: u32, a: Value) -> Value {
    let each = map(width, a, |lane| equal(width, lane, Value::public(0)));
    equal(128, each, Value::public(0))
}

fn bitmask(width: u32, a: Value) -> Value {
    (0..128 / width).fold(Value::public(0), |mask, index| {
        mask.joined(lane(width, index, a).shifted_right(width - 1).shifted_left(index))
    })
}

fn absolute(width: u32, a: Value) -> Value {
    numbers(width, Signed, a, a, |a, _| a.abs())
}

/// One row for each width of lanes.
macro_rules! unary {
    ($($name:ident $width:literal $f:expr;)*) => { &[$(($name, |a| $f($width, a))),*] };
}

macro_rules! binary {
    ($($name:ident $width:literal $f:expr;)*) => { &[$(($name, |a, b| $f($width, a, b))),*] };
}

pub(crate) const UNARY: &[(Operator<'static>, Unary)] = unary! {
    V128Not 128 not;
    V128AnyTrue 128 |_, a| any_true(a);
    I8x16Splat 8 splat; I16x8Splat 16 splat; I32x4Splat 32 splat; I64x2Splat 64 splat;
    I8x16AllTrue 8 all_true; I16x8AllTrue 16 all_true; I32x4AllTrue 32 all_true; I64x2AllTrue 64 all_true;
    I8x16Bitmask 8 bitmask; I16x8Bitmask 16 bitmask; I32x4Bitmask 32 bitmask; I64x2Bitmask 64 bitmask;
    I8x16Abs 8 absolute; I16x8Abs 16 absolute; I32x4Abs 32 absolute; I64x2Abs 64 absolute;
    I8x16Neg 8 |w, a| zip(w, Value::public(0), a, sub); I16x8Neg 16 |w, a| zip(w, Value::public(0), a, sub);
    I32x4Neg 32 |w, a| zip(w, Value::public(0), a, sub); I64x2Neg 64 |w, a| zip(w, Value::public(0), a, sub);
    I8x16Popcnt 8 |w, a| numbers(w, Unsigned, a, a, |a, _| a.count_ones().into());
    I16x8ExtAddPairwiseI8x16S 8 |w, a| ext_add(w, Signed, a);
    I16x8ExtAddPairwiseI8x16U 8 |w, a| ext_add(w, Unsigned, a);
    I32x4ExtAddPairwiseI16x8S 16 |w, a| ext_add(w, Signed, a);
    I32x4ExtAddPairwiseI16x8U 16 |w, a| ext_add(w, Unsigned, a);
    I16x8ExtendLowI8x16S 8 |w, a| extend(w, true, false, a); I16x8ExtendHighI8x16S 8 |w, a| extend(w, true, true, a);
    I16x8ExtendLowI8x16U 8 |w, a| extend(w, false, false, a); I16x8ExtendHighI8x16U 8 |w, a| extend(w, false, true, a);
    I32x4ExtendLowI16x8S 16 |w, a| extend(w, true, false, a); I32x4ExtendHighI16x8S 16 |w, a| extend(w, true, true, a);
    I32x4ExtendLowI16x8U 16 |w, a| extend(w, false, false, a);
    I32x4ExtendHighI16x8U 16 |w, a| extend(w, false, true, a);
    I64x2ExtendLowI32x4S 32 |w, a| extend(w, true, false, a); I64x2ExtendHighI32x4S 32 |w, a| extend(w, true, true, a);
    I64x2ExtendLowI32x4U 32 |w, a| extend(w, false, false, a);
    I64x2ExtendHighI32x4U 32 |w, a| extend(w, false, true, a);
};

pub(crate) const BINARY: &[(Operator<'static>, Binary)] = binary! {
    V128And 128 |_, a, b| and(a, b);
    V128AndNot 128 |_, a, b| and(a, not(128, b));
    V128Or 128 |_, a, b| or(a, b);
    V128Xor 128 |_, a, b| xor(a, b);
    I8x16Swizzle 8 |_, a, b| swizzle(a, b);
    I16x8RelaxedDotI8x16I7x16S 8 |_, a, b| dot_i8(a, b);
    I32x4DotI16x8S 16 |_, a, b| dot_i16(a, b);
    I8x16Add 8 |w, a, b| zip(w, a, b, add); I16x8Add 16 |w, a, b| zip(w, a, b, add);
    I32x4Add 32 |w, a, b| zip(w, a, b, add); I64x2Add 64 |w, a, b| zip(w, a, b, add);
    I8x16Sub 8 |w, a, b| zip(w, a, b, sub); I16x8Sub 16 |w, a, b| zip(w, a, b, sub);
    I32x4Sub 32 |w, a, b| zip(w, a, b, sub); I64x2Sub 64 |w, a, b| zip(w, a, b, sub);
    I16x8Mul 16 |w, a, b| zip(w, a, b, mul); I32x4Mul 32 |w, a, b| zip(w, a, b, mul);
    I64x2Mul 64 |w, a, b| zip(w, a, b, mul);
    I8x16Shl 8 |w, a, b| shift(w, a, b, left); I16x8Shl 16 |w, a, b| shift(w, a, b, left);
    I32x4Shl 32 |w, a, b| shift(w, a, b, left); I64x2Shl 64 |w, a, b| shift(w, a, b, left);
    I8x16ShrU 8 |w, a, b| shift(w, a, b, right); I16x8ShrU 16 |w, a, b| shift(w, a, b, right);
    I32x4ShrU 32 |w, a, b| shift(w, a, b, right); I64x2ShrU 64 |w, a, b| shift(w, a, b, right);
    I8x16ShrS 8 |w, a, b| shift(w, a, b, right_signed); I16x8ShrS 16 |w, a, b| shift(w, a, b, right_signed);
    I32x4ShrS 32 |w, a, b| shift(w, a, b, right_signed); I64x2ShrS 64 |w, a, b| shift(w, a, b, right_signed);
    I8x16Eq 8 |w, a, b| compared(w, a, b, equal); I16x8Eq 16 |w, a, b| compared(w, a, b, equal);
    I32x4Eq 32 |w, a, b| compared(w, a, b, equal); I64x2Eq 64 |w, a, b| compared(w, a, b, equal);
    I8x16Ne 8 |w, a, b| compared(w, a, b, unequal); I16x8Ne 16 |w, a, b| compared(w, a, b, unequal);
    I32x4Ne 32 |w, a, b| compared(w, a, b, unequal); I64x2Ne 64 |w, a, b| compared(w, a, b, unequal);
    I8x16LtU 8 |w, a, b| compared(w, a, b, less); I16x8LtU 16 |w, a, b| compared(w, a, b, less);
    I32x4LtU 32 |w, a, b| compared(w, a, b, less);
    I8x16GtU 8 |w, a, b| compared(w, b, a, less); I16x8GtU 16 |w, a, b| compared(w, b, a, less);
    I32x4GtU 32 |w, a, b| compared(w, b, a, less);
    I8x16LtS 8 |w, a, b| compared(w, a, b, less_signed); I16x8LtS 16 |w, a, b| compared(w, a, b, less_signed);
    I32x4LtS 32 |w, a, b| compared(w, a, b, less_signed); I64x2LtS 64 |w, a, b| compared(w, a, b, less_signed);
    I8x16GtS 8 |w, a, b| compared(w, b, a, less_signed); I16x8GtS 16 |w, a, b| compared(w, b, a, less_signed);
    I32x4GtS 32 |w, a, b| compared(w, b, a, less_signed); I64x2GtS 64 |w, a, b| compared(w, b, a, less_signed);
    I8x16AddSatS 8 |w, a, b| numbers(w, Signed, a, b, |a, b| saturated(w, Signed, a + b));
    I16x8AddSatS 16 |w, a, b| numbers(w, Signed, a, b, |a, b| saturated(w, Signed, a + b));
    I8x16AddSatU 8 |w, a, b| numbers(w, Unsigned, a, b, |a, b| saturated(w, Unsigned, a + b));
    I16x8AddSatU 16 |w, a, b| numbers(w, Unsigned, a, b, |a, b| saturated(w, Unsigned, a + b));
    I8x16SubSatS 8 |w, a, b| numbers(w, Signed, a, b, |a, b| saturated(w, Signed, a - b));
    I16x8SubSatS 16 |w, a, b| numbers(w, Signed, a, b, |a, b| saturated(w, Signed, a - b));
    I8x16SubSatU 8 |w, a, b| numbers(w, Unsigned, a, b, |a, b| saturated(w, Unsigned, a - b));
    I16x8SubSatU 16 |w, a, b| numbers(w, Unsigned, a, b, |a, b| saturated(w, Unsigned, a - b));
    I8x16MinU 8 |w, a, b| numbers(w, Unsigned, a, b, i128::min);
    I16x8MinU 16 |w, a, b| numbers(w, Unsigned, a, b, i128::min);
    I32x4MinU 32 |w, a, b| numbers(w, Unsigned, a, b, i128::min);
    I8x16MaxU 8 |w, a, b| numbers(w, Unsigned, a, b, i128::max);
    I16x8MaxU 16 |w, a, b| numbers(w, Unsigned, a, b, i128::max);
    I32x4MaxU 32 |w, a, b| numbers(w, Unsigned, a, b, i128::max);
    I8x16MinS 8 |w, a, b| numbers(w, Signed, a, b, i128::min);
    I16x8MinS 16 |w, a, b| numbers(w, Signed, a, b, i128::min);
    I32x4MinS 32 |w, a, b| numbers(w, Signed, a, b, i128::min);
    I8x16MaxS 8 |w, a, b| numbers(w, Signed, a, b, i128::max);
    I16x8MaxS 16 |w, a, b| numbers(w, Signed, a, b, i128::max);
    I32x4MaxS 32 |w, a, b| numbers(w, Signed, a, b, i128::max);
    I8x16AvgrU 8 |w, a, b| numbers(w, Unsigned, a, b, |a, b| (a + b + 1) / 2);
    I16x8AvgrU 16 |w, a, b| numbers(w, Unsigned, a, b, |a, b| (a + b + 1) / 2);
    I8x16NarrowI16x8S 8 |w, a, b| narrow(w, Signed, a, b);
    I8x16NarrowI16x8U 8 |w, a, b| narrow(w, Unsigned, a, b);
    I16x8NarrowI32x4S 16 |w, a, b| narrow(w, Signed, a, b);
    I16x8NarrowI32x4U 16 |w, a, b| narrow(w, Unsigned, a, b);
    I16x8ExtMulLowI8x16S 8 |w, a, b| ext_mul(w, true, false, a, b);
    I16x8ExtMulHighI8x16S 8 |w, a, b| ext_mul(w, true, true, a, b);
    I16x8ExtMulLowI8x16U 8 |w, a, b| ext_mul(w, false, false, a, b);
    I16x8ExtMulHighI8x16U 8 |w, a, b| ext_mul(w, false, true, a, b);
    I32x4ExtMulLowI16x8S 16 |w, a, b| ext_mul(w, true, false, a, b);
    I32x4ExtMulHighI16x8S 16 |w, a, b| ext_mul(w, true, true, a, b);
    I32x4ExtMulLowI16x8U 16 |w, a, b| ext_mul(w, false, false, a, b);
    I32x4ExtMulHighI16x8U 16 |w, a, b| ext_mul(w, false, true, a, b);
    I64x2ExtMulLowI32x4S 32 |w, a, b| ext_mul(w, true, false, a, b);
    I64x2ExtMulHighI32x4S 32 |w, a, b| ext_mul(w, true, true, a, b);
    I64x2ExtMulLowI32x4U 32 |w, a, b| ext_mul(w, false, false, a, b);
    I64x2ExtMulHighI32x4U 32 |w, a, b| ext_mul(w, false, true, a, b);
};

pub(crate) const TERNARY: &[(Operator<'static>, Ternary)] = &[
    (V128Bitselect, bit_select),
    (I8x16RelaxedLaneselect, bit_select),
    (I16x8RelaxedLaneselect, bit_select),
    (I32x4RelaxedLaneselect, bit_select),
    (I64x2RelaxedLaneselect, bit_select),
];
