//! The one vault of this module and the answer that the host has not given back yet.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::arch::wasm32;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, Ordering};

use dagvault_api::{Answer, HeapStats, MemoryStats, RegionUse, Request, Response, encode_answer};
use dagvault_core::arena::Regions;
use dagvault_core::cbor;
use dagvault_core::layout::{
    CANARY_BYTES, CORE_BYTES, CORE_OFFSET, MAIN_STACK_BYTES, REGIONS, STATIC_OFFSET,
};
use dagvault_core::wipe::wipe_vec;
use dagvault_vault::Vault;

use crate::accel;
use crate::heap::HEAP;
use crate::imports::address;
use crate::store::HostStore;
use crate::system::HostSystem;

struct Engine {
    vault: Vault,
    /// The encoded answer while the host reads it.
    answer: Vec<u8>,
}

/// The engine and who is in it: the host calls from one thread at a time, which the flag checks.
struct Door {
    busy: AtomicBool,
    engine: UnsafeCell<Option<Engine>>,
}

// SAFETY: `enter` lets one caller at a time reach the engine.
unsafe impl Sync for Door {}

static DOOR: Door = Door { busy: AtomicBool::new(false), engine: UnsafeCell::new(None) };

impl Door {
    /// Runs `f` with the engine, made at first; traps if someone is inside.
    fn enter<T>(&self, f: impl FnOnce(&mut Engine) -> T) -> T {
        // Acquire and release: one caller sees all that the one before it did.
        if self.busy.swap(true, Ordering::Acquire) {
            wasm32::unreachable();
        }
        // SAFETY: the flag was free and is ours now; a trap in `f` leaves it taken, so that nobody sees a
        // half-changed engine.
        let engine = unsafe { &mut *self.engine.get() };
        let engine = engine.get_or_insert_with(|| {
            // SAFETY: the host has asserted the layout before the first call, and this runs once in the
            // life of the memory.
            let regions = unsafe { Regions::fixed() };
            accel::start();
            Engine {
                vault: Vault::new(Arc::new(HostStore), Arc::new(HostSystem), regions),
                answer: Vec::new(),
            }
        });
        let value = f(engine);
        self.busy.store(false, Ordering::Release);
        value
    }
}

/// Serves an encoded request; answers `address << 32 | length` of the encoded answer.
pub(crate) fn serve(request: &[u8]) -> u64 {
    DOOR.enter(|engine| {
        let answer = match cbor::from_slice::<Request<'_>>(request) {
            Ok(request) => with_heap(engine.vault.call(&request)),
            Err(error) => Err(error.into()),
        };
        wipe(&mut engine.answer);
        engine.answer = encode_answer(&answer);
        u64::from(address(engine.answer.as_ptr())) << 32 | engine.answer.len() as u64
    })
}

/// Zeroes and frees `bytes`, what lies behind its length included.
fn wipe(bytes: &mut Vec<u8>) {
    wipe_vec(&mut core::mem::take(bytes));
}

/// Zeroes and gives back the answer, if `place` is its address.
pub(crate) fn free_answer(place: u32) -> bool {
    DOOR.enter(|engine| {
        let ours = engine.answer.capacity() > 0 && address(engine.answer.as_ptr()) == place;
        if ours {
            wipe(&mut engine.answer);
        }
        ours
    })
}

/// Adds to figures of memory what only this crate knows.
fn with_heap(answer: Answer) -> Answer {
    let Ok(Response::Memory { stats }) = answer else { return answer };
    let MemoryStats { mut regions, .. } = stats;
    let core = core_region();
    match regions.iter_mut().find(|region| region.name == core.name) {
        Some(region) => *region = core,
        None => regions.insert(0, core),
    }
    let heap = HeapStats {
        used: HEAP.figure(0),
        peak: HEAP.figure(1),
        claimed: HEAP.figure(2),
        allocations: HEAP.figure(3),
        fragmentation_permille: HEAP.figure(4),
    };
    Ok(Response::Memory { stats: MemoryStats { regions, heap, ..stats } })
}

unsafe extern "C" {
    /// The linker's symbol behind the static data.
    static __heap_base: u8;
}

/// The Core region: its peak is the deepest stack so far and the static data.
fn core_region() -> RegionUse {
    let words = (CORE_OFFSET + CANARY_BYTES..CORE_OFFSET + MAIN_STACK_BYTES).step_by(8);
    let untouched = words.take_while(|at| {
        let word: *const u64 = core::ptr::with_exposed_provenance(*at);
        // SAFETY: the words are aligned and inside the stack's memory, which is mapped and was zero at the
        // start; volatile, for the live part of the stack changes behind the compiler's back.
        unsafe { word.read_volatile() == 0 }
    });
    let stack_bytes = MAIN_STACK_BYTES - CANARY_BYTES - untouched.count() * 8;
    let static_bytes = (&raw const __heap_base).addr() - STATIC_OFFSET;
    RegionUse {
        name: String::from(REGIONS[0].name),
        bytes: CORE_BYTES as u64,
        slots: 0,
        used: 0,
        peak: 0,
        bytes_peak: (stack_bytes + static_bytes) as u64,
        resets: 0,
    }
}
