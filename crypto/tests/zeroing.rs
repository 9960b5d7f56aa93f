//! Secrets are gone from memory after their last use.
//!
//! Values in place are dropped in place and their bytes read back. For heap memory an allocator looks at each
//! allocation in the moment when it is freed, while reading it is still sound.

#![cfg(target_os = "linux")]

use dagvault_crypto::{
    argon2id::{self, Params},
    backend::Backend,
    hash,
    secret::{Secret, SecretVec},
    sha256, sign,
};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs::File,
    hint::black_box,
    mem::MaybeUninit,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A run of bytes that nothing but a secret of these tests holds.
const MARK: [u8; 16] = *b"\xA7secret of test\xA7";

/// The same for values in place, whose test copies them to the heap to look at them.
const STATE_MARK: [u8; 16] = *b"\xA6secret of test\xA6";

/// Freed allocations of at least this size are checked for being all zero.
const LARGE_BYTES: usize = 4 << 20;

static MARKED_COUNT: AtomicUsize = AtomicUsize::new(0);
static LARGE_COUNT: AtomicUsize = AtomicUsize::new(0);
static LARGE_NONZERO_COUNT: AtomicUsize = AtomicUsize::new(0);

struct Inspecting;

// SAFETY: every request goes to `System` unchanged; `dealloc` only reads before.
unsafe impl GlobalAlloc for Inspecting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that `dealloc` never reads what was not written.
        // SAFETY: the caller's duties are those of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the allocation is still alive, was initialised by `alloc`, and its owner has let go of it.
        let bytes = unsafe { std::slice::from_raw_parts(pointer, layout.size()) };
        if layout.size() >= LARGE_BYTES {
            LARGE_COUNT.fetch_add(1, Ordering::Relaxed);
            if bytes.iter().any(|&byte| byte != 0) {
                LARGE_NONZERO_COUNT.fetch_add(1, Ordering::Relaxed);
            }
        } else if bytes.windows(MARK.len()).any(|window| window == MARK) {
            MARKED_COUNT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's duties are those of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Inspecting = Inspecting;

/// Drops `value` in place; returns its bytes of before and after.
fn around_drop<T>(value: T) -> (Vec<u8>, Vec<u8>) {
    let mut slot = Box::new(MaybeUninit::new(value));
    let before = memory(&slot);
    // SAFETY: the slot is initialised, and is never used as a `T` again.
    unsafe { slot.assume_init_drop() };
    let after = memory(&slot);
    (before, after)
}

/// Reads a slot as the kernel sees it: a `T` may have padding or unused room, which no Rust read may touch.
fn memory<T>(slot: &MaybeUninit<T>) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    let address = black_box(slot.as_ptr()).expose_provenance() as u64;
    File::open("/proc/self/mem")
        .and_then(|file| file.read_exact_at(&mut bytes, address))
        .expect("own memory is readable");
    bytes
}

#[test]
fn dropped_secrets_are_zero() {
    assert_eq!(around_drop(Secret::new([0x5a; 1])), (vec![0x5a; 1], vec![0; 1]));
    assert_eq!(around_drop(Secret::new([0x5a; 32])), (vec![0x5a; 32], vec![0; 32]));
    assert_eq!(around_drop(Secret::new([0x5a; 4096])), (vec![0x5a; 4096], vec![0; 4096]));
}

#[test]
fn freed_secret_vectors_are_zero() {
    // One test for all heap checks: the counters are global.
    let freed = || MARKED_COUNT.load(Ordering::Relaxed);
    let start = freed();
    drop(black_box(MARK.to_vec()));
    assert_eq!(freed(), start + 1, "the allocator sees what is not erased");

    let mut spare = Vec::with_capacity(1000);
    spare.extend_from_slice(&[MARK; 20].concat());
    let before = freed();
    spare.truncate(3);
    let secret = SecretVec::new(spare);
    drop(black_box(secret.clone()));
    drop(black_box(secret));
    drop(black_box(SecretVec::from_slice(&MARK)));
    drop(black_box(Box::new(Secret::new(MARK))));
    assert_eq!(freed(), before, "spare capacity included");

    let params = Params { memory_kib: 8 * 1024, passes: 1, lanes: 2 };
    argon2id::derive(&MARK, &[1; 16], &params, &mut [0; 32]).unwrap();
    assert_eq!(LARGE_COUNT.load(Ordering::Relaxed), 1, "the allocator saw Argon2id's memory");
    assert_eq!(LARGE_NONZERO_COUNT.load(Ordering::Relaxed), 0, "Argon2id's memory was erased");
    assert_eq!(freed(), before);
}

/// Whether the value held the mark before it was dropped, and whether its memory does after.
fn marked<T>(value: T) -> (bool, bool) {
    let has_mark = |bytes: &[u8]| bytes.windows(STATE_MARK.len()).any(|window| window == STATE_MARK);
    let (before, after) = around_drop(value);
    (has_mark(&before), has_mark(&after))
}

#[test]
fn dropped_states_forget_their_keys() {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&STATE_MARK);
    let seed = Secret::new(key);
    assert_eq!(marked(sign::SigningKey::from_seed(&seed)), (true, false));
    for backend in Backend::all() {
        let hasher = hash::Hasher::new_keyed_on(backend, &key);
        assert_eq!(marked(hasher), (true, false), "{}", backend.name());
        let mut buffered = hash::Hasher::new_on(backend);
        buffered.update(&STATE_MARK);
        assert_eq!(marked(buffered), (true, false), "{}", backend.name());
        let mut buffered = sha256::Sha256::new_on(backend);
        buffered.update(&STATE_MARK);
        assert_eq!(marked(buffered), (true, false), "{}", backend.name());
    }
}
