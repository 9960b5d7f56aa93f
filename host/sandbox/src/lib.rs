//! Untrusted modules: admitted, compiled, run with exact gas, and told apart from whatever holds secrets.
//! `docs/sandbox.md` says what modules must be and what they get.

#![deny(unsafe_code)]

mod artifact;
mod cache;
mod call;
mod clock;
mod compiler;
mod engine;
mod error;
mod folder;
mod gate;
mod guest;
mod host;
pub mod json;
mod library;
mod manifest;
mod module;
mod outcome;
pub mod receipt;
mod run;
pub mod value;
mod wasi;

pub use call::{Call, Format, Function, Modules, View};
pub use compiler::{Compiler, child_main};
pub use dagvault_meter::imports::imports;
pub use engine::Sandbox;
pub use error::LoadError;
pub use gate::Capacity;
pub use library::Library;
pub use manifest::{Manifest, SECTION};
pub use module::{Form, Module, NoForm};
pub use outcome::{Execution, Log, Outcome, Refused, Trap};
