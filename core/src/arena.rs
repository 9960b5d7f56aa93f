//! The engine's own regions as memory: scratch arenas for workers, slots of the node table, places for unlocked keys.
//!
//! In the guest the regions are at the addresses of `layout`; natively an engine allocates the same
//! regions for itself. What was in a slot is zeroed before the slot is free again.

use alloc::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::wipe::wipe;

use crate::layout::{
    CRYPTO_BYTES, CRYPTO_OFFSET, DAG_BYTES, DAG_OFFSET, KEYRING_BYTES, KEYRINGS, SCRATCH_BYTES, VAULT_BYTES,
    VAULT_OFFSET,
};
use crate::limits::WORKERS_MAX;
use crate::slab::{Slab, Zeroed};
use crate::slots::{SlotMask, SlotStats};
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

const PAGE_BYTES: usize = 4096;

/// The Crypto, DAG and Vault regions of one engine.
pub struct Regions {
    crypto: NonNull<u8>,
    dag: NonNull<u8>,
    vault: NonNull<u8>,
    owned: bool,
    table: SlotMask,
    scratch: SlotMask,
    keyrings: SlotMask,
    dag_peak: AtomicUsize,
    scratch_peak: AtomicUsize,
    keyring_peak: AtomicUsize,
    failed: AtomicU32,
}

/// How a region was used so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegionStats {
    /// Slots taken, most taken at once, and times given back.
    pub slots: SlotStats,
    /// Bytes of one slot.
    pub slot_bytes: usize,
    /// Most bytes used in any slot.
    pub bytes_peak: usize,
}

// SAFETY: the pointers are to memory that lives as long as the value; a byte of it is reached only through
// the owner of its slot, and the masks give each slot to one owner at a time.
unsafe impl Send for Regions {}
// SAFETY: as above.
unsafe impl Sync for Regions {}

fn region_layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, PAGE_BYTES).expect("region sizes are constants")
}

#[expect(clippy::cast_possible_truncation, reason = "both counts are at most 64, by `layout`")]
fn masks() -> (SlotMask, SlotMask) {
    (SlotMask::new(WORKERS_MAX as u32), SlotMask::new(KEYRINGS as u32))
}

/// Keeps a slot out of swap and core dumps, where the system lets us: a limit on locked memory is no error.
#[cfg(all(feature = "rayon", target_os = "linux"))]
fn keep_private(at: NonNull<u8>, bytes: usize) {
    use rustix::mm::{Advice, madvise, mlock};
    // SAFETY: both calls change how the mapping is treated and not what is in it; the range is whole pages of a
    // slot of ours.
    unsafe {
        let _ = mlock(at.as_ptr().cast(), bytes);
        let _ = madvise(at.as_ptr().cast(), bytes, Advice::LinuxDontDump);
    }
}

impl Regions {
    /// Regions in memory of their own, which the system hands out page by page as it is touched.
    #[must_use]
    pub fn allocate() -> Arc<Self> {
        let take = |bytes| {
            let layout = region_layout(bytes);
            // SAFETY: the layout has a size above zero.
            let memory = unsafe { alloc_zeroed(layout) };
            NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
        };
        Arc::new(Self::with([take(CRYPTO_BYTES), take(DAG_BYTES), take(VAULT_BYTES)], true))
    }

    /// The regions at the fixed addresses of `layout`.
    ///
    /// # Safety
    /// - Those addresses are mapped, zero, and used by nothing else: true in a guest whose layout the
    ///   host has asserted.
    /// - Called once in the life of that memory.
    #[must_use]
    pub unsafe fn fixed() -> Arc<Self> {
        let at = |offset: usize| {
            // SAFETY: no region that has slots begins at zero.
            unsafe { NonNull::new_unchecked(core::ptr::with_exposed_provenance_mut(offset)) }
        };
        Arc::new(Self::with([CRYPTO_OFFSET, DAG_OFFSET, VAULT_OFFSET].map(at), false))
    }

    fn with([crypto, dag, vault]: [NonNull<u8>; 3], owned: bool) -> Self {
        let (scratch, keyrings) = masks();
        let [dag_peak, scratch_peak, keyring_peak] = [0; 3].map(AtomicUsize::new);
        let (table, failed) = (SlotMask::new(1), AtomicU32::new(0));
        Self {
            crypto,
            dag,
            vault,
            owned,
            table,
            scratch,
            keyrings,
            dag_peak,
            scratch_peak,
            keyring_peak,
            failed,
        }
    }

