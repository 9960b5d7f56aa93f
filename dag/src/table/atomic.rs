//! Every atomic access of the table goes through here, so that tests can stop a worker at each.

use dagvault_core::slab::{Plain as _, prefetch, prefetch_to_write};
use dagvault_core::sync::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Called before each access: tests count, stop or reschedule the worker here.
#[cfg(not(all(test, not(loom))))]
#[inline(always)]
fn step() {}

#[cfg(all(test, not(loom)))]
use super::tests::steps::step;

/// What [`Atomic::bring`] answers: of use to nobody, but those of many, put together and shown to
/// `core::hint::black_box`, make sure that what had to be read was.
pub(crate) type Brought = u64;

/// An atomic integer. The names differ from those of `core`, so that no access slips past [`step`] unseen.
pub(crate) trait Atomic<V> {
    /// `load`.
    fn read(&self, order: Ordering) -> V;
    /// `store`.
    fn write(&self, value: V, order: Ordering);
    /// `store` with `Relaxed`, which waits for no other store in WebAssembly either.
    fn put(&self, value: V);
    /// `compare_exchange`: what is there otherwise is the error, read with `Acquire`.
    fn change(&self, from: V, to: V, order: Ordering) -> Result<V, V>;
    /// `fetch_add`.
    fn add(&self, value: V, order: Ordering) -> V;
    /// `fetch_sub`.
    fn sub(&self, value: V, order: Ordering) -> V;
    /// `fetch_or`.
    fn or(&self, bits: V, order: Ordering) -> V;
    /// Brings its line of the cache near, by a prefetch where the processor has one, otherwise by reading.
    fn bring(&self) -> Brought;
    /// As `bring`, for what is about to be changed.
    fn bring_to_change(&self) -> Brought;
    /// Its value, where nobody else has it: many of them are then read at a time.
    fn plain(&mut self) -> V;
    /// `swap`.
    fn replace(&self, value: V, order: Ordering) -> V;
}

macro_rules! atomic {
    ($atomic:ty, $value:ty) => {
        impl Atomic<$value> for $atomic {
            #[inline(always)]
            fn read(&self, order: Ordering) -> $value {
                step();
                self.load(order)
            }
            #[inline(always)]
            fn write(&self, value: $value, order: Ordering) {
                step();
                self.store(value, order);
            }
            #[inline(always)]
            fn put(&self, value: $value) {
                step();
                self.store_relaxed(value);
            }
            #[inline(always)]
            fn change(&self, from: $value, to: $value, order: Ordering) -> Result<$value, $value> {
                step();
                self.compare_exchange(from, to, order, Ordering::Acquire)
            }
            #[inline(always)]
            fn add(&self, value: $value, order: Ordering) -> $value {
                step();
                self.fetch_add(value, order)
            }
            #[inline(always)]
            fn sub(&self, value: $value, order: Ordering) -> $value {
                step();
                self.fetch_sub(value, order)
            }
            #[inline(always)]
            fn or(&self, bits: $value, order: Ordering) -> $value {
                step();
                self.fetch_or(bits, order)
            }
            #[inline(always)]
            fn bring(&self) -> Brought {
                if prefetch(self) { 0 } else { Brought::from(self.read(Ordering::Relaxed)) }
            }
            #[inline(always)]
            fn bring_to_change(&self) -> Brought {
                if prefetch_to_write(self) { 0 } else { Brought::from(self.read(Ordering::Relaxed)) }
            }
            #[inline(always)]
            fn plain(&mut self) -> $value {
                #[cfg(loom)]
                return self.with_mut(|value| *value);
                #[cfg(not(loom))]
                *self.get_mut()
            }
            #[inline(always)]
            fn replace(&self, value: $value, order: Ordering) -> $value {
                step();
                self.swap(value, order)
            }
        }
    };
}

atomic!(AtomicU8, u8);
atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
