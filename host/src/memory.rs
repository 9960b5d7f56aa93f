//! The guest's shared memory: the one place where bytes go in and out of it.
//!
//! Other instances may run over the memory at any time, so that no reference to its bytes is ever made: they are
//! copied by relaxed atomic loads and stores, a word at a time, or by the processor's own instruction for copies. Every
//! offset and length is distrusted.
#![allow(unsafe_code, reason = "atomic access to memory that Wasmtime hands out as `UnsafeCell<u8>`")]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use dagvault_core::layout::{MEMORY_PAGES_MIN, VAULT_BYTES, VAULT_OFFSET};
use wasmtime::{Engine, MemoryType, SharedMemory};
use zeroize::optimization_barrier;

use crate::failure::Failure;

const WORD_BYTES: usize = size_of::<u64>();
/// Where memory begins that is backed by large pages.
const LARGE_OFFSET: usize = 32 << 20;

/// The shared memory of one start of the engine.
pub(crate) struct GuestMemory(SharedMemory);

impl GuestMemory {
    /// New memory, all zero.
    pub(crate) fn new(engine: &Engine, pages_max: u32) -> wasmtime::Result<Self> {
        SharedMemory::new(engine, MemoryType::shared(MEMORY_PAGES_MIN, pages_max)).map(Self)
    }

    pub(crate) fn shared(&self) -> SharedMemory {
        self.0.clone()
    }

    /// Bytes that the guest has now.
    pub(crate) fn bytes(&self) -> usize {
        self.0.data().len()
    }

    /// The cells of `bytes` bytes at `offset`, if the memory has them.
    fn cells(&self, offset: u32, bytes: usize) -> Result<&[UnsafeCell<u8>], Failure> {
        let data = self.0.data();
        let start = offset as usize;
        let cells = start.checked_add(bytes).and_then(|end| data.get(start..end));
        cells.ok_or_else(|| {
            Failure::misbehaved(format!("{bytes} bytes at {offset:#x} are outside of the memory"))
        })
    }

    /// Copies bytes out of the memory.
    pub(crate) fn read(&self, offset: u32, out: &mut [u8]) -> Result<(), Failure> {
        let cells = self.cells(offset, out.len())?;
        // SAFETY: both have the layout of a byte, and `read` writes nothing but bytes that are initialised.
        read(cells, unsafe { &mut *(&raw mut *out as *mut [MaybeUninit<u8>]) });
        Ok(())
    }

    /// Copies bytes out of the memory into a new vector; checks before it allocates.
    pub(crate) fn read_vec(&self, offset: u32, bytes: usize) -> Result<Vec<u8>, Failure> {
        let cells = self.cells(offset, bytes)?;
        let mut out = Vec::with_capacity(bytes);
        read(cells, &mut out.spare_capacity_mut()[..bytes]);
        // SAFETY: the capacity is there, and so many bytes were written just now.
        unsafe { out.set_len(bytes) };
        Ok(out)
    }

    /// Whether the memory holds exactly `expected` at `offset`.
    pub(crate) fn holds(&self, offset: u32, expected: &[u8]) -> Result<bool, Failure> {
        Ok(self.read_vec(offset, expected.len())? == expected)
    }

    /// Fails unless the memory has `bytes` bytes at `offset`.
    pub(crate) fn check(&self, offset: u32, bytes: usize) -> Result<(), Failure> {
        self.cells(offset, bytes).map(drop)
    }

