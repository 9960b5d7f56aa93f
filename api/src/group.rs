//! Group commit: changes that wait at the same time are served as one batch, in one commit and one flush.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use dagvault_core::cbor;

use crate::{Answer, BatchAnswer, Engine, Error, Request, Response};

/// Most changes in one batch.
const BATCH_REQUESTS_MAX: usize = 256;

/// How often a leader lets other threads run before it takes what waits.
const GATHER_YIELDS_MAX: u32 = 32;

/// An engine that serves one call at a time.
pub trait Serial: Send {
    /// Serves one request.
    ///
    /// # Errors
    /// As [`Engine::call`].
    fn call(&mut self, request: &Request<'_>) -> Answer;
}

#[derive(Default)]
struct Queue {
    /// Encoded changes that wait for a leader, with their tickets.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// Answers that wait for their callers.
    answered: HashMap<u64, Answer>,
    next_ticket: u64,
    leader: bool,
    /// Changes that were served together last: as many are likely on their way again.
    last: usize,
}

/// Makes a [`Serial`] engine an [`Engine`] for many threads. Of the threads that bring changes while the
/// engine is busy, one becomes the leader and serves them all.
pub struct Grouped<S> {
    serial: Mutex<S>,
    queue: Mutex<Queue>,
    done: Condvar,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in another caller leaves data that is checked anew with each call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Serial> Grouped<S> {
    /// Puts the front before `serial`.
    pub fn new(serial: S) -> Self {
        Self { serial: Mutex::new(serial), queue: Mutex::new(Queue::default()), done: Condvar::new() }
    }

    /// The engine behind the front, while no call is under way.
    pub fn with_serial<T>(&self, f: impl FnOnce(&mut S) -> T) -> T {
        f(&mut lock(&self.serial))
    }

    fn join(&self, request: &Request<'_>) -> Answer {
        let mut queue = lock(&self.queue);
        if !queue.leader && queue.waiting.is_empty() && queue.last <= 1 {
            queue.leader = true;
            drop(queue);
            // Alone: no need to encode and wrap.
            let answer = lock(&self.serial).call(request);
            self.lead();
            return answer;
        }
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back((ticket, cbor::to_vec(request)));
        loop {
            if let Some(answer) = queue.answered.remove(&ticket) {
                return answer;
            }
            if queue.leader {
                queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
            } else {
                queue.leader = true;
                drop(queue);
                self.gather();
                self.serve_waiting();
                self.lead();
                queue = lock(&self.queue);
            }
        }
    }

    /// Hands the lead to one of those who wait.
    fn lead(&self) {
        lock(&self.queue).leader = false;
        self.done.notify_all();
    }

    /// Lets those come that were answered with the last batch: without it the first of them would be served alone,
    /// and the others would share the next flush.
    fn gather(&self) {
        for _ in 0..GATHER_YIELDS_MAX {
            {
                let queue = lock(&self.queue);
                if queue.waiting.len() >= queue.last {
                    return;
                }
            }
            std::thread::yield_now();
        }
    }

    fn serve_waiting(&self) {
        let batch: Vec<_> = {
            let mut queue = lock(&self.queue);
            let count = queue.waiting.len().min(BATCH_REQUESTS_MAX);
            queue.last = count;
            queue.waiting.drain(..count).collect()
        };
        let requests: Result<Vec<Request<'_>>, _> =
            batch.iter().map(|(_, bytes)| cbor::from_slice(bytes)).collect();
        let answers = match requests {
            Ok(requests) => self.call_batch(requests),
            Err(error) => vec![Err(Error::from(error)); batch.len()],
        };
        let mut queue = lock(&self.queue);
        for ((ticket, mut bytes), answer) in batch.into_iter().zip(answers) {
            dagvault_core::wipe::wipe_vec(&mut bytes);
            queue.answered.insert(ticket, answer);
        }
    }

    fn call_batch(&self, requests: Vec<Request<'_>>) -> Vec<Answer> {
        let count = requests.len();
        match lock(&self.serial).call(&Request::Batch { requests }) {
            Ok(Response::Batch { answers }) if answers.len() == count => answers
                .into_iter()
                .map(|answer| match answer {
                    BatchAnswer::Ok { response } => Ok(response),
                    BatchAnswer::Err { error } => Err(error),
                })
                .collect(),
            Ok(_) => {
                vec![Err(Error::GuestMisbehaved { detail: "a batch was answered otherwise".into() }); count]
            }
            Err(error) => vec![Err(error); count],
        }
    }
}

impl<S: Serial> Engine for Grouped<S> {
    fn call(&self, request: &Request<'_>) -> Answer {
        if request.joins_batch() { self.join(request) } else { lock(&self.serial).call(request) }
    }
}

impl<S> std::fmt::Debug for Grouped<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grouped(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MetaChange, VaultStats};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};
    use std::thread;

    /// Answers each change by the path in it; counts how often it was called.
    struct Counting(Arc<AtomicUsize>);

    fn path_of(request: &Request<'_>) -> Answer {
        match request {
            Request::SetMeta { path, .. } if path.starts_with("bad") => {
                Err(Error::NotFound { path: path.to_string() })
            }
            Request::SetMeta { path, .. } => Ok(Response::Text { text: path.to_string() }),
            _ => Ok(Response::Stat { stats: VaultStats::default() }),
        }
    }

    impl Serial for Counting {
        fn call(&mut self, request: &Request<'_>) -> Answer {
            self.0.fetch_add(1, Ordering::Relaxed);
            thread::sleep(std::time::Duration::from_millis(2));
            match request {
                Request::Batch { requests } => Ok(Response::Batch {
                    answers: requests
                        .iter()
                        .map(|request| match path_of(request) {
                            Ok(response) => BatchAnswer::Ok { response },
                            Err(error) => BatchAnswer::Err { error },
                        })
                        .collect(),
                }),
                other => path_of(other),
            }
        }
    }

    #[test]
    fn waiting_changes_are_merged_and_each_gets_its_own_answer() {
        let calls = Arc::new(AtomicUsize::new(0));
        let engine = Arc::new(Grouped::new(Counting(Arc::clone(&calls))));
        let barrier = Arc::new(Barrier::new(8));
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let (engine, barrier) = (Arc::clone(&engine), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    for round in 0..10 {
                        let path = format!("{}{thread}-{round}", if round % 3 == 0 { "bad" } else { "p" });
                        let request =
                            Request::SetMeta { path: path.as_str().into(), change: MetaChange::new() };
                        match engine.call(&request) {
                            Ok(Response::Text { text }) => assert_eq!(text, path),
                            Err(Error::NotFound { path: found }) => assert_eq!(found, path),
                            other => panic!("{other:?}"),
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let calls = calls.load(Ordering::Relaxed);
        assert!(calls < 40, "80 changes of 8 threads took {calls} calls");
    }
}
