//! Instances of the module over one memory: the main one and those of the workers.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use dagvault_core::abi::{ABI_VERSION, IMPORT_MODULE, exports};
use dagvault_core::error::StoreError;
use dagvault_core::layout::{
    CANARY_BYTES, CORE_OFFSET, CRYPTO_OFFSET, MAIN_STACK_BYTES, STATIC_OFFSET, TLS_BYTES_MAX, WORKER_BYTES,
    worker_offset,
};
use dagvault_core::parallel::Workers;
use dagvault_dag::store::Store;
use dagvault_dag::system::System;
use wasmtime::{Caller, Engine, Instance, InstancePre, Linker, Module, Store as WasmStore, TypedFunc, Val};

use crate::accel::{Offer, Scratch};
use crate::config::{Config, LogSink};
use crate::deadline::Deadline;
use crate::failure::{Failure, StartError};
use crate::memory::GuestMemory;
use crate::pool::{Batch, Pool};

type RunJob = TypedFunc<(u32, u32, u32), ()>;

/// What an import finds in its store.
pub(crate) struct State {
    pub(crate) shared: Arc<Shared>,
    /// Whether a job is running on this instance: then it may only compute.
    pub(crate) in_job: bool,
    /// What accelerators compute in.
    pub(crate) scratch: Scratch,
    run_job: Option<RunJob>,
}

/// What the host learns during a call, for the error that the caller gets.
#[derive(Default)]
pub(crate) struct Notes {
    /// The last failure of the store, with the words that do not cross the ABI.
    pub(crate) store_error: Option<StoreError>,
    /// Where the guest panicked.
    pub(crate) panic: Option<String>,
    /// Whether the guest ran out of memory.
    pub(crate) no_memory: bool,
}

/// What the instances of one start share.
pub(crate) struct Shared {
    pub(crate) memory: GuestMemory,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) system: Arc<dyn System>,
    pub(crate) log: Option<LogSink>,
    pub(crate) workers: usize,
    pub(crate) pool: Pool,
    pub(crate) deadline: Arc<Deadline>,
    pub(crate) offer: Offer,
    canary: [u8; CANARY_BYTES],
    notes: Mutex<Notes>,
    ready: OnceLock<InstancePre<State>>,
    /// Threads for the store, which works while the workers of the guest wait.
    threads: OnceLock<Workers>,
}

impl Shared {
    /// Runs work of the store, spread over as many threads as the guest has workers.
    pub(crate) fn spread<T>(&self, work: impl FnOnce() -> T) -> T {
        // Without threads it only takes longer.
        self.threads.get_or_init(|| Workers::new(self.workers).unwrap_or(Workers::none())).scope(work)
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the canary of worker `index` under its stack.
    pub(crate) fn write_worker_canary(&self, index: usize) -> Result<(), Failure> {
        self.memory.write(offset(worker_offset(index))?, &self.canary)
    }

    /// Fails if a stack has grown into the canary under it.
    pub(crate) fn check_canaries(&self) -> Result<(), Failure> {
        let stacks = std::iter::once(CORE_OFFSET).chain((1..=self.pool.started()).map(worker_offset));
        for (worker, stack) in stacks.enumerate() {
            if !self.memory.holds(offset(stack)?, &self.canary)? {
                return Err(Failure::Trap(format!("the stack of instance {worker} overflowed")));
            }
        }
        Ok(())
    }
}

/// An offset of the layout as the guest has it.
fn offset(bytes: usize) -> Result<u32, Failure> {
    u32::try_from(bytes).map_err(|_| Failure::misbehaved("an offset over 32 bits"))
}

/// Random bytes that no guest knows. Not from `System`, whose sequence belongs to the vault.
fn new_canary() -> [u8; CANARY_BYTES] {
    let mut canary = [0; CANARY_BYTES];
    let seed = RandomState::new().hash_one(std::process::id());
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut canary);
    canary
}

