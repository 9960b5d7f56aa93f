//! What the benchmarks share: vaults on disk and in memory behind either engine, and the requests sent to them.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use dagvault_api::{Codec, Engine, KdfParams, Protect, PutItem, Request, Response, Unlock};
use dagvault_dag::disk::RealDisk;
use dagvault_dag::files::{FileStore, OpenOptions};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::Store;
use dagvault_dag::system::{OsSystem, System as _};
use dagvault_host::{Config, WasmEngine};
use dagvault_vault::NativeEngine;

/// Both engines, by name.
pub const ENGINES: [&str; 2] = ["native", "wasm"];

/// An engine of that name over a store, without a vault in it.
///
/// # Errors
/// If it does not start.
pub fn engine(name: &str, store: Arc<dyn Store>, workers: usize) -> Result<Box<dyn Engine>> {
    let system = Arc::new(OsSystem);
    if name == "native" {
        let engine = NativeEngine::new(store, system, workers).context("the native engine")?;
        return Ok(Box::new(engine));
    }
    let mut config = Config::new(store, system);
    config.workers = workers;
    let engine = WasmEngine::new(config).context("the engine in Wasmtime")?;
    Ok(Box::new(engine.grouped()))
}

/// A new, open vault in a folder, which must be absent or empty.
///
/// # Errors
/// If it can't be made.
///
/// # Panics
/// If the system has no random bytes.
pub fn vault_in(name: &str, folder: &Path, workers: usize) -> Result<Box<dyn Engine>> {
    let options = OpenOptions::new(|out| OsSystem.random(out).expect("the system has random bytes"));
    let disk = Arc::new(RealDisk::new(folder));
    let store = FileStore::create(disk, options).context("a store on disk")?;
    created(engine(name, Arc::new(store), workers)?)
}

/// A new, open vault in memory.
///
/// # Errors
/// If it can't be made.
pub fn vault_in_memory(name: &str, workers: usize) -> Result<Box<dyn Engine>> {
    created(engine(name, Arc::new(MemoryStore::new()), workers)?)
}

fn created(engine: Box<dyn Engine>) -> Result<Box<dyn Engine>> {
    let unlock = Unlock::KeyFile { bytes: Cow::Borrowed(&[7; 32]) };
    engine
        .call(&Request::Create { protect: Protect { unlock, kdf: KdfParams::default() }, paranoid: false })?;
    Ok(engine)
}

/// A put of one value.
#[must_use]
pub fn put<'a>(path: &'a str, value: &'a [u8]) -> Request<'a> {
    Request::Put {
        items: vec![PutItem {
            path: path.into(),
            value: value.into(),
            meta: BTreeMap::new(),
            expected: None,
            skip_equal: false,
            codec: Codec::Raw {},
        }],
    }
}

/// Puts one value and looks at the answer.
///
/// # Errors
/// If the engine refuses.
pub fn put_one(engine: &dyn Engine, path: &str, value: &[u8]) -> Result<()> {
    match engine.call(&put(path, value))? {
        Response::Put { outcomes } if outcomes.len() == 1 && outcomes[0].written => Ok(()),
        other => anyhow::bail!("a put was answered by {other:?}"),
    }
}

/// Milliseconds in which the engine in Wasmtime starts, compiled code being in the cache: the median of `count`.
///
/// # Errors
/// If it does not start.
pub fn start_ms(count: u32) -> Result<f64> {
    let start = || -> Result<f64> {
        let config = Config::new(Arc::new(MemoryStore::new()), Arc::new(OsSystem));
        let began = Instant::now();
        let engine = WasmEngine::new(config).context("the engine in Wasmtime")?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        drop(engine);
        Ok(took)
    };
    start()?;
    let times: Vec<f64> = (0..count).map(|_| start()).collect::<Result<_>>()?;
    Ok(median(times))
}

/// The middle of some numbers; the upper one of two.
#[must_use]
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
