//! What JavaScript calls.
#![allow(unsafe_code, reason = "exports and bytes of the caller's")]

use std::alloc::Layout;

/// Of so many bytes; `None` for none, and for more than there can be.
fn layout(bytes: u32) -> Option<Layout> {
    Layout::array::<u8>(bytes as usize).ok().filter(|layout| layout.size() > 0)
}

/// Cleared memory for the caller to write to; 0 when there is none.
#[unsafe(no_mangle)]
extern "C" fn meter_alloc(bytes: u32) -> usize {
    match layout(bytes) {
        // SAFETY: the layout is of more than no bytes.
        Some(layout) => unsafe { std::alloc::alloc_zeroed(layout) as usize },
        None => 0,
    }
}

/// Admits and meters the module at `at`, the first `name_bytes` bytes of which are the name of its profile; answers
/// `place << 32 | bytes` of a one and its container, or of a zero and why it is refused.
///
/// # Safety
///
/// `at` is not 0 and was given out by [`meter_alloc`] for so many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn meter_admit(at: usize, bytes: u32, name_bytes: u32) -> u64 {
    // SAFETY: the caller's promise; the bytes were cleared, and nobody writes to them meanwhile.
    let given = unsafe { core::slice::from_raw_parts(at as *const u8, bytes as usize) };
    let answer = match given.split_at_checked(name_bytes as usize) {
        Some((name, module)) => crate::container(module, &String::from_utf8_lossy(name)),
        None => Err("the name is longer than all of it".to_owned()),
    };
    let (first, rest) = match answer {
        Ok(container) => (1, container),
        Err(reason) => (0, reason.into_bytes()),
    };
    let mut output = Vec::with_capacity(1 + rest.len());
    output.push(first);
    output.extend_from_slice(&rest);
    // The instance ends with this call, and all of its memory.
    let output = Box::leak(output.into_boxed_slice());
    (output.as_ptr() as u64) << 32 | output.len() as u64
}