    /// The DAG region as an array of zeros; `None` while another table has it.
    pub fn dag<T: Zeroed>(self: &Arc<Self>) -> Option<Slab<T>> {
        // loom's atomics are no plain memory.
        if cfg!(loom) {
            return None;
        }
        self.table.acquire().map(|_| Slab::of_region(self.dag, DAG_BYTES, Arc::clone(self)))
    }

    /// Gives the DAG region back, zeroed by its owner, who used so many bytes of it.
    pub(crate) fn release_dag(&self, bytes: usize) {
        self.dag_peak.fetch_max(bytes, Ordering::Relaxed);
        self.table.release(0);
    }

    /// An arena for one job; `None` if every slot is taken, which more jobs at once than workers would need.
    pub fn scratch(&self) -> Option<Scratch<'_>> {
        let Some(slot) = self.scratch.acquire() else {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        // SAFETY: a slot's number is below the count, so the sum is within the region.
        let base = unsafe { self.crypto.add(slot as usize * SCRATCH_BYTES) };
        Some(Scratch { regions: self, slot, base, used: Cell::new(0), untouched: Cell::new(0) })
    }

    /// Moves a value with keys in it to a place in the Vault region; gives it back if all are taken.
    ///
    /// # Errors
    /// The value, if there is no free place.
    ///
    /// # Panics
    /// If the type does not fit a place.
    pub fn place<T: Send + Sync>(self: &Arc<Self>, value: T) -> Result<Placed<T>, T> {
        const { assert!(size_of::<T>() <= KEYRING_BYTES && align_of::<T>() <= PAGE_BYTES) };
        let Some(slot) = self.keyrings.acquire() else { return Err(value) };
        self.keyring_peak.fetch_max(size_of::<T>(), Ordering::Relaxed);
        #[cfg(all(feature = "rayon", target_os = "linux"))]
        if self.owned {
            // SAFETY: as below; the slot is mapped as long as the regions live.
            keep_private(unsafe { self.vault.add(slot as usize * KEYRING_BYTES) }, KEYRING_BYTES);
        }
        // SAFETY: a slot's number is below the count, so the sum is within the region.
        let at = unsafe { self.vault.add(slot as usize * KEYRING_BYTES) }.cast::<T>();
        // SAFETY: the place is ours until it is released, large enough and aligned (slots are multiples
        // of the page size).
        unsafe { at.write(value) };
        Ok(Placed { regions: Arc::clone(self), slot, at })
    }

    /// Use of the DAG region, which is one slot; its peak is that of the tables that are gone.
    pub fn dag_stats(&self) -> RegionStats {
        RegionStats {
            slots: self.table.stats(),
            slot_bytes: DAG_BYTES,
            bytes_peak: self.dag_peak.load(Ordering::Relaxed),
        }
    }

    /// Use of the Crypto region.
    pub fn scratch_stats(&self) -> RegionStats {
        RegionStats {
            slots: self.scratch.stats(),
            slot_bytes: SCRATCH_BYTES,
            bytes_peak: self.scratch_peak.load(Ordering::Relaxed),
        }
    }

    /// Use of the Vault region.
    pub fn keyring_stats(&self) -> RegionStats {
        RegionStats {
            slots: self.keyrings.stats(),
            slot_bytes: KEYRING_BYTES,
            bytes_peak: self.keyring_peak.load(Ordering::Relaxed),
        }
    }

    /// Address and length of the Vault region, for a host that locks it into memory.
    #[must_use]
    pub fn vault_span(&self) -> (*const u8, usize) {
        (self.vault.as_ptr(), VAULT_BYTES)
    }
}

impl fmt::Debug for Regions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regions").field("owned", &self.owned).finish_non_exhaustive()
    }
}

impl Drop for Regions {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: all were allocated by `allocate` with these layouts; no slot is taken, for each
            // owner borrows or counts the regions.
            unsafe {
                dealloc(self.crypto.as_ptr(), region_layout(CRYPTO_BYTES));
                dealloc(self.dag.as_ptr(), region_layout(DAG_BYTES));
                dealloc(self.vault.as_ptr(), region_layout(VAULT_BYTES));
            }
        }
    }
}

/// One worker's arena: takes bytes from its slot in constant time, gives all back at once.
pub struct Scratch<'r> {
    regions: &'r Regions,
    slot: u32,
    base: NonNull<u8>,
    used: Cell<usize>,
    /// Of these the last that nobody wrote to.
    untouched: Cell<usize>,
}

