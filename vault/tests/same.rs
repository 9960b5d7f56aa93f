//! The number of workers changes nothing: blocks and cells are the same, byte for byte.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use std::sync::Arc;

use common::{Random, cheap, item, key_file, passphrase};
use dagvault_api::{Engine as _, MetaChange, PutItem, Request, Response, Select};
use dagvault_core::cbor::Bytes;
use dagvault_dag::memory::{Dump, MemoryStore};
use dagvault_dag::store::Store;
use dagvault_dag::system::FixedSystem;
use dagvault_vault::NativeEngine;

fn written(seed: u64, workers: usize) -> Dump {
    let store = Arc::new(MemoryStore::new());
    let system = Arc::new(FixedSystem::new(seed));
    let engine = NativeEngine::new(Arc::clone(&store) as Arc<dyn Store>, system, workers).unwrap();
    let call = |request: &Request<'_>| engine.call(request).unwrap();
    let mut random = Random(seed);
    call(&Request::Create { protect: cheap(key_file()) });
    // Many at once: leaves are sealed on all workers.
    for round in 0..3 {
        let values: Vec<(String, Vec<u8>)> = (0..400)
            .map(|at| {
                let size = if at % 50 == 0 { 40_000 } else { random.below(5000) };
                (format!("p/{}", at * 3 + round), random.bytes(size as usize))
            })
            .collect();
        let items = values.iter().map(|(path, value)| item(path, value)).collect();
        call(&Request::Put { items });
    }
    // Large: chunks are compressed and sealed on all workers, in one piece and in parts.
    let large: Vec<u8> = (0..2_500_000).map(|at| (at / 700) as u8).collect();
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
    call(&Request::SlotAdd { protect: cheap(passphrase("words")), remove: None });
    let before = store.dump();
    call(&Request::Destroy { path: "q/7".into(), numbers: vec![] });
    let mut dump = store.dump();
    // With what the collection has removed.
    dump.blocks.extend(before.blocks);
    dump
}

#[test]
fn any_number_of_workers_writes_the_same_bytes() {
    let one = written(1, 1);
    assert!(one.blocks.len() > 50, "{}", one.blocks.len());
    for workers in [2, 4] {
        assert!(written(1, workers) == one, "{workers} workers");
    }
    assert!(written(2, 1) != one, "another seed");
}
