//! The same module in Wasmtime and in the reference, step by step.

use dagvault_meter::reference::{Ending, Error, Machine, PAGE_BYTES, Trap, Value};
use wasmtime::{
    Config, Engine, Extern, ExternRef, Func, FuncType, Instance, Linker, Module, OptLevel, Ref, Store,
    StoreLimits, StoreLimitsBuilder, Val,
};

use super::{Env, LIMITS, Table, mix, split};

/// Gas for one call: it bounds how long a call takes.
pub(super) const GAS: u64 = 200_000;

/// Stack for one call, so that Wasmtime's own never ends first.
const STACK: u64 = 64 << 10;

/// Wasmtime's own count, so that what ended in the reference ends there, too.
const FUEL: u64 = 100_000_000;

/// What came of comparing a module.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Compared {
    /// Calls that returned in both.
    pub(super) returns: u32,
    /// Calls, start functions and instantiations that trapped in both.
    pub(super) traps: u32,
    /// Calls and start functions that ran out of gas, stack or steps in the reference: Wasmtime counts none of these
    /// so, and they are not compared.
    pub(super) stopped: u32,
}

/// An instance of a module in both.
struct Pair<'a> {
    machine: Machine<'a, Env>,
    store: Store<StoreLimits>,
    instance: Instance,
}

/// Runs the start function and then the exports in both, and compares what returns, what traps, and what is left.
pub(super) fn agrees(bytes: &[u8], calls: &[(&str, &[Value])]) -> Compared {
    let mut compared = Compared::default();
    let engine = engine();
    let module = Module::new(&engine, bytes).expect("a module for Wasmtime");
    let Some(mut pair) = instantiate(bytes, &engine, &module, &mut compared) else {
        return compared;
    };
    for (name, arguments) in calls {
        if !agree_in_call(&mut pair, name, arguments, &mut compared) {
            // What the reference left half done, Wasmtime has not begun: the next call gets new instances.
            pair = instantiate(bytes, &engine, &module, &mut compared).expect("as before");
        }
    }
    compared
}

/// Instances with the same state; none if there is none in either, or the start function can't be compared.
fn instantiate<'a>(
    bytes: &'a [u8],
    engine: &Engine,
    module: &Module,
    compared: &mut Compared,
) -> Option<Pair<'a>> {
    let linker = linker(engine);
    let limits = StoreLimitsBuilder::new()
        .memory_size(LIMITS.memory_pages as usize * PAGE_BYTES)
        .table_elements(LIMITS.table_elements as usize)
        .build();
    let mut store = Store::new(engine, limits);
    store.limiter(|limits| limits);
    // The reference ended before: Wasmtime must, too.
    store.set_fuel(FUEL).expect("fuel is counted");
    let started = match Machine::new(bytes, &Table, LIMITS, Env) {
        Ok(mut machine) => machine
            .start(GAS, STACK)
            .map_or(Ok(Vec::new()), |outcome| match outcome.ending {
                Ending::Return(values) => Ok(values),
                other => Err(other),
            })
            .map(|_| machine),
        Err(Error::Instantiation(trap)) => Err(Ending::Trap(trap)),
        Err(error) => panic!("{error}"),
    };
    match started {
        Ok(machine) => {
            let instance = linker.instantiate(&mut store, module).expect("an instance");
            let mut pair = Pair { machine, store, instance };
            same_state(&mut pair);
            Some(pair)
        }
        Err(Ending::Trap(trap)) => {
            let error = linker.instantiate(&mut store, module).expect_err("it traps here");
            assert_eq!(trap, kind(&error));
            compared.traps += 1;
            None
        }
        Err(_) => {
            compared.stopped += 1;
            None
        }
    }
}

/// Compares one call; whether the reference came to its end.
fn agree_in_call(pair: &mut Pair<'_>, name: &str, arguments: &[Value], compared: &mut Compared) -> bool {
    let ending = pair.machine.call(name, arguments, GAS, STACK).expect("a call").ending;
    if !matches!(ending, Ending::Return(_) | Ending::Trap(_)) {
        compared.stopped += 1;
        return false;
    }
    let function = pair.instance.get_func(&mut pair.store, name).expect("the export");
    pair.store.set_fuel(FUEL).expect("fuel is counted");
    match (ending, wasmtime_call(&mut pair.store, &function, arguments)) {
        (Ending::Return(ours), Ok(theirs)) => {
            compared.returns += 1;
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                same(&pair.store, *ours, theirs, name);
            }
        }
        (Ending::Trap(ours), Err(theirs)) => {
            compared.traps += 1;
            assert_eq!(ours, kind(&theirs), "{name}: {theirs:?}");
        }
        (ours, theirs) => panic!("{name}: {ours:?} here, {theirs:?} in Wasmtime"),
    }
    same_state(pair);
    true
}

fn engine() -> Engine {
    let mut config = Config::new();
    config.cranelift_nan_canonicalization(true).cranelift_opt_level(OptLevel::None).consume_fuel(true);
    // No memory is reserved that many instances at once would miss.
    config.memory_reservation(1 << 20);
    Engine::new(&config).expect("a configuration for this machine")
}

/// What the host of the reference answers, for Wasmtime.
fn linker(engine: &Engine) -> Linker<StoreLimits> {
    const ONCE: &str = "defined once";
    let mut linker = Linker::new(engine);
    linker.func_wrap("env", "nothing", || {}).expect(ONCE);
    linker.func_wrap("env", "mix", mix).expect(ONCE);
    linker
        .func_wrap("env", "split", |float: f64| {
            let (low, high) = split(float.to_bits());
            (f32::from_bits(low), high)
        })
        .expect(ONCE);
    let nothing = FuncType::new(engine, [], []);
    let refuse =
        |_: wasmtime::Caller<'_, StoreLimits>, _: &[Val], _: &mut [Val]| Err(wasmtime::Error::msg("refused"));
    linker.func_new("env", "refused", nothing, refuse).expect(ONCE);
    linker
}

