//! Runs metered modules in Wasmtime and says how they ended.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod reference;
pub(crate) mod smith;

use std::cell::Cell;

use dagvault_meter::admit::{Limits, admit};
use dagvault_meter::instrument::{FULL, GAS, Metered, STACK, START, TrapKind, instrument};
use dagvault_meter::profile::{Import, Imports};
use dagvault_meter::schedule::Schedule;
use wasmparser::ValType;
use wasmtime::{Caller, Engine, Extern, Instance, Linker, Module, Store, Trap, Val, WasmBacktrace};

/// How an execution ended.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Ending {
    Return(Vec<String>),
    Trap(Trap),
    /// The host function failed.
    Host,
    OutOfGas,
    StackExhausted,
}

/// What is seen of an execution.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    pub(crate) gas: i64,
}

pub(crate) const STACK_BYTES: i32 = 64 << 10;
pub(crate) const PLENTY: i64 = 1 << 50;

/// What the tests' modules may import.
pub(crate) fn imports() -> Imports {
    let import =
        |name: &str, params, results| Import { module: "env".into(), name: name.into(), params, results };
    Imports(vec![
        import("next", vec![ValType::I32], vec![ValType::I32]),
        import("work", vec![ValType::I64], vec![]),
    ])
}

/// Admits and meters a text.
pub(crate) fn metered(text: &str) -> Metered {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let facts = admit(&bytes, &Limits { imports: imports(), ..Limits::default() })
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    instrument(&bytes, &facts, &Schedule::first()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A metered module with its engine.
pub(crate) struct Machine<'a> {
    metered: &'a Metered,
    module: Module,
    /// What the last run says of its last `memory.grow`: 1 if it was refused.
    pub(crate) full: Cell<i32>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(engine: &Engine, metered: &'a Metered) -> Self {
        let module = Module::new(engine, &metered.bytes).unwrap_or_else(|error| panic!("metered: {error:?}"));
        Self { metered, module, full: Cell::new(0) }
    }

    /// Instantiates, runs the start function, then the export; both with the same gas.
    pub(crate) fn run(&self, export: &str, args: &[Val], gas: i64, stack: i32) -> Outcome {
        self.try_run(export, args, gas, stack).unwrap()
    }

    /// The same; `None` when the module's segments don't fit.
    pub(crate) fn try_run(&self, export: &str, args: &[Val], gas: i64, stack: i32) -> Option<Outcome> {
        let mut store = Store::new(self.module.engine(), ());
        let mut linker = Linker::new(self.module.engine());
        linker
            .func_wrap("env", "next", |number: i32| {
                if number < 0 { Err(wasmtime::Error::msg("negative")) } else { Ok(number + 1) }
            })
            .unwrap();
        linker
            .func_wrap("env", "work", |mut caller: Caller<'_, ()>, cost: i64| {
                let Some(Extern::Global(gas)) = caller.get_export(GAS) else { panic!("no gas") };
                let left = gas.get(&mut caller).unwrap_i64() - cost;
                gas.set(&mut caller, Val::I64(left.max(-1))).unwrap();
                if left < 0 { Err(wasmtime::Error::msg("out of gas")) } else { Ok(()) }
            })
            .unwrap();
        let instance = linker.instantiate(&mut store, &self.module).ok()?;
        instance.get_global(&mut store, GAS).unwrap().set(&mut store, Val::I64(gas)).unwrap();
        instance.get_global(&mut store, STACK).unwrap().set(&mut store, Val::I32(stack)).unwrap();
        if instance.get_func(&mut store, START).is_some() {
            let outcome = self.call(&mut store, instance, START, &[], gas);
            if !matches!(outcome.ending, Ending::Return(_)) {
                return Some(outcome);
            }
        }
        Some(self.call(&mut store, instance, export, args, gas))
    }

    fn call(
        &self,
        store: &mut Store<()>,
        instance: Instance,
        export: &str,
        args: &[Val],
        gas: i64,
    ) -> Outcome {
        let function = instance.get_func(&mut *store, export).unwrap_or_else(|| panic!("no {export}"));
        let mut results = vec![Val::I32(0); function.ty(&*store).results().len()];
        let ended = function.call(&mut *store, args, &mut results);
        let left = instance.get_global(&mut *store, GAS).unwrap().get(&mut *store).unwrap_i64();
        let stack = instance.get_global(&mut *store, STACK).unwrap().get(&mut *store).unwrap_i32();
        self.full.set(instance.get_global(&mut *store, FULL).unwrap().get(&mut *store).unwrap_i32());
        let used = gas - left;
        if left < 0 {
            return Outcome { ending: Ending::OutOfGas, gas };
        }
        let Err(error) = ended else {
            let results = results.iter().map(shown).collect();
            return Outcome { ending: Ending::Return(results), gas: used };
        };
        if stack < 0 {
            return Outcome { ending: Ending::StackExhausted, gas: used };
        }
        let Some(trap) = error.downcast_ref::<Trap>() else {
            return Outcome { ending: Ending::Host, gas: used };
        };
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        let place = backtrace.frames()[0].module_offset().unwrap();
        match self.metered.refunds.left(left, u32::try_from(place).unwrap(), kind(*trap)) {
            Some(left) => Outcome { ending: Ending::Trap(*trap), gas: gas - i64::try_from(left).unwrap() },
            None => Outcome { ending: Ending::OutOfGas, gas },
        }
    }
}

/// The bits of a value; that a reference is one.
pub(crate) fn shown(value: &Val) -> String {
    match value {
        Val::FuncRef(function) => format!("func {}", function.is_some()),
        Val::ExternRef(reference) => format!("extern {}", reference.is_some()),
        value => format!("{value:?}"),
    }
}

/// The kind that a trap of Wasmtime is of.
pub(crate) fn kind(trap: Trap) -> TrapKind {
    match trap {
        Trap::MemoryOutOfBounds => TrapKind::Memory,
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => TrapKind::Table,
        Trap::IntegerOverflow | Trap::IntegerDivisionByZero | Trap::BadConversionToInteger => {
            TrapKind::Number
        }
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        other => panic!("{other:?} is no trap of a metered module"),
    }
}

/// Admits, meters and runs a text.
pub(crate) fn run(text: &str, export: &str, args: &[Val], gas: i64, stack: i32) -> Outcome {
    let metered = metered(text);
    Machine::new(&Engine::default(), &metered).run(export, args, gas, stack)
}
