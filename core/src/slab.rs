//! Memory that threads share and that is made while they run: zeroed arrays of atomics, from the heap or from a fixed
//! region, and boxes that are set once.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
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

    /// Stores a value with `Ordering::Relaxed`, and waits for no other store in WebAssembly either.
    fn store_relaxed(&self, value: V);
}

macro_rules! plain {
    ($atomic:ty, $value:ty, $store:literal) => {
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

            #[inline(always)]
            fn store_relaxed(&self, value: $value) {
                #[cfg(not(all(target_arch = "wasm32", target_feature = "atomics")))]
                self.store(value, Ordering::Relaxed);
                #[cfg(all(target_arch = "wasm32", target_feature = "atomics"))]
                // An instruction, not a plain store of the language, which others' accesses must not meet.
                // SAFETY: it writes the word, which is alive and aligned, at once, as WebAssembly says of stores.
                unsafe {
                    core::arch::asm!(
                        "local.get {at}",
                        "local.get {value}",
                        $store,
                        at = in(local) self.as_ptr(),
                        value = in(local) value,
                        options(nostack)
                    );
                }
            }
        }
    };
}

plain!(AtomicU8, u8, "i32.store8 0");
plain!(AtomicU32, u32, "i32.store 0");
plain!(AtomicU64, u64, "i64.store 0");

/// Asks the processor to bring the line of the cache near where a value begins, without waiting for it; `false` where
/// processors can't be asked, as in WebAssembly.
#[inline(always)]
pub fn prefetch<T>(value: &T) -> bool {
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which changes nothing and can't fail; every processor of this architecture has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast()) };
        true
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
    {
        let _ = value;
        false
    }
}

