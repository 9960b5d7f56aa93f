//! Blocks and their envelopes, links, parallel traversal, and the stores that keep blocks and cells.
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![deny(unsafe_code)]

extern crate alloc;

#[cfg(feature = "std")]
pub mod behind;
#[cfg(feature = "std")]
pub mod car;
#[cfg(feature = "std")]
pub mod disk;
pub mod envelope;
#[cfg(feature = "std")]
pub mod files;
pub mod graph;
pub mod link;
pub mod memory;
pub mod readonly;
pub mod store;
pub mod system;
pub mod table;
pub mod walk;
