//! Admission of untrusted WebAssembly, and gas in its bytecode. `docs/gas.md` defines what is counted.

pub mod schedule;
