//! Admission of untrusted WebAssembly, and gas in its bytecode. `docs/gas.md` defines what is counted.

#[cfg(feature = "reference")]
pub mod reference;
pub mod schedule;
