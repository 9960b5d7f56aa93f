//! `gas TURNS MODULE.wasm …`: what counting gas costs. Each module runs as it is, metered, and as it is with Wasmtime's
//! own fuel, in turns; the best of each is taken. Prints JSON.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dagvault_meter::admit::{Limits, admit};
use dagvault_meter::instrument::{GAS, STACK, instrument};
use dagvault_meter::schedule::Schedule;
use serde_json::{Value, json};
use wasmtime::{Config, Engine, Global, Instance, Module, Store, TypedFunc, Val};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// More than any of them uses.
const PLENTY: i64 = 1 << 60;
/// What a profile gives, bytes.
const STACK_BYTES: i32 = 64 << 10;
/// The length of a turn that is aimed at, seconds: short, so that some are not disturbed.
const TURN: f64 = 0.0004;

/// A module that takes part, in one of the ways.
struct Contender {
    store: Store<()>,
    run: TypedFunc<u32, u32>,
    gas: Option<Global>,
}

impl Contender {
    fn new(engine: &Engine, bytes: &[u8], fuel: bool) -> Result<Self> {
        let mut store = Store::new(engine, ());
        if fuel {
            store.set_fuel(u64::MAX)?;
        }
        let instance = Instance::new(&mut store, &Module::new(engine, bytes)?, &[])?;
        let run = instance.get_typed_func(&mut store, "run")?;
        let gas = instance.get_global(&mut store, GAS);
        if let Some(stack) = instance.get_global(&mut store, STACK) {
            stack.set(&mut store, Val::I32(STACK_BYTES))?;
        }
        Ok(Self { store, run, gas })
    }

    /// Runs it; what came out, and the seconds.
    fn turn(&mut self, count: u32) -> Result<(u32, f64)> {
        if let Some(gas) = self.gas {
            gas.set(&mut self.store, Val::I64(PLENTY))?;
        }
        let began = Instant::now();
        let result = self.run.call(&mut self.store, count)?;
        Ok((result, began.elapsed().as_secs_f64()))
    }

    /// Gas used by the last turn.
    fn used(&mut self) -> i64 {
        self.gas.map_or(0, |gas| PLENTY - gas.get(&mut self.store).i64().unwrap_or(0))
    }
}

fn measured(path: &Path, turns: u32, plain: &Engine, fuel: &Engine) -> Result<Value> {
    let bytes = std::fs::read(path)?;
    let facts = admit(&bytes, &Limits::default())?;
    let metered = instrument(&bytes, &facts, &Schedule::first())?.bytes;
    let mut contenders = [
        Contender::new(plain, &bytes, false)?,
        Contender::new(plain, &metered, false)?,
        Contender::new(fuel, &bytes, true)?,
    ];
    let mut count = 1;
    // The shortest of some: one that is disturbed says nothing.
    while (0..5).try_fold(f64::MAX, |best, _| contenders[0].turn(count).map(|turn| turn.1.min(best)))? < TURN
    {
        count += count.div_ceil(4);
    }
    let mut best = [f64::MAX; 3];
    for _ in 0..turns {
        let mut results = [0; 3];
        for ((contender, best), result) in contenders.iter_mut().zip(&mut best).zip(&mut results) {
            let (given, seconds) = contender.turn(count)?;
            *best = best.min(seconds);
            *result = given;
        }
        if results.iter().any(|result| *result != results[0]) {
            return Err(format!("{}: the results differ: {results:?}", path.display()).into());
        }
    }
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned());
    Ok(json!({
        "name": name, "count": count, "micros": best.map(|seconds| seconds * 1e6), "gas": contenders[1].used(),
        "bytes": [bytes.len(), metered.len()],
    }))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [turns, modules @ ..] = arguments.as_slice() else {
        return Err("usage: gas TURNS MODULE.wasm …".into());
    };
    let plain = Engine::default();
    let fuel = Engine::new(Config::new().consume_fuel(true))?;
    let rows = modules
        .iter()
        .map(|module| measured(module.as_ref(), turns.parse()?, &plain, &fuel))
        .collect::<Result<Vec<_>>>()?;
    println!("{}", json!({ "rows": rows }));
    Ok(())
}
