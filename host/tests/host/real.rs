//! The real engine module over a store in memory.

use std::sync::Arc;

use dagvault_api::group::Serial as _;
use dagvault_api::{
    Codec, Engine as _, Error, KdfParams, MetaChange, Protect, PutItem, Request, Response, Select, Unlock,
};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::layout::{HEAP_OFFSET, REGIONS};
use dagvault_host::WasmEngine;

use crate::support::{MapStore, config};

const KEY: &[u8] = b"a key file of the tests: forty-eight bytes long..";

fn unlock() -> Unlock<'static> {
    Unlock::KeyFile { bytes: KEY.into() }
}

pub(crate) fn create() -> Request<'static> {
    Request::Create { protect: Protect { unlock: unlock(), kdf: KdfParams::default() }, paranoid: false }
}

pub(crate) fn item<'a>(path: &'a str, value: &'a [u8]) -> PutItem<'a> {
    PutItem {
        path: path.into(),
        value: value.into(),
        meta: MetaChange::new(),
        expected: None,
        skip_equal: false,
        codec: Codec::Raw {},
    }
}

pub(crate) fn put<'a>(path: &'a str, value: &'a [u8]) -> Request<'a> {
    Request::Put { items: vec![item(path, value)] }
}

fn get(path: &str) -> Request<'_> {
    Request::Get { path: path.into(), select: Select::Latest {} }
}

pub(crate) fn value_of(engine: &mut WasmEngine, path: &str) -> Vec<u8> {
    match engine.call(&get(path)) {
        Ok(Response::Value { value, .. }) => value.0,
        other => panic!("{other:?}"),
    }
}

/// Bytes that do not repeat.
pub(crate) fn noise(bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut out);
    out
}

#[test]
fn secrets_go_in_and_come_out_of_another_engine() {
    let store = Arc::new(MapStore::default());
    let large = noise(3 << 20);
    let mut engine = WasmEngine::new(config(store.clone())).unwrap();
    assert_eq!(engine.call(&get("a")), Err(Error::Locked {}));
    engine.call(&create()).unwrap();
    engine.call(&put("a/small", b"secret")).unwrap();
    engine.call(&put("a/large", &large)).unwrap();
    assert_eq!(value_of(&mut engine, "a/small"), b"secret");
    drop(engine);
    let mut engine = WasmEngine::new(config(store)).unwrap();
    engine.call(&Request::Open { unlock: unlock() }).unwrap();
    assert_eq!(value_of(&mut engine, "a/small"), b"secret");
    assert_eq!(value_of(&mut engine, "a/large"), large);
    assert_eq!(engine.call(&get("b")), Err(Error::NotFound { path: "b".into() }));
}

#[test]
fn the_number_of_workers_changes_no_byte() {
    let value = noise(9 << 20);
    let contents = [1, 2, 4].map(|workers| {
        let store = Arc::new(MapStore::default());
        let mut config = config(store.clone());
        config.workers = workers;
        let mut engine = WasmEngine::new(config).unwrap();
        engine.call(&create()).unwrap();
        engine.call(&put("value", &value)).unwrap();
        assert_eq!(value_of(&mut engine, "value"), value);
        let blocks = store.blocks.lock().unwrap().clone();
        (blocks, store.cells.lock().unwrap().clone())
    });
    assert!(contents[0].0.len() > 30);
    assert!(contents[0] == contents[1] && contents[0] == contents[2]);
}

#[test]
fn known_answers_hold_in_the_guest() {
    let mut engine = WasmEngine::new(config(Arc::new(MapStore::default()))).unwrap();
    assert!(matches!(engine.call(&Request::SelfTest {}), Ok(Response::Text { .. })));
}

