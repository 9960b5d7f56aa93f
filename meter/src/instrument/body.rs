//! One function, metered.

use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

use super::count_of;
use super::emit::{Emitter, Globals, Locals, Width, ignores_nan_bits, leb, makes_nan};
use super::refunds::{Place, TrapKind};
use super::runs::{Charged, Walk, price};
use crate::admit::{Function, Refusal};
use crate::schedule::{Class, Schedule};

/// The type `i64`, and so on, in the bytes of locals.
const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const F32: u8 = 0x7d;
const F64: u8 = 0x7c;
const BLOCK: u8 = 0x02;
const RETURN: u8 = 0x0f;
const UNREACHABLE: u8 = 0x00;
const END: u8 = 0x0b;
const BLOCK_EMPTY: u8 = 0x40;

/// What stays the same from function to function.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) schedule: &'a Schedule,
    pub(super) globals: Globals,
}

/// A metered body, and its instructions that can trap: their offsets are those in the body.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<Place>,
    pub(super) charges: Vec<(u32, u32)>,
}

/// What the first pass finds out.
#[derive(Default)]
struct Plan {
    /// The cost of each run, in order.
    costs: Vec<u64>,
    /// Floats that have to be made canonical.
    floats_32: bool,
    floats_64: bool,
}

impl Plan {
    /// Adds up the runs of a body; `entering` belongs to the first.
    fn make(body: BinaryReader<'_>, schedule: &Schedule, entering: u64) -> Result<Self, Refusal> {
        let mut plan = Self::default();
        let mut cost = entering;
        let mut walk = Walk::default();
        let mut reader = OperatorsReader::new(body);
        while !reader.eof() {
            let operator = reader.read()?;
            let step = walk.step(&operator)?;
            if step.live {
                cost = cost.saturating_add(price(schedule, &operator)?);
                plan.floats_32 |= makes_nan(&operator) == Some(Width::F32);
                plan.floats_64 |= makes_nan(&operator) == Some(Width::F64);
            }
            if step.begins {
                plan.costs.push(cost);
                cost = 0;
            }
        }
        plan.costs.push(cost);
        Ok(plan)
    }
}

/// Meters a body. `results` is the type of a block that leaves what the function does, as it stands in the bytes.
pub(super) fn meter(
    context: Context<'_>,
    body: &FunctionBody<'_>,
    function: &Function,
    results: &[u8],
) -> Result<Body, Refusal> {
    let operators = body.get_binary_reader_for_operators()?;
    let entering = context.schedule.entering(function.locals);
    let plan = Plan::make(operators.clone(), context.schedule, entering)?;
    let mut bytes = Vec::with_capacity(body.range().len().saturating_mul(2));
    let locals = declare(body, function, &plan, &mut bytes)?;
    let emitter = Emitter { bytes: &mut bytes, globals: context.globals, locals };
    let mut writer = Writer {
        context,
        emitter,
        costs: plan.costs.iter(),
        charged: 0,
        left: 0,
        loaded: false,
        fences: 0,
        nan: None,
        places: Vec::new(),
        charges: Vec::new(),
    };
    writer.function(operators, function, results, entering)?;
    let (places, charges) = (writer.places, writer.charges);
    Ok(Body { bytes, places, charges })
}

/// Writes the function's locals and those that are appended.
fn declare(
    body: &FunctionBody<'_>,
    function: &Function,
    plan: &Plan,
    bytes: &mut Vec<u8>,
) -> Result<Locals, Refusal> {
    let mut types = vec![I64, I32];
    types.extend(plan.floats_32.then_some(F32));
    types.extend(plan.floats_64.then_some(F64));
    let mut original = body.get_binary_reader();
    let count = original.read_var_u32()?;
    leb(count.saturating_add(count_of(types.len())?), bytes);
    let mut groups = body.get_locals_reader()?;
    for _ in 0..count {
        groups.read()?;
    }
    let length = groups.original_position().saturating_sub(original.original_position());
    bytes.extend_from_slice(original.read_bytes(length)?);
    for ty in types {
        bytes.extend([1, ty]);
    }
    let gas = function.locals;
    Ok(Locals { gas, number: gas + 1, float_32: gas + 2, float_64: gas + 2 + u32::from(plan.floats_32) })
}

