//! Modules made at random, from seeds, in the reference and in Wasmtime.

use arbitrary::Unstructured;
use dagvault_meter::reference::{Error, Machine};

use super::engine::{Compared, agrees, arguments};
use super::*;

/// Seeds tried; of every one comes the same module on every machine.
const SEEDS: u64 = 400;

/// Random bits that a seed names.
fn words(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// A module of the features that the reference runs.
fn generate(seed: u64) -> Vec<u8> {
    let mut word = words(seed);
    let entropy: Vec<u8> = (0..2048).flat_map(|_| word().to_le_bytes()).collect();
    let imports = r#"(module
        (import "env" "nothing" (func))
        (import "env" "mix" (func (param i64 i32) (result i64)))
        (import "env" "split" (func (param f64) (result f32 i32))))"#;
    let config = wasm_smith::Config {
        available_imports: Some(assemble(imports)),
        export_everything: true,
        min_funcs: 2,
        max_funcs: 10,
        max_instructions: 150,
        max_memories: 1,
        max_memory32_bytes: 10 * 65536,
        max_table_elements: 500,
        max_tables: 3,
        bulk_memory_enabled: true,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    };
    let module = wasm_smith::Module::new(config, &mut Unstructured::new(&entropy)).expect("enough bytes");
    module.to_bytes()
}

fn compare(seed: u64) -> Compared {
    let bytes = generate(seed);
    let calls = match Machine::new(&bytes, &Table, LIMITS, Env) {
        Ok(machine) => arguments(&machine, words(!seed)),
        // Compared too: Wasmtime must not instantiate it either.
        Err(Error::Instantiation(_)) => Vec::new(),
        Err(error) => panic!("seed {seed}: {error}"),
    };
    let calls: Vec<(&str, &[Value])> =
        calls.iter().map(|(name, arguments)| (name.as_str(), arguments.as_slice())).collect();
    agrees(&bytes, &calls)
}

#[test]
fn generated_modules_agree() {
    let (mut modules, mut returns, mut traps, mut stopped) = (0, 0, 0, 0);
    for seed in 0..SEEDS {
        let compared = compare(seed);
        modules += u32::from(compared.returns + compared.traps > 0);
        returns += compared.returns;
        traps += compared.traps;
        stopped += compared.stopped;
    }
    println!(
        "{modules} of {SEEDS} modules; {returns} calls returned, {traps} trapped, {stopped} were stopped"
    );
    assert!(modules >= 300, "only {modules} modules were compared");
    assert!(returns >= 500 && traps >= 200, "{returns} calls returned, {traps} trapped");
    assert!(
        stopped < (returns + traps) / 2,
        "{stopped} calls were stopped, {returns} returned, {traps} trapped"
    );
}
