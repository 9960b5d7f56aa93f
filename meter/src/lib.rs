//! Admission of untrusted WebAssembly, and gas in its bytecode. `docs/gas.md` defines what is counted.
//!
//! [`admit::admit`] says whether a module is valid, within limits and within its profile; [`instrument::instrument`]
//! puts the gas into it by a [`schedule::Schedule`]. Both read bytes and write bytes, and touch nothing else.

#![forbid(unsafe_code)]

pub mod admit;
pub mod imports;
pub mod instrument;
pub mod profile;
mod reach;
#[cfg(feature = "reference")]
pub mod reference;
mod refusal;
pub mod schedule;
