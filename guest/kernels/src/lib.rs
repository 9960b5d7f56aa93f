//! The kernels of `dagvault_crypto::kernels` as exports: what benchmarks and comparisons call in Wasmtime and in Node.
//!
//! One thread, a memory of its own, no imports (but for those of the feature `constant-time`). Names are written into
//! the memory at [`text`]; messages are in the buffer of [`buffer`].
#![cfg(target_arch = "wasm32")]

#[cfg(feature = "constant-time")]
mod secrecy;

use core::cell::RefCell;

use dagvault_crypto::backend::Backend;
#[cfg(not(feature = "constant-time"))]
use dagvault_crypto::kernels::ALL;
use dagvault_crypto::kernels::{Kernel, differential};
#[cfg(feature = "constant-time")]
use secrecy::all;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static TEXT: RefCell<[u8; 64]> = const { RefCell::new([0; 64]) };
}

/// Every kernel of this module.
#[cfg(not(feature = "constant-time"))]
fn all() -> impl Iterator<Item = &'static Kernel> {
    ALL.iter()
}

fn kernel(index: u32) -> &'static Kernel {
    all().nth(index as usize).expect("a kernel of this module")
}

fn backend(index: u32) -> Backend {
    Backend::all().nth(index as usize).expect("a backend of this module")
}

fn written(bytes: &[u8]) -> u32 {
    TEXT.with_borrow_mut(|text| text[..bytes.len()].copy_from_slice(bytes));
    u32::try_from(bytes.len()).expect("a short text")
}

/// Where names and digests are written.
#[unsafe(no_mangle)]
pub extern "C" fn text() -> *const u8 {
    TEXT.with_borrow(|text| text.as_ptr())
}

/// How many kernels there are.
#[unsafe(no_mangle)]
pub extern "C" fn kernel_count() -> u32 {
    u32::try_from(all().count()).expect("a short list")
}

/// Writes a kernel's name at [`text`]; answers its length in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn kernel_name(index: u32) -> u32 {
    written(kernel(index).name.as_bytes())
}

/// How many backends there are.
#[unsafe(no_mangle)]
pub extern "C" fn backend_count() -> u32 {
    u32::try_from(Backend::all().count()).expect("a short list")
}

/// Writes a backend's name at [`text`]; answers its length in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn backend_name(index: u32) -> u32 {
    written(backend(index).name().as_bytes())
}

/// Makes the buffer `bytes` long; answers where it is.
#[unsafe(no_mangle)]
pub extern "C" fn buffer(bytes: u32) -> *mut u8 {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        buffer.resize(bytes as usize, 0x5a);
        buffer.as_mut_ptr()
    })
}

/// Runs a kernel over the buffer, `times` times.
#[unsafe(no_mangle)]
pub extern "C" fn kernel_run(index: u32, backend_index: u32, times: u32) {
    let (kernel, backend) = (kernel(index), backend(backend_index));
    #[cfg(feature = "constant-time")]
    secrecy::install();
    BUFFER.with_borrow_mut(|buffer| (0..times).for_each(|_| (kernel.run)(backend, buffer)));
}

/// Writes the digest of random cases `from..from + count` of `seed` at [`text`].
#[unsafe(no_mangle)]
pub extern "C" fn differential_run(index: u32, seed: u64, from: u32, count: u32) -> u32 {
    written(&differential::digest(backend(index), seed, from, count))
}