/// As [`prefetch`], for a value that is about to be written: no other processor keeps the line, so that the write need
/// not ask for it again.
#[inline(always)]
pub fn prefetch_to_write<T>(value: &T) -> bool {
    #[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
    {
        // The intrinsic makes this instruction only where the build says that there is one. Processors of this
        // architecture that have none take its code for one that does nothing.
        // SAFETY: a hint, which changes nothing and can't fail.
        unsafe {
            core::arch::asm!(
                "prefetchw [{at}]",
                at = in(reg) core::ptr::from_ref(value),
                options(nostack, preserves_flags, readonly)
            );
        }
        true
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
    prefetch(value)
}

/// An array that began as zeros.
pub struct Slab<T: Zeroed> {
    at: NonNull<T>,
    count: usize,
    origin: Origin<T>,
    dirty: usize,
}

/// Where the memory of a slab is from.
enum Origin<T> {
    #[allow(dead_code, reason = "where there are no large pages, it only frees the memory with the slab")]
    Heap(Heap<T>),
    Region(Arc<Regions>),
}

// SAFETY: as a `Box<[T]>`, for the memory has one owner: what we allocated, or the region that is ours.
unsafe impl<T: Zeroed + Send> Send for Slab<T> {}
// SAFETY: as above.
unsafe impl<T: Zeroed> Sync for Slab<T> {}

impl<T: Zeroed> Slab<T> {
    /// `count` zeros from the heap, which natively is not touched before they are; `None` if there is no memory.
    #[must_use]
    pub fn zeroed(count: usize) -> Option<Self> {
        let (at, heap) = Heap::zeroed(count)?;
        Some(Self { at, count, origin: Origin::Heap(heap), dirty: count })
    }

    /// Asks for large pages where nothing was touched yet, if the slab is large enough and the system has them. Reads
    /// at random find large pages faster; but the first touch of each takes as long as it takes to zero it, so this is
    /// for what will be used up.
    pub fn use_large_pages(&self) {
        #[cfg(all(feature = "rayon", target_os = "linux", not(any(miri, loom))))]
        if let Origin::Heap(Heap::Mapped(mapped)) = &self.origin {
            mapped.use_large_pages();
        }
    }

    /// The DAG region as an array.
    pub(crate) fn of_region(at: NonNull<u8>, bytes: usize, regions: Arc<Regions>) -> Self {
        const { assert!(align_of::<T>() <= 4096 && size_of::<T>() > 0) };
        let count = bytes / size_of::<T>();
        Self { at: at.cast(), count, origin: Origin::Region(regions), dirty: count }
    }

    /// Says that only the first `count` were written to: a region zeroes no more of them when it is given back.
    pub fn set_dirty(&mut self, count: usize) {
        self.dirty = count.min(self.count);
    }

    /// Whether the memory is a fixed region.
    #[must_use]
    pub fn in_region(&self) -> bool {
        matches!(self.origin, Origin::Region(_))
    }
}

/// Memory that begins at a line of the cache, or, where that is worth it, at a large page: what is read at random
/// should be in as few of them as it can be, for most of what such a read costs is finding the page.
#[cfg(not(loom))]
enum Heap<T> {
    Allocated {
        base: NonNull<u8>,
        layout: core::alloc::Layout,
        of: PhantomData<T>,
    },
    #[cfg(all(feature = "rayon", target_os = "linux", not(miri)))]
    Mapped(crate::pages::Mapped),
}

/// Bytes of a line of the cache.
#[cfg(not(loom))]
const LINE_BYTES: usize = 64;

#[cfg(not(loom))]
impl<T: Zeroed> Heap<T> {
    /// Zeros, and where they begin.
    fn zeroed(count: usize) -> Option<(NonNull<T>, Self)> {
        use core::alloc::Layout;
        const { assert!(align_of::<T>() <= LINE_BYTES && size_of::<T>() > 0) };
        let bytes = count.checked_mul(size_of::<T>())?;
        #[cfg(all(feature = "rayon", target_os = "linux", not(miri)))]
        if bytes >= crate::pages::HUGE_PAGE_BYTES {
            return crate::pages::Mapped::zeroed(bytes).map(|(at, mapped)| (at.cast(), Self::Mapped(mapped)));
        }
        // An allocator asked for this alignment would write the zeros, and touch what nobody may ever need.
        let layout = Layout::from_size_align(bytes.checked_add(LINE_BYTES)?, align_of::<T>()).ok()?;
        // SAFETY: the layout's size is not zero.
        let base = NonNull::new(unsafe { alloc::alloc::alloc_zeroed(layout) })?;
        let step = base.as_ptr().addr().next_multiple_of(LINE_BYTES) - base.as_ptr().addr();
        // SAFETY: the allocation is longer than `bytes` by a line, and the step is shorter than that.
        Some((unsafe { base.add(step) }.cast(), Self::Allocated { base, layout, of: PhantomData }))
    }
}

#[cfg(not(loom))]
impl<T> Drop for Heap<T> {
    fn drop(&mut self) {
        match self {
            // SAFETY: `zeroed` allocated it with this layout, and only the slab that is dropped now used it.
            Self::Allocated { base, layout, .. } => unsafe { alloc::alloc::dealloc(base.as_ptr(), *layout) },
            #[cfg(all(feature = "rayon", target_os = "linux", not(miri)))]
            Self::Mapped(_) => {}
        }
    }
}

/// loom's atomics are no zeros.
#[cfg(loom)]
struct Heap<T>(#[expect(dead_code, reason = "owns the values")] Box<[T]>);

#[cfg(loom)]
impl<T: Zeroed> Heap<T> {
    fn zeroed(count: usize) -> Option<(NonNull<T>, Self)> {
        let mut values: Box<[T]> = (0..count).map(|_| T::zero()).collect();
        Some((NonNull::new(values.as_mut_ptr())?, Self(values)))
    }
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

impl<T: Zeroed> DerefMut for Slab<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; nobody else has the slab.
        unsafe { core::slice::from_raw_parts_mut(self.at.as_ptr(), self.count) }
    }
}

impl<T: Zeroed> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").field("count", &self.count).field("in_region", &self.in_region()).finish()
    }
}

impl<T: Zeroed> Drop for Slab<T> {
    fn drop(&mut self) {
        let Origin::Region(regions) = &self.origin else { return };
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
