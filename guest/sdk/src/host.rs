//! What the host does for a module: its imports in wasm, and the same in memory natively.

#[cfg(target_family = "wasm")]
mod module;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
pub(crate) use module::{World, log, log_panics};
#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{Modules, World, log, log_panics};
