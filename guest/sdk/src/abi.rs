//! The exports of module ABI 1.

use std::alloc::Layout;

use crate::{Profile, Verdict};

/// Memory for the host to write an input to; 0 when there is none.
#[unsafe(no_mangle)]
extern "C" fn alloc(bytes: u32) -> u32 {
    if bytes == 0 {
        // Nothing will be written, so any place but 0 does.
        return 1;
    }
    match layout(bytes) {
        // SAFETY: the layout is of more than no bytes.
        Some(layout) => unsafe { std::alloc::alloc(layout) as u32 },
        None => 0,
    }
}

/// Takes memory back that [`alloc`] gave out, or an output.
///
/// # Safety
///
/// It was given out with as many bytes, and is not used any more.
#[unsafe(no_mangle)]
unsafe extern "C" fn dealloc(pointer: u32, bytes: u32) {
    if let Some(layout) = layout(bytes)
        && pointer != 0
    {
        // SAFETY: the caller's promise; outputs are boxed slices of bytes, which have the same layout.
        unsafe { std::alloc::dealloc(pointer as *mut u8, layout) }
    }
}

/// Of so many bytes; `None` for none, and for more than there can be.
fn layout(bytes: u32) -> Option<Layout> {
    Layout::array::<u8>(bytes as usize).ok().filter(|layout| layout.size() > 0)
}

/// Runs one of a module's functions on an input, which stays the host's; answers where the output is, and how long.
///
/// The host wrote the input to memory that [`alloc`] gave out; it is copied before anything else happens.
#[must_use]
pub fn run<P: Profile>(functions: &[fn(&[u8]) -> Vec<u8>], operation: u32, pointer: u32, bytes: u32) -> u64 {
    P::begin();
    let input = if bytes == 0 {
        &[][..]
    } else {
        // SAFETY: the host's promise is that so many bytes are there. Nothing writes to them while the run lasts.
        unsafe { core::slice::from_raw_parts(pointer as *const u8, bytes as usize) }
    };
    let output = match functions.get(operation as usize) {
        Some(function) => function(input),
        None => crate::encode(&Verdict::reject(format!("the module has no function {operation}"))),
    };
    let output = Box::leak(output.into_boxed_slice());
    (output.as_ptr() as u64) << 32 | output.len() as u64
}
