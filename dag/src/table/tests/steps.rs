//! What happens at each atomic step of the table in tests: nothing, the end of a worker, or a switch to another.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::super::{Node, NodeTable, TableError, Worker};

thread_local! {
    /// Steps that this thread may still take.
    static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Whether shuttle decides who goes on.
    static SCHEDULED: Cell<bool> = const { Cell::new(false) };
}

/// How a killed worker unwinds.
struct Killed;

/// Called before each atomic access.
#[inline]
pub(in super::super) fn step() {
    if SCHEDULED.get() {
        shuttle::thread::yield_now();
    }
    match LEFT.get() {
        u64::MAX => {}
        0 => resume_unwind(Box::new(Killed)),
        left => LEFT.set(left - 1),
    }
}

#[cfg(not(miri))]
/// Lets shuttle switch threads at every step from here on.
pub(super) fn scheduled(on: bool) {
    SCHEDULED.set(on);
}

/// Runs `job` with a worker that dies after so many steps; `None` if it died. What it held is lost with it.
pub(super) fn killed_after<T>(
    steps: u64,
    table: &NodeTable,
    job: impl FnOnce(&mut Worker<'_>) -> T,
) -> Option<T> {
    let mut worker = std::mem::ManuallyDrop::new(table.worker());
    LEFT.set(steps);
    let result = catch_unwind(AssertUnwindSafe(|| job(&mut worker)));
    LEFT.set(u64::MAX);
    match result {
        Ok(value) => Some(value),
        Err(cause) if cause.is::<Killed>() => None,
        Err(cause) => resume_unwind(cause),
    }
}

/// Inserts a name; answers its node.
pub(super) fn insert(table: &NodeTable, cid: u64) -> Result<Node, TableError> {
    table.worker().insert(&super::name(cid)).map(|(node, _)| node)
}
