//! The heap: talc behind a spin lock, from `HEAP_OFFSET` upward.
//!
//! talc coalesces, grows in place and answers in bounded time; what it lacks for several instances over one
//! memory is a lock that never parks and a source that starts behind the fixed regions: both are here. Jobs
//! allocate little (scratch arenas serve them), so one lock is enough.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::hint::spin_loop;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dagvault_core::layout::{HEAP_OFFSET, WASM_PAGE_BYTES};
use lock_api::{GuardSend, RawMutex};
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;
use talc::sync::TalcLock;
use talc::wasm::WasmBinning;

/// Turns of the loop after which a lock is taken to be held by a dead instance: seconds, where a healthy
/// owner needs less than a microsecond unless its thread is suspended.
const SPINS_MAX: u32 = 1 << 30;
/// Pages by which the memory grows at least, where it may.
const GROW_PAGES: usize = 16;
/// Pages from which on it grows by a sixteenth, and by whole large pages, in which the host may back it.
const LARGE_FROM_PAGES: usize = 512;
const LARGE_PAGES: usize = 32;

/// Pages of the memory after it has grown by `need` pages.
fn grown(pages: usize, need: usize) -> usize {
    if pages < LARGE_FROM_PAGES {
        return pages + need.max(GROW_PAGES);
    }
    (pages + need.max(pages / 16)).next_multiple_of(LARGE_PAGES)
}

/// A lock that spins for a bounded time, then traps; nothing in the guest may park.
pub(crate) struct SpinLock(AtomicBool);

// SAFETY: `lock` returns only after it changed the flag from free to taken, which one owner at a time can.
unsafe impl RawMutex for SpinLock {
    const INIT: Self = Self(AtomicBool::new(false));
    type GuardMarker = GuardSend;

    fn lock(&self) {
        for _ in 0..SPINS_MAX {
            if self.try_lock() {
                return;
            }
            spin_loop();
        }
        wasm32::unreachable();
    }

    fn try_lock(&self) -> bool {
        // Acquire: sees what the last owner wrote before its release.
        !self.0.load(Ordering::Relaxed) && !self.0.swap(true, Ordering::Acquire)
    }

    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Hands talc the memory behind the fixed regions, first what is there, then what `memory.grow` gives.
#[derive(Debug)]
struct Grow {
    /// Address of the heap's end; 0 before the first claim.
    end: usize,
}

// SAFETY: `acquire` touches nothing but the `Talc` that it is given, and answers `Ok` only with more memory.
unsafe impl Source for Grow {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let Some(end) = NonNull::new(core::ptr::with_exposed_provenance_mut(talc.source.end)) else {
            let bytes = wasm32::memory_size(0) * WASM_PAGE_BYTES - HEAP_OFFSET;
            // SAFETY: the memory from `HEAP_OFFSET` to its end belongs to the heap alone, by `layout`.
            let end = unsafe { talc.claim(core::ptr::with_exposed_provenance_mut(HEAP_OFFSET), bytes) };
            talc.source.end = end.map_or(0, |end| end.expose_provenance().get());
            return end.map(drop).ok_or(());
        };
        // Room for the alignment and talc's own tags beside the allocation.
        let bytes = layout.size().checked_add(layout.align()).and_then(|sum| sum.checked_add(64)).ok_or(())?;
        let need = bytes.div_ceil(WASM_PAGE_BYTES);
        let now = wasm32::memory_size(0);
        let likely = grown(now, need) - now;
        let (first, pages) = match wasm32::memory_grow(0, likely) {
            usize::MAX => (wasm32::memory_grow(0, need), need),
            first => (first, likely),
        };
        if first == usize::MAX {
            return Err(());
        }
        // The last page of the address space is left out: its end is no address.
        let new_end =
            first.checked_add(pages).and_then(|pages| pages.checked_mul(WASM_PAGE_BYTES)).ok_or(())?;
        // SAFETY: only this source, under the heap's lock, grows the memory, so that the new pages follow `end`
        // and belong to the heap.
        let end = unsafe { talc.extend(end, core::ptr::with_exposed_provenance_mut(new_end)) };
        talc.source.end = end.expose_provenance().get();
        Ok(())
    }
}

