//! Memory from the system in large pages. What the allocator gives anew it has to zero, all of it, at once.

use core::ffi::c_void;
use core::ptr::{NonNull, null_mut};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

/// Bytes of a page as large as Linux makes them on most processors.
pub(crate) const HUGE_PAGE_BYTES: usize = 2 << 20;

/// A range that is ours.
pub(crate) struct Mapped {
    base: *mut c_void,
    bytes: usize,
}

impl Mapped {
    /// So many zeros that begin where a large page can; `None` if there is no memory.
    pub(crate) fn zeroed(bytes: usize) -> Option<(NonNull<u8>, Self)> {
        let whole = bytes.checked_add(HUGE_PAGE_BYTES)?;
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new range, wherever the system likes.
        let base = unsafe { mmap_anonymous(null_mut(), whole, protection, flags) }.ok()?;
        let mapped = Self { base, bytes: whole };
        Some((NonNull::new(mapped.begin())?.cast(), mapped))
    }

    /// Where the first large page can begin.
    fn begin(&self) -> *mut c_void {
        let step = self.base.addr().next_multiple_of(HUGE_PAGE_BYTES) - self.base.addr();
        // SAFETY: the range is longer than what is used of it by a large page, and the step is shorter than that.
        unsafe { self.base.byte_add(step) }
    }

    /// Asks for large pages; where there are none, pages are small.
    pub(crate) fn use_large_pages(&self) {
        // SAFETY: within the range, and how it is mapped is not what is in it.
        let _ = unsafe { madvise(self.begin(), self.bytes - HUGE_PAGE_BYTES, Advice::LinuxHugepage) };
    }
}

// SAFETY: a range of memory, which its methods only ask the system about; the slab sees to what is in it.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: mapped by `zeroed`, and only the slab that is dropped now used it.
        let _ = unsafe { munmap(self.base, self.bytes) };
    }
}