/// The main instance with everything that was started for it.
pub(crate) struct Main {
    pub(crate) store: WasmStore<State>,
    pub(crate) alloc: TypedFunc<u32, u32>,
    pub(crate) free: TypedFunc<(u32, u32), ()>,
    pub(crate) call: TypedFunc<(u32, u32), u64>,
    pub(crate) shared: Arc<Shared>,
}

impl Main {
    /// Makes a memory and the main instance over it, and asserts the layout.
    pub(crate) fn start(
        engine: &Engine,
        module: &Module,
        config: &Config,
        deadline: &Arc<Deadline>,
    ) -> Result<Self, StartError> {
        let pages_max = config.pages_max()?;
        let memory = GuestMemory::new(engine, pages_max)
            .map_err(|error| StartError::system("shared memory", &error))?;
        memory.prefer_huge_pages(pages_max);
        if let (Err(notice), Some(log)) = (memory.harden(pages_max), &config.log) {
            log(dagvault_core::abi::LOG_NOTICE, &notice);
        }
        let shared = Arc::new(Shared {
            memory,
            store: Arc::clone(&config.store),
            system: Arc::clone(&config.system),
            log: config.log.clone(),
            workers: config.workers,
            pool: Pool::default(),
            deadline: Arc::clone(deadline),
            offer: config.offer(),
            canary: new_canary(),
            notes: Mutex::default(),
            ready: OnceLock::new(),
            threads: OnceLock::new(),
        });
        let mut store = new_store(engine, &shared);
        let ready = link(engine, module, &shared, &store)
            .map_err(|error| StartError::refused(format!("it cannot be linked: {error:#}")))?;
        let failed = |failure: Failure| StartError::refused(format!("it does not start: {failure}"));
        let _running = deadline.begin();
        deadline.arm(&mut store).map_err(failed)?;
        let instance = ready.instantiate(&mut store).map_err(|error| failed(error.into()))?;
        let _ = shared.ready.set(ready);
        assert_layout(&instance, &mut store)?;
        shared.memory.write(0, &shared.canary).map_err(failed)?;
        let missing = |error: wasmtime::Error| StartError::refused(error.to_string());
        let version: TypedFunc<(), u32> =
            instance.get_typed_func(&mut store, exports::ABI_VERSION).map_err(missing)?;
        let version = version.call(&mut store, ()).map_err(|error| failed(error.into()))?;
        if version != ABI_VERSION {
            let detail = format!("it speaks version {version} of the ABI, this host {ABI_VERSION}");
            return Err(StartError::refused(detail));
        }
        let alloc = instance.get_typed_func(&mut store, exports::ALLOC).map_err(missing)?;
        let free = instance.get_typed_func(&mut store, exports::FREE).map_err(missing)?;
        let call = instance.get_typed_func(&mut store, exports::CALL).map_err(missing)?;
        let run_job = instance.get_typed_func(&mut store, exports::RUN_JOB).map_err(missing)?;
        store.data_mut().run_job = Some(run_job);
        Ok(Self { store, alloc, free, call, shared })
    }
}

impl Drop for Main {
    fn drop(&mut self) {
        self.shared.pool.stop();
        self.shared.memory.wipe();
    }
}

fn new_store(engine: &Engine, shared: &Arc<Shared>) -> WasmStore<State> {
    let (shared, scratch) = (Arc::clone(shared), Scratch::default());
    WasmStore::new(engine, State { shared, in_job: false, scratch, run_job: None })
}

fn link(
    engine: &Engine,
    module: &Module,
    shared: &Shared,
    store: &WasmStore<State>,
) -> wasmtime::Result<InstancePre<State>> {
    const { assert!(!IMPORT_MODULE.is_empty()) };
    let mut linker = Linker::new(engine);
    crate::imports::link(&mut linker)?;
    linker.define(store, "env", "memory", shared.memory.shared())?;
    linker.instantiate_pre(module)
}

