//! Contracts: validators that are the same everywhere, what they cost, and the processor of POST actions.
//! `docs/contracts.md` explains them.
//!
//! One source, compiled natively and into the module `guest/validators`: no floats, no clock, no randomness, no order
//! of a hash map. So a verdict and its cost depend on request and rules, and on nothing else.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod cost;
pub mod json;
pub mod path;
pub mod processor;
#[cfg(feature = "serde")]
mod serde;
mod validators;
mod value;

pub use validators::{
    ADDRESS_BYTES_MAX, DOCUMENT_BYTES_MAX, ERRORS_MAX, MEMO_BYTES_MAX, Verdict, asset_transfer, post_action,
    transaction,
};
pub use value::{INTEGER_MAX, INTEGER_MIN, Map, Value};
