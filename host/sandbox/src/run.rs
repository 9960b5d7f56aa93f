//! One execution, from the fresh instance to its outcome.

use std::time::Instant;

use dagvault_core::limits::{MODULE_CALL_DEPTH_MAX, MODULE_OUTPUT_BYTES_MAX};
use dagvault_meter::instrument::TrapKind;
use wasmtime::{
    Caller, Extern, Func, Global, Instance, ModuleExport, Store, StoreContextMut, UpdateDeadline, Val,
    WasmBacktrace, WasmParams, WasmResults,
};

use crate::call::{Call, Format, Function};
use crate::guest::{Changes, Guest, Logs, State, range};
use crate::module::{Form, Inner, Module};
use crate::outcome::{Outcome, Refused, Stop, Trap};
use crate::value::says_yes;
use crate::wasi::Wasi;

/// What an execution may use.
pub(crate) struct Budget {
    pub(crate) gas: i64,
    pub(crate) stack: i32,
    pub(crate) until: Instant,
    /// Names of the modules that run, this one the last.
    pub(crate) running: Vec<Vec<u8>>,
    /// What was changed before.
    pub(crate) changes: Changes,
}

/// What it came to.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) output: Vec<u8>,
    pub(crate) changes: Changes,
    pub(crate) logs: Logs,
    pub(crate) gas: u64,
}

/// Why it ended before the module had answered.
enum Fault {
    /// In the guest, or by a function of the host.
    Guest(wasmtime::Error),
    /// The host found it in what the guest handed out.
    Trap(Trap),
    /// The guest had no memory for its input.
    NoMemory,
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Guest(error)
    }
}

impl From<Trap> for Fault {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}

/// Runs a module in a fresh instance.
pub(crate) fn run(module: &Module, call: &Call<'_>, budget: Budget) -> Result<Done, Refused> {
    let inner = &*module.0;
    let entry = Entry::of(inner, call)?;
    let (asked, stack) = (budget.gas, budget.stack);
    let mut store = Store::new(inner.instance.module().engine(), state(inner, call, budget));
    store.epoch_deadline_callback(look_at_the_time);
    store.set_epoch_deadline(1);
    let instance = match inner.instance.instantiate(&mut store) {
        Ok(instance) => instance,
        Err(error) => match error.downcast_ref::<wasmtime::Trap>() {
            // A segment that does not fit.
            Some(trap) => return Ok(done(store, Outcome::Trap(kind(*trap).0), Vec::new(), 0)),
            None => return Err(Refused::System { detail: format!("{error:#}") }),
        },
    };
    let mut guest = Running { inner, store, instance };
    guest.begin(asked, stack)?;
    let answered = guest.stages(&entry, call);
    guest.end(answered, asked)
}

/// What a store begins with.
fn state(inner: &Inner, call: &Call<'_>, budget: Budget) -> State {
    let input = (inner.form == Form::Program).then_some(call.input);
    let wasi = inner.wasi.then(|| Box::new(Wasi::new(input, call.now_ms, call.seed)));
    State {
        memory: None,
        gas: None,
        stack: None,
        prices: inner.prices,
        until: budget.until,
        logs: Logs::default(),
        changes: budget.changes,
        view: call.view.clone(),
        modules: call.modules.clone(),
        running: budget.running,
        wasi,
    }
}

