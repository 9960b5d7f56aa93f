//! The vault engine as a wasm32 module: exports, sections and the panic handler of the ABI in
//! `dagvault_core::abi`. Built by `cargo xtask guest`; it runs in Wasmtime, Node and browsers.
#![no_std]
#![feature(alloc_error_handler)]
#![cfg(target_arch = "wasm32")]

extern crate alloc;

mod accel;
mod engine;
mod heap;
mod imports;
mod store;
mod system;

use core::alloc::Layout;
use core::arch::wasm32;
use core::panic::PanicInfo;

use alloc::alloc::{alloc, dealloc};

use dagvault_api::SECTION_API;
use dagvault_core::abi::{ABI_VERSION, LOG_NO_MEMORY, LOG_PANIC, SECTION_CRYPTO, SECTION_DAG, SECTION_VAULT};
use zeroize::optimization_barrier;

/// Alignment of requests in memory.
const REQUEST_ALIGN: usize = 16;

/// Puts a custom section of the ABI into the module.
macro_rules! section {
    ($name:ident, $section:literal, $content:expr) => {
        #[used]
        #[unsafe(link_section = $section)]
        static $name: [u8; $content.len()] = {
            let mut bytes = [0; $content.len()];
            bytes.copy_from_slice($content);
            bytes
        };
    };
}

section!(API, "dagvault.api", &SECTION_API);
section!(CRYPTO, "dagvault.crypto", SECTION_CRYPTO);
section!(DAG, "dagvault.dag", SECTION_DAG);
section!(VAULT, "dagvault.vault", SECTION_VAULT);

/// The version of the ABI that this module speaks.
#[unsafe(no_mangle)]
pub extern "C" fn dv_abi_version() -> u32 {
    ABI_VERSION
}

fn request_layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.max(1), REQUEST_ALIGN).ok()
}

/// Memory for a request of `bytes` bytes; 0 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn dv_alloc(bytes: u32) -> u32 {
    let Some(layout) = request_layout(bytes as usize) else { return 0 };
    // SAFETY: the layout's size is not zero.
    imports::address(unsafe { alloc(layout) })
}

/// Gives back the memory of a request or of an answer, zeroed.
///
/// # Safety
/// - `place` and `bytes` come from one `dv_alloc` or one answer of `dv_call`, not given back yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dv_free(place: u32, bytes: u32) {
    if engine::free_answer(place) {
        return;
    }
    let Some(layout) = request_layout(bytes as usize) else { wasm32::unreachable() };
    let start: *mut u8 = core::ptr::with_exposed_provenance_mut(place as usize);
    // SAFETY: by the caller's duties the block came from `dv_alloc` with this layout and is the host's, which
    // uses it no more; the slice is made after its bytes were initialised. The barrier keeps the zeros, which
    // nobody reads, from being optimised away; one volatile store a byte would be slow for long requests.
    unsafe {
        start.write_bytes(0, bytes as usize);
        optimization_barrier(core::slice::from_raw_parts(start, bytes as usize));
        dealloc(start, layout);
    }
}

/// Serves one request; answers `address << 32 | length` of the encoded answer.
///
/// # Safety
/// - `place` comes from `dv_alloc(bytes)`, filled by the host, which changes it no more during the call.
/// - The answer before was given back, and no other instance is in this function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dv_call(place: u32, bytes: u32) -> u64 {
    // SAFETY: by the caller's duties.
    let request = unsafe {
        core::slice::from_raw_parts(core::ptr::with_exposed_provenance(place as usize), bytes as usize)
    };
    engine::serve(request)
}

/// Runs one item of a `parallel_for` of this module.
///
/// # Safety
/// - As `dagvault_core::parallel::guest::run_job` asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dv_run_job(_job: u32, context: u32, index: u32) {
    // SAFETY: by the caller's duties.
    unsafe { dagvault_core::parallel::guest::run_job(context, index) }
}

/// Figure `index` of `abi::HEAP_FIGURES`.
#[unsafe(no_mangle)]
pub extern "C" fn dv_heap(index: u32) -> u64 {
    heap::HEAP.figure(index)
}

/// Says where, never what: a message may quote data.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    match info.location() {
        Some(place) => system::log(LOG_PANIC, format_args!("panic at {place}")),
        None => system::log(LOG_PANIC, format_args!("panic")),
    }
    wasm32::unreachable()
}

#[alloc_error_handler]
fn no_memory(layout: Layout) -> ! {
    system::log(LOG_NO_MEMORY, format_args!("no memory for {} bytes", layout.size()));
    wasm32::unreachable()
}
