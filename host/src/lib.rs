//! Runs the dagvault engine as a WebAssembly guest in Wasmtime: one shared linear memory with the fixed layout
//! of `dagvault_core::layout`, a main instance on the caller's thread and worker instances on threads of a pool.
//!
//! [`WasmEngine`] is the entry point; it serves one call at a time, and [`WasmEngine::grouped`] makes it an engine
//! for many threads. The host knows the ABI, the API and the stores, never the vault's inside.
//!
//! # Traps
//! Whatever ends a call in the guest other than an answer (a trap, the deadline, a damaged canary, a number that
//! lies) drops every instance and the memory, zeroed. The next call starts them anew. **The host keeps no
//! secret**, so that the vault is locked then: the call answers `Error::Locked`, and the caller opens it again.
//!
//! # Unsafe code
//! Only in `memory` (copies in and out of the shared memory) and in one function of `artifact` (loading
//! compiled code that this crate has written itself).
#![deny(unsafe_code)]

mod accel;
mod artifact;
mod calls;
mod config;
mod deadline;
mod engine;
mod failure;
mod imports;
mod instance;
mod loader;
mod memory;
mod pool;

pub use accel::Accel;
pub use artifact::default_cache_dir;
pub use config::{Config, LogSink, ModuleSource};
pub use engine::WasmEngine;
pub use failure::StartError;

/// The engine's module that this crate was built with.
pub const ENGINE_MODULE: &[u8] = include_bytes!(env!("DAGVAULT_GUEST_WASM_PATH"));

/// Its twin for hosts with relaxed SIMD: the same results, to the byte, by fewer instructions.
pub const ENGINE_MODULE_RELAXED: &[u8] = include_bytes!(env!("DAGVAULT_GUEST_RELAXED_WASM_PATH"));
