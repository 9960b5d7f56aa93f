//! A lock-free pool of equal slots: which are taken is one atomic mask.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Most slots of one pool: the bits of its mask.
pub const SLOTS_MAX: u32 = 64;

/// Hands out slot numbers below its count, each to one owner at a time.
#[derive(Debug)]
pub struct SlotMask {
    taken: AtomicU64,
    count: u32,
    used_max: AtomicU32,
    releases: AtomicU32,
}

/// How a pool was used so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotStats {
    /// Slots taken now.
    pub used: u32,
    /// Most slots taken at once.
    pub peak: u32,
    /// Times that a slot was given back.
    pub resets: u32,
}

impl SlotMask {
    /// A mask of `count` free slots.
    ///
    /// # Panics
    /// If `count` is over [`SLOTS_MAX`].
    #[must_use]
    pub fn new(count: u32) -> Self {
        assert!(count <= SLOTS_MAX, "a slot mask has 64 bits");
        Self { taken: AtomicU64::new(0), count, used_max: AtomicU32::new(0), releases: AtomicU32::new(0) }
    }

    /// Takes the lowest free slot; `None` if all are taken. Each failed exchange means that another
    /// owner made progress, so the loop is lock-free.
    pub fn acquire(&self) -> Option<u32> {
        let mut taken = self.taken.load(Ordering::Relaxed);
        loop {
            let slot = taken.trailing_ones();
            if slot >= self.count {
                return None;
            }
            // Acquire: sees the zeroing by the owner that released this slot.
            let next = taken | 1 << slot;
            match self.taken.compare_exchange(taken, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    self.used_max.fetch_max(next.count_ones(), Ordering::Relaxed);
                    return Some(slot);
                }
                Err(now) => taken = now,
            }
        }
    }

    /// Gives back a slot that [`SlotMask::acquire`] answered.
    ///
    /// # Panics
    /// If the slot is not taken.
    pub fn release(&self, slot: u32) {
        // Release: the next owner's acquire sees what this one wrote.
        let before = self.taken.fetch_and(!(1 << slot), Ordering::Release);
        assert!(before & 1 << slot != 0, "slot {slot} released twice");
        self.releases.fetch_add(1, Ordering::Relaxed);
    }

    /// How the pool was used so far.
    pub fn stats(&self) -> SlotStats {
        SlotStats {
            used: self.taken.load(Ordering::Relaxed).count_ones(),
            peak: self.used_max.load(Ordering::Relaxed),
            resets: self.releases.load(Ordering::Relaxed),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn slots_are_handed_out_once_and_come_back() {
        let mask = SlotMask::new(3);
        assert_eq!([mask.acquire(), mask.acquire(), mask.acquire()], [Some(0), Some(1), Some(2)]);
        assert_eq!(mask.acquire(), None);
        mask.release(1);
        assert_eq!(mask.acquire(), Some(1));
        assert_eq!(mask.stats(), SlotStats { used: 3, peak: 3, resets: 1 });
    }
}

#[cfg(all(test, loom))]
mod loom_model {
    use super::*;
    use loom::cell::UnsafeCell;
    use std::sync::Arc;

    #[test]
    fn two_owners_never_share_a_slot() {
        loom::model(|| {
            let mask = Arc::new(SlotMask::new(1));
            let cell = Arc::new(UnsafeCell::new(0_u32));
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (mask, cell) = (Arc::clone(&mask), Arc::clone(&cell));
                    loom::thread::spawn(move || {
                        if let Some(slot) = mask.acquire() {
                            // loom reports a race if the mask let both threads in here.
                            cell.with_mut(|value| {
                                // SAFETY: the slot is ours until it is released.
                                unsafe { *value += 1 }
                            });
                            mask.release(slot);
                        }
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}