fn global(instance: &Instance, store: &mut WasmStore<State>, name: &str) -> Result<usize, StartError> {
    let value = instance.get_global(&mut *store, name).map(|global| global.get(&mut *store));
    match value {
        Some(Val::I32(value)) => Ok(value.cast_unsigned() as usize),
        _ => Err(StartError::refused(format!("it does not export '{name}'"))),
    }
}

/// Asserts that the linker has placed stack, data and thread-local storage as `layout` says.
fn assert_layout(instance: &Instance, store: &mut WasmStore<State>) -> Result<(), StartError> {
    let mut value = |name| global(instance, store, name);
    let stack = value(exports::STACK_POINTER)?;
    if stack != CORE_OFFSET + MAIN_STACK_BYTES {
        return Err(StartError::refused(format!("its stack begins at {stack:#x}")));
    }
    for name in [exports::DATA_END, exports::HEAP_BASE] {
        let end = value(name)?;
        if !(STATIC_OFFSET..=CRYPTO_OFFSET).contains(&end) {
            return Err(StartError::refused(format!("its static data ends at {end:#x}")));
        }
    }
    let (size, align) = (value(exports::TLS_SIZE)?, value(exports::TLS_ALIGN)?);
    if size > TLS_BYTES_MAX || align > TLS_BYTES_MAX {
        return Err(StartError::refused(format!("its thread-local storage has {size} bytes")));
    }
    Ok(())
}

/// An instance of a worker, on the worker's own thread.
pub(crate) struct Worker {
    store: WasmStore<State>,
    shared: Arc<Shared>,
}

impl Worker {
    /// Makes an instance with the stack and the thread-local storage of worker `index`.
    pub(crate) fn start(shared: &Arc<Shared>, index: usize) -> Result<Self, Failure> {
        let ready =
            shared.ready.get().ok_or_else(|| Failure::Trap("workers before the main instance".into()))?;
        let mut store = new_store(ready.module().engine(), shared);
        shared.deadline.arm(&mut store)?;
        let instance = ready.instantiate(&mut store)?;
        let top = offset(worker_offset(index) + WORKER_BYTES - TLS_BYTES_MAX)?;
        let stack = instance.get_global(&mut store, exports::STACK_POINTER);
        let stack = stack.ok_or_else(|| Failure::misbehaved("no stack pointer"))?;
        stack.set(&mut store, Val::I32(top.cast_signed()))?;
        let init_tls: TypedFunc<u32, ()> = instance.get_typed_func(&mut store, exports::INIT_TLS)?;
        init_tls.call(&mut store, top)?;
        let run_job = instance.get_typed_func(&mut store, exports::RUN_JOB)?;
        store.data_mut().run_job = Some(run_job);
        store.data_mut().in_job = true;
        Ok(Self { store, shared: Arc::clone(shared) })
    }

    /// Runs indices of `batch` until none is left.
    pub(crate) fn take_tickets(&mut self, batch: &Batch) -> Result<(), Failure> {
        self.shared.deadline.arm(&mut self.store)?;
        let run_job = self.store.data().run_job.clone();
        let run_job = run_job.ok_or_else(|| Failure::Trap("a worker without jobs".into()))?;
        while let Some(index) = batch.ticket() {
            run_job.call(&mut self.store, (batch.job.job, batch.job.context, index))?;
        }
        // After a failure the instance is dropped, and its buffer with it.
        self.store.data_mut().scratch.wipe();
        Ok(())
    }
}

/// Runs one index of a job on the instance whose import is being served.
pub(crate) fn run_here(
    caller: &mut Caller<'_, State>,
    job: u32,
    context: u32,
    index: u32,
) -> Result<(), Failure> {
    let run_job = caller.data().run_job.clone();
    let run_job = run_job.ok_or_else(|| Failure::misbehaved("it calls 'parallel_for' while it starts"))?;
    Ok(run_job.call(caller, (job, context, index))?)
}
