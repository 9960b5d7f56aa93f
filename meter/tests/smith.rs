//! Random modules do what they did before they were metered, and their gas is exact to one.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

mod support;

use arbitrary::Unstructured;
use dagvault_meter::admit::{Facts, Limits, admit};
use dagvault_meter::instrument::instrument;
use dagvault_meter::schedule::Schedule;
use support::{Ending, Machine, STACK_BYTES, shown};
use wasm_smith::Config;
use wasmparser::ExternalKind;
use wasmtime::{Engine, Instance, Module, Store, StoreLimits, StoreLimitsBuilder, Trap, Val, ValType};

const MODULES: u64 = 300;
const GAS: i64 = 1_000_000;
/// Instructions of Wasmtime's counting, more than the gas can pay for.
const FUEL: u64 = 4_000_000;

/// Random bytes of a seed (xorshift64*).
fn random(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// A module of the features that are admitted, without imports.
fn module(seed: u64) -> Vec<u8> {
    let bytes = random(seed, 3_000 + usize::try_from(seed % 7).unwrap() * 1_000);
    let config = Config {
        max_imports: 0,
        max_tags: 0,
        max_memories: 1,
        max_memory32_bytes: 4 << 20,
        max_table_elements: 1_000,
        min_funcs: 1,
        max_instructions: 400,
        export_everything: true,
        allow_start_export: seed.is_multiple_of(4),
        bulk_memory_enabled: true,
        reference_types_enabled: true,
        multi_value_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        tail_call_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        custom_descriptors_enabled: false,
        custom_page_sizes_enabled: false,
        memory64_enabled: false,
        wide_arithmetic_enabled: false,
        extended_const_enabled: false,
        ..Config::default()
    };
    wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).unwrap().to_bytes()
}

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