/// Called each millisecond that the guest runs.
fn look_at_the_time(store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    let late = Instant::now() >= store.data().until;
    Ok(if late { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
}

/// What is called, once it is known to be there.
enum Entry {
    Op(i32),
    Named(ModuleExport),
    Program,
}

impl Entry {
    fn of(inner: &Inner, call: &Call<'_>) -> Result<Self, Refused> {
        match (inner.form, call.function) {
            (Form::Abi1, Function::Op(op)) => {
                let count = inner.manifest.as_ref().map_or(1, |manifest| manifest.functions.len());
                if op as usize >= count {
                    return Err(Refused::Function);
                }
                i32::try_from(op).map(Self::Op).map_err(|_| Refused::Function)
            }
            (Form::Named, Function::Named(name)) => {
                inner.named(name).map(Self::Named).ok_or(Refused::Function)
            }
            (Form::Program, Function::Program) => Ok(Self::Program),
            _ => Err(Refused::Function),
        }
    }
}

/// An instance with its store.
struct Running<'m> {
    inner: &'m Inner,
    store: Store<State>,
    instance: Instance,
}

impl Running<'_> {
    /// Sets what the guest has, before any of it runs.
    fn begin(&mut self, gas: i64, stack: i32) -> Result<(), Refused> {
        let exports = &self.inner.exports;
        let (gas_left, stack_left) = (self.global(&exports.gas), self.global(&exports.stack));
        let memory = self.export(&exports.memory).and_then(Extern::into_memory);
        let (Some(gas_left), Some(stack_left)) = (gas_left, stack_left) else { return Err(unmetered()) };
        gas_left.set(&mut self.store, Val::I64(gas)).map_err(|_| unmetered())?;
        stack_left.set(&mut self.store, Val::I32(stack)).map_err(|_| unmetered())?;
        let state = self.store.data_mut();
        (state.gas, state.stack, state.memory) = (Some(gas_left), Some(stack_left), memory);
        Ok(())
    }

    fn export(&mut self, export: &ModuleExport) -> Option<Extern> {
        self.instance.get_module_export(&mut self.store, export)
    }

    fn global(&mut self, export: &ModuleExport) -> Option<Global> {
        self.export(export).and_then(Extern::into_global)
    }

    /// Calls an exported function, whose type was looked at when the module was loaded.
    fn call<P: WasmParams, R: WasmResults>(&mut self, export: &ModuleExport, given: P) -> Result<R, Fault> {
        let function: Func =
            self.export(export).and_then(Extern::into_func).ok_or(Fault::Trap(Trap::Unreachable))?;
        Ok(function.typed::<P, R>(&self.store)?.call(&mut self.store, given)?)
    }

    /// The start function, the initialisation, the function itself.
    fn stages(&mut self, entry: &Entry, call: &Call<'_>) -> Result<(Outcome, Vec<u8>), Fault> {
        let exports = &self.inner.exports;
        for first in [exports.start, exports.initialize].into_iter().flatten() {
            self.call::<(), ()>(&first, ())?;
        }
        match entry {
            Entry::Op(op) => self.abi1(*op, call.input),
            Entry::Named(function) => self.named(function, call.input),
            Entry::Program => self.program(call.format),
        }
    }

    fn abi1(&mut self, op: i32, input: &[u8]) -> Result<(Outcome, Vec<u8>), Fault> {
        let run = self.inner.exports.main.ok_or(Trap::Unreachable)?;
        let (ptr, len) = self.put(input)?;
        let packed: u64 = self.call(&run, (op, ptr, len))?;
        let [ptr, len] = [packed >> 32, packed & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(0));
        let output = self.take(ptr, len)?;
        if let Some(dealloc) = self.inner.exports.dealloc {
            self.call::<(u32, u32), ()>(&dealloc, (ptr, len))?;
        }
        verdict(output, Format::Cbor)
    }

    fn named(&mut self, function: &ModuleExport, input: &[u8]) -> Result<(Outcome, Vec<u8>), Fault> {
        let (ptr, len) = self.put(input)?;
        let answer: u32 = self.call(function, (ptr, len))?;
        let length = self.take(answer, 4)?;
        let len = length.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
        // The length itself is in the memory, so that there is something behind it, or nothing.
        let output = self.take(answer.checked_add(4).ok_or(Trap::Pointer)?, len)?;
        verdict(output, Format::Json)
    }

    fn program(&mut self, format: Format) -> Result<(Outcome, Vec<u8>), Fault> {
        let start = self.inner.exports.main.ok_or(Trap::Unreachable)?;
        match self.call::<(), ()>(&start, ()) {
            Err(Fault::Guest(error)) if error.downcast_ref() == Some(&Stop::Exit) => {}
            ended => ended?,
        }
        let wasi = self.store.data_mut().wasi.as_mut();
        verdict(wasi.map(|wasi| std::mem::take(&mut wasi.output)).unwrap_or_default(), format)
    }

    /// Puts the input into the guest.
    fn put(&mut self, input: &[u8]) -> Result<(u32, u32), Fault> {
        let len = u32::try_from(input.len()).map_err(|_| Trap::Pointer)?;
        let alloc = self.inner.exports.alloc.ok_or(Trap::Unreachable)?;
        let ptr: u32 = self.call(&alloc, len)?;
        if ptr == 0 {
            return Err(Fault::NoMemory);
        }
        let memory = self.store.data().memory.ok_or(Trap::Pointer)?;
        let bytes = memory.data_mut(&mut self.store);
        let at = range(bytes.len(), ptr, len)?;
        bytes[at].copy_from_slice(input);
        Ok((ptr, len))
    }

    /// Copies out of the guest.
    fn take(&mut self, ptr: u32, len: u32) -> Result<Vec<u8>, Trap> {
        if len as usize > MODULE_OUTPUT_BYTES_MAX {
            return Err(Trap::Output);
        }
        let memory = self.store.data().memory.ok_or(Trap::Pointer)?;
        let bytes = memory.data(&self.store);
        Ok(bytes[range(bytes.len(), ptr, len)?].to_vec())
    }

    /// The outcome, and the gas by the table in `docs/gas.md`.
    fn end(mut self, answered: Result<(Outcome, Vec<u8>), Fault>, asked: i64) -> Result<Done, Refused> {
        let left = |global: Option<Global>, store: &mut Store<State>| global.map(|global| global.get(store));
        let gas = left(self.store.data().gas, &mut self.store).and_then(|left| left.i64());
        let stack = left(self.store.data().stack, &mut self.store).and_then(|left| left.i32());
        let full = self.global(&self.inner.exports.full);
        let full = left(full, &mut self.store).and_then(|full| full.i32());
        let (Some(gas), Some(stack), Some(full)) = (gas, stack, full) else { return Err(unmetered()) };
        let (outcome, output, left) = match answered {
            Ok((outcome, output)) => (outcome, output, gas),
            Err(fault) => {
                let (outcome, left) = self.fault(&fault, gas, stack < 0, full != 0);
                (outcome, Vec::new(), left)
            }
        };
        // The gas may have been out before it ended in another way.
        let (outcome, output) = match outcome {
            Outcome::Timeout => (outcome, output),
            _ if left < 0 => (Outcome::OutOfGas, Vec::new()),
            _ => (outcome, output),
        };
        let used = asked.saturating_sub(left.max(0)).cast_unsigned();
        if let Some(line) = self.store.data_mut().wasi.as_mut().and_then(|wasi| wasi.last_line()) {
            self.store.data_mut().logs.line(crate::wasi::LEVEL, &line);
        }
        Ok(done(self.store, outcome, output, used))
    }

    /// The outcome of a fault, and the gas that was left where `dv:gas` says this; negative: it was out.
    fn fault(&self, fault: &Fault, gas: i64, no_stack: bool, full: bool) -> (Outcome, i64) {
        let of = |trap| if full { Outcome::MemoryLimit } else { Outcome::Trap(trap) };
        let error = match fault {
            Fault::NoMemory => return (Outcome::MemoryLimit, gas),
            Fault::Trap(trap) => return (Outcome::Trap(*trap), gas),
            Fault::Guest(error) => error,
        };
        match error.downcast_ref::<Stop>() {
            Some(Stop::Timeout) => return (Outcome::Timeout, gas),
            Some(Stop::OutOfGas) => return (Outcome::OutOfGas, -1),
            Some(Stop::Trap(trap)) => return (of(*trap), gas),
            Some(Stop::Exit) => return (Outcome::Trap(Trap::Exit), gas),
            None => {}
        }
        let Some(trap) = error.downcast_ref::<wasmtime::Trap>() else {
            return (Outcome::Trap(Trap::Unreachable), gas);
        };
        if *trap == wasmtime::Trap::Interrupt {
            return (Outcome::Timeout, gas);
        }
        // Before the place of the trap is asked for: the metered module traps itself then.
        if gas < 0 {
            return (Outcome::OutOfGas, gas);
        }
        if no_stack || *trap == wasmtime::Trap::StackOverflow {
            return (Outcome::Trap(Trap::StackExhausted), gas);
        }
        let (named, place) = kind(*trap);
        (of(named), place.map_or(gas, |kind| self.left(error, kind, gas)))
    }

    /// What was really left at the place of a trap.
    fn left(&self, error: &wasmtime::Error, kind: TrapKind, gas: i64) -> i64 {
        let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default();
        let place = frames.first().and_then(|frame| u32::try_from(frame.module_offset()?).ok());
        let left = |place| self.inner.refunds.left(gas, place, kind).map_or(-1, u64::cast_signed);
        place.map_or(gas, left)
    }
}

