//! One function, metered.

use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

use super::count_of;
use super::emit::{Emitter, Globals, Locals, Width, leb};
use super::floats::Floats;
use super::labels::{Kind, Labels};
use super::prices::{Charged, price, signed};
use super::refunds::{Place, TrapKind, memory_offset};
use crate::admit::{Function, Refusal, Signature};
use crate::reach::Reach;
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
    /// How many functions are imported: those of lower indices.
    pub(super) imported: u32,
    /// The most that the memory may have, bytes.
    pub(super) memory_bytes_max: u64,
}

/// A metered body, and its instructions that can trap: their offsets are those in the body.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<Place>,
}

/// Meters a body. `results` is the type of a block that leaves what the function does, as it stands in the bytes;
/// `shallow`: it takes nothing from the stack.
pub(super) fn meter(
    context: Context<'_>,
    body: &FunctionBody<'_>,
    function: &Function,
    signature: &Signature,
    results: &[u8],
    shallow: bool,
) -> Result<Body, Refusal> {
    let operators = body.get_binary_reader_for_operators()?;
    let mut bytes = Vec::with_capacity(body.range().len().saturating_mul(2));
    let params = count_of(signature.params.len())?;
    let floats = Floats::read(&operators, params, function.locals)?;
    let locals = declare(body, function, &floats, &mut bytes)?;
    let emitter = Emitter { bytes: &mut bytes, globals: context.globals, locals };
    let labels = Labels::read(operators.clone())?;
    let mut pending = vec![None; labels.count()];
    // What leaves a function has been charged.
    pending[0] = Some(0);
    let mut writer = Writer {
        context,
        emitter,
        dirty: vec![false; labels.count()],
        labels,
        pending,
        open: Vec::new(),
        opened: 1,
        reach: Reach::default(),
        now: State { pending: signed(context.schedule.entering(function.locals))?, dirty: false },
        loaded: false,
        fences: 0,
        floats,
        number: 0,
        places: Vec::new(),
    };
    writer.function(operators, function, results, shallow)?;
    let places = writer.places;
    Ok(Body { bytes, places })
}

/// Writes the function's locals and those that are appended.
fn declare(
    body: &FunctionBody<'_>,
    function: &Function,
    floats: &Floats,
    bytes: &mut Vec<u8>,
) -> Result<Locals, Refusal> {
    let (floats_32, floats_64) = (floats.any(Width::F32), floats.any(Width::F64));
    let mut types = vec![I64, I32];
    types.extend(floats_32.then_some(F32));
    types.extend(floats_64.then_some(F64));
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
    Ok(Locals { gas, number: gas + 1, float_32: gas + 2, float_64: gas + 2 + u32::from(floats_32) })
}

/// What is known of the counter at a place.
#[derive(Clone, Copy)]
struct State {
    /// What was executed and is not charged; charged and not executed, if it is negative.
    pending: i64,
    /// The global may not have what the local has.
    dirty: bool,
}

/// A block that is open.
struct Open {
    label: usize,
    /// Behind its `if`, for the `else`.
    begin: State,
}

/// The second pass. The counter is kept in a local, and in the global wherever something may look at it: before what
/// can trap, calls, and at the end. What was executed is not charged at once: the amount is known at every place, and
/// made the same for all that arrive at a label.
struct Writer<'a> {
    context: Context<'a>,
    emitter: Emitter<'a>,
    labels: Labels,
    /// What is pending at the labels of a class, once it is known.
    pending: Vec<Option<i64>>,
    /// Whether someone arrives at a label with the global behind.
    dirty: Vec<bool>,
    open: Vec<Open>,
    /// How many labels have been opened.
    opened: usize,
    reach: Reach,
    now: State,
    /// The last instruction that can trap is an integer load, and nothing stands between that keeps it apart.
    loaded: bool,
    fences: i32,
    floats: Floats,
    /// How many instructions were written.
    number: usize,
    places: Vec<Place>,
}

