//! Randomness, time and the log, from the host.

use core::fmt::{self, Write as _};

use dagvault_core::abi::LOG_BYTES_MAX;
use dagvault_core::error::StoreError;
use dagvault_dag::system::System;

use crate::imports::{self, address};
use crate::store::checked;

/// The host's randomness and clock.
pub(crate) struct HostSystem;

impl System for HostSystem {
    fn random(&self, out: &mut [u8]) -> Result<(), StoreError> {
        // SAFETY: `out` is borrowed exclusively for the call.
        checked(unsafe { imports::random(address(out.as_mut_ptr()), out.len() as u32) }).map(drop)
    }

    fn now_ms(&self) -> u64 {
        // SAFETY: the call has no pointers.
        u64::try_from(unsafe { imports::now_ms() }).unwrap_or(0)
    }
}

/// A line of text on the stack: the heap may be what is broken when it is written.
struct Line {
    bytes: [u8; LOG_BYTES_MAX as usize],
    used: usize,
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let Some(place) = self.bytes.get_mut(self.used) else { return Err(fmt::Error) };
            *place = byte;
            self.used += 1;
        }
        Ok(())
    }
}

/// Hands the host a line, cut to the longest that it takes.
pub(crate) fn log(level: u32, text: fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; LOG_BYTES_MAX as usize], used: 0 };
    // An error means that the line was cut.
    let _ = line.write_fmt(text);
    // SAFETY: the line is alive during the call, and the host only reads it.
    let _ = unsafe { imports::log(level, address(line.bytes.as_ptr()), line.used as u32) };
}