#[test]
fn figures_of_the_memory_are_those_of_the_guest() {
    let mut engine = WasmEngine::new(config(Arc::new(MapStore::default()))).unwrap();
    engine.call(&create()).unwrap();
    engine.call(&put("a", &noise(1 << 20))).unwrap();
    let Ok(Response::Memory { stats }) = engine.call(&Request::Memory {}) else { panic!("no figures") };
    let names: Vec<_> = stats.regions.iter().map(|region| region.name.as_str()).collect();
    assert_eq!(names, REGIONS.map(|region| region.name));
    let core = &stats.regions[0];
    assert!(core.bytes_peak > 4096 && core.bytes_peak < core.bytes, "{core:?}");
    let heap = stats.heap;
    assert!(heap.used > 0 && heap.used < heap.peak && heap.peak < heap.claimed, "{heap:?}");
    assert!(heap.peak > 1 << 20 && heap.allocations > 100, "{heap:?}");
    assert!(heap.fragmentation_permille < 1000, "{heap:?}");
    assert!(heap.claimed >= (32 << 20) - HEAP_OFFSET as u64 - 4096, "{heap:?}");
}

#[test]
fn a_value_beyond_the_memory_is_an_error_and_the_engine_goes_on() {
    let store = Arc::new(MapStore::default());
    let mut config = config(store);
    config.max_memory_bytes = 32 << 20;
    let mut engine = WasmEngine::new(config).unwrap();
    engine.call(&create()).unwrap();
    // The request fits, what the vault makes of it does not.
    let value = noise(6 << 20);
    assert_eq!(engine.call(&put("a", &value)), Err(Error::Memory {}));
    let reopened = engine.call(&Request::Open { unlock: unlock() });
    assert_eq!(reopened, Ok(Response::Done {}));
    engine.call(&put("a", b"small")).unwrap();
    // The request itself does not fit: the guest is well and stays open.
    let value = noise(12 << 20);
    assert_eq!(engine.call(&put("a", &value)), Err(Error::Memory {}));
    assert_eq!(value_of(&mut engine, "a"), b"small");
}

#[test]
fn a_vault_larger_than_the_memory_is_served() {
    const SECRETS: usize = 20_000;
    let mut config = config(Arc::new(MapStore::default()));
    config.max_memory_bytes = 32 << 20;
    let mut engine = WasmEngine::new(config).unwrap();
    engine.call(&create()).unwrap();
    let paths: Vec<String> =
        (0..SECRETS).map(|number| format!("team-{:03}/secret-{number}", number / 100)).collect();
    let value = noise(700);
    for some in paths.chunks(500) {
        let items = some.iter().map(|path| item(path, &value)).collect();
        engine.call(&Request::Put { items }).unwrap();
    }
    for path in paths.iter().step_by(3) {
        assert_eq!(value_of(&mut engine, path), value);
    }
    let Ok(Response::Memory { stats }) = engine.call(&Request::Memory {}) else { panic!("no figures") };
    // Less than the vault: opened nodes are kept as far as there is room.
    assert!((1 << 20..SECRETS as u64 * 700).contains(&stats.cache_bytes), "{stats:?}");
}

#[test]
fn errors_of_the_store_come_with_their_words() {
    let store = Arc::new(MapStore::default());
    let mut engine = WasmEngine::new(config(store.clone())).unwrap();
    engine.call(&create()).unwrap();
    *store.failing.lock().unwrap() = Some(StoreError::new(StoreErrorKind::NoSpace, "/the/file"));
    assert_eq!(engine.call(&put("a", b"b")), Err(Error::NoSpace { detail: "/the/file".into() }));
    *store.failing.lock().unwrap() = None;
    engine.call(&put("a", b"b")).unwrap();
    assert_eq!(value_of(&mut engine, "a"), b"b");
}

#[test]
fn many_threads_share_an_engine() {
    let store = Arc::new(MapStore::default());
    let engine = WasmEngine::new(config(store)).unwrap().grouped();
    engine.call(&create()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                for round in 0..20 {
                    let path = format!("t{thread}/{round}");
                    engine.call(&put(&path, path.as_bytes())).unwrap();
                    match engine.call(&get(&path)) {
                        Ok(Response::Value { value, .. }) => assert_eq!(value.0, path.as_bytes()),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

#[test]
fn a_deadline_that_holds_disturbs_nothing() {
    let mut config = config(Arc::new(MapStore::default()));
    config.deadline = Some(std::time::Duration::from_secs(60));
    let mut engine = WasmEngine::new(config).unwrap();
    engine.call(&create()).unwrap();
    let value = noise(2 << 20);
    engine.call(&put("a", &value)).unwrap();
    assert_eq!(value_of(&mut engine, "a"), value);
}
