//! Admission of untrusted WebAssembly, and gas in its bytecode. `docs/gas.md` defines what is counted.

#![forbid(unsafe_code)]

pub mod schedule;
