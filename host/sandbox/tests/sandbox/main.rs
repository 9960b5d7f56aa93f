//! The sandbox from outside: outcomes and gas beside the reference interpreter, hostile modules, limits.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

mod abi;
mod compose;
mod forms;
mod hostile;
mod library;
mod limits;
mod logs;
mod receipts;
mod reuse;
mod support;
mod trapping;
mod traps;
