//! What is timed, by whom, and what the benchmarks share: vaults on disk and in memory behind each engine, and the
//! requests sent to them.
//!
//! [`case::Case`] is one thing to be timed. `cargo bench` gives the cases to criterion one after the other; the
//! program `measure` runs them on demand for `cargo xtask bench`, which gives turns to everybody.
#![forbid(unsafe_code)]

pub mod case;
pub mod crypto;
pub mod dag;
pub mod vault;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use dagvault_api::{Codec, Engine, KdfParams, Protect, PutItem, Request, Response, Unlock};
use dagvault_crypto::backend::Backend;
use dagvault_dag::disk::RealDisk;
use dagvault_dag::files::{FileStore, OpenOptions};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::Store;
use dagvault_dag::system::{OsSystem, System as _};
use dagvault_host::{Accel, Config, ModuleSource, WasmEngine};
use dagvault_vault::NativeEngine;

/// Starts an engine over a store with so many workers.
type Start = fn(Arc<dyn Store>, usize) -> Result<Box<dyn Engine>>;

/// An engine that takes part.
pub struct Contender {
    /// What it is called.
    pub name: &'static str,
    /// `native` or `wasmtime`.
    pub engine: &'static str,
    /// Who computes in native engines.
    pub backend: fn() -> Backend,
    start: Start,
}

/// Every engine that takes part: the native one by what the processor has and without, the guest by its own
/// instructions alone and with the processor's.
pub const ENGINES: [Contender; 5] = [
    Contender { name: "native", engine: "native", backend: || Backend::RustCrypto, start: native },
    Contender { name: "native portable", engine: "native", backend: || Backend::Portable, start: native },
    Contender { name: "wasm strict", engine: "wasmtime", backend: || Backend::RustCrypto, start: strict },
    Contender { name: "wasm relaxed", engine: "wasmtime", backend: || Backend::RustCrypto, start: relaxed },
    Contender {
        name: "wasm accelerated",
        engine: "wasmtime",
        backend: || Backend::RustCrypto,
        start: accelerated,
    },
];

/// The contenders of comparisons where the backends don't matter: one of each engine.
pub fn plain_engines() -> impl Iterator<Item = &'static Contender> {
    static ALL: &[Contender] = &ENGINES;
    ALL.iter().filter(|contender| ["native", "wasm accelerated"].contains(&contender.name))
}

fn native(store: Arc<dyn Store>, workers: usize) -> Result<Box<dyn Engine>> {
    let engine = NativeEngine::new(store, Arc::new(OsSystem), workers).context("the native engine")?;
    Ok(Box::new(engine))
}

fn wasm(
    store: Arc<dyn Store>,
    workers: usize,
    module: ModuleSource,
    accel: Accel,
) -> Result<Box<dyn Engine>> {
    let mut config = Config::new(store, Arc::new(OsSystem));
    (config.workers, config.module, config.accel) = (workers, module, accel);
    let engine = WasmEngine::new(config).context("the engine in Wasmtime")?;
    Ok(Box::new(engine.grouped()))
}

fn strict(store: Arc<dyn Store>, workers: usize) -> Result<Box<dyn Engine>> {
    wasm(store, workers, ModuleSource::Embedded, Accel::Off)
}

fn relaxed(store: Arc<dyn Store>, workers: usize) -> Result<Box<dyn Engine>> {
    wasm(store, workers, ModuleSource::Relaxed, Accel::Off)
}

fn accelerated(store: Arc<dyn Store>, workers: usize) -> Result<Box<dyn Engine>> {
    wasm(store, workers, ModuleSource::Embedded, Accel::Auto)
}

/// A new, open vault in a folder, which must be absent or empty.
///
/// # Errors
/// If it can't be made.
pub fn vault_in(contender: &Contender, folder: &Path, workers: usize) -> Result<Box<dyn Engine>> {
    created((contender.start)(Arc::new(store_in(folder)?), workers)?)
}

/// A new store in a folder, which must be absent or empty.
///
/// # Errors
/// If it can't be made.
///
/// # Panics
/// If the system has no random bytes.
pub fn store_in(folder: &Path) -> Result<FileStore> {
    let options = OpenOptions::new(|out| OsSystem.random(out).expect("the system has random bytes"));
    FileStore::create(Arc::new(RealDisk::new(folder)), options).context("a store on disk")
}

/// A new, open vault in memory.
///
/// # Errors
/// If it can't be made.
pub fn vault_in_memory(contender: &Contender, workers: usize) -> Result<Box<dyn Engine>> {
    created((contender.start)(Arc::new(MemoryStore::new()), workers)?)
}

fn created(engine: Box<dyn Engine>) -> Result<Box<dyn Engine>> {
    let unlock = Unlock::KeyFile { bytes: Cow::Borrowed(&[7; 32]) };
    engine
        .call(&Request::Create { protect: Protect { unlock, kdf: KdfParams::default() }, paranoid: false })?;
    Ok(engine)
}

/// A value on its way, not compressed.
#[must_use]
pub fn item<'a>(path: &'a str, value: &'a [u8]) -> PutItem<'a> {
    PutItem {
        path: path.into(),
        value: value.into(),
        meta: BTreeMap::new(),
        expected: None,
        skip_equal: false,
        codec: Codec::Raw {},
    }
}

/// A put of one value.
#[must_use]
pub fn put<'a>(path: &'a str, value: &'a [u8]) -> Request<'a> {
    Request::Put { items: vec![item(path, value)] }
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

/// Most bytes of a value that one request carries here.
pub const PART_BYTES: usize = 4 << 20;

/// Begins a value that comes in parts; answers its handle.
///
/// # Errors
/// If the engine refuses.
pub fn begin(engine: &dyn Engine, item: PutItem<'_>) -> Result<u64> {
    match engine.call(&Request::WriteBegin { item })? {
        Response::Handle { handle, .. } => Ok(handle),
        other => anyhow::bail!("the begin of a value was answered by {other:?}"),
    }
}

/// Sends more of a value, in parts.
///
/// # Errors
/// If the engine refuses.
pub fn send(engine: &dyn Engine, handle: u64, value: &[u8]) -> Result<()> {
    for part in value.chunks(PART_BYTES) {
        engine.call(&Request::WriteChunk { handle, bytes: part.into() })?;
    }
    Ok(())
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
