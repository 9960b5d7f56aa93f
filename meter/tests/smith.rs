//! Random modules do what they did before they were metered, and their gas is exact to one.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

mod support;

use dagvault_meter::admit::{Facts, Limits, admit};
use dagvault_meter::instrument::instrument;
use dagvault_meter::schedule::Schedule;
use support::smith::{module, random};
use support::{Ending, Machine, STACK_BYTES, shown};
use wasmparser::ExternalKind;
use wasmtime::{Engine, Instance, Module, Store, StoreLimits, StoreLimitsBuilder, Trap, Val, ValType};

const MODULES: u64 = 300;
const GAS: i64 = 1_000_000;
/// Instructions of Wasmtime's counting, more than the gas can pay for.
const FUEL: u64 = 4_000_000;

/// The module as it is: an export's results or trap, `None` when Wasmtime's own fuel or stack was out.
fn plain(engine: &Engine, bytes: &[u8], export: &str, args: &[Val]) -> Option<Result<Vec<String>, Trap>> {
    let module = Module::new(engine, bytes).unwrap();
    let limits = StoreLimitsBuilder::new().memory_size(256 << 16).table_elements(65_536).build();
    let mut store: Store<StoreLimits> = Store::new(engine, limits);
    store.limiter(|limits| limits);
    store.set_fuel(FUEL).unwrap();
    let ended = Instance::new(&mut store, &module, &[]).and_then(|instance| {
        let function = instance.get_func(&mut store, export).unwrap();
        let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
        function.call(&mut store, args, &mut results)?;
        Ok(results.iter().map(shown).collect())
    });
    match ended {
        Ok(results) => Some(Ok(results)),
        Err(error) => match *error.downcast_ref::<Trap>().unwrap_or_else(|| panic!("{error:?}")) {
            Trap::OutOfFuel | Trap::StackOverflow => None,
            trap => Some(Err(trap)),
        },
    }
}

/// Arguments that depend on the seed.
fn arguments(facts: &Facts, function: u32, seed: u64) -> Vec<Val> {
    let params = &facts.signature(function).unwrap().params;
    let numbers = random(seed ^ u64::from(function), params.len() * 8);
    let value = |(ty, bytes): (&wasmparser::ValType, &[u8])| {
        let number = u64::from_le_bytes(bytes.try_into().unwrap());
        match ty {
            wasmparser::ValType::I32 => Val::I32(i32::from(bytes[0]) * i32::from(bytes[1] & 1)),
            wasmparser::ValType::I64 => Val::I64(i64::from(bytes[0])),
            wasmparser::ValType::F32 => Val::F32(u32::try_from(number >> 32).unwrap()),
            wasmparser::ValType::F64 => Val::F64(number),
            wasmparser::ValType::Ref(ty) if ty.is_func_ref() => Val::null_func_ref(),
            _ => Val::default_for_ty(&ValType::EXTERNREF).unwrap(),
        }
    };
    params.iter().zip(numbers.chunks_exact(8)).map(value).collect()
}

#[test]
fn random_modules_behave_as_before_and_gas_is_exact_to_one() {
    let metered_engine = Engine::default();
    let mut config = wasmtime::Config::new();
    config.cranelift_nan_canonicalization(true).consume_fuel(true);
    let plain_engine = Engine::new(&config).unwrap();
    let (mut compared, mut returned, mut trapped, mut out) = (0, 0, 0, 0);
    for seed in 0..MODULES {
        let bytes = module(seed);
        let facts = admit(&bytes, &Limits { memory_pages: 256, ..Limits::default() })
            .unwrap_or_else(|refusal| panic!("seed {seed}: {refusal}"));
        let metered = instrument(&bytes, &facts, &Schedule::first()).unwrap();
        let machine = Machine::new(&metered_engine, &metered);
        let functions = facts.exports().iter().filter(|export| export.kind == ExternalKind::Func);
        for export in functions.take(4) {
            let args = arguments(&facts, export.index, seed);
            let Some(outcome) = machine.try_run(&export.name, &args, GAS, STACK_BYTES) else {
                // Its segments don't fit: then neither do they as it was.
                assert!(matches!(plain(&plain_engine, &bytes, &export.name, &args), Some(Err(_))), "{seed}");
                continue;
            };
            if matches!(outcome.ending, Ending::OutOfGas | Ending::StackExhausted) {
                out += 1;
                continue;
            }
            let Some(before) = plain(&plain_engine, &bytes, &export.name, &args) else {
                continue;
            };
            compared += 1;
            let after = match &outcome.ending {
                Ending::Return(results) => Ok(results.clone()),
                Ending::Trap(trap) => Err(*trap),
                other => panic!("{seed} {}: {other:?}", export.name),
            };
            assert_eq!(after, before, "seed {seed}, export {}", export.name);
            if after.is_err() {
                trapped += 1;
                continue;
            }
            returned += 1;
            if facts.start().is_none() {
                let exact = machine.run(&export.name, &args, outcome.gas, STACK_BYTES);
                assert_eq!(exact, outcome, "seed {seed}, export {}: exactly enough", export.name);
                let short = machine.run(&export.name, &args, outcome.gas - 1, STACK_BYTES);
                assert_eq!(
                    short.ending,
                    Ending::OutOfGas,
                    "seed {seed}, export {}: one too little",
                    export.name
                );
            }
        }
    }
    println!("{compared} compared: {returned} returned, {trapped} trapped; {out} out of gas or stack");
    assert!(
        compared > 200 && returned > 100 && trapped > 100 && out < 100,
        "{compared} {returned} {trapped} {out}"
    );
}
