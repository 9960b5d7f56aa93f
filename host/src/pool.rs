//! The pool: a thread with an instance of its own for each worker, parked while there is nothing to do.
//!
//! A batch hands out tickets through a counter; the thread of the call takes tickets too. When no ticket is left,
//! workers that have not even woken are told to sleep on, so that a small batch never waits for a wake-up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

use crate::config::WORKER_THREAD_BYTES;
use crate::failure::Failure;
use crate::instance::{Shared, Worker};

/// A job of the guest, to be run for each index below `count`.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) job: u32,
    pub(crate) context: u32,
    pub(crate) count: u32,
}

/// A job that is being run by several instances.
pub(crate) struct Batch {
    pub(crate) job: Job,
    next: AtomicU32,
    /// Workers that have the batch or may still take it.
    pending: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    caller: Thread,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Batch {
    /// The next index to run.
    pub(crate) fn ticket(&self) -> Option<u32> {
        // Relaxed: only the number matters; what the job reads is published by the mailboxes' locks.
        // The counter cannot wrap: each instance goes at most one beyond `count`, which is at most 2^20.
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.job.count).then_some(index)
    }

    /// Ends the batch: the first failure is kept, and no ticket is handed out any more.
    pub(crate) fn fail(&self, failure: Failure) {
        lock(&self.failure).get_or_insert(failure);
        self.next.store(self.job.count, Ordering::Relaxed);
    }

    fn leave(&self, workers: usize) {
        // Release: the caller sees what the jobs wrote.
        if self.pending.fetch_sub(workers, Ordering::Release) == workers {
            self.caller.unpark();
        }
    }
}

enum Message {
    Sleep,
    Run(Arc<Batch>),
    Exit,
}

struct Hand {
    mailbox: Arc<Mutex<Message>>,
    thread: JoinHandle<()>,
}

/// The workers beside the main instance; each is started when it is needed first.
#[derive(Default)]
pub(crate) struct Pool {
    hands: Mutex<Vec<Hand>>,
}

/// Waits for the workers of a batch, also when the caller's share of it panics.
struct Join<'a> {
    batch: &'a Batch,
    hands: &'a [Hand],
}

impl Drop for Join<'_> {
    fn drop(&mut self) {
        let mut asleep = 0;
        for hand in self.hands {
            let mut message = lock(&hand.mailbox);
            if matches!(&*message, Message::Run(_)) {
                *message = Message::Sleep;
                asleep += 1;
            }
        }
        if asleep > 0 {
            self.batch.leave(asleep);
        }
        // Acquire: see `leave`.
        while self.batch.pending.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

impl Pool {
    /// Runs `job` on up to `helpers` workers and, through `own_share`, on the calling thread.
    pub(crate) fn run(
        &self,
        shared: &Arc<Shared>,
        job: Job,
        helpers: usize,
        own_share: impl FnOnce(&Batch),
    ) -> Result<(), Failure> {
        let mut hands = lock(&self.hands);
        while hands.len() < helpers {
            let hand = start(shared, hands.len() + 1)?;
            hands.push(hand);
        }
        let batch = Arc::new(Batch {
            job,
            next: AtomicU32::new(0),
            pending: AtomicUsize::new(helpers),
            failure: Mutex::new(None),
            caller: thread::current(),
        });
        {
            let join = Join { batch: &batch, hands: &hands[..helpers] };
            for hand in join.hands {
                *lock(&hand.mailbox) = Message::Run(Arc::clone(&batch));
                hand.thread.thread().unpark();
            }
            own_share(&batch);
        }
        let failure = lock(&batch.failure).take();
        failure.map_or(Ok(()), Err)
    }

    /// How many workers were started.
    pub(crate) fn started(&self) -> usize {
        lock(&self.hands).len()
    }

    /// Ends the workers and waits for them.
    pub(crate) fn stop(&self) {
        let hands = std::mem::take(&mut *lock(&self.hands));
        for hand in &hands {
            *lock(&hand.mailbox) = Message::Exit;
            hand.thread.thread().unpark();
        }
        for hand in hands {
            // A panic of a worker was reported through its batch.
            let _ = hand.thread.join();
        }
    }
}

fn start(shared: &Arc<Shared>, index: usize) -> Result<Hand, Failure> {
    shared.write_worker_canary(index)?;
    let mailbox = Arc::new(Mutex::new(Message::Sleep));
    let thread = {
        let (shared, mailbox) = (Arc::clone(shared), Arc::clone(&mailbox));
        thread::Builder::new()
            .name(format!("dagvault-worker-{index}"))
            .stack_size(WORKER_THREAD_BYTES)
            .spawn(move || work(&shared, index, &mailbox))
            .map_err(|error| Failure::Trap(format!("no thread for a worker: {error}")))?
    };
    Ok(Hand { mailbox, thread })
}

fn work(shared: &Arc<Shared>, index: usize, mailbox: &Mutex<Message>) {
    let mut worker = None;
    loop {
        let message = std::mem::replace(&mut *lock(mailbox), Message::Sleep);
        match message {
            Message::Sleep => thread::park(),
            Message::Exit => return,
            Message::Run(batch) => {
                let done = catch_unwind(AssertUnwindSafe(|| {
                    let worker = match &mut worker {
                        Some(worker) => worker,
                        None => worker.insert(Worker::start(shared, index)?),
                    };
                    worker.take_tickets(&batch)
                }));
                let failure = match done {
                    Ok(Ok(())) => None,
                    Ok(Err(failure)) => Some(failure),
                    Err(_) => Some(Failure::Trap("a worker of the host panicked".into())),
                };
                if let Some(failure) = failure {
                    batch.fail(failure);
                    shared.deadline.interrupt();
                }
                batch.leave(1);
            }
        }
    }
}
