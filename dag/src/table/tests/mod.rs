//! Tests of the table.
#![expect(clippy::cast_possible_truncation, reason = "small counts")]

#[cfg(not(loom))]
mod kill;
#[cfg(loom)]
pub(super) mod model;
#[cfg(not(loom))]
mod oracle;
#[cfg(not(loom))]
mod reach;
#[cfg(not(any(loom, miri)))]
mod schedules;
#[cfg(not(loom))]
pub(super) mod steps;

use dagvault_core::ids::Cid;

/// A name made of a number.
fn name(number: u64) -> Cid {
    Cid(*blake3::hash(&number.to_le_bytes()).as_bytes())
}
