//! One instruction, taken apart.

use anyhow::Result;
use wasmparser::{MemArg, Operator};

use super::value::{Binary, Ternary, Unary, Value};
use super::{scalar, vector};

/// A division of integers.
#[derive(Clone, Copy)]
pub(crate) struct Division {
    pub(crate) width: u32,
    pub(crate) signed: bool,
    /// Asks for the rest.
    pub(crate) rest: bool,
}

/// What to do next. Ends of blocks are indices of steps.
pub(crate) enum Step {
    /// An instruction that the interpreter doesn't know: an error once it is reached.
    Unknown(Box<str>),
    Unreachable,
    Block {
        params: usize,
        results: usize,
        end: usize,
    },
    Loop {
        params: usize,
    },
    If {
        params: usize,
        results: usize,
        otherwise: Option<usize>,
        end: usize,
    },
    Else {
        end: usize,
    },
    End,
    Branch(u32),
    BranchIf(u32),
    BranchTable(Box<[u32]>),
    Return,
    Call(u32),
    CallIndirect {
        arity: (usize, usize),
    },
    Drop,
    Select,
    LocalGet(u32),
    LocalSet(u32),
    LocalTee(u32),
    GlobalGet(u32),
    GlobalSet(u32),
    Constant(Value),
    Load {
        offset: usize,
        bytes: usize,
    },
    Store {
        offset: usize,
        bytes: usize,
    },
    /// Into a lane of the vector above the address.
    LoadLane {
        offset: usize,
        bytes: usize,
        lane: u32,
    },
    MemorySize,
    MemoryGrow,
    MemoryCopy,
    MemoryFill,
    Unary(Unary),
    Binary(Binary),
    Ternary(Ternary),
    Divide(Division),
    SignExtend {
        from: u32,
        to: u32,
    },
    ExtractLane {
        width: u32,
        lane: u32,
    },
    ReplaceLane {
        width: u32,
        lane: u32,
    },
    Shuffle([u8; 16]),
    /// Fails for indices whose result engines may choose: kernels must have none.
    RelaxedSwizzle,
}

/// Hands on the steps of an instruction that is no head or end of a block.
pub(crate) fn decode(operator: Operator<'_>, mut emit: impl FnMut(Step)) -> Result<()> {
    use Operator as O;
    let step = match operator {
        O::Nop => return Ok(()),
        O::Unreachable => Step::Unreachable,
        O::Br { relative_depth } => Step::Branch(relative_depth),
        O::BrIf { relative_depth } => Step::BranchIf(relative_depth),
        O::BrTable { targets } => {
            let mut all = targets.targets().collect::<Result<Vec<u32>, _>>()?;
            all.push(targets.default());
            Step::BranchTable(all.into())
        }
        O::Return => Step::Return,
        O::Call { function_index } => Step::Call(function_index),
        O::Drop => Step::Drop,
        O::Select | O::TypedSelect { .. } => Step::Select,
        O::LocalGet { local_index } => Step::LocalGet(local_index),
        O::LocalSet { local_index } => Step::LocalSet(local_index),
        O::LocalTee { local_index } => Step::LocalTee(local_index),
        O::GlobalGet { global_index } => Step::GlobalGet(global_index),
        O::GlobalSet { global_index } => Step::GlobalSet(global_index),
        O::I32Const { value } => Step::Constant(Value::u32(value.cast_unsigned())),
        O::I64Const { value } => Step::Constant(Value::public(value.cast_unsigned().into())),
        O::V128Const { value } => Step::Constant(Value::public(value.i128().cast_unsigned())),
        O::MemorySize { .. } => Step::MemorySize,
        O::MemoryGrow { .. } => Step::MemoryGrow,
        O::MemoryCopy { .. } => Step::MemoryCopy,
        O::MemoryFill { .. } => Step::MemoryFill,
        O::I8x16RelaxedSwizzle => Step::RelaxedSwizzle,
        O::I8x16Shuffle { lanes } => Step::Shuffle(lanes),
        other => return calculation(&other, emit),
    };
    emit(step);
    Ok(())
}

