//! Spreading over rayon: each engine has a pool of its own.

extern crate std;

use std::cell::RefCell;
use std::sync::Arc;

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

std::thread_local! {
    /// The pool of the engine that this thread is calling; none means inline.
    static POOL: RefCell<Option<Arc<ThreadPool>>> = const { RefCell::new(None) };
}

/// The threads of one engine. Small work stays on the calling thread.
#[derive(Clone, Debug)]
pub struct Workers(Option<Arc<ThreadPool>>);

impl Workers {
    /// `count` threads; one means none beside the caller.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(count: usize) -> Result<Self, ThreadPoolBuildError> {
        if count <= 1 {
            return Ok(Self(None));
        }
        let pool = ThreadPoolBuilder::new().num_threads(count).build()?;
        Ok(Self(Some(Arc::new(pool))))
    }

    /// No threads: what is spread runs on the caller's.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// Runs `f`, whose work is spread over these threads.
    pub fn scope<T>(&self, f: impl FnOnce() -> T) -> T {
        struct Restore(Option<Arc<ThreadPool>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                POOL.set(self.0.take());
            }
        }
        let _restore = Restore(POOL.replace(self.0.clone()));
        f()
    }
}

pub(super) fn spread(count: usize, job: &(dyn Fn(usize) + Sync)) {
    let all = || (0..count).into_par_iter().with_max_len(1).for_each(job);
    if rayon::current_thread_index().is_some() {
        // A job that spreads further: its pool is the one that it runs in.
        return all();
    }
    match POOL.with_borrow(Clone::clone) {
        Some(pool) => pool.install(all),
        None => (0..count).for_each(job),
    }
}