    /// Copies bytes into the memory.
    pub(crate) fn write(&self, offset: u32, bytes: &[u8]) -> Result<(), Failure> {
        let cells = self.cells(offset, bytes.len())?;
        if fast::write(bytes, cells) {
            return Ok(());
        }
        let (head, words, tail) = split(cells);
        let (in_head, rest) = bytes.split_at(head.len());
        let (in_words, in_tail) = rest.split_at(words.len() * WORD_BYTES);
        for (cell, byte) in head.iter().zip(in_head).chain(tail.iter().zip(in_tail)) {
            cell.store(*byte, Ordering::Relaxed);
        }
        for (cell, bytes) in words.iter().zip(in_words.as_chunks().0) {
            cell.store(u64::from_le_bytes(*bytes).to_le(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Zeroes everything that was ever written. Memory that was never touched is not claimed from the system now:
    /// pages that are not resident are passed over, which is what makes a short process short.
    pub(crate) fn wipe(&self) {
        let data = self.0.data();
        let page_bytes = page_bytes();
        let resident = resident_pages(data, page_bytes);
        for (index, page) in data.chunks(page_bytes).enumerate() {
            if resident.get(index).is_some_and(|state| state & 1 == 0) {
                continue;
            }
            let (head, words, tail) = split(page);
            if words.iter().any(|cell| cell.load(Ordering::Relaxed) != 0)
                || !(head.is_empty() && tail.is_empty())
            {
                words.iter().for_each(|cell| cell.store(0, Ordering::Relaxed));
                head.iter().chain(tail).for_each(|cell| cell.store(0, Ordering::Relaxed));
            }
        }
        optimization_barrier(data);
    }

    /// Asks for large pages behind the first [`LARGE_OFFSET`] bytes, where a guest has tables that it reads at random:
    /// most of what that costs is finding small pages. A small guest does without.
    pub(crate) fn prefer_huge_pages(&self, pages_max: u32) {
        let bytes = pages_max as usize * dagvault_core::layout::WASM_PAGE_BYTES;
        #[cfg(target_os = "linux")]
        if let Some(large) = bytes.checked_sub(LARGE_OFFSET).filter(|large| *large > 0) {
            use rustix::mm::{Advice, madvise};
            let base: *mut c_void = self.0.data().as_ptr().cast::<c_void>().cast_mut();
            // SAFETY: Wasmtime has reserved `pages_max` pages at `base` for as long as the memory lives, and this
            // advice changes how they are mapped and not what is in them. A refusal costs speed only.
            let _ = unsafe { madvise(base.byte_add(LARGE_OFFSET), large, Advice::LinuxHugepage) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = bytes;
    }

    /// Keeps the memory out of core dumps and the unlocked keys out of swap, as far as the system lets us; says
    /// what it refused.
    pub(crate) fn harden(&self, pages_max: u32) -> Result<(), String> {
        let data = self.0.data();
        let base: *mut c_void = data.as_ptr().cast::<c_void>().cast_mut();
        let bytes = pages_max as usize * dagvault_core::layout::WASM_PAGE_BYTES;
        if data.len() < VAULT_OFFSET + VAULT_BYTES {
            return Err("the memory has no Vault region".into());
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::mm::{Advice, MlockFlags, madvise, mlock_with};
            // SAFETY: Wasmtime has reserved `pages_max` pages at `base` for as long as the memory lives, and
            // this advice changes nothing but what a core dump contains.
            let dump = unsafe { madvise(base, bytes, Advice::LinuxDontDump) };
            // SAFETY: the region is inside the memory, as checked above. The pages are locked as they are
            // touched and unlocked when the memory is unmapped.
            let swap = unsafe { mlock_with(base.byte_add(VAULT_OFFSET), VAULT_BYTES, MlockFlags::ONFAULT) };
            dump.map_err(|error| format!("memory may be in core dumps: {error}"))?;
            swap.map_err(|error| format!("unlocked keys may be swapped: {error}"))?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (base, bytes);
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn page_bytes() -> usize {
    rustix::param::page_size()
}

/// For each page whether it is in memory, in its lowest bit; shorter or empty where the system does not say.
#[cfg(target_os = "linux")]
fn resident_pages(data: &[UnsafeCell<u8>], page_bytes: usize) -> Vec<u8> {
    let mut states = vec![0; data.len().div_ceil(page_bytes)];
    // SAFETY: Wasmtime maps a memory at the start of a page; the kernel writes one byte for each page of the
    // range, which is what `states` has, and reads nothing.
    let done =
        unsafe { libc::mincore(data.as_ptr().cast::<c_void>().cast_mut(), data.len(), states.as_mut_ptr()) };
    if done == 0 { states } else { Vec::new() }
}

#[cfg(not(target_os = "linux"))]
fn page_bytes() -> usize {
    4096
}

#[cfg(not(target_os = "linux"))]
fn resident_pages(_: &[UnsafeCell<u8>], _: usize) -> Vec<u8> {
    Vec::new()
}

/// Copies the cells, which are as many as the bytes of `out`: all of them are written.
fn read(cells: &[UnsafeCell<u8>], out: &mut [MaybeUninit<u8>]) {
    if fast::read(cells, out) {
        return;
    }
    let (head, words, tail) = split(cells);
    let (out_head, out) = out.split_at_mut(head.len());
    let (out_words, out_tail) = out.split_at_mut(words.len() * WORD_BYTES);
    for (cell, byte) in head.iter().zip(out_head).chain(tail.iter().zip(out_tail)) {
        byte.write(cell.load(Ordering::Relaxed));
    }
    for (cell, bytes) in words.iter().zip(out_words.as_chunks_mut::<WORD_BYTES>().0) {
        // The word as it lies in memory, on any host.
        *bytes = u64::from_le(cell.load(Ordering::Relaxed)).to_le_bytes().map(MaybeUninit::new);
    }
}

/// Long copies by `rep movsb`: twice as fast as words where the processor says that it has made it fast.
#[cfg(target_arch = "x86_64")]
mod fast {
    use std::cell::UnsafeCell;
    use std::mem::MaybeUninit;

    /// Shorter copies are faster by words.
    const BYTES_MIN: usize = 512;

    /// Copies the cells, which are as many as the bytes, or answers that it did not.
    pub(super) fn read(from: &[UnsafeCell<u8>], to: &mut [MaybeUninit<u8>]) -> bool {
        assert_eq!(from.len(), to.len());
        let fast = is_fast(to.len());
        if fast {
            // SAFETY: both have this length and don't overlap, for `to` is borrowed exclusively.
            unsafe { copy(from.as_ptr().cast(), to.as_mut_ptr().cast(), to.len()) };
        }
        fast
    }

    /// Copies the bytes, which are as many as the cells, or answers that it did not.
    pub(super) fn write(from: &[u8], to: &[UnsafeCell<u8>]) -> bool {
        assert_eq!(from.len(), to.len());
        let fast = is_fast(from.len());
        if fast {
            // SAFETY: both have this length, `UnsafeCell` allows the writes, and they don't overlap, for the bytes
            // behind a `&[u8]` are nobody's to write.
            unsafe { copy(from.as_ptr(), to.as_ptr().cast_mut().cast(), from.len()) };
        }
        fast
    }

    fn is_fast(bytes: usize) -> bool {
        bytes >= BYTES_MIN && is_x86_feature_detected!("ermsb")
    }

    /// # Safety
    /// - `from` may be read and `to` written, `bytes` bytes each; they don't overlap.
    /// - Others may access at the same time only what lies in an `UnsafeCell`.
    unsafe fn copy(from: *const u8, to: *mut u8, bytes: usize) {
        // SAFETY: by the caller's duties. The instruction loads and stores each byte as a relaxed atomic access
        // would, and the direction flag is clear, as the ABI says.
        unsafe {
            std::arch::asm!(
                "rep movsb",
                inout("rsi") from => _,
                inout("rdi") to => _,
                inout("rcx") bytes => _,
                options(nostack, preserves_flags),
            );
        }
    }
}

/// Elsewhere words are all there is.
#[cfg(not(target_arch = "x86_64"))]
mod fast {
    use std::cell::UnsafeCell;
    use std::mem::MaybeUninit;

    pub(super) fn read(_: &[UnsafeCell<u8>], _: &mut [MaybeUninit<u8>]) -> bool {
        false
    }

    pub(super) fn write(_: &[u8], _: &[UnsafeCell<u8>]) -> bool {
        false
    }
}

/// The cells as bytes up to the first whole word, words, and the bytes behind the last.
fn split(cells: &[UnsafeCell<u8>]) -> (&[AtomicU8], &[AtomicU64], &[AtomicU8]) {
    // SAFETY: both atomics have the layout of their integers, for which every pattern of bits is valid, and
    // `align_to` gives words that are aligned. All access to the memory is by atomics here and by the guest's
    // machine code elsewhere, never by a reference to plain bytes; `UnsafeCell` allows the writes.
    let (head, words, tail) = unsafe { cells.align_to::<AtomicU64>() };
    (bytes(head), words, bytes(tail))
}

fn bytes(cells: &[UnsafeCell<u8>]) -> &[AtomicU8] {
    // SAFETY: as in `split`, with a size and an alignment of one.
    unsafe { core::slice::from_raw_parts(cells.as_ptr().cast::<AtomicU8>(), cells.len()) }
}
