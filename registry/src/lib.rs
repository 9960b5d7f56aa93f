//! Modules in a vault: stored like every value, named by their content, loaded, and exchanged while they are called.
//!
//! A module is the value of the path `.modules/NAME`; what else is known of it is the path's metadata `module`. So its
//! versions are the path's, and putting one is a commit like any other.

#![forbid(unsafe_code)]

mod entry;
mod error;
mod live;
mod name;
mod registry;

pub use entry::Entry;
pub use error::RegistryError;
pub use live::{Live, Loaded};
pub use name::{Reference, check_name};
pub use registry::{META_KEY, NewModule, PREFIX, Registry};
