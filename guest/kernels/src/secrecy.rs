//! What is secret, told to the interpreter that runs this module.

use dagvault_crypto::kernels::{ALL, Kernel, guarded::GUARDED, planted::PLANTED};
use dagvault_crypto::secrecy::{self, Checker};

mod imports {
    #[link(wasm_import_module = "secrecy")]
    unsafe extern "C" {
        /// Marks bytes as secret.
        pub(super) fn classify(start: *mut u8, bytes: usize);
        /// Marks bytes as public.
        pub(super) fn declassify(start: *mut u8, bytes: usize);
    }
}

fn classify(bytes: &mut [u8]) {
    // SAFETY: the interpreter touches no byte, only its marks of `bytes.len()` bytes at an address in this memory.
    unsafe { imports::classify(bytes.as_mut_ptr(), bytes.len()) }
}

fn declassify(bytes: &mut [u8]) {
    // SAFETY: as above.
    unsafe { imports::declassify(bytes.as_mut_ptr(), bytes.len()) }
}

/// Has the kernels speak to the interpreter.
pub(crate) fn install() {
    secrecy::install(Checker { classify, declassify });
}

/// Every kernel, what else handles secrets, and the planted leaks.
pub(crate) fn all() -> impl Iterator<Item = &'static Kernel> {
    ALL.iter().chain(&GUARDED).chain(&PLANTED)
}