fn unmetered() -> Refused {
    Refused::System { detail: "the module is not metered".into() }
}

fn done(store: Store<State>, outcome: Outcome, output: Vec<u8>, gas: u64) -> Done {
    let state = store.into_data();
    Done { outcome, output, changes: state.changes, logs: state.logs, gas }
}

/// Our name of a trap, and what gas is given back by.
fn kind(trap: wasmtime::Trap) -> (Trap, Option<TrapKind>) {
    use wasmtime::Trap as T;
    match trap {
        T::MemoryOutOfBounds | T::HeapMisaligned => (Trap::MemoryOutOfBounds, Some(TrapKind::Memory)),
        T::TableOutOfBounds => (Trap::TableOutOfBounds, Some(TrapKind::Table)),
        T::IndirectCallToNull => (Trap::IndirectCallToNull, Some(TrapKind::Table)),
        T::BadSignature => (Trap::BadSignature, Some(TrapKind::Table)),
        T::IntegerOverflow => (Trap::IntegerOverflow, Some(TrapKind::Number)),
        T::IntegerDivisionByZero => (Trap::IntegerDivisionByZero, Some(TrapKind::Number)),
        T::BadConversionToInteger => (Trap::BadConversionToInteger, Some(TrapKind::Number)),
        T::UnreachableCodeReached => (Trap::Unreachable, Some(TrapKind::Unreachable)),
        // Of features that are not admitted.
        _ => (Trap::Unreachable, None),
    }
}