/// The second pass.
struct Writer<'a> {
    context: Context<'a>,
    emitter: Emitter<'a>,
    costs: std::slice::Iter<'a, u64>,
    /// What was charged for the run, and what of it is left behind the present instruction.
    charged: u64,
    left: u64,
    /// The last instruction of the run that can trap is an integer load.
    loaded: bool,
    fences: i32,
    /// On top of the stack lies what may be a NaN that is not canonical yet.
    nan: Option<Width>,
    places: Vec<Place>,
    charges: Vec<(u32, u32)>,
}

impl Writer<'_> {
    /// Stack and gas run out in the outer of two blocks; the inner one is what a branch to the function's own label,
    /// and a return, leave, so that no branch of the module changes.
    fn function(
        &mut self,
        operators: BinaryReader<'_>,
        function: &Function,
        results: &[u8],
        entering: u64,
    ) -> Result<(), Refusal> {
        let frame = i32::try_from(function.frame()).map_err(|_| Refusal::Facts)?;
        self.emitter.raw(&[BLOCK, BLOCK_EMPTY]);
        self.emitter.enter(frame, 0);
        self.emitter.raw(&[BLOCK]);
        self.emitter.raw(results);
        self.begin(1)?;
        self.left = self.left.saturating_sub(entering);
        let mut walk = Walk::default();
        let mut reader = OperatorsReader::new(operators);
        while !reader.eof() {
            let (operator, start) = reader.read_with_offset()?;
            let raw = self.context.bytes.get(start..reader.original_position()).ok_or(Refusal::Facts)?;
            let depth = walk.depth();
            let step = walk.step(&operator)?;
            if step.live {
                self.instruction(&operator, raw, depth)?;
            }
            if step.begins && !reader.eof() {
                self.begin(walk.depth() + 1)?;
            }
        }
        self.emitter.leave(frame);
        self.emitter.raw(&[RETURN, END, UNREACHABLE, END]);
        Ok(())
    }

    /// Charges the run that begins; `out` is the label of the outer block.
    fn begin(&mut self, out: u32) -> Result<(), Refusal> {
        let cost = *self.costs.next().ok_or(Refusal::Facts)?;
        (self.charged, self.left, self.loaded) = (cost, cost, false);
        if cost > 0 {
            let start = count_of(self.emitter.bytes.len())?;
            self.emitter.charge(i64::try_from(cost).map_err(|_| Refusal::Facts)?, out);
            self.charges.push((start, count_of(self.emitter.bytes.len())?));
        }
        Ok(())
    }

    /// Writes an instruction with what stands before and behind it.
    fn instruction(&mut self, operator: &Operator<'_>, raw: &[u8], depth: u32) -> Result<(), Refusal> {
        self.left = self.left.saturating_sub(price(self.context.schedule, operator)?);
        if let Some(width) = self.nan.take().filter(|_| !ignores_nan_bits(operator)) {
            self.emitter.canonical(width);
        }
        if let Some(charged) = Charged::of(operator) {
            let price = charged.price(self.context.schedule);
            if price > 0 {
                let price = i64::try_from(price).map_err(|_| Refusal::Facts)?;
                self.emitter.charge_on_top(charged, price, depth + 1);
            }
        }
        if self.fuses(operator) && self.charged > 0 {
            self.fences += 1;
            self.emitter.fence(self.fences);
        }
        if let Some(kind) = TrapKind::of(operator) {
            let offset = u32::try_from(self.emitter.bytes.len()).map_err(|_| Refusal::Facts)?;
            self.places.push(Place { offset, kind, refund: self.left });
        }
        match operator {
            Operator::Return => self.emitter.branch(depth),
            _ => self.emitter.raw(raw),
        }
        if matches!(operator, Operator::MemoryGrow { .. }) {
            self.emitter.note_growth();
        }
        self.nan = makes_nan(operator);
        Ok(())
    }

    /// Whether an engine could do the integer load before it together with this access to memory: as the load of its
    /// address, or as one instruction that loads, computes and stores. It would report a trap of either at the same
    /// place, and by the same kind.
    fn fuses(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        let class = Class::of(operator);
        if TrapKind::of(operator).is_none() {
            return false;
        }
        let float = matches!(operator, O::F32Load { .. } | O::F64Load { .. });
        let loaded = std::mem::replace(&mut self.loaded, class == Some(Class::Load) && !float);
        loaded && matches!(class, Some(Class::Load | Class::Store))
    }
}
