//! Tests of the table.
#![expect(clippy::cast_possible_truncation, reason = "small counts")]

#[cfg(not(loom))]
mod kill;
#[cfg(loom)]
pub(super) mod model;
#[cfg(not(loom))]
mod oracle;
#[cfg(not(loom))]
#[cfg(not(any(loom, miri)))]
mod schedules;
#[cfg(not(loom))]
pub(super) mod steps;

use dagvault_core::ids::Cid;

/// A name made of a number: four words of SplitMix64, which miri computes faster than a hash.
fn name(number: u64) -> Cid {
    let mut cid = Cid([0; 32]);
    for (part, place) in (1..).zip(cid.0.chunks_exact_mut(8)) {
        let state = (4 * number + part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        place.copy_from_slice(&(mixed ^ mixed >> 31).to_le_bytes());
    }
    cid
}
