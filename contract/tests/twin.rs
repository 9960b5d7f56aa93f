//! The module of the built-in validators beside its native twin, on random requests and rules: the same output, byte
//! for byte, and so the same verdict and cost. The module is metered and runs in Wasmtime.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

#[path = "../../guest/validators/src/functions.rs"]
mod functions;
mod random;

use dagvault_contract::Value;
use dagvault_meter::admit::admit;
use dagvault_meter::instrument::{GAS, STACK, instrument};
use dagvault_meter::profile::{Import, Imports, Profile};
use dagvault_meter::schedule::Schedule;
use dagvault_module::{ValidatorProfile, answer, encode};
use random::Numbers;
use serde::Serialize;
use wasmparser::ValType::I32;
use wasmtime::{Engine, Instance, InstancePre, Linker, Module, Store, TypedFunc, Val};

/// Inputs compared; `DAGVAULT_FULL` in the environment: the full count.
fn inputs() -> u32 {
    if std::env::var_os("DAGVAULT_FULL").is_some() { 100_000 } else { 3_000 }
}

/// Executions that one instance answers: the state of one must not show in the next.
const REUSED: u32 = 50;

fn module() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../guest/validators/validators.wasm");
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}: `cargo xtask guest` builds it"))
}

#[derive(Serialize)]
struct Input<'a> {
    request: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<&'a Value>,
}

struct Machine {
    store: Store<()>,
    instance: Instance,
    alloc: TypedFunc<u32, u32>,
    dealloc: TypedFunc<(u32, u32), ()>,
    run: TypedFunc<(u32, u32, u32), u64>,
}

/// Gas of an execution.
const GAS_LIMIT: i64 = 100_000_000;

fn prepared() -> InstancePre<()> {
    let bytes = module();
    let log =
        Import { module: "dagvault".into(), name: "log".into(), params: vec![I32; 3], results: Vec::new() };
    let limits = Profile::named("validator").unwrap().limits(Imports(vec![log]));
    let facts = admit(&bytes, &limits).unwrap();
    let metered = instrument(&bytes, &facts, &Schedule::first()).unwrap();
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    let log = |_: i32, _: u32, _: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg("there is nothing to log"))
    };
    linker.func_wrap("dagvault", "log", log).unwrap();
    linker.instantiate_pre(&Module::new(&engine, &metered.bytes).unwrap()).unwrap()
}

impl Machine {
    fn new(prepared: &InstancePre<()>) -> Self {
        let mut store = Store::new(prepared.module().engine(), ());
        let instance = prepared.instantiate(&mut store).unwrap();
        Self {
            alloc: instance.get_typed_func(&mut store, "alloc").unwrap(),
            dealloc: instance.get_typed_func(&mut store, "dealloc").unwrap(),
            run: instance.get_typed_func(&mut store, "run").unwrap(),
            store,
            instance,
        }
    }

    /// The output, and the gas that it took.
    fn output(&mut self, operation: u32, input: &[u8]) -> (Vec<u8>, i64) {
        let gas = self.instance.get_global(&mut self.store, GAS).unwrap();
        let stack = self.instance.get_global(&mut self.store, STACK).unwrap();
        gas.set(&mut self.store, Val::I64(GAS_LIMIT)).unwrap();
        stack.set(&mut self.store, Val::I32(64 << 10)).unwrap();
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        let count = u32::try_from(input.len()).unwrap();
        let pointer = self.alloc.call(&mut self.store, count).unwrap();
        memory.write(&mut self.store, pointer as usize, input).unwrap();
        let answer = self.run.call(&mut self.store, (operation, pointer, count)).unwrap();
        let (at, length) =
            (u32::try_from(answer >> 32).unwrap(), u32::try_from(answer & 0xffff_ffff).unwrap());
        let output = memory.data(&self.store)[at as usize..][..length as usize].to_vec();
        self.dealloc.call(&mut self.store, (at, length)).unwrap();
        self.dealloc.call(&mut self.store, (pointer, count)).unwrap();
        let used = GAS_LIMIT - gas.get(&mut self.store).unwrap_i64();
        (output, used)
    }
}

/// What the native twin says.
fn twin(operation: u32, input: &[u8]) -> Vec<u8> {
    match operation {
        0 => answer::<ValidatorProfile, _, _>(&functions::transaction, input),
        1 => answer::<ValidatorProfile, _, _>(&functions::asset_transfer, input),
        _ => answer::<ValidatorProfile, _, _>(&functions::post_action, input),
    }
}

#[test]
fn native_and_wasm_agree_on_verdict_and_cost() {
    let prepared = prepared();
    let mut machine = Machine::new(&prepared);
    let mut numbers = Numbers::new(7);
    let (mut valid, mut most) = (0_u32, (0, 0));
    for number in 0..inputs() {
        if number % REUSED == 0 {
            machine = Machine::new(&prepared);
        }
        let operation = numbers.below(3);
        let (request, rules) = random::case(operation, &mut numbers);
        let rules = (numbers.below(10) > 0).then_some(&rules);
        let mut input = encode(&Input { request: &request, rules });
        // Some that are no dag-cbor, or of another form.
        if numbers.below(20) == 0 {
            let at = numbers.below(u32::try_from(input.len()).unwrap());
            input[at as usize] = u8::try_from(numbers.below(256)).unwrap();
        }
        let (output, gas) = machine.output(operation, &input);
        // After a change `cargo xtask guest` builds the module anew.
        assert_eq!(output, twin(operation, &input), "input {number}: {request:?} under {rules:?}");
        valid += u32::from(output.windows(4).any(|window| window == b"\x62ok\xf5"));
        most = most.max((gas, input.len()));
    }
    println!("{} inputs, {valid} valid, at most {} gas, for {} bytes", inputs(), most.0, most.1);
    assert!(valid > inputs() / 20 && valid < inputs() / 2, "{valid} of {} are valid", inputs());
}

#[test]
fn the_published_transaction_costs_220_in_the_module() {
    let mut machine = Machine::new(&prepared());
    let request = Value::from([("amount", Value::from(100)), ("to", Value::from("addr123"))]);
    let rules = Value::from([("min_amount", Value::from(1))]);
    let (output, gas) = machine.output(0, &encode(&Input { request: &request, rules: Some(&rules) }));
    println!("{gas} gas");
    let verdict = dagvault_contract::Verdict { valid: true, cost: 220, errors: Vec::new() };
    assert_eq!(output, encode(&dagvault_module::Verdict::accept().with(verdict)));
    let far = dagvault_module::decode::<dagvault_contract::Value>(&machine.output(3, &[]).0).unwrap();
    assert_eq!(far.map().unwrap()["ok"], Value::Bool(false));
}
