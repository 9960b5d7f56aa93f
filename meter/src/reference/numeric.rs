//! Instructions that compute with numbers and touch nothing but the operands.

use wasmparser::Operator;

use super::Trap;
use super::float::{Float, Integer};
use super::stack::Stack;
use super::value::{Bits32, Bits64, Number};

const SIGN_32: u32 = 1 << 31;
const SIGN_64: u64 = 1 << 63;

/// Executes a numeric instruction; `None` if it is none.
pub(super) fn execute(operator: &Operator<'_>, stack: &mut Stack) -> Option<Result<(), Trap>> {
    let plain = constant(operator, stack)
        .or_else(|| compare(operator, stack))
        .or_else(|| bits_32(operator, stack))
        .or_else(|| bits_64(operator, stack))
        .or_else(|| float_32(operator, stack))
        .or_else(|| float_64(operator, stack))
        .or_else(|| convert(operator, stack))
        .or_else(|| saturate(operator, stack));
    match plain {
        Some(()) => Some(Ok(())),
        None => divide(operator, stack).or_else(|| truncate(operator, stack)),
    }
}

fn unary<A: Number, R: Number>(stack: &mut Stack, compute: impl Fn(A) -> R) {
    let a = stack.take();
    stack.put(compute(a));
}

fn binary<A: Number, R: Number>(stack: &mut Stack, compute: impl Fn(A, A) -> R) {
    let b = stack.take();
    let a = stack.take();
    stack.put(compute(a, b));
}

/// Arithmetic with floats: a NaN is made canonical.
fn float_unary<A: Number, R: Float>(stack: &mut Stack, compute: impl Fn(A) -> R) {
    unary(stack, |a: A| compute(a).canonical());
}

fn float_binary<A: Float>(stack: &mut Stack, compute: impl Fn(A, A) -> A) {
    binary(stack, |a: A, b: A| compute(a, b).canonical());
}

fn try_unary<A: Number, R: Number>(
    stack: &mut Stack,
    compute: impl Fn(A) -> Result<R, Trap>,
) -> Result<(), Trap> {
    let a = stack.take();
    stack.put(compute(a)?);
    Ok(())
}

fn try_binary<A: Number>(stack: &mut Stack, compute: impl Fn(A, A) -> Result<A, Trap>) -> Result<(), Trap> {
    let b = stack.take();
    let a = stack.take();
    stack.put(compute(a, b)?);
    Ok(())
}

fn constant(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    match operator {
        Operator::I32Const { value } => stack.put(*value),
        Operator::I64Const { value } => stack.put(*value),
        Operator::F32Const { value } => stack.put(Bits32(value.bits())),
        Operator::F64Const { value } => stack.put(Bits64(value.bits())),
        _ => return None,
    }
    Some(())
}

