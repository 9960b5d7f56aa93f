//! The engine for modules that nobody trusts, apart from the one that runs the vault.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dagvault_core::limits::{EXECUTIONS_MAX, MODULE_CALL_DEPTH_MAX, MODULE_INPUT_BYTES_MAX};
use dagvault_meter::profile::{ALL, Profile, STACK_BYTES};
use dagvault_meter::schedule::Schedule;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Linker, OptLevel, PoolingAllocationConfig,
};

use crate::artifact::Artifact;
use crate::call::Call;
use crate::clock::Clock;
use crate::gate::{Capacity, Gate};
use crate::guest::{Changes, State};
use crate::module::{Exports, Inner, Module, imports_wasi};
use crate::outcome::{Execution, Outcome, Refused};
use crate::run::{self, Budget};
use crate::{LoadError, host, wasi};

/// Bytes of the native stack that a guest may take. The counted stack ends long before; the tests of `meter` recurse
/// through the smallest and through the largest frames.
const NATIVE_STACK_BYTES: usize = 512 << 10;
/// Instances at once: whatever runs, and what these call.
const INSTANCES: u32 = EXECUTIONS_MAX * MODULE_CALL_DEPTH_MAX;
/// Tables of one module, and elements of a table, as admission bounds them.
const TABLES: u32 = 16;
const TABLE_ELEMENTS: usize = 65_536;
/// Bytes of an instance's own data: 10,000 globals and 20,000 functions.
const INSTANCE_BYTES: usize = 4 << 20;
/// Bytes of a memory and of a table that are cleared by writing rather than by the system, which costs more.
const RESIDENT_BYTES: usize = 64 << 10;
const TABLE_RESIDENT_BYTES: usize = 4 << 10;
/// Gas of an execution whose profile has no limit of it.
const ENDLESS_GAS: u64 = 1 << 50;

/// Runs untrusted modules.
pub struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    clock: Clock,
    gate: Gate,
    schedule: Schedule,
}

/// How the compiler and the engine are set; the same in the process that compiles and in the one that runs.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_threads(false)
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_extended_const(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .wasm_reference_types(true)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .shared_memory(false)
        .concurrency_support(false)
        // The bytecode does it, for every engine.
        .cranelift_nan_canonicalization(false)
        .cranelift_opt_level(OptLevel::Speed)
        .consume_fuel(false)
        .epoch_interruption(true)
        .max_wasm_stack(NATIVE_STACK_BYTES)
        .memory_init_cow(true)
        // Whole address spaces, so that no access needs a check of its own.
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        // Where a trap happened is all that is asked.
        .generate_address_map(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(1))
        .native_unwind_info(false);
    config
}

/// The pool that instances are taken from.
fn pool() -> PoolingAllocationConfig {
    let pages = ALL.iter().map(|profile| profile.memory_pages_max as usize).max().unwrap_or(0);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(INSTANCES)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * TABLES)
        .total_gc_heaps(INSTANCES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(pages << 16)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(TABLE_RESIDENT_BYTES)
        .pagemap_scan(Enabled::Auto);
    pool
}

impl Sandbox {
    /// An engine whose modules are metered by a schedule.
    ///
    /// # Errors
    /// If the system does not give the addresses, the memory or the thread that it needs.
    pub fn new(schedule: Schedule, capacity: Capacity) -> Result<Self, Refused> {
        let failed = |error: wasmtime::Error| Refused::System { detail: format!("{error:#}") };
        let mut config = config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
        let engine = Engine::new(&config).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).and_then(|()| wasi::link(&mut linker)).map_err(failed)?;
        let clock = Clock::new(&engine).map_err(|error| Refused::System { detail: error.to_string() })?;
        Ok(Self { engine, linker, clock, gate: Gate::new(capacity), schedule })
    }

    /// The schedule that its modules are metered by.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Admits, meters and compiles a module in this process: for modules whose compilation may take what it takes.
    ///
    /// # Errors
    /// If the module is refused.
    pub fn compile(&self, bytes: &[u8], profile: &'static Profile) -> Result<Module, LoadError> {
        self.link(Artifact::make(&self.engine, bytes, profile, &self.schedule)?)
    }

    /// The engine, for what has to be its own.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Makes a module of what was compiled.
    pub(crate) fn link(&self, artifact: Artifact) -> Result<Module, LoadError> {
        let code = artifact.module(&self.engine)?;
        let (exports, form) = Exports::find(&code).map_err(LoadError::Form)?;
        let code_bytes = artifact.code_bytes();
        let wasi = imports_wasi(&code);
        let instance = self
            .linker
            .instantiate_pre(&code)
            .map_err(|error| LoadError::Engine { detail: format!("{error:#}") })?;
        let metered = artifact.metered().into();
        let Artifact { refunds, profile, manifest, .. } = artifact;
        let prices = *self.schedule.host();
        Ok(Module(Arc::new(Inner {
            instance,
            exports,
            form,
            wasi,
            refunds,
            profile,
            prices,
            manifest,
            metered,
            code_bytes,
        })))
    }

    /// How many executions run, and how many wait.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.gate.load()
    }

    /// The gas that a call may use.
    ///
    /// # Errors
    /// If it asks for more than the profile allows.
    pub fn gas_limit(&self, module: &Module, call: &Call<'_>) -> Result<u64, Refused> {
        let Some(gas) = module.profile().gas else {
            return Ok(call.gas.unwrap_or(ENDLESS_GAS).min(ENDLESS_GAS));
        };
        let asked = call.gas.unwrap_or(gas.default);
        if asked > gas.max { Err(Refused::Gas { asked, max: gas.max }) } else { Ok(asked) }
    }

    /// Runs a module, in an instance that nothing ran in before, as soon as there is a place.
    ///
    /// # Errors
    /// If nothing is executed: too much is running, or is asked for, or there is no such function.
    pub fn execute(&self, module: &Module, call: &Call<'_>) -> Result<Execution, Refused> {
        let gas = self.gas_limit(module, call)?;
        if call.input.len() > MODULE_INPUT_BYTES_MAX {
            return Err(Refused::Input { bytes: call.input.len() });
        }
        let _place = self.gate.enter()?;
        let _running = self.clock.begin();
        let budget = Budget {
            gas: i64::try_from(gas).unwrap_or(i64::MAX),
            stack: STACK_BYTES,
            until: Instant::now() + Duration::from_millis(module.profile().wall_ms_max.into()),
            running: vec![call.name.to_vec()],
            changes: Changes::default(),
        };
        let done = run::run(module, call, budget)?;
        let kept = done.outcome == Outcome::Ok;
        let changes = if kept { done.changes } else { Changes::default() };
        Ok(Execution {
            outcome: done.outcome,
            output: done.output,
            effects: changes.effects,
            writes: changes.writes.into_iter().collect(),
            logs: done.logs.lines,
            logs_dropped: done.logs.dropped,
            gas: done.gas,
        })
    }
}
