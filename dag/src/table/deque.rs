//! A deque of node numbers for each worker: its owner works at one end, others steal at the other.
//!
//! The algorithm is that of Chase and Lev with the orderings of Lê, Pop, Cohen and Zappa Nardelli (2013), of fixed
//! capacity: what does not fit stays with its owner. crossbeam's deque needs `std`, its epochs thread-local storage.

use alloc::boxed::Box;

use dagvault_core::sync::{AtomicU32, AtomicU64, Ordering, fence};

use super::atomic::Atomic as _;

/// Most numbers in a deque.
#[cfg(not(loom))]
pub(super) const CAPACITY: usize = 256;
#[cfg(loom)]
pub(super) const CAPACITY: usize = 2;

/// A deque. `push` and `pop` are its owner's; misuse would lose or repeat numbers, never more.
#[derive(Debug)]
// Two lines of the cache, which some processors bring near together: no other's ends are there.
#[repr(align(128))]
pub(super) struct Deque {
    /// How many were taken at the far end.
    top: AtomicU64,
    /// How many were put in at the owner's, less those that it took back.
    bottom: AtomicU64,
    ring: Box<[AtomicU32]>,
}

/// What came of stealing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stolen {
    /// There was nothing.
    Nothing,
    /// Another was faster: something may be left.
    Lost,
    /// This number.
    Number(u32),
}

impl Deque {
    pub(super) fn new() -> Self {
        let ring = (0..CAPACITY).map(|_| AtomicU32::new(0)).collect();
        Self { top: AtomicU64::new(0), bottom: AtomicU64::new(0), ring }
    }

    fn place(&self, at: u64) -> &AtomicU32 {
        #[expect(clippy::cast_possible_truncation, reason = "within the capacity")]
        &self.ring[(at % CAPACITY as u64) as usize]
    }

    /// Whether it looks empty.
    pub(super) fn is_empty(&self) -> bool {
        self.top.read(Ordering::Relaxed) >= self.bottom.read(Ordering::Relaxed)
    }

    /// Puts a number in at the owner's end; not if it is full.
    pub(super) fn push(&self, number: u32) -> bool {
        let bottom = self.bottom.read(Ordering::Relaxed);
        // Acquire: the place that we write was read by the thief who made it free.
        let top = self.top.read(Ordering::Acquire);
        if bottom - top >= CAPACITY as u64 {
            return false;
        }
        self.place(bottom).write(number, Ordering::Relaxed);
        // Release: a thief who sees the new bottom sees the number.
        self.bottom.write(bottom + 1, Ordering::Release);
        true
    }

    /// Takes the newest number back at the owner's end.
    pub(super) fn pop(&self) -> Option<u32> {
        let bottom = self.bottom.read(Ordering::Relaxed);
        if self.top.read(Ordering::Relaxed) >= bottom {
            return None;
        }
        let bottom = bottom - 1;
        self.bottom.write(bottom, Ordering::Relaxed);
        // Either we see what a thief took, or the thief sees that we have come for it.
        fence(pop_order());
        let top = self.top.read(Ordering::Relaxed);
        if top < bottom {
            return Some(self.place(bottom).read(Ordering::Relaxed));
        }
        // The last one, or none: whoever advances the top has it.
        let number = self.place(bottom).read(Ordering::Relaxed);
        let won = top == bottom && self.top.change(top, top + 1, Ordering::SeqCst).is_ok();
        self.bottom.write(bottom + 1, Ordering::Relaxed);
        won.then_some(number)
    }

    /// Takes the oldest number at the far end.
    pub(super) fn steal(&self) -> Stolen {
        let top = self.top.read(Ordering::Acquire);
        fence(Ordering::SeqCst);
        if top >= self.bottom.read(Ordering::Acquire) {
            return Stolen::Nothing;
        }
        let number = self.place(top).read(Ordering::Relaxed);
        match self.top.change(top, top + 1, Ordering::SeqCst) {
            Ok(_) => Stolen::Number(number),
            Err(_) => Stolen::Lost,
        }
    }
}

/// The ordering between the two ends; a model plants a wrong one, to see that it is found.
#[inline(always)]
fn pop_order() -> Ordering {
    #[cfg(all(test, loom))]
    if super::tests::model::PLANTED.get() {
        return Ordering::AcqRel;
    }
    Ordering::SeqCst
}