impl Scratch<'_> {
    /// Zeroed bytes; `None` if the slot has fewer left.
    #[expect(clippy::mut_from_ref, reason = "each call hands out bytes that no other call has")]
    pub fn take(&self, bytes: usize) -> Option<&mut [u8]> {
        let from = self.used.get();
        let to = from.checked_add(bytes).filter(|to| *to <= SCRATCH_BYTES)?;
        self.used.set(to);
        self.untouched.set(0);
        // SAFETY: [from, to) is within our slot and, `used` only growing while `self` is borrowed, in no
        // other slice; it is initialised, having been zeroed when the region was made or the slot released.
        Some(unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr().add(from), bytes) })
    }

    /// Says that the last `bytes` of what was taken last are as they were handed out, so need no zeroing.
    pub fn untouched(&self, bytes: usize) {
        self.untouched.set(bytes.min(self.used.get()));
    }

    /// Zeroes and gives back all that was taken.
    pub fn reset(&mut self) {
        let used = self.used.replace(0);
        self.regions.scratch_peak.fetch_max(used, Ordering::Relaxed);
        let touched = used - self.untouched.replace(0);
        // SAFETY: the first `used` bytes are ours, and `&mut self` says that no slice of them lives.
        let (touched, rest) =
            unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr(), used) }.split_at_mut(touched);
        wipe(touched);
        debug_assert!(rest.iter().all(|byte| *byte == 0), "untouched bytes were written");
    }
}

impl fmt::Debug for Scratch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("slot", &self.slot).field("used", &self.used.get()).finish()
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        self.reset();
        self.regions.scratch.release(self.slot);
    }
}

/// A value in the Vault region; its place is zeroed when it is dropped.
pub struct Placed<T> {
    regions: Arc<Regions>,
    slot: u32,
    at: NonNull<T>,
}

// SAFETY: as a `Box<T>`: the place has one owner.
unsafe impl<T: Send> Send for Placed<T> {}
// SAFETY: as a `Box<T>`.
unsafe impl<T: Sync> Sync for Placed<T> {}

impl<T> Deref for Placed<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: written by `place`, owned by us.
        unsafe { self.at.as_ref() }
    }
}

impl<T> DerefMut for Placed<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: written by `place`, owned by us, borrowed exclusively.
        unsafe { self.at.as_mut() }
    }
}

impl<T> fmt::Debug for Placed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Placed(..)")
    }
}

impl<T> Drop for Placed<T> {
    fn drop(&mut self) {
        // SAFETY: the value is ours and is not used again; afterwards its bytes are plain memory of our slot.
        unsafe {
            self.at.drop_in_place();
            wipe(core::slice::from_raw_parts_mut(self.at.as_ptr().cast::<u8>(), size_of::<T>()));
        }
        self.regions.keyrings.release(self.slot);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn scratch_is_zero_again_for_the_next_owner() {
        let regions = Regions::allocate();
        let mut scratch = regions.scratch().unwrap();
        let first = scratch.take(1000).unwrap();
        let second = scratch.take(24).unwrap();
        first.fill(1);
        second.fill(2);
        assert!(scratch.take(SCRATCH_BYTES).is_none());
        scratch.reset();
        assert!(scratch.take(1024).unwrap().iter().all(|byte| *byte == 0));
        drop(scratch);
        assert_eq!(regions.scratch_stats().bytes_peak, 1024);
        assert_eq!(regions.scratch_stats().slots, SlotStats { used: 0, peak: 1, resets: 1 });
    }

    #[test]
    fn scratch_runs_out_at_the_number_of_workers() {
        let regions = Regions::allocate();
        let all: alloc::vec::Vec<_> = (0..WORKERS_MAX).map(|_| regions.scratch().unwrap()).collect();
        assert!(regions.scratch().is_none());
        drop(all);
        assert!(regions.scratch().is_some());
    }

    #[test]
    fn a_placed_value_is_zeroed_when_dropped() {
        let regions = Regions::allocate();
        let placed = regions.place([7_u8; 64]).unwrap();
        let at = placed.at.as_ptr().cast::<u8>();
        assert_eq!(*placed, [7; 64]);
        drop(placed);
        // SAFETY: the region outlives the value that was placed in it, and nobody else uses it here.
        let bytes = unsafe { core::slice::from_raw_parts(at, 64) };
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}
