//! What starting and calling the engine costs:
//! `cargo test --release -p dagvault-host -- --ignored --nocapture measure`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dagvault_api::group::Serial as _;
use dagvault_api::{Request, Response};
use dagvault_host::{ModuleSource, WasmEngine};

use crate::real::{create, noise, put};
use crate::support::guest::{Guest, answer, call_import};
use crate::support::{MapStore, config};

/// Prints the best and the median of many runs.
fn time(name: &str, runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{name:<52} best {:>11.3?}  median {:>11.3?}", times[0], times[runs / 2]);
    times[0]
}

#[test]
#[ignore = "prints figures"]
fn measure_starts_and_calls() {
    let store = Arc::new(MapStore::default());
    let mut uncached = config(store.clone());
    uncached.cache_dir = None;
    time("compile and start", 2, || drop(WasmEngine::new(uncached.clone()).unwrap()));
    let cached = config(store);
    drop(WasmEngine::new(cached.clone()).unwrap());
    let mut kept = Vec::new();
    time("start from the cache to the first answer", 20, || {
        let mut engine = WasmEngine::new(cached.clone()).unwrap();
        engine.call(&Request::Version {}).unwrap();
        kept.push(engine);
    });
    time("drop, with the memory zeroed", 20, || drop(kept.pop()));
    let mut engine = WasmEngine::new(cached.clone()).unwrap();
    time("call (Version)", 20_000, || drop(engine.call(&Request::Version {}).unwrap()));
    let mut limited = cached.clone();
    limited.deadline = Some(Duration::from_secs(60));
    let mut limited = WasmEngine::new(limited).unwrap();
    time("call (Version) with a deadline", 20_000, || drop(limited.call(&Request::Version {}).unwrap()));
    let input = noise(16 << 20);
    let chunk = Request::WriteChunk { handle: 999, bytes: input.as_slice().into() };
    time("copy a request of 16 MiB in (refused there)", 20, || drop(engine.call(&chunk)));
    for workers in [1, 2] {
        for deadline in [None, Some(Duration::from_secs(60))] {
            let mut config = cached.clone();
            config.store = Arc::new(MapStore::default());
            config.workers = workers;
            config.deadline = deadline;
            let mut engine = WasmEngine::new(config).unwrap();
            engine.call(&create()).unwrap();
            let with = if deadline.is_some() { "with epochs" } else { "without epochs" };
            time(&format!("put 16 MiB, {workers} workers, {with}"), 15, || {
                assert!(matches!(engine.call(&put("v", &input)), Ok(Response::Put { .. })));
            });
        }
    }
}

#[test]
#[ignore = "prints figures"]
fn measure_fork_join() {
    const ROUNDS: u32 = 1000;
    for (items, turns) in [(2, 0), (16, 0), (1000, 0), (16, 100_000)] {
        // `dv_call` spreads the job many times, for a call's own cost to vanish.
        let guest = Guest::calling(move |body| {
            body.loop_(wasm_encoder::BlockType::Empty);
            call_import(body, "parallel_for", &[0, 0, items]);
            body.local_get(2).i32_const(1).i32_add().local_tee(2);
            body.i32_const(ROUNDS.cast_signed()).i32_lt_u().br_if(0).end();
            answer(body, &Ok(Response::Done {}));
        });
        let guest = guest.jobs(move |body| {
            body.loop_(wasm_encoder::BlockType::Empty);
            body.local_get(3).i32_const(1).i32_add().local_tee(3).i32_const(turns).i32_lt_u().br_if(0).end();
        });
        for workers in [1, 2] {
            let mut config = config(Arc::new(MapStore::default()));
            config.module = ModuleSource::Bytes(guest.build().into());
            config.cache_dir = None;
            config.workers = workers;
            let mut engine = WasmEngine::new(config).unwrap();
            let request = Request::Info { path: "a/longer/path".into() };
            let name = format!("{ROUNDS} x parallel_for({items}), {turns} turns, {workers} workers");
            time(&name, 5, || drop(engine.call(&request).unwrap()));
        }
    }
}