#[expect(clippy::float_cmp, reason = "floats are compared as the guest says")]
fn compare(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        O::I32Eqz => unary(stack, |a: u32| a == 0),
        O::I32Eq => binary(stack, |a: u32, b| a == b),
        O::I32Ne => binary(stack, |a: u32, b| a != b),
        O::I32LtS => binary(stack, |a: i32, b| a < b),
        O::I32LtU => binary(stack, |a: u32, b| a < b),
        O::I32GtS => binary(stack, |a: i32, b| a > b),
        O::I32GtU => binary(stack, |a: u32, b| a > b),
        O::I32LeS => binary(stack, |a: i32, b| a <= b),
        O::I32LeU => binary(stack, |a: u32, b| a <= b),
        O::I32GeS => binary(stack, |a: i32, b| a >= b),
        O::I32GeU => binary(stack, |a: u32, b| a >= b),
        O::I64Eqz => unary(stack, |a: u64| a == 0),
        O::I64Eq => binary(stack, |a: u64, b| a == b),
        O::I64Ne => binary(stack, |a: u64, b| a != b),
        O::I64LtS => binary(stack, |a: i64, b| a < b),
        O::I64LtU => binary(stack, |a: u64, b| a < b),
        O::I64GtS => binary(stack, |a: i64, b| a > b),
        O::I64GtU => binary(stack, |a: u64, b| a > b),
        O::I64LeS => binary(stack, |a: i64, b| a <= b),
        O::I64LeU => binary(stack, |a: u64, b| a <= b),
        O::I64GeS => binary(stack, |a: i64, b| a >= b),
        O::I64GeU => binary(stack, |a: u64, b| a >= b),
        O::F32Eq => binary(stack, |a: f32, b| a == b),
        O::F32Ne => binary(stack, |a: f32, b| a != b),
        O::F32Lt => binary(stack, |a: f32, b| a < b),
        O::F32Gt => binary(stack, |a: f32, b| a > b),
        O::F32Le => binary(stack, |a: f32, b| a <= b),
        O::F32Ge => binary(stack, |a: f32, b| a >= b),
        O::F64Eq => binary(stack, |a: f64, b| a == b),
        O::F64Ne => binary(stack, |a: f64, b| a != b),
        O::F64Lt => binary(stack, |a: f64, b| a < b),
        O::F64Gt => binary(stack, |a: f64, b| a > b),
        O::F64Le => binary(stack, |a: f64, b| a <= b),
        O::F64Ge => binary(stack, |a: f64, b| a >= b),
        _ => return None,
    }
    Some(())
}

/// Shifts and rotations take their count modulo the width, as `wrapping_shl` and its kind do.
#[expect(clippy::cast_possible_truncation, reason = "the sign extensions keep the lowest bits")]
fn bits_32(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        O::I32Clz => unary(stack, u32::leading_zeros),
        O::I32Ctz => unary(stack, u32::trailing_zeros),
        O::I32Popcnt => unary(stack, u32::count_ones),
        O::I32Add => binary(stack, u32::wrapping_add),
        O::I32Sub => binary(stack, u32::wrapping_sub),
        O::I32Mul => binary(stack, u32::wrapping_mul),
        O::I32And => binary(stack, |a: u32, b| a & b),
        O::I32Or => binary(stack, |a: u32, b| a | b),
        O::I32Xor => binary(stack, |a: u32, b| a ^ b),
        O::I32Shl => binary(stack, |a: u32, b| a.wrapping_shl(b)),
        O::I32ShrU => binary(stack, |a: u32, b| a.wrapping_shr(b)),
        O::I32ShrS => binary(stack, |a: i32, b| a.wrapping_shr(b.cast_unsigned())),
        O::I32Rotl => binary(stack, |a: u32, b| a.rotate_left(b % 32)),
        O::I32Rotr => binary(stack, |a: u32, b| a.rotate_right(b % 32)),
        O::I32Extend8S => unary(stack, |a: i32| i32::from(a as i8)),
        O::I32Extend16S => unary(stack, |a: i32| i32::from(a as i16)),
        _ => return None,
    }
    Some(())
}

#[expect(clippy::cast_possible_truncation, reason = "counts and sign extensions keep the lowest bits")]
fn bits_64(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        O::I64Clz => unary(stack, |a: u64| u64::from(a.leading_zeros())),
        O::I64Ctz => unary(stack, |a: u64| u64::from(a.trailing_zeros())),
        O::I64Popcnt => unary(stack, |a: u64| u64::from(a.count_ones())),
        O::I64Add => binary(stack, u64::wrapping_add),
        O::I64Sub => binary(stack, u64::wrapping_sub),
        O::I64Mul => binary(stack, u64::wrapping_mul),
        O::I64And => binary(stack, |a: u64, b| a & b),
        O::I64Or => binary(stack, |a: u64, b| a | b),
        O::I64Xor => binary(stack, |a: u64, b| a ^ b),
        O::I64Shl => binary(stack, |a: u64, b| a << (b % 64)),
        O::I64ShrU => binary(stack, |a: u64, b| a >> (b % 64)),
        O::I64ShrS => binary(stack, |a: i64, b| a >> (b.cast_unsigned() % 64)),
        O::I64Rotl => binary(stack, |a: u64, b| a.rotate_left((b % 64) as u32)),
        O::I64Rotr => binary(stack, |a: u64, b| a.rotate_right((b % 64) as u32)),
        O::I64Extend8S => unary(stack, |a: i64| i64::from(a as i8)),
        O::I64Extend16S => unary(stack, |a: i64| i64::from(a as i16)),
        O::I64Extend32S => unary(stack, |a: i64| i64::from(a as i32)),
        _ => return None,
    }
    Some(())
}

