//! Memory that threads share and that is made while they run: zeroed arrays of atomics, from the heap or from a fixed
//! region, and boxes that are set once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::{NonNull, null_mut};

use crate::arena::Regions;
use crate::sync::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

/// A type whose value may be all zero bytes.
///
/// # Safety
/// - Zero bytes are a value of the type, the one that `zero` answers.
/// - It has no destructor and can be shared between threads.
pub unsafe trait Zeroed: Sized + Sync {
    /// The value of zero bytes.
    fn zero() -> Self;
}

// SAFETY: an atomic integer has the layout of its integer. Under loom, whose atomics have not, nothing relies on it:
// values come from `zero`.
unsafe impl Zeroed for AtomicU32 {
    fn zero() -> Self {
        Self::new(0)
    }
}

// SAFETY: as above.
unsafe impl Zeroed for AtomicU8 {
    fn zero() -> Self {
        Self::new(0)
    }
}

// SAFETY: as above.
unsafe impl Zeroed for AtomicU64 {
    fn zero() -> Self {
        Self::new(0)
    }
}

// SAFETY: zero bytes are an array of zeros.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {
    fn zero() -> Self {
        core::array::from_fn(|_| T::zero())
    }
}

/// A word that is stored to plainly while nobody else can reach it. In WebAssembly there is no weak atomic store: each
/// waits until all stores before it are done, which is most of what it costs to fill a record.
pub trait Plain<V> {
    /// Stores a value, not atomically.
    ///
    /// # Safety
    /// No other thread accesses the word from the last time that this thread synchronised with it until it
    /// synchronises with this thread after the store.
    unsafe fn store_plain(&self, value: V);
}

macro_rules! plain {
    ($atomic:ty, $value:ty) => {
        impl Plain<$value> for $atomic {
            #[inline(always)]
            unsafe fn store_plain(&self, value: $value) {
                // loom sees what its own atomics do, and no weaker order than this.
                #[cfg(loom)]
                self.store(value, Ordering::Relaxed);
                #[cfg(not(loom))]
                // SAFETY: the pointer is to a word that is alive, and by the caller's duty nobody else accesses it now.
                unsafe {
                    self.as_ptr().write(value);
                }
            }
        }
    };
}

plain!(AtomicU32, u32);
plain!(AtomicU64, u64);

/// An array that began as zeros.
pub struct Slab<T: Zeroed> {
    at: NonNull<T>,
    count: usize,
    /// Where the memory is from; `None` is the heap.
    region: Option<Arc<Regions>>,
    dirty: usize,
}

// SAFETY: as a `Box<[T]>`, for the memory has one owner: a box that was taken apart, or the region that is ours.
unsafe impl<T: Zeroed + Send> Send for Slab<T> {}
// SAFETY: as above.
unsafe impl<T: Zeroed> Sync for Slab<T> {}

impl<T: Zeroed> Slab<T> {
    /// `count` zeros from the heap, which natively is not touched before they are; `None` if there is no memory.
    #[must_use]
    pub fn zeroed(count: usize) -> Option<Self> {
        let at = NonNull::new(Box::into_raw(zeroed_box::<T>(count)?).cast::<T>())?;
        prefer_huge_pages(at.cast(), count * size_of::<T>());
        Some(Self { at, count, region: None, dirty: count })
    }

    /// The DAG region as an array.
    pub(crate) fn of_region(at: NonNull<u8>, bytes: usize, regions: Arc<Regions>) -> Self {
        const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
        let count = bytes / size_of::<T>();
        Self { at: at.cast(), count, region: Some(regions), dirty: count }
    }

    /// Says that only the first `count` were written to: a region zeroes no more of them when it is given back.
    pub fn set_dirty(&mut self, count: usize) {
        self.dirty = count.min(self.count);
    }

    /// Whether the memory is a fixed region.
    #[must_use]
    pub fn in_region(&self) -> bool {
        self.region.is_some()
    }
}

/// Bytes of a page as large as Linux makes them on most processors.
#[cfg(all(feature = "rayon", target_os = "linux", not(miri)))]
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Asks for large pages where many fit: tables are read at random, and most of what that costs is finding small pages.
#[cfg(all(feature = "rayon", target_os = "linux", not(miri)))]
fn prefer_huge_pages(at: NonNull<u8>, bytes: usize) {
    use rustix::mm::{Advice, madvise};
    if bytes >= 2 * HUGE_PAGE_BYTES {
        let skip = at.as_ptr().align_offset(HUGE_PAGE_BYTES);
        let whole = (bytes - skip) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        // SAFETY: the range is within our allocation, and the call changes how it is mapped and not what is in it.
        let _ = unsafe { madvise(at.as_ptr().add(skip).cast(), whole, Advice::LinuxHugepage) };
    }
}

#[cfg(not(all(feature = "rayon", target_os = "linux", not(miri))))]
fn prefer_huge_pages(_: NonNull<u8>, _: usize) {}

