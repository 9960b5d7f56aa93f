//! The sequences that are put between a module's own instructions.

use wasm_encoder::{Encode as _, Ieee32, Ieee64, InstructionSink};
use wasmparser::Operator;

use super::prices::Charged;

/// Bits of the canonical NaNs: quiet, positive, nothing else set.
const NAN_32: u32 = 0x7fc0_0000;
const NAN_64: u64 = 0x7ff8_0000_0000_0000;

/// The globals that are appended to a module's own.
#[derive(Clone, Copy)]
pub(super) struct Globals {
    pub(super) gas: u32,
    pub(super) stack: u32,
    /// Written and never read.
    pub(super) fence: u32,
    pub(super) full: u32,
}

/// The locals that are appended to a function's own.
#[derive(Clone, Copy)]
pub(super) struct Locals {
    /// An `i64`: the counter.
    pub(super) gas: u32,
    /// An `i32`: the stack that was left when the function was entered, a length, or what a growth answered.
    pub(super) number: u32,
    /// An `f32` and an `f64`, there when the function needs them.
    pub(super) float_32: u32,
    pub(super) float_64: u32,
}

/// Writes into a body.
pub(super) struct Emitter<'a> {
    pub(super) bytes: &'a mut Vec<u8>,
    pub(super) globals: Globals,
    pub(super) locals: Locals,
}

impl Emitter<'_> {
    fn sink(&mut self) -> InstructionSink<'_> {
        InstructionSink::new(self.bytes)
    }

    /// Takes the counter from the global.
    pub(super) fn reload(&mut self) {
        let (global, local) = (self.globals.gas, self.locals.gas);
        self.sink().global_get(global).local_set(local);
    }

    /// Brings the counter into the global.
    pub(super) fn store(&mut self) {
        let (global, local) = (self.globals.gas, self.locals.gas);
        self.sink().local_get(local).global_set(global);
    }

    /// Leaves by the label if the counter is below what is pending.
    pub(super) fn check(&mut self, pending: i64, out: u32) {
        let gas = self.locals.gas;
        self.sink().local_get(gas).i64_const(pending).i64_lt_s().br_if(out);
    }

    /// Takes so much from the counter, or gives it back if it is negative.
    pub(super) fn charge(&mut self, cost: i64) {
        let gas = self.locals.gas;
        self.sink().local_get(gas).i64_const(cost).i64_sub().local_set(gas);
    }

    /// Charges for the length on top of the stack, and leaves it there; leaves by the label if that was more than there
    /// is.
    pub(super) fn charge_on_top(&mut self, charged: Charged, price: i64, out: u32) {
        let (gas, number) = (self.locals.gas, self.locals.number);
        let mut sink = self.sink();
        sink.local_set(number).local_get(gas).local_get(number).i64_extend_i32_u();
        if charged == Charged::Bytes {
            sink.i64_const(63).i64_add().i64_const(6).i64_shr_u();
        }
        sink.i64_const(price).i64_mul().i64_sub().local_tee(gas);
        sink.i64_const(0).i64_lt_s().br_if(out).local_get(number);
    }

    /// Says that the gas is out.
    pub(super) fn run_out(&mut self) {
        let gas = self.globals.gas;
        self.sink().i64_const(-1).global_set(gas);
    }

    /// Takes the frame from the stack, or leaves by the label.
    pub(super) fn enter(&mut self, frame: i32, out: u32) {
        let (stack, number) = (self.globals.stack, self.locals.number);
        let mut sink = self.sink();
        sink.global_get(stack).i32_const(frame).i32_sub().local_tee(number).global_set(stack);
        sink.local_get(number).i32_const(0).i32_lt_s().br_if(out);
    }

    /// Gives the frame back.
    pub(super) fn leave(&mut self, frame: i32) {
        let stack = self.globals.stack;
        self.sink().global_get(stack).i32_const(frame).i32_add().global_set(stack);
    }

    /// Writes a number to a global that nobody reads: an engine that would otherwise do a load, an operation and a
    /// store by one instruction, and report a trap of the load as one of the store, doesn't. The number has to be
    /// another one at each place of a function, or an engine may see that nothing changes.
    pub(super) fn fence(&mut self, number: i32) {
        let fence = self.globals.fence;
        self.sink().i32_const(number).global_set(fence);
    }

    /// Notes whether the growth of memory whose answer is on top of the stack was refused, and leaves it there.
    pub(super) fn note_growth(&mut self) {
        let (full, number) = (self.globals.full, self.locals.number);
        let mut sink = self.sink();
        sink.local_tee(number).i32_const(-1).i32_eq().global_set(full).local_get(number);
    }

    /// Makes a NaN on top of the stack the canonical one.
    pub(super) fn canonical(&mut self, width: Width) {
        let (local_32, local_64) = (self.locals.float_32, self.locals.float_64);
        let mut sink = self.sink();
        match width {
            Width::F32 => {
                sink.local_tee(local_32).f32_const(Ieee32::new(NAN_32));
                sink.local_get(local_32).local_get(local_32).f32_eq().select();
            }
            Width::F64 => {
                sink.local_tee(local_64).f64_const(Ieee64::new(NAN_64));
                sink.local_get(local_64).local_get(local_64).f64_eq().select();
            }
        }
    }

    /// A branch.
    pub(super) fn branch(&mut self, label: u32) {
        self.sink().br(label);
    }

    /// The module's own bytes.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// Of a float.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    F32,
    F64,
}

/// The width of what an instruction makes, if it can make a NaN whose bits engines choose.
pub(super) fn makes_nan(operator: &Operator<'_>) -> Option<Width> {
    use Operator as O;
    match operator {
        O::F32Ceil
        | O::F32Floor
        | O::F32Trunc
        | O::F32Nearest
        | O::F32Sqrt
        | O::F32Add
        | O::F32Sub
        | O::F32Mul
        | O::F32Div
        | O::F32Min
        | O::F32Max
        | O::F32DemoteF64 => Some(Width::F32),
        O::F64Ceil
        | O::F64Floor
        | O::F64Trunc
        | O::F64Nearest
        | O::F64Sqrt
        | O::F64Add
        | O::F64Sub
        | O::F64Mul
        | O::F64Div
        | O::F64Min
        | O::F64Max
        | O::F64PromoteF32 => Some(Width::F64),
        _ => None,
    }
}

/// Whether an instruction does the same for every NaN on top of the stack, and what it makes shows no bits of it.
pub(super) fn ignores_nan_bits(operator: &Operator<'_>) -> bool {
    use Operator as O;
    makes_nan(operator).is_some()
        || matches!(
            operator,
            O::Drop
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
                | O::F64Ge
                | O::I32TruncF32S
                | O::I32TruncF32U
                | O::I32TruncF64S
                | O::I32TruncF64U
                | O::I64TruncF32S
                | O::I64TruncF32U
                | O::I64TruncF64S
                | O::I64TruncF64U
                | O::I32TruncSatF32S
                | O::I32TruncSatF32U
                | O::I32TruncSatF64S
                | O::I32TruncSatF64U
                | O::I64TruncSatF32S
                | O::I64TruncSatF32U
                | O::I64TruncSatF64S
                | O::I64TruncSatF64U
        )
}

/// A number as LEB128.
pub(super) fn leb(number: u32, bytes: &mut Vec<u8>) {
    number.encode(bytes);
}