fn float_32(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        // These three change the sign alone, of a NaN too.
        O::F32Abs => unary(stack, |a: Bits32| Bits32(a.0 & !SIGN_32)),
        O::F32Neg => unary(stack, |a: Bits32| Bits32(a.0 ^ SIGN_32)),
        O::F32Copysign => binary(stack, |a: Bits32, b| Bits32(a.0 & !SIGN_32 | b.0 & SIGN_32)),
        O::F32Ceil => float_unary::<f32, f32>(stack, Float::ceil),
        O::F32Floor => float_unary::<f32, f32>(stack, Float::floor),
        O::F32Trunc => float_unary::<f32, f32>(stack, Float::trunc),
        O::F32Nearest => float_unary::<f32, f32>(stack, Float::nearest),
        O::F32Sqrt => float_unary(stack, f32::sqrt),
        O::F32Add => float_binary(stack, |a: f32, b| a + b),
        O::F32Sub => float_binary(stack, |a: f32, b| a - b),
        O::F32Mul => float_binary(stack, |a: f32, b| a * b),
        O::F32Div => float_binary(stack, |a: f32, b| a / b),
        O::F32Min => float_binary::<f32>(stack, Float::min),
        O::F32Max => float_binary::<f32>(stack, Float::max),
        _ => return None,
    }
    Some(())
}

fn float_64(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        O::F64Abs => unary(stack, |a: Bits64| Bits64(a.0 & !SIGN_64)),
        O::F64Neg => unary(stack, |a: Bits64| Bits64(a.0 ^ SIGN_64)),
        O::F64Copysign => binary(stack, |a: Bits64, b| Bits64(a.0 & !SIGN_64 | b.0 & SIGN_64)),
        O::F64Ceil => float_unary::<f64, f64>(stack, Float::ceil),
        O::F64Floor => float_unary::<f64, f64>(stack, Float::floor),
        O::F64Trunc => float_unary::<f64, f64>(stack, Float::trunc),
        O::F64Nearest => float_unary::<f64, f64>(stack, Float::nearest),
        O::F64Sqrt => float_unary(stack, f64::sqrt),
        O::F64Add => float_binary(stack, |a: f64, b| a + b),
        O::F64Sub => float_binary(stack, |a: f64, b| a - b),
        O::F64Mul => float_binary(stack, |a: f64, b| a * b),
        O::F64Div => float_binary(stack, |a: f64, b| a / b),
        O::F64Min => float_binary::<f64>(stack, Float::min),
        O::F64Max => float_binary::<f64>(stack, Float::max),
        _ => return None,
    }
    Some(())
}

#[expect(clippy::cast_possible_truncation, reason = "what `wrap` and `demote` are for")]
fn convert(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        O::I32WrapI64 => unary(stack, |a: u64| a as u32),
        O::I64ExtendI32S => unary(stack, |a: i32| i64::from(a)),
        O::I64ExtendI32U => unary(stack, |a: u32| u64::from(a)),
        O::F32ConvertI32S => unary(stack, |a: i32| a as f32),
        O::F32ConvertI32U => unary(stack, |a: u32| a as f32),
        O::F32ConvertI64S => unary(stack, |a: i64| a as f32),
        O::F32ConvertI64U => unary(stack, |a: u64| a as f32),
        O::F64ConvertI32S => unary(stack, |a: i32| f64::from(a)),
        O::F64ConvertI32U => unary(stack, |a: u32| f64::from(a)),
        O::F64ConvertI64S => unary(stack, |a: i64| a as f64),
        O::F64ConvertI64U => unary(stack, |a: u64| a as f64),
        O::F32DemoteF64 => float_unary(stack, |a: f64| a as f32),
        O::F64PromoteF32 => float_unary(stack, |a: f32| f64::from(a)),
        O::I32ReinterpretF32 => unary(stack, |a: Bits32| a.0),
        O::I64ReinterpretF64 => unary(stack, |a: Bits64| a.0),
        O::F32ReinterpretI32 => unary(stack, Bits32),
        O::F64ReinterpretI64 => unary(stack, Bits64),
        _ => return None,
    }
    Some(())
}

