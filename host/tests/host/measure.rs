//! What starting and calling the engine costs:
//! `cargo test --release -p dagvault-host -- --ignored --nocapture measure`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dagvault_api::group::Serial as _;
use dagvault_api::{Engine as _, Error, Request, Response};
use dagvault_crypto::aead::{self, Suite};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::selftest::{Op, encode};
use dagvault_crypto::{hash, secret::Secret, sha256};
use dagvault_dag::system::FixedSystem;
use dagvault_host::{Accel, ModuleSource, WasmEngine};
use dagvault_vault::NativeEngine;
use wasm_encoder::BlockType;

use crate::real::{create, noise, put};
use crate::support::guest::{Guest, REQUEST, answer, at, call_import};
use crate::support::{MapStore, config};
use crate::traps::{engine_with, trigger};

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

/// Calls of an accelerator in one call of the guest.
const CALLS: u32 = 16;

/// A guest that calls an accelerator `CALLS` times over tables at `TABLE`.
fn accelerating(rows: [(u32, u32); 5], name: &'static str, arguments: &'static [u32]) -> WasmEngine {
    let guest = Guest::calling(move |body| {
        for (row, (place, bytes)) in (TABLE..).step_by(8).zip(&rows) {
            for (to, number) in [(row, place), (row + 4, bytes)] {
                body.i32_const(to.cast_signed()).i32_const(number.cast_signed()).i32_store(at(2));
            }
        }
        body.i32_const(CALLS.cast_signed()).local_set(2).loop_(BlockType::Empty);
        call_import(body, name, arguments);
        body.local_get(2).i32_const(1).i32_sub().local_tee(2).br_if(0).end();
        answer(body, &Ok(Response::Done {}));
    });
    engine_with(&guest, |config| config.accel = Accel::On)
}

const TABLE: u32 = REQUEST + 0x4_0000;
const MESSAGE: u32 = REQUEST + 0x5_0000;

/// One primitive: through the guest, and natively.
struct Pair {
    name: &'static str,
    import: &'static str,
    arguments: &'static [u32],
    native: fn(&mut [u8]),
}

fn sealed(suite: Suite, buf: &mut [u8]) {
    let (key, nonce) = (Secret::new([1; 32]), &[2; 24][..suite.nonce_bytes()]);
    black_box(aead::seal_in_place_on(Backend::RustCrypto, suite, &key, nonce, b"", buf).unwrap());
}

const PAIRS: [Pair; 4] = [
    Pair {
        name: "accel/aes-256-gcm",
        import: "accel_seal",
        arguments: &[2, TABLE],
        native: |buf| sealed(Suite::Aes256Gcm, buf),
    },
    Pair {
        name: "accel/xchacha20-poly1305",
        import: "accel_seal",
        arguments: &[1, TABLE],
        native: |buf| sealed(Suite::XChaCha20Poly1305, buf),
    },
    Pair {
        name: "accel/sha-256",
        import: "accel_sha256",
        arguments: &[TABLE + 24, 1, TABLE + 64],
        native: |buf| {
            black_box(sha256::digest(buf));
        },
    },
    Pair {
        name: "accel/blake3",
        import: "accel_blake3",
        arguments: &[0, TABLE + 24, 1, TABLE + 64],
        native: |buf| {
            black_box(hash::hash(buf));
        },
    },
];

#[test]
#[ignore = "prints figures"]
fn measure_accelerators() {
    let windows: u32 = if std::env::var_os("DAGVAULT_FULL").is_some() { 2000 } else { 300 };
    println!(
        "{:<28} {:>8} {:>12} {:>12} {:>6}",
        "best of windows, us", "bytes", "accelerated", "native", "ratio"
    );
    for pair in &PAIRS {
        for bytes in [16_u32, 64, 256, 512, 1024, 4096, 16 << 10, 64 << 10, 232 << 10] {
            let nonce_bytes = if pair.arguments[0] == 1 { 24 } else { 12 };
            let places = [(TABLE, 32), (TABLE, nonce_bytes), (TABLE, 0), (MESSAGE, bytes), (TABLE + 64, 16)];
            let mut engine = accelerating(places, pair.import, pair.arguments);
            let mut buf = vec![0; bytes as usize];
            let (mut guest, mut native) = (Duration::MAX, Duration::MAX);
            // What one call of the guest costs besides.
            let mut empty = Duration::MAX;
            for _ in 0..windows {
                let start = Instant::now();
                engine.call(&Request::Version {}).unwrap();
                empty = empty.min(start.elapsed());
                let start = Instant::now();
                engine.call(&trigger()).unwrap();
                guest = guest.min(start.elapsed());
                let start = Instant::now();
                (0..CALLS).for_each(|_| (pair.native)(&mut buf));
                native = native.min(start.elapsed());
            }
            let [guest, native] =
                [guest.saturating_sub(empty), native].map(|took| took.as_secs_f64() * 1e6 / f64::from(CALLS));
            println!("{:<28} {bytes:>8} {guest:>12.3} {native:>12.3} {:>6.3}", pair.name, native / guest);
        }
    }
}

/// Bytes of one long message: as many as fit into a request.
const LONG_BYTES: usize = (16 << 20) - 4096;

/// The best of some runs of one long message's hash by all workers of an engine, without what any call takes that
/// brings as many bytes.
fn hashed(call: &mut dyn FnMut(u32) -> usize) -> Duration {
    let (mut best, mut empty) = (Duration::MAX, Duration::MAX);
    for _ in 0..40 {
        for (operation, best) in [(u32::from(u8::MAX), &mut empty), (Op::Blake3Wide as u32, &mut best)] {
            let start = Instant::now();
            black_box(call(operation));
            *best = (*best).min(start.elapsed());
        }
    }
    best.saturating_sub(empty)
}

#[test]
#[ignore = "prints figures"]
fn measure_one_hash_by_two_workers() {
    let input = encode(&[&noise(LONG_BYTES)]);
    let request = |operation| Request::CryptoCase { operation, input: input.as_slice().into() };
    let answered = |answer: Result<Response, Error>| match answer {
        Ok(Response::Bytes { bytes }) => bytes.0.len(),
        other => panic!("{other:?}"),
    };
    let mut took = [[Duration::ZERO; 2]; 3];
    for (at, workers) in [1, 2].into_iter().enumerate() {
        for (row, accel) in [(0, Accel::Off), (1, Accel::Auto)] {
            let mut config = config(Arc::new(MapStore::default()));
            (config.workers, config.accel) = (workers, accel);
            let mut engine = WasmEngine::new(config).unwrap();
            took[row][at] = hashed(&mut |operation| answered(engine.call(&request(operation))));
        }
        let store = Arc::new(MapStore::default());
        let engine = NativeEngine::new(store, Arc::new(FixedSystem::new(1)), workers).unwrap();
        took[2][at] = hashed(&mut |operation| answered(engine.call(&request(operation))));
    }
    for (who, [one, two]) in ["Wasmtime: strict", "Wasmtime: accelerated", "native"].iter().zip(took) {
        let [one, two] = [one, two].map(|took| took.as_secs_f64() * 1e3);
        println!("wide/{who} | {one:.3} | {two:.3} | {:.2}", one / two);
    }
}
