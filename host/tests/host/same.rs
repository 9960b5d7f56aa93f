//! Both engines, with any number of workers, write the same blocks and cells, byte for byte.

use std::sync::Arc;

use dagvault_api::group::Grouped;
use dagvault_api::{
    Codec, Engine, KdfParams, MetaChange, Protect, PutItem, Request, Response, Select, Unlock,
};
use dagvault_core::abi::ACCEL_ALGORITHMS;
use dagvault_core::cbor::Bytes;
use dagvault_dag::memory::{Dump, MemoryStore};
use dagvault_dag::store::Store;
use dagvault_dag::system::FixedSystem;
use dagvault_host::{Accel, ModuleSource, WasmEngine};
use dagvault_vault::NativeEngine;

use crate::real::{self, create, noise};
use crate::support::config;

fn item<'a>(path: &'a str, value: &'a [u8]) -> PutItem<'a> {
    PutItem { codec: Codec::Lz4 {}, ..real::item(path, value) }
}

/// Bytes that compress as source code does.
fn text(bytes: usize) -> Vec<u8> {
    let sources = [include_str!("same.rs"), include_str!("real.rs"), include_str!("traps.rs")];
    let lines: Vec<&str> = sources.iter().flat_map(|source| source.lines()).collect();
    let mut out = Vec::new();
    for number in 0.. {
        // Any order of the lines: what repeats is near and far.
        out.extend_from_slice(lines[number * number * 31 % lines.len()].as_bytes());
        out.extend_from_slice(format!("{number}\n").as_bytes());
        if out.len() >= bytes {
            out.truncate(bytes);
            return out;
        }
    }
    out
}

/// Runs one script of every kind of change; answers all blocks and cells that were ever there.
fn written(engine: &dyn Engine, store: &MemoryStore) -> Dump {
    let call = |request: &Request<'_>| engine.call(request).unwrap();
    let noise = noise(3 << 20);
    let mut from = 0;
    let mut take = |bytes: usize| {
        from = if from + 2 * bytes > noise.len() { 0 } else { from + bytes };
        noise[from..from + bytes].to_vec()
    };
    call(&create());
    // Many at once: leaves are sealed on all workers.
    for round in 0..3 {
        let values: Vec<(String, Vec<u8>)> = (0..400)
            .map(|at| {
                let size = if at % 50 == 0 { 40_000 } else { at * 7919 % 5000 };
                (format!("p/{}", at * 3 + round), take(size))
            })
            .collect();
        let items = values.iter().map(|(path, value)| item(path, value)).collect();
        call(&Request::Put { items });
    }
    // Large: chunks are compressed and sealed on all workers, in one piece and in parts.
    let large = text(2_500_000);
    call(&Request::Put { items: vec![item("whole", &large)] });
    for again in [false, true] {
        let item = PutItem { skip_equal: again, ..item("parts", b"") };
        let Response::Handle { handle, .. } = call(&Request::WriteBegin { item }) else { panic!("a handle") };
        for (at, part) in large.chunks(600_000).enumerate() {
            let mut part = part.to_vec();
            part[0] ^= u8::from(again && at == 1);
            call(&Request::WriteChunk { handle, bytes: part.into() });
        }
        call(&Request::WriteEnd { handle });
    }
    call(&Request::Move { from: "p".into(), to: "q".into() });
    call(&Request::Copy { from: "whole".into(), to: "copy".into() });
    let change = MetaChange::from([("k".into(), Some(Bytes(vec![1])))]);
    let requests = vec![
        Request::SetMeta { path: "copy".into(), change },
        Request::Delete { paths: vec!["q/5".into(), "q/6".into()] },
        Request::Undelete { path: "q/5".into(), select: Select::Latest {} },
    ];
    call(&Request::Batch { requests });
    let kdf = KdfParams { memory_kib: 32, passes: 1, lanes: 1 };
    let unlock = Unlock::Passphrase { bytes: b"words".as_slice().into() };
    call(&Request::SlotAdd { protect: Protect { unlock, kdf }, remove: None });
    let before = store.dump();
    call(&Request::Destroy { path: "q/7".into(), numbers: vec![] });
    let mut dump = store.dump();
    // With what the collection has removed.
    dump.blocks.extend(before.blocks);
    dump
}

fn native(seed: u64, workers: usize) -> Dump {
    let store = Arc::new(MemoryStore::new());
    let system = Arc::new(FixedSystem::new(seed));
    let engine = NativeEngine::new(Arc::clone(&store) as Arc<dyn Store>, system, workers).unwrap();
    written(&engine, &store)
}

fn wasm(seed: u64, workers: usize, accel: Accel, lying: u32) -> Dump {
    let store = Arc::new(MemoryStore::new());
    let mut config = config(Arc::clone(&store) as Arc<dyn Store>);
    config.system = Arc::new(FixedSystem::new(seed));
    config.workers = workers;
    config.accel = accel;
    config.lying = lying;
    written(&Grouped::new(WasmEngine::new(config).unwrap()), &store)
}

#[test]
fn engines_and_workers_write_the_same_bytes() {
    let one = native(1, 1);
    assert!(one.blocks.len() > 50, "{}", one.blocks.len());
    for workers in [2, 4] {
        assert!(native(1, workers) == one, "native, {workers} workers");
    }
    for workers in [1, 2, 4] {
        assert!(wasm(1, workers, Accel::Off, 0) == one, "wasm, {workers} workers");
    }
    assert!(native(2, 1) != one, "another seed");
}

#[test]
fn relaxed_instructions_change_no_byte() {
    let store = Arc::new(MemoryStore::new());
    let mut config = config(Arc::clone(&store) as Arc<dyn Store>);
    config.system = Arc::new(FixedSystem::new(1));
    config.accel = Accel::Off;
    config.module = ModuleSource::Relaxed;
    assert!(written(&Grouped::new(WasmEngine::new(config).unwrap()), &store) == native(1, 1));
}

#[test]
fn accelerators_change_no_byte() {
    let one = native(1, 1);
    for (accel, workers) in [(Accel::On, 1), (Accel::On, 4), (Accel::Auto, 2)] {
        assert!(wasm(1, workers, accel, 0) == one, "{accel:?}, {workers} workers");
    }
    assert!(wasm(1, 2, Accel::On, ACCEL_ALGORITHMS) == one, "accelerators that lie");
}
