//! How many executions run at once, and how many wait for that, in the order that they came.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dagvault_core::limits::{EXECUTION_WAIT_MS_MAX, EXECUTIONS_MAX, EXECUTIONS_WAITING_MAX};

use crate::outcome::Refused;

/// How many may run and wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Capacity {
    /// Executions that run at once; at most [`EXECUTIONS_MAX`].
    pub running: usize,
    /// Executions that wait; at most [`EXECUTIONS_WAITING_MAX`].
    pub waiting: usize,
    /// How long one waits at most.
    pub wait: Duration,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            running: EXECUTIONS_MAX as usize,
            waiting: EXECUTIONS_WAITING_MAX,
            wait: Duration::from_millis(EXECUTION_WAIT_MS_MAX),
        }
    }
}

#[derive(Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<Arc<Waiter>>,
}

#[derive(Default)]
struct Waiter {
    /// Set, under the queue's lock, when a place was handed to it.
    admitted: Mutex<bool>,
    changed: Condvar,
}

/// Lets executions in.
pub(crate) struct Gate {
    capacity: Capacity,
    queue: Mutex<Queue>,
}

/// A place; it is given back when this is dropped.
pub(crate) struct Place<'a>(&'a Gate);

/// No state is left half-changed by a panic under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    pub(crate) fn new(capacity: Capacity) -> Self {
        let running = capacity.running.clamp(1, EXECUTIONS_MAX as usize);
        let waiting = capacity.waiting.min(EXECUTIONS_WAITING_MAX);
        Self { capacity: Capacity { running, waiting, ..capacity }, queue: Mutex::default() }
    }

    /// How many run and how many wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        let queue = lock(&self.queue);
        (queue.running, queue.waiting.len())
    }

    /// Waits for a place, as long as may be.
    pub(crate) fn enter(&self) -> Result<Place<'_>, Refused> {
        let mut queue = lock(&self.queue);
        // Nobody overtakes those that wait: while there are any, no place is free.
        if queue.running < self.capacity.running {
            queue.running += 1;
            return Ok(Place(self));
        }
        if queue.waiting.len() >= self.capacity.waiting {
            return Err(refused(&queue));
        }
        let waiter = Arc::new(Waiter::default());
        queue.waiting.push_back(Arc::clone(&waiter));
        drop(queue);
        self.wait(&waiter)
    }

    fn wait(&self, waiter: &Arc<Waiter>) -> Result<Place<'_>, Refused> {
        let until = Instant::now() + self.capacity.wait;
        let mut admitted = lock(&waiter.admitted);
        while !*admitted {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = waiter.changed.wait_timeout(admitted, left);
            admitted = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(admitted);
        // A place is handed over under this lock, so that it is not lost between the two.
        let mut queue = lock(&self.queue);
        if *lock(&waiter.admitted) {
            return Ok(Place(self));
        }
        queue.waiting.retain(|other| !Arc::ptr_eq(other, waiter));
        Err(refused(&queue))
    }
}

fn refused(queue: &Queue) -> Refused {
    Refused::Overloaded { running: queue.running, waiting: queue.waiting.len() }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.0.queue);
        match queue.waiting.pop_front() {
            Some(waiter) => {
                *lock(&waiter.admitted) = true;
                waiter.changed.notify_one();
            }
            None => queue.running -= 1,
        }
    }
}
