//! Admission and metering of modules, as WebAssembly: what `web/executor` makes containers by.

#![deny(unsafe_code)]

mod container;
mod exports;

use container::container;
