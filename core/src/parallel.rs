//! The only way in which dagvault spreads work: a fork-join over numbered items.
//!
//! Natively the items go to rayon (feature `rayon`); in the guest (feature `guest`) to the host's workers
//! through the import `parallel_for`; otherwise they run inline. **Invariant:** an item only computes, so that
//! results don't depend on the number of workers.

use alloc::vec::Vec;
use core::cell::UnsafeCell;

/// Runs `job` once for each number below `count`, on any workers in any order; returns when all have.
pub fn for_each(count: usize, job: &(dyn Fn(usize) + Sync)) {
    if count <= 1 {
        return (0..count).for_each(job);
    }
    spread(count, job);
}

#[cfg(feature = "rayon")]
mod native;
#[cfg(feature = "rayon")]
pub use native::Workers;
#[cfg(feature = "rayon")]
use native::spread;

#[cfg(all(feature = "guest", not(feature = "rayon")))]
fn spread(count: usize, job: &(dyn Fn(usize) + Sync)) {
    guest::spread(count, job);
}

#[cfg(not(any(feature = "rayon", feature = "guest")))]
fn spread(count: usize, job: &(dyn Fn(usize) + Sync)) {
    (0..count).for_each(job);
}

/// The guest's side of `parallel_for`.
#[cfg(all(feature = "guest", not(feature = "rayon")))]
pub mod guest {
    use crate::abi::JOBS_MAX;

    /// A job as it crosses the ABI by its address.
    type Job<'a> = &'a (dyn Fn(usize) + Sync);

    #[link(wasm_import_module = "dagvault")]
    unsafe extern "C" {
        safe fn parallel_for(job: u32, ctx: u32, count: u32) -> i64;
    }

    #[expect(clippy::cast_possible_truncation, reason = "addresses have 32 bits in wasm32")]
    pub(super) fn spread(count: usize, job: Job<'_>) {
        let chunk = JOBS_MAX as usize;
        for start in (0..count).step_by(chunk) {
            let shifted = |index: usize| job(start + index);
            let shifted: Job<'_> = &shifted;
            let ctx = core::ptr::from_ref(&shifted).expose_provenance() as u32;
            let answer = parallel_for(0, ctx, chunk.min(count - start) as u32);
            // The host ends the whole call if a worker failed; another answer is a host that misbehaves.
            assert!(answer == 0, "parallel_for answered {answer}");
        }
    }

    /// Runs item `index` of the job at `ctx`: the body of the export `dv_run_job`.
    ///
    /// # Safety
    /// - `ctx` is what this guest passed to `parallel_for`, and that call has not returned.
    /// - `index` is below its `count`, and is run once.
    pub unsafe fn run_job(ctx: u32, index: u32) {
        // SAFETY: by the caller's duties the reference at `ctx` is alive; it is `Sync`, so it may be used
        // from this worker.
        let job = unsafe { *core::ptr::with_exposed_provenance::<Job<'_>>(ctx as usize) };
        job(index as usize);
    }
}

struct Slot<T>(UnsafeCell<Option<T>>);

// SAFETY: each slot is written by the one item of its number and read after all items have returned.
unsafe impl<T: Send> Sync for Slot<T> {}

/// The results of `job` for each number below `count`, in order.
///
/// # Panics
/// If `job` panics.
pub fn map<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let slots: Vec<_> = (0..count).map(|_| Slot(UnsafeCell::new(None))).collect();
    for_each(count, &|index| {
        let value = job(index);
        // SAFETY: `for_each` runs this number once, and nobody else touches this slot meanwhile.
        unsafe { *slots[index].0.get() = Some(value) };
    });
    slots.into_iter().map(|slot| slot.0.into_inner().expect("every item has run")).collect()
}

/// Bytes that the caller moves sooner than another thread wakes.
const MOVED_ALONE_BYTES: usize = 256 << 10;

/// As [`map`], for work that does little but move `bytes` bytes in all: few are moved by the caller alone.
pub fn map_moving<T: Send>(count: usize, bytes: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if bytes < MOVED_ALONE_BYTES { (0..count).map(job).collect() } else { map(count, job) }
}

/// The results of `job` for each item, in order; takes the items out of `items`.
///
/// # Panics
/// If `job` panics, or an item is `None`.
pub fn map_take<I: Send, T: Send>(items: &mut [Option<I>], job: impl Fn(I) -> T + Sync) -> Vec<T> {
    let items: Vec<_> = items.iter_mut().map(|item| Slot(UnsafeCell::new(item.take()))).collect();
    map(items.len(), |index| {
        // SAFETY: `map` runs this number once, and nobody else touches this slot meanwhile.
        let item = unsafe { (*items[index].0.get()).take() };
        job(item.expect("items are there"))
    })
}

/// As [`map`], stopping at the failure of the lowest number.
///
/// # Errors
/// The first failure, by number.
pub fn try_map<T: Send, E: Send>(
    count: usize,
    job: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    map(count, job).into_iter().collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn items_are_taken_once() {
        let mut items: Vec<_> = (0..100).map(|index| Some(alloc::vec![index])).collect();
        assert_eq!(map_take(&mut items, |item| item[0]), (0..100).collect::<Vec<_>>());
        assert!(items.iter().all(Option::is_none));
    }

    #[test]
    fn results_come_in_order() {
        assert_eq!(map(1000, |index| index * 2), (0..1000).map(|index| index * 2).collect::<Vec<_>>());
        assert_eq!(try_map(10, |index| if index < 4 { Ok(index) } else { Err(index) }), Err(4));
        assert!(map(0, |index| index).is_empty());
    }
}
