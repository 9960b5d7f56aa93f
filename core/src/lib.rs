//! What every crate of dagvault shares: the memory layout, limits, the ABI table, ids, strict dag-cbor,
//! store errors, arenas and fork-join. No I/O and no secrets' algorithms live here.
#![cfg_attr(not(test), no_std)]
// The guest's own toolchain: `slab::Plain::store_relaxed`.
#![cfg_attr(all(target_arch = "wasm32", target_feature = "atomics"), feature(asm_experimental_arch))]

extern crate alloc;

pub mod abi;
pub mod arena;
pub mod cbor;
pub mod cid;
pub mod error;
pub mod ids;
pub mod layout;
pub mod limits;
#[cfg(all(feature = "rayon", target_os = "linux", not(any(miri, loom))))]
mod pages;
pub mod parallel;
pub mod slab;
pub mod slots;
pub mod sync;
pub mod wipe;
