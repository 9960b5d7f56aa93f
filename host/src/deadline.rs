//! The deadline of a call: a thread that sleeps until then and, if the call is still running, moves Wasmtime's
//! epoch, at which every instance traps within a loop's turn.
//!
//! A call that waits in a store is ended when the store returns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::{AsContextMut, Engine};

use crate::failure::Failure;
use crate::instance::State;

#[derive(Default)]
struct Watch {
    /// When the call that runs must end.
    until: Option<Instant>,
    /// Whether the thread sleeps with nothing to wait for, so that it must be woken.
    idle: bool,
    exit: bool,
}

struct Inner {
    engine: Engine,
    watch: Mutex<Watch>,
    changed: Condvar,
    expired: AtomicBool,
}

impl Inner {
    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends calls that take too long, if there is a limit.
pub(crate) struct Deadline {
    inner: Arc<Inner>,
    limit: Option<Duration>,
    thread: Option<JoinHandle<()>>,
}

impl Deadline {
    pub(crate) fn new(engine: &Engine, limit: Option<Duration>) -> std::io::Result<Self> {
        let inner = Arc::new(Inner {
            engine: engine.clone(),
            watch: Mutex::default(),
            changed: Condvar::new(),
            expired: AtomicBool::new(false),
        });
        let thread = match limit {
            None => None,
            Some(_) => {
                let inner = Arc::clone(&inner);
                let thread = std::thread::Builder::new().name("dagvault-deadline".into());
                Some(thread.spawn(move || watch_over(&inner))?)
            }
        };
        Ok(Self { inner, limit, thread })
    }

    /// Begins a call. The guard ends it.
    pub(crate) fn begin(&self) -> Running<'_> {
        if let Some(limit) = self.limit {
            let mut watch = self.inner.watch();
            self.inner.expired.store(false, Ordering::SeqCst);
            watch.until = Instant::now().checked_add(limit);
            // A thread that sleeps until an earlier call's end looks again by itself before this one's.
            if std::mem::take(&mut watch.idle) {
                self.inner.changed.notify_one();
            }
        }
        Running(self)
    }

    /// Makes `store` trap when the deadline of the call that runs passes; fails if it has passed.
    pub(crate) fn arm(&self, mut store: impl AsContextMut<Data = State>) -> Result<(), Failure> {
        if self.limit.is_none() {
            return Ok(());
        }
        store.as_context_mut().set_epoch_deadline(1);
        // The thread sets the flag before it moves the epoch: either we see the flag, or the epoch moves after
        // the line above.
        if self.inner.expired.load(Ordering::SeqCst) { Err(Failure::Deadline) } else { Ok(()) }
    }

    /// Ends what other instances do, as far as they are compiled to look for it: the call has failed.
    pub(crate) fn interrupt(&self) {
        if self.limit.is_some() {
            self.inner.engine.increment_epoch();
        }
    }
}

/// A call with its deadline; when it is dropped, the call has ended.
pub(crate) struct Running<'a>(&'a Deadline);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.limit.is_some() {
            self.0.inner.watch().until = None;
        }
    }
}

fn watch_over(inner: &Inner) {
    let mut watch = inner.watch();
    while !watch.exit {
        let now = Instant::now();
        watch = match watch.until {
            None => {
                watch.idle = true;
                inner.changed.wait(watch).unwrap_or_else(PoisonError::into_inner)
            }
            Some(until) if until > now => {
                let waited = inner.changed.wait_timeout(watch, until - now);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            Some(_) => {
                watch.until = None;
                inner.expired.store(true, Ordering::SeqCst);
                inner.engine.increment_epoch();
                watch
            }
        };
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.inner.watch().exit = true;
        self.inner.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; there is nothing to do about it if it did.
            let _ = thread.join();
        }
    }
}
