//! The vault: secrets and files under paths, with versions, over a store of opaque blocks.
//!
//! [`Vault`] serves [`dagvault_api::Request`]s one at a time and knows no operating system; the native engine
//! (feature `std`) and the guest put it behind the one door. docs/format.md has every byte that it writes.
#![cfg_attr(not(any(test, feature = "std")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod blocks;
mod cache;
mod change;
mod check;
mod entry;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gc;
mod graph;
mod head;
mod history;
mod keyed;
mod keys;
mod lz4;
#[cfg(feature = "std")]
mod native;
mod node;
mod nodes;
mod proof;
mod read;
mod session;
mod stream;
mod tree;
mod value;
mod vault;

pub use head::Head;
pub use keys::KeySlot;
#[cfg(feature = "std")]
pub use native::NativeEngine;
pub use node::SpaceKeys;
pub use proof::check as check_proof;
pub use vault::Vault;