impl Writer<'_> {
    /// Stack and gas run out in the outer of the blocks; the inner one is what a branch to the function's own label,
    /// and a return, leave, so that no branch of the module changes.
    fn function(
        &mut self,
        operators: BinaryReader<'_>,
        function: &Function,
        results: &[u8],
        shallow: bool,
    ) -> Result<(), Refusal> {
        let frame = i32::try_from(function.frame()).map_err(|_| Refusal::Facts)?;
        self.emitter.raw(&[BLOCK, BLOCK_EMPTY, BLOCK, BLOCK_EMPTY]);
        self.emitter.reload();
        self.emitter.check(0, 0);
        if !shallow {
            self.emitter.enter(frame, 1);
        }
        self.emitter.raw(&[BLOCK]);
        self.emitter.raw(results);
        let mut reader = OperatorsReader::new(operators);
        while !reader.eof() {
            let (operator, start) = reader.read_with_offset()?;
            let raw = self.context.bytes.get(start..reader.original_position()).ok_or(Refusal::Facts)?;
            let dead = self.reach.is_dead();
            if self.reach.step(&operator) {
                self.instruction(&operator, raw, dead)?;
            }
        }
        if self.now.dirty {
            self.emitter.store();
        }
        if !shallow {
            self.emitter.leave(frame);
        }
        self.emitter.raw(&[RETURN, END]);
        self.emitter.run_out();
        self.emitter.raw(&[END, UNREACHABLE, END]);
        Ok(())
    }

    /// Open blocks, without the function's own.
    fn depth(&self) -> Result<u32, Refusal> {
        count_of(self.open.len())
    }

    /// The label that a branch names.
    fn target(&self, relative_depth: u32) -> usize {
        self.open.iter().nth_back(relative_depth as usize).map_or(0, |open| open.label)
    }

    /// Charges, or gives back, until so much is pending.
    fn settle(&mut self, pending: i64) {
        let cost = self.now.pending.saturating_sub(pending);
        if cost != 0 {
            self.emitter.charge(cost);
            self.now = State { pending, dirty: true };
        }
    }

    /// Brings the global up to date.
    fn publish(&mut self) {
        if self.now.dirty {
            self.emitter.store();
            self.now.dirty = false;
        }
    }

    /// Control goes from here to a label: the first that does says what is pending there.
    fn arrive(&mut self, label: usize) {
        let class = self.labels.class(label);
        let pending = *self.pending[class].get_or_insert(self.now.pending);
        self.settle(pending);
        self.dirty[label] |= self.now.dirty;
    }

    /// Writes an instruction with what stands before and behind it; `dead`: no control comes from the one before.
    fn instruction(&mut self, operator: &Operator<'_>, raw: &[u8], dead: bool) -> Result<(), Refusal> {
        self.now.pending = self.now.pending.saturating_add(price(self.context.schedule, operator)?);
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => self.begin(raw)?,
            Operator::Else => self.otherwise(raw, dead)?,
            Operator::End => self.end(raw, dead)?,
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.arrive(self.target(*relative_depth));
                self.emitter.raw(raw);
                self.loaded = false;
            }
            Operator::BrTable { targets } => {
                self.arrive(self.target(targets.default()));
                for target in targets.targets() {
                    self.arrive(self.target(target?));
                }
                self.emitter.raw(raw);
            }
            Operator::Return => {
                self.arrive(0);
                self.emitter.branch(self.depth()?);
            }
            Operator::Call { .. } | Operator::CallIndirect { .. } => self.call(operator, raw)?,
            _ => self.plain(operator, raw)?,
        }
        if let Some(width) = self.floats.at(self.number) {
            self.emitter.canonical(width);
        }
        self.number += 1;
        Ok(())
    }

    /// `block`, `loop`, `if`.
    fn begin(&mut self, raw: &[u8]) -> Result<(), Refusal> {
        let at = self.opened;
        self.opened += 1;
        let label = self.labels.get(at)?;
        // A loop's label is its beginning; the end of an `if` without `else` is arrived at from here.
        if label.kind == Kind::If || (label.kind == Kind::Loop && label.named) {
            self.arrive(at);
        }
        self.emitter.raw(raw);
        self.open.push(Open { label: at, begin: self.now });
        if label.kind == Kind::Loop && label.named {
            let out = self.depth()? + 1;
            self.emitter.check(self.now.pending, out);
            // From behind, control may come with anything.
            self.now.dirty = true;
        }
        self.loaded &= label.kind == Kind::Block;
        Ok(())
    }

    fn otherwise(&mut self, raw: &[u8], dead: bool) -> Result<(), Refusal> {
        let (label, begin) = self.open.last().map(|open| (open.label, open.begin)).ok_or(Refusal::Facts)?;
        if !dead {
            self.arrive(label);
        }
        self.now = begin;
        self.emitter.raw(raw);
        self.loaded = false;
        Ok(())
    }

    fn end(&mut self, raw: &[u8], dead: bool) -> Result<(), Refusal> {
        let at = self.open.pop().map_or(0, |open| open.label);
        let label = self.labels.get(at)?;
        // Whether control arrives at its end from elsewhere.
        let joins = match label.kind {
            Kind::Block => label.named,
            Kind::If | Kind::IfElse => true,
            Kind::Loop => false,
        };
        if joins {
            if !dead {
                self.arrive(at);
            }
            let class = self.labels.class(at);
            self.now = State { pending: self.pending[class].unwrap_or(0), dirty: self.dirty[at] };
            self.loaded = false;
        }
        self.emitter.raw(raw);
        Ok(())
    }

    /// Who is called finds the counter in the global, and leaves it there. A host function finds out what is left.
    fn call(&mut self, operator: &Operator<'_>, raw: &[u8]) -> Result<(), Refusal> {
        self.settle(0);
        let may_leave = match operator {
            Operator::Call { function_index } => *function_index < self.context.imported,
            _ => self.context.imported > 0,
        };
        if may_leave {
            self.emitter.check(0, self.depth()? + 1);
        }
        self.publish();
        self.place(operator)?;
        self.emitter.raw(raw);
        self.emitter.reload();
        self.loaded = false;
        Ok(())
    }

    /// What is no control.
    fn plain(&mut self, operator: &Operator<'_>, raw: &[u8]) -> Result<(), Refusal> {
        if let Some(charged) = Charged::of(operator) {
            self.settle(0);
            let price = charged.price(self.context.schedule);
            if price > 0 {
                self.emitter.charge_on_top(charged, signed(price)?, self.depth()? + 1);
                self.now.dirty = true;
            }
        }
        if TrapKind::of(operator).is_some() {
            self.before_trap(operator);
            self.place(operator)?;
        }
        self.emitter.raw(raw);
        if matches!(operator, Operator::MemoryGrow { .. }) {
            self.emitter.note_growth();
        }
        Ok(())
    }

    /// Brings the global up to date before what can trap, and keeps it apart from a load before it.
    fn before_trap(&mut self, operator: &Operator<'_>) {
        self.publish();
        // Engines make a branch to what can only trap a trap of the branch: not if there is a store before.
        if self.fuses(operator) | self.only_traps(operator) {
            self.fences += 1;
            self.emitter.fence(self.fences);
        }
    }

    /// Notes how an instruction can trap.
    fn place(&mut self, operator: &Operator<'_>) -> Result<(), Refusal> {
        if let Some(kind) = TrapKind::of(operator) {
            let offset = count_of(self.emitter.bytes.len())?;
            self.places.push(Place { offset, kind, refund: self.now.pending.saturating_neg() });
        }
        Ok(())
    }

    /// Whether it traps whatever it is given, as an engine can see.
    fn only_traps(&self, operator: &Operator<'_>) -> bool {
        if matches!(operator, Operator::Unreachable) {
            return true;
        }
        // The longest access is one of 8 bytes.
        memory_offset(operator).is_some_and(|offset| offset.saturating_add(8) > self.context.memory_bytes_max)
    }

    /// Whether an engine could do the integer load before it together with this access to memory: as the load of its
    /// address, or as one instruction that loads, computes and stores. It would report a trap of either at the same
    /// place, and by the same kind.
    fn fuses(&mut self, operator: &Operator<'_>) -> bool {
        use Operator as O;
        let class = Class::of(operator);
        let float = matches!(operator, O::F32Load { .. } | O::F64Load { .. });
        let loaded = std::mem::replace(&mut self.loaded, class == Some(Class::Load) && !float);
        loaded && matches!(class, Some(Class::Load | Class::Store))
    }
}