fn saturate(operator: &Operator<'_>, stack: &mut Stack) -> Option<()> {
    use Operator as O;
    match operator {
        O::I32TruncSatF32S => unary(stack, |a: f32| i32::saturated(f64::from(a))),
        O::I32TruncSatF32U => unary(stack, |a: f32| u32::saturated(f64::from(a))),
        O::I32TruncSatF64S => unary(stack, i32::saturated),
        O::I32TruncSatF64U => unary(stack, u32::saturated),
        O::I64TruncSatF32S => unary(stack, |a: f32| i64::saturated(f64::from(a))),
        O::I64TruncSatF32U => unary(stack, |a: f32| u64::saturated(f64::from(a))),
        O::I64TruncSatF64S => unary(stack, i64::saturated),
        O::I64TruncSatF64U => unary(stack, u64::saturated),
        _ => return None,
    }
    Some(())
}

fn divide(operator: &Operator<'_>, stack: &mut Stack) -> Option<Result<(), Trap>> {
    use Operator as O;
    const ZERO: Trap = Trap::IntegerDivisionByZero;
    const OVERFLOW: Trap = Trap::IntegerOverflow;
    Some(match operator {
        // Of a divisor that is not zero, only −1 can overflow: the quotient, never the remainder.
        O::I32DivS => try_binary(stack, |a: i32, b| match b {
            0 => Err(ZERO),
            _ => a.checked_div(b).ok_or(OVERFLOW),
        }),
        O::I64DivS => try_binary(stack, |a: i64, b| match b {
            0 => Err(ZERO),
            _ => a.checked_div(b).ok_or(OVERFLOW),
        }),
        O::I32DivU => try_binary(stack, |a: u32, b| a.checked_div(b).ok_or(ZERO)),
        O::I64DivU => try_binary(stack, |a: u64, b| a.checked_div(b).ok_or(ZERO)),
        O::I32RemS => try_binary(stack, |a: i32, b| if b == 0 { Err(ZERO) } else { Ok(a.wrapping_rem(b)) }),
        O::I64RemS => try_binary(stack, |a: i64, b| if b == 0 { Err(ZERO) } else { Ok(a.wrapping_rem(b)) }),
        O::I32RemU => try_binary(stack, |a: u32, b| a.checked_rem(b).ok_or(ZERO)),
        O::I64RemU => try_binary(stack, |a: u64, b| a.checked_rem(b).ok_or(ZERO)),
        _ => return None,
    })
}

fn truncate(operator: &Operator<'_>, stack: &mut Stack) -> Option<Result<(), Trap>> {
    use Operator as O;
    Some(match operator {
        O::I32TruncF32S => try_unary(stack, |a: f32| i32::truncated(f64::from(a))),
        O::I32TruncF32U => try_unary(stack, |a: f32| u32::truncated(f64::from(a))),
        O::I32TruncF64S => try_unary(stack, i32::truncated),
        O::I32TruncF64U => try_unary(stack, u32::truncated),
        O::I64TruncF32S => try_unary(stack, |a: f32| i64::truncated(f64::from(a))),
        O::I64TruncF32U => try_unary(stack, |a: f32| u64::truncated(f64::from(a))),
        O::I64TruncF64S => try_unary(stack, i64::truncated),
        O::I64TruncF64U => try_unary(stack, u64::truncated),
        _ => return None,
    })
}
