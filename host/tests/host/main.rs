//! Tests of the host: one program, for linking Wasmtime is what takes long.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test that panics has failed")]

mod accel;
mod artifacts;
mod loading;
mod measure;
mod real;
mod same;
mod support;
mod traps;
mod workers;
