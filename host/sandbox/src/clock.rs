//! The wall clock's end of executions. Wasmtime's epoch is moved every millisecond while something runs, by one thread;
//! each execution then looks at the time itself, so that a late thread ends nobody too early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// How often executions look at the time.
const TICK: Duration = Duration::from_millis(1);
/// Ticks without an execution, after which the thread sleeps until there is one.
const IDLE_TICKS: u32 = 200;

struct Shared {
    engine: Engine,
    /// Executions that run.
    running: AtomicUsize,
    /// The thread sleeps, or is about to.
    idle: AtomicBool,
    exit: AtomicBool,
}

/// Moves the epoch while executions run.
pub(crate) struct Clock {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// An execution that runs; it ends when this is dropped.
pub(crate) struct Running<'a>(&'a Shared);

impl Clock {
    pub(crate) fn new(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            engine: engine.clone(),
            running: AtomicUsize::new(0),
            idle: AtomicBool::new(false),
            exit: AtomicBool::new(false),
        });
        let watched = Arc::clone(&shared);
        let builder = std::thread::Builder::new().name("dagvault-sandbox-clock".into());
        let thread = builder.spawn(move || tick(&watched))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Begins an execution.
    pub(crate) fn begin(&self) -> Running<'_> {
        // All sequentially consistent: either the thread sees that something runs, or we see that it sleeps.
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.idle.load(Ordering::SeqCst) {
            self.wake();
        }
        Running(&self.shared)
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

fn tick(shared: &Shared) {
    let mut quiet = 0;
    while !shared.exit.load(Ordering::SeqCst) {
        if shared.running.load(Ordering::SeqCst) > 0 {
            quiet = 0;
        } else if quiet < IDLE_TICKS {
            quiet += 1;
        } else {
            shared.idle.store(true, Ordering::SeqCst);
            // Who began before it could see the flag does not wake us.
            if shared.running.load(Ordering::SeqCst) == 0 && !shared.exit.load(Ordering::SeqCst) {
                std::thread::park();
            }
            shared.idle.store(false, Ordering::SeqCst);
            continue;
        }
        std::thread::sleep(TICK);
        shared.engine.increment_epoch();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.exit.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; there is nothing to do about it if it did.
            let _ = thread.join();
        }
    }
}