fn calculation(operator: &Operator<'_>, mut emit: impl FnMut(Step)) -> Result<()> {
    let found = |table: &[(Operator<'static>, Unary)]| find(table, operator);
    if let Some(f) = found(scalar::UNARY).or_else(|| found(vector::UNARY)) {
        emit(Step::Unary(f));
    } else if let Some(f) = find(scalar::BINARY, operator).or_else(|| find(vector::BINARY, operator)) {
        emit(Step::Binary(f));
    } else if let Some(f) = find(vector::TERNARY, operator) {
        emit(Step::Ternary(f));
    } else if let Some(division) = division(operator) {
        emit(Step::Divide(division));
    } else if !lane(operator, &mut emit) && !load(operator, &mut emit)? && !store(operator, &mut emit)? {
        emit(Step::Unknown(format!("{operator:?}").into()));
    }
    Ok(())
}

fn find<F: Copy>(table: &[(Operator<'static>, F)], operator: &Operator<'_>) -> Option<F> {
    table.iter().find(|(known, _)| known == operator).map(|(_, f)| *f)
}

fn division(operator: &Operator<'_>) -> Option<Division> {
    use Operator as O;
    let (width, signed, rest) = match operator {
        O::I32DivS => (32, true, false),
        O::I32DivU => (32, false, false),
        O::I32RemS => (32, true, true),
        O::I32RemU => (32, false, true),
        O::I64DivS => (64, true, false),
        O::I64DivU => (64, false, false),
        O::I64RemS => (64, true, true),
        O::I64RemU => (64, false, true),
        _ => return None,
    };
    Some(Division { width, signed, rest })
}

fn lane(operator: &Operator<'_>, emit: &mut impl FnMut(Step)) -> bool {
    use Operator as O;
    let extract = |width: u32, lane: u8| Step::ExtractLane { width, lane: lane.into() };
    let replace = |width: u32, lane: u8| Step::ReplaceLane { width, lane: lane.into() };
    match *operator {
        O::I8x16ExtractLaneU { lane } => emit(extract(8, lane)),
        O::I16x8ExtractLaneU { lane } => emit(extract(16, lane)),
        O::I32x4ExtractLane { lane } => emit(extract(32, lane)),
        O::I64x2ExtractLane { lane } => emit(extract(64, lane)),
        O::I8x16ExtractLaneS { lane } => {
            emit(extract(8, lane));
            emit(Step::SignExtend { from: 8, to: 32 });
        }
        O::I16x8ExtractLaneS { lane } => {
            emit(extract(16, lane));
            emit(Step::SignExtend { from: 16, to: 32 });
        }
        O::I8x16ReplaceLane { lane } => emit(replace(8, lane)),
        O::I16x8ReplaceLane { lane } => emit(replace(16, lane)),
        O::I32x4ReplaceLane { lane } => emit(replace(32, lane)),
        O::I64x2ReplaceLane { lane } => emit(replace(64, lane)),
        _ => return false,
    }
    true
}

/// Loads, and what becomes of the bytes.
fn load(operator: &Operator<'_>, emit: &mut impl FnMut(Step)) -> Result<bool> {
    use Operator as O;
    let signed = |from, to| Some(Step::SignExtend { from, to });
    let (memarg, bytes, then): (&MemArg, usize, Option<Step>) = match operator {
        O::I32Load8U { memarg } | O::I64Load8U { memarg } => (memarg, 1, None),
        O::I32Load16U { memarg } | O::I64Load16U { memarg } => (memarg, 2, None),
        O::I32Load { memarg } | O::I64Load32U { memarg } | O::V128Load32Zero { memarg } => (memarg, 4, None),
        O::I64Load { memarg } | O::V128Load64Zero { memarg } => (memarg, 8, None),
        O::V128Load { memarg } => (memarg, 16, None),
        O::I32Load8S { memarg } => (memarg, 1, signed(8, 32)),
        O::I32Load16S { memarg } => (memarg, 2, signed(16, 32)),
        O::I64Load8S { memarg } => (memarg, 1, signed(8, 64)),
        O::I64Load16S { memarg } => (memarg, 2, signed(16, 64)),
        O::I64Load32S { memarg } => (memarg, 4, signed(32, 64)),
        O::V128Load8Splat { memarg } => (memarg, 1, Some(Step::Unary(|a| vector::splat(8, a)))),
        O::V128Load16Splat { memarg } => (memarg, 2, Some(Step::Unary(|a| vector::splat(16, a)))),
        O::V128Load32Splat { memarg } => (memarg, 4, Some(Step::Unary(|a| vector::splat(32, a)))),
        O::V128Load64Splat { memarg } => (memarg, 8, Some(Step::Unary(|a| vector::splat(64, a)))),
        O::V128Load8x8S { memarg } => (memarg, 8, Some(Step::Unary(|a| vector::extend(8, true, false, a)))),
        O::V128Load8x8U { memarg } => (memarg, 8, Some(Step::Unary(|a| vector::extend(8, false, false, a)))),
        O::V128Load16x4S { memarg } => (memarg, 8, Some(Step::Unary(|a| vector::extend(16, true, false, a)))),
        O::V128Load16x4U { memarg } => {
            (memarg, 8, Some(Step::Unary(|a| vector::extend(16, false, false, a))))
        }
        O::V128Load32x2S { memarg } => (memarg, 8, Some(Step::Unary(|a| vector::extend(32, true, false, a)))),
        O::V128Load32x2U { memarg } => {
            (memarg, 8, Some(Step::Unary(|a| vector::extend(32, false, false, a))))
        }
        _ => return Ok(false),
    };
    emit(Step::Load { offset: usize::try_from(memarg.offset)?, bytes });
    then.into_iter().for_each(emit);
    Ok(true)
}

fn store(operator: &Operator<'_>, emit: &mut impl FnMut(Step)) -> Result<bool> {
    use Operator as O;
    let (memarg, bytes, lane): (&MemArg, usize, Option<u8>) = match operator {
        O::I32Store8 { memarg } | O::I64Store8 { memarg } => (memarg, 1, None),
        O::I32Store16 { memarg } | O::I64Store16 { memarg } => (memarg, 2, None),
        O::I32Store { memarg } | O::I64Store32 { memarg } => (memarg, 4, None),
        O::I64Store { memarg } => (memarg, 8, None),
        O::V128Store { memarg } => (memarg, 16, None),
        O::V128Store8Lane { memarg, lane } => (memarg, 1, Some(*lane)),
        O::V128Store16Lane { memarg, lane } => (memarg, 2, Some(*lane)),
        O::V128Store32Lane { memarg, lane } => (memarg, 4, Some(*lane)),
        O::V128Store64Lane { memarg, lane } => (memarg, 8, Some(*lane)),
        O::V128Load8Lane { memarg, lane } => return load_lane(memarg, 1, *lane, emit),
        O::V128Load16Lane { memarg, lane } => return load_lane(memarg, 2, *lane, emit),
        O::V128Load32Lane { memarg, lane } => return load_lane(memarg, 4, *lane, emit),
        O::V128Load64Lane { memarg, lane } => return load_lane(memarg, 8, *lane, emit),
        _ => return Ok(false),
    };
    if let Some(lane) = lane {
        emit(Step::ExtractLane { width: u32::try_from(8 * bytes)?, lane: lane.into() });
    }
    emit(Step::Store { offset: usize::try_from(memarg.offset)?, bytes });
    Ok(true)
}

fn load_lane(memarg: &MemArg, bytes: usize, lane: u8, emit: &mut impl FnMut(Step)) -> Result<bool> {
    emit(Step::LoadLane { offset: usize::try_from(memarg.offset)?, bytes, lane: lane.into() });
    Ok(true)
}
