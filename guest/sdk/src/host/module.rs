//! In a module: the imports of the ABI. The linker leaves out those that nothing uses.

use crate::{CallError, Level};

/// Room for a value that is asked for the first time.
const VALUE_BYTES_FIRST: usize = 512;

mod imports {
    #[link(wasm_import_module = "dagvault")]
    unsafe extern "C" {
        pub(super) fn log(level: i32, pointer: *const u8, bytes: usize);
        pub(super) fn state_get(key: *const u8, key_bytes: usize, buffer: *mut u8, room: usize) -> i32;
        pub(super) fn state_set(key: *const u8, key_bytes: usize, pointer: *const u8, bytes: usize);
        pub(super) fn state_delete(key: *const u8, key_bytes: usize);
        pub(super) fn effect(pointer: *const u8, bytes: usize);
        pub(super) fn call(
            cid: *const u8,
            cid_bytes: usize,
            operation: u32,
            pointer: *const u8,
            bytes: usize,
            buffer: *mut u8,
            room: usize,
        ) -> i32;
    }
}

/// Writes a line to the log.
pub(crate) fn log(level: Level, line: &str) {
    // SAFETY: the host only reads the line, which outlives the call.
    unsafe { imports::log(level as i32, line.as_ptr(), line.len()) }
}

/// Has panics logged before they end the run as a trap.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
}

/// The host's.
#[derive(Debug, Default)]
pub(crate) struct World;

impl World {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let mut value = vec![0; VALUE_BYTES_FIRST];
        loop {
            // SAFETY: the host reads the key and writes at most so many bytes as the buffer has.
            let bytes =
                unsafe { imports::state_get(key.as_ptr(), key.len(), value.as_mut_ptr(), value.len()) };
            // Below zero: there is none.
            let bytes = usize::try_from(bytes).ok()?;
            let whole = bytes <= value.len();
            value.resize(bytes, 0);
            if whole {
                return Some(value);
            }
        }
    }

    pub(crate) fn set(&mut self, key: &[u8], value: &[u8]) {
        // SAFETY: the host only reads both.
        unsafe { imports::state_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        // SAFETY: the host only reads the key.
        unsafe { imports::state_delete(key.as_ptr(), key.len()) }
    }

    pub(crate) fn effect(&mut self, effect: &[u8]) {
        // SAFETY: the host only reads it.
        unsafe { imports::effect(effect.as_ptr(), effect.len()) }
    }

    pub(crate) fn call(
        &mut self,
        cid: &[u8],
        operation: u32,
        input: &[u8],
        output_bytes_max: usize,
    ) -> Result<Vec<u8>, CallError> {
        let mut output = vec![0; output_bytes_max];
        // SAFETY: the host reads CID and input, and writes at most so many bytes as the buffer has. It may not enter
        // this instance meanwhile.
        let bytes = unsafe {
            imports::call(
                cid.as_ptr(),
                cid.len(),
                operation,
                input.as_ptr(),
                input.len(),
                output.as_mut_ptr(),
                output.len(),
            )
        };
        let bytes = usize::try_from(bytes).map_err(|_| match bytes {
            -1 => CallError::Rejected,
            -3 => CallError::NotAllowed,
            _ => CallError::Failed,
        })?;
        if bytes > output.len() {
            return Err(CallError::TooLong { bytes });
        }
        output.truncate(bytes);
        Ok(output)
    }
}