/// The global allocator with its figures.
pub(crate) struct Heap {
    talc: TalcLock<SpinLock, Grow, WasmBinning>,
    peak: AtomicUsize,
}

#[global_allocator]
pub(crate) static HEAP: Heap = Heap { talc: TalcLock::new(Grow { end: 0 }), peak: AtomicUsize::new(0) };

/// Reallocations of more bytes move outside the lock.
const MOVE_BYTES_UNLOCKED: usize = 4096;

impl Heap {
    fn note(&self, used: usize) {
        // Relaxed: a statistic, written under the lock.
        if used > self.peak.load(Ordering::Relaxed) {
            self.peak.store(used, Ordering::Relaxed);
        }
    }

    /// Figure `index` of `abi::HEAP_FIGURES`; 0 beyond.
    pub(crate) fn figure(&self, index: u32) -> u64 {
        let mut talc = self.talc.lock();
        let counters = *talc.counters();
        match index {
            0 => counters.allocated_bytes as u64,
            1 => self.peak.load(Ordering::Relaxed) as u64,
            2 => counters.claimed_bytes as u64,
            3 => counters.total_allocation_count,
            4 => fragmentation_permille(&mut talc, counters.available_bytes),
            _ => 0,
        }
    }
}

/// How much of `free` bytes is outside the largest free piece, in thousandths. The piece is found by trying.
fn fragmentation_permille(talc: &mut Talc<Grow, WasmBinning>, free: usize) -> u64 {
    let (mut fits, mut fails) = (0, free + 1);
    while fails - fits > 1024 {
        let size = fits + (fails - fits) / 2;
        let Ok(layout) = Layout::from_size_align(size, 16) else { return 0 };
        // SAFETY: the size is not zero, and what was allocated is given back with the same layout.
        let found = unsafe {
            let place = talc.try_allocate(layout);
            place.inspect(|place| talc.deallocate(place.as_ptr(), layout)).is_some()
        };
        if found { fits = size } else { fails = size }
    }
    if free == 0 { 0 } else { ((free - fits) as u64).saturating_mul(1000) / free as u64 }
}

// SAFETY: talc's own implementation under its lock; a block that moves is copied while both blocks are ours.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut talc = self.talc.lock();
        // SAFETY: a caller of the allocator passes a layout of non-zero size.
        let place = unsafe { talc.allocate(layout) };
        self.note(talc.counters().allocated_bytes);
        place.map_or(null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: by the caller's duties the block is one of ours with this layout.
        unsafe { self.talc.lock().deallocate(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let mut talc = self.talc.lock();
        // SAFETY: by the caller's duties the block is one of ours with this layout, and `bytes` is not zero.
        if unsafe { talc.try_realloc_in_place(place, layout, bytes) } {
            self.note(talc.counters().allocated_bytes);
            return place;
        }
        // SAFETY: as the caller of `realloc` promises, `bytes` with this alignment is a layout.
        let wanted = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        // SAFETY: its size is not zero.
        let Some(moved) = (unsafe { talc.allocate(wanted) }) else { return null_mut() };
        self.note(talc.counters().allocated_bytes);
        let unlocked = layout.size() > MOVE_BYTES_UNLOCKED;
        let held = if unlocked {
            drop(talc);
            None
        } else {
            Some(talc)
        };
        // SAFETY: both blocks are ours alone, apart from each other and at least this long.
        unsafe { moved.as_ptr().copy_from_nonoverlapping(place, layout.size().min(bytes)) };
        let mut talc = held.unwrap_or_else(|| self.talc.lock());
        // SAFETY: the old block is one of ours with this layout and not used again.
        unsafe { talc.deallocate(place, layout) };
        moved.as_ptr()
    }
}
