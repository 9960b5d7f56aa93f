//! Measures what starting and calling the engine costs: `cargo run --release -p dagvault-host --example measure`.
#![allow(clippy::unwrap_used, reason = "a program for people who read its panics")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dagvault_api::group::Serial as _;
use dagvault_api::Request;
use dagvault_host::WasmEngine;

/// Median and best of many runs.
fn time(name: &str, runs: usize, mut run: impl FnMut()) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{name:<44} best {:>12?}  median {:>12?}", times[0], times[runs / 2]);
}

fn main() {
    let store = Arc::new(support::MapStore::default());
    let mut uncached = support::config(store.clone());
    uncached.cache_dir = None;
    time("compile and start", 2, || drop(WasmEngine::new(uncached.clone()).unwrap()));
    let cached = support::config(store);
    drop(WasmEngine::new(cached.clone()).unwrap());
    let mut kept = Vec::new();
    time("start from the cache, to the first answer", 20, || {
        let mut engine = WasmEngine::new(cached.clone()).unwrap();
        engine.call(&Request::Version {}).unwrap();
        kept.push(engine);
    });
    time("drop, with the memory zeroed", 20, || drop(kept.pop()));
    let mut engine = WasmEngine::new(cached).unwrap();
    time("call (Version)", 20_000, || drop(engine.call(&Request::Version {}).unwrap()));
    let input = vec![7_u8; 8 << 20];
    time("call with 8 MiB of request", 20, || {
        let _ = engine.call(&Request::CryptoCase { operation: u32::MAX, input: input.as_slice().into() });
    });
}