fn wasmtime_call(
    store: &mut Store<StoreLimits>,
    function: &Func,
    arguments: &[Value],
) -> wasmtime::Result<Vec<Val>> {
    let arguments: Vec<Val> = arguments.iter().map(|value| theirs(store, *value)).collect();
    let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
    function.call(&mut *store, &arguments, &mut results)?;
    Ok(results)
}

fn theirs(store: &mut Store<StoreLimits>, value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::FuncRef(None) => Val::FuncRef(None),
        Value::FuncRef(Some(_)) => panic!("functions are no arguments of these tests"),
        Value::ExternRef(None) => Val::ExternRef(None),
        Value::ExternRef(Some(number)) => Val::ExternRef(Some(ExternRef::new(store, number).expect("room"))),
    }
}

/// Functions are compared by whether they are null: Wasmtime tells no index.
fn same(store: &Store<StoreLimits>, ours: Value, theirs: &Val, place: &str) {
    let same = match (ours, theirs) {
        (Value::I32(ours), Val::I32(theirs)) => ours == *theirs,
        (Value::I64(ours), Val::I64(theirs)) => ours == *theirs,
        (Value::F32(ours), Val::F32(theirs)) => ours == *theirs,
        (Value::F64(ours), Val::F64(theirs)) => ours == *theirs,
        (Value::FuncRef(ours), Val::FuncRef(theirs)) => ours.is_some() == theirs.is_some(),
        (Value::ExternRef(None), Val::ExternRef(None)) => true,
        (Value::ExternRef(Some(ours)), Val::ExternRef(Some(theirs))) => {
            let theirs = theirs.data(store).expect("is rooted").and_then(|data| data.downcast_ref::<u32>());
            theirs == Some(&ours)
        }
        _ => false,
    };
    assert!(same, "{place}: {ours:x?} here, {theirs:x?} in Wasmtime");
}

fn same_state(pair: &mut Pair<'_>) {
    let Pair { machine, store, instance } = pair;
    let exports: Vec<(String, Extern)> = instance
        .exports(&mut *store)
        .map(|export| (export.name().to_owned(), export.into_extern()))
        .collect();
    for (name, export) in exports {
        match export {
            Extern::Global(global) => {
                let theirs = global.get(&mut *store);
                same(store, machine.global(&name).expect("the same exports"), &theirs, &name);
            }
            Extern::Memory(memory) => {
                assert!(memory.data(&*store) == machine.memory(), "the memories differ");
            }
            Extern::Table(table) => {
                let ours = machine.table(&name).expect("the same exports");
                assert_eq!(table.size(&*store), ours.len() as u64);
                for (index, ours) in ours.iter().enumerate() {
                    let theirs = match table.get(&mut *store, index as u64).expect("as many elements") {
                        Ref::Func(function) => Val::FuncRef(function),
                        Ref::Extern(reference) => Val::ExternRef(reference),
                        other => panic!("{other:?} in a table"),
                    };
                    same(store, *ours, &theirs, &name);
                }
            }
            _ => {}
        }
    }
}

fn kind(error: &wasmtime::Error) -> Trap {
    use wasmtime::Trap as T;
    match error.downcast_ref::<T>() {
        Some(T::UnreachableCodeReached) => Trap::Unreachable,
        Some(T::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(T::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(T::IndirectCallToNull) => Trap::IndirectCallToNull,
        Some(T::BadSignature) => Trap::BadSignature,
        Some(T::IntegerOverflow) => Trap::IntegerOverflow,
        Some(T::IntegerDivisionByZero) => Trap::IntegerDivisionByZero,
        Some(T::BadConversionToInteger) => Trap::BadConversionToInteger,
        Some(other) => panic!("Wasmtime trapped by {other:?}"),
        None => Trap::Host,
    }
}

/// Arguments for the exported functions of a module, of many kinds of bits.
pub(super) fn arguments(
    machine: &Machine<'_, Env>,
    mut word: impl FnMut() -> u64,
) -> Vec<(String, Vec<Value>)> {
    let value = |of: &wasmparser::ValType, word: u64| {
        let low = u32::try_from(word & 0xffff_ffff).expect("32 bits");
        let small = i32::try_from(word >> 60).expect("4 bits") - 2;
        match of {
            wasmparser::ValType::I32 if word.is_multiple_of(3) => Value::I32(small),
            wasmparser::ValType::I32 => Value::I32(low.cast_signed()),
            wasmparser::ValType::I64 if word.is_multiple_of(3) => Value::I64(i64::from(small)),
            wasmparser::ValType::I64 => Value::I64(word.cast_signed()),
            wasmparser::ValType::F32 if word.is_multiple_of(3) => Value::F32((small as f32).to_bits()),
            wasmparser::ValType::F32 if word % 3 == 1 => Value::F32(low | 0x7f80_0000),
            wasmparser::ValType::F32 => Value::F32(low),
            wasmparser::ValType::F64 if word.is_multiple_of(3) => Value::F64(f64::from(small).to_bits()),
            wasmparser::ValType::F64 if word % 3 == 1 => Value::F64(word | 0x7ff0_0000_0000_0000),
            wasmparser::ValType::F64 => Value::F64(word),
            wasmparser::ValType::Ref(wasmparser::RefType::EXTERNREF) => {
                Value::ExternRef((word.is_multiple_of(2)).then_some(low))
            }
            _ => Value::FuncRef(None),
        }
    };
    machine
        .functions()
        .map(|(name, of)| (name.to_owned(), of.params().iter().map(|of| value(of, word())).collect()))
        .collect()
}