/// Yes or no, by what the module answered.
fn verdict(output: Vec<u8>, format: Format) -> Result<(Outcome, Vec<u8>), Fault> {
    let ok = says_yes(&output, format).ok_or(Trap::Output)?;
    Ok((if ok { Outcome::Ok } else { Outcome::Reject }, output))
}

/// What a module that was called by another came to.
pub(crate) enum Nested {
    Answer(Vec<u8>),
    Rejected,
    Failed,
    NotAllowed,
}

/// Runs a module within the execution of another one.
pub(crate) fn nested(
    caller: &mut Caller<'_, State>,
    name: Vec<u8>,
    op: i32,
    input: &[u8],
) -> Result<Nested, Stop> {
    let state = caller.data();
    if state.running.len() >= MODULE_CALL_DEPTH_MAX as usize || state.running.contains(&name) {
        return Ok(Nested::NotAllowed);
    }
    let module = state.modules.as_ref().and_then(|modules| modules.module(&name));
    let (Some(module), Ok(op)) = (module, u32::try_from(op)) else { return Ok(Nested::NotAllowed) };
    let (Some(gas_left), Some(stack_left)) = (state.gas, state.stack) else { return Ok(Nested::NotAllowed) };
    let mut call = Call::new(Function::Op(op), input);
    (call.view, call.modules) = (state.view.clone(), state.modules.clone());
    let mut running = state.running.clone();
    running.push(name);
    let (until, changes) = (state.until, state.changes.clone());
    let gas = gas_left.get(&mut *caller).i64().unwrap_or(0);
    let stack = stack_left.get(&mut *caller).i32().unwrap_or(0);
    let budget = Budget { gas, stack, until, running, changes };
    let done = match run(&module, &call, budget) {
        Ok(done) => done,
        Err(Refused::Function) => return Ok(Nested::NotAllowed),
        // It is no fault of the module's, and not the same everywhere: nothing may be made of it.
        Err(_) => return Err(Stop::Timeout),
    };
    caller.data_mut().logs.append(done.logs);
    Guest(caller).charge(done.gas)?;
    match done.outcome {
        Outcome::Ok => {
            caller.data_mut().changes = done.changes;
            Ok(Nested::Answer(done.output))
        }
        Outcome::Reject => Ok(Nested::Rejected),
        Outcome::Timeout => Err(Stop::Timeout),
        Outcome::Trap(_) | Outcome::OutOfGas | Outcome::MemoryLimit => Ok(Nested::Failed),
    }
}