#[cfg(not(loom))]
fn zeroed_box<T: Zeroed>(count: usize) -> Option<Box<[T]>> {
    use core::alloc::Layout;
    let layout = Layout::array::<T>(count).ok()?;
    if layout.size() == 0 {
        return Some((0..count).map(|_| T::zero()).collect());
    }
    // SAFETY: the layout's size is not zero.
    let at = NonNull::new(unsafe { alloc::alloc::alloc_zeroed(layout) })?.cast::<T>();
    let slice = core::ptr::slice_from_raw_parts_mut(at.as_ptr(), count);
    // SAFETY: allocated just now with the layout of this slice, and zeros are values of `T`.
    Some(unsafe { Box::from_raw(slice) })
}

#[cfg(loom)]
fn zeroed_box<T: Zeroed>(count: usize) -> Option<Box<[T]>> {
    Some((0..count).map(|_| T::zero()).collect())
}

impl<T: Zeroed> Deref for Slab<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `count` initialised values that live as long as the slab; a region's bytes are zero when it is
        // handed out.
        unsafe { core::slice::from_raw_parts(self.at.as_ptr(), self.count) }
    }
}

impl<T: Zeroed> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").field("count", &self.count).field("in_region", &self.in_region()).finish()
    }
}

impl<T: Zeroed> Drop for Slab<T> {
    fn drop(&mut self) {
        let Some(regions) = &self.region else {
            let slice = core::ptr::slice_from_raw_parts_mut(self.at.as_ptr(), self.count);
            // SAFETY: `zeroed` took this box apart, and nobody borrows the slab any more.
            drop(unsafe { Box::from_raw(slice) });
            return;
        };
        // SAFETY: these are the first of our values, of which zero bytes are one, and nobody borrows them any more.
        unsafe { self.at.write_bytes(0, self.dirty) };
        regions.release_dag(self.dirty * size_of::<T>());
    }
}

/// A box that is empty until someone sets it, and stays set.
pub struct OnceBox<T> {
    at: AtomicPtr<T>,
    owns: PhantomData<Box<T>>,
}

impl<T: Send + Sync> OnceBox<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self { at: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    /// What it was set to.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // Acquire: sees the value that was written before the exchange in `set`.
        let at = self.at.load(Ordering::Acquire);
        // SAFETY: a pointer in here is of a box, which is freed only by exclusive access to `self`.
        unsafe { at.as_ref() }
    }

    /// Sets it if it is empty; answers what is in it then. A value that comes too late is dropped.
    pub fn set(&self, value: Box<T>) -> &T {
        let mine = Box::into_raw(value);
        match self.at.compare_exchange(null_mut(), mine, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: as in `get`.
            Ok(_) => unsafe { &*mine },
            Err(theirs) => {
                // SAFETY: the box taken apart above, which nobody else has seen.
                drop(unsafe { Box::from_raw(mine) });
                // SAFETY: as in `get`; the exchange fails only on a pointer that is not null.
                unsafe { &*theirs }
            }
        }
    }

    /// Empties it.
    pub fn take(&mut self) -> Option<Box<T>> {
        let at = self.at.swap(null_mut(), Ordering::Acquire);
        // SAFETY: a pointer in here is of a box that `set` took apart; it was ours alone to take, by `&mut self`.
        (!at.is_null()).then(|| unsafe { Box::from_raw(at) })
    }
}

impl<T: Send + Sync> Default for OnceBox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for OnceBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceBox(..)")
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let at = self.at.load(Ordering::Acquire);
        if !at.is_null() {
            // SAFETY: as in `take`; it is not used again.
            drop(unsafe { Box::from_raw(at) });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::layout::{DAG_BYTES, NODE_SLOT_BYTES};

    #[test]
    fn slabs_begin_as_zeros_and_absurd_ones_are_refused() {
        let slab = Slab::<AtomicU32>::zeroed(1000).unwrap();
        assert_eq!(slab.len(), 1000);
        assert!(slab.iter().all(|word| word.load(Ordering::Relaxed) == 0));
        assert!(Slab::<AtomicU64>::zeroed(usize::MAX / 4).is_none());
        assert_eq!(Slab::<AtomicU64>::zeroed(0).unwrap().len(), 0);
    }

    #[test]
    fn the_dag_region_has_one_owner_and_is_zero_for_the_next() {
        let regions = Regions::allocate();
        let mut first = regions.dag::<[AtomicU64; 4]>().unwrap();
        assert_eq!((first.len(), first.in_region()), (DAG_BYTES / NODE_SLOT_BYTES, true));
        assert!(regions.dag::<AtomicU64>().is_none());
        first[9][3].store(7, Ordering::Relaxed);
        first.set_dirty(10);
        drop(first);
        let second = regions.dag::<AtomicU64>().unwrap();
        assert!(second.iter().all(|word| word.load(Ordering::Relaxed) == 0));
    }

    #[test]
    fn a_box_is_set_once() {
        let mut once = OnceBox::new();
        assert!(once.get().is_none());
        assert_eq!((*once.set(Box::new(1)), *once.set(Box::new(2))), (1, 1));
        assert_eq!((once.take(), once.take()), (Some(Box::new(1)), None));
    }
}
