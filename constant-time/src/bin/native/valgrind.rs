//! Requests to the valgrind that runs this program (`valgrind.h` and `memcheck.h`, "client requests"): no-ops outside
//! of it.
#![allow(unsafe_code, reason = "the sequence of instructions that valgrind looks for")]

/// A core request: how many valgrinds run this one inside.
const RUNNING_ON_VALGRIND: usize = 0x1001;
/// A core request: the number of reports so far.
const COUNT_ERRORS: usize = 0x1201;
/// Requests of the tool memcheck begin here.
const MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
const MAKE_MEM_UNDEFINED: usize = MEMCHECK + 1;
const MAKE_MEM_DEFINED: usize = MEMCHECK + 2;

/// Answers what valgrind answers, and 0 outside of it.
#[cfg(target_arch = "x86_64")]
fn request(code: usize, first: usize, second: usize) -> usize {
    let arguments = [code, first, second, 0, 0, 0];
    let mut answer = 0_usize;
    // SAFETY: the rotations of `rdi` add up to 128 bits and leave it as it was, and the exchange changes nothing.
    // Valgrind reads the six words at `rax`, which live until then, and writes `rdx`. The requests used here change no
    // byte of the memory that they name, only what valgrind knows about it.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
        );
    }
    answer
}

/// No requests are known here.
#[cfg(not(target_arch = "x86_64"))]
fn request(_: usize, _: usize, _: usize) -> usize {
    0
}

/// Whether valgrind runs this program.
pub(crate) fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0) > 0
}

/// The number of reports so far.
pub(crate) fn reports() -> usize {
    request(COUNT_ERRORS, 0, 0)
}

/// Marks bytes as undefined: secret.
pub(crate) fn classify(bytes: &mut [u8]) {
    request(MAKE_MEM_UNDEFINED, bytes.as_mut_ptr().addr(), bytes.len());
}

/// Marks bytes as defined: public.
pub(crate) fn declassify(bytes: &mut [u8]) {
    request(MAKE_MEM_DEFINED, bytes.as_mut_ptr().addr(), bytes.len());
}
