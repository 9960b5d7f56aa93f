//! What the user sets, and the one Wasmtime configuration.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dagvault_core::abi::ACCEL_ARGON2ID;
use dagvault_core::layout::{MEMORY_PAGES_MAX, MEMORY_PAGES_MIN, WASM_PAGE_BYTES};
use dagvault_core::limits::WORKERS_MAX;
use dagvault_dag::store::Store;
use dagvault_dag::system::System;

use crate::accel::{Accel, Offer};
use crate::failure::StartError;

/// Native stack that WebAssembly may use on the thread of a call: half of what std gives a thread.
pub(crate) const WASM_STACK_BYTES: usize = 1024 * 1024;
/// Stack of a worker's thread: WebAssembly's share and as much for the host below it.
pub(crate) const WORKER_THREAD_BYTES: usize = 2 * WASM_STACK_BYTES;

/// Takes lines for people: a level of `dagvault_core::abi` and a text without secrets.
pub type LogSink = Arc<dyn Fn(u32, &str) + Send + Sync>;

/// Where the engine's module comes from.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum ModuleSource {
    /// [`ENGINE_MODULE`](crate::ENGINE_MODULE).
    #[default]
    Embedded,
    /// [`ENGINE_MODULE_RELAXED`](crate::ENGINE_MODULE_RELAXED).
    Relaxed,
    /// These bytes, which must pass the same checks.
    Bytes(Arc<[u8]>),
}

impl ModuleSource {
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Embedded => Cow::Borrowed(crate::ENGINE_MODULE),
            Self::Relaxed => Cow::Borrowed(crate::ENGINE_MODULE_RELAXED),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }
}

impl fmt::Debug for ModuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("Embedded"),
            Self::Relaxed => f.write_str("Relaxed"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}

/// What an engine is made with.
#[derive(Clone)]
pub struct Config {
    /// Where blocks and cells are.
    pub store: Arc<dyn Store>,
    /// Randomness and time.
    pub system: Arc<dyn System>,
    /// Workers, the calling thread included: 1 to `WORKERS_MAX`.
    pub workers: usize,
    /// Most bytes of the guest's memory; from 32 MiB to the module's 1 GiB, above which it is cut.
    pub max_memory_bytes: u64,
    /// After which time a call is ended; the guest's code is checked for it only where this is set.
    pub deadline: Option<Duration>,
    /// The engine's module.
    pub module: ModuleSource,
    /// Where compiled code is kept between processes; `None` keeps none.
    pub cache_dir: Option<PathBuf>,
    /// Takes notices; without it they are dropped.
    pub log: Option<LogSink>,
    /// Which accelerators the guest is offered.
    pub accel: Accel,
    /// Accelerators that answer wrongly, as bits of `dagvault_core::abi`: for tests of the guest's self-test.
    #[doc(hidden)]
    pub lying: u32,
}

impl Config {
    /// The embedded module with a worker for each processor, the module's memory, no deadline, and compiled
    /// code in the user's cache folder.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, system: Arc<dyn System>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            store,
            system,
            workers: processors.min(WORKERS_MAX),
            max_memory_bytes: u64::from(MEMORY_PAGES_MAX) * WASM_PAGE_BYTES as u64,
            deadline: None,
            module: ModuleSource::Embedded,
            cache_dir: crate::default_cache_dir(),
            log: None,
            accel: Accel::default(),
            lying: 0,
        }
    }

    /// Pages that the memory may have.
    pub(crate) fn pages_max(&self) -> Result<u32, StartError> {
        let pages = self.max_memory_bytes / WASM_PAGE_BYTES as u64;
        let pages = u32::try_from(pages).unwrap_or(u32::MAX).min(MEMORY_PAGES_MAX);
        if pages < MEMORY_PAGES_MIN {
            let least = u64::from(MEMORY_PAGES_MIN) * WASM_PAGE_BYTES as u64;
            return Err(StartError::Config { detail: format!("max_memory_bytes is below {least}") });
        }
        Ok(pages)
    }

    /// What the accelerators of an engine are. A derivation can't be interrupted: under a deadline it is the guest's.
    pub(crate) fn offer(&self) -> Offer {
        let withheld = if self.deadline.is_some() { ACCEL_ARGON2ID } else { 0 };
        Offer {
            features: self.accel.features() & !withheld,
            memory_bytes_max: self.max_memory_bytes,
            lying: self.lying,
        }
    }

    pub(crate) fn check_workers(&self) -> Result<(), StartError> {
        if (1..=WORKERS_MAX).contains(&self.workers) {
            return Ok(());
        }
        Err(StartError::Config { detail: format!("workers is {}, not 1 to {WORKERS_MAX}", self.workers) })
    }

    /// The one Wasmtime configuration: only the features that the guest is built with.
    pub(crate) fn wasmtime(&self) -> wasmtime::Config {
        let mut config = wasmtime::Config::new();
        config
            .wasm_threads(true)
            .shared_memory(true)
            .wasm_simd(true)
            .wasm_relaxed_simd(self.module == ModuleSource::Relaxed)
            .wasm_bulk_memory(true)
            .wasm_multi_value(true)
            .wasm_tail_call(false)
            .wasm_multi_memory(false)
            .wasm_memory64(false)
            .wasm_extended_const(false)
            .max_wasm_stack(WASM_STACK_BYTES)
            .epoch_interruption(self.deadline.is_some())
            .cranelift_opt_level(wasmtime::OptLevel::Speed);
        config
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .field("max_memory_bytes", &self.max_memory_bytes)
            .field("deadline", &self.deadline)
            .field("module", &self.module)
            .field("cache_dir", &self.cache_dir)
            .field("accel", &self.accel)
            .finish_non_exhaustive()
    }
}
