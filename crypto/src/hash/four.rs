//! The compression of four inputs side by side: a vector holds one word of each.

use super::constants::{Block, Cv, IV, SCHEDULE, WHOLE, Words};
use crate::lanes::{Rotation, Vector};
use zeroize::optimization_barrier;

/// Inputs that are compressed at once.
pub(super) const INPUTS: usize = 4;

/// What the rounds read: in memory, since there are too few registers.
struct Message<V> {
    words: [V; 16],
    left_16: Rotation<V>,
    left_24: Rotation<V>,
}

#[inline(always)]
fn mix<V: Vector, const R: usize>(
    v: &mut [V; 16],
    message: &Message<V>,
    [a, b, c, d]: [usize; 4],
    at: usize,
) {
    let word = |at: usize| message.words[SCHEDULE[R][at] as usize];
    v[a] = v[a].add_u32(v[b]).add_u32(word(at));
    v[d] = v[d].xor(v[a]).rotate_left_bytes::<16>(message.left_16);
    v[c] = v[c].add_u32(v[d]);
    v[b] = v[b].xor(v[c]).rotate_left_u32::<20>();
    v[a] = v[a].add_u32(v[b]).add_u32(word(at + 1));
    v[d] = v[d].xor(v[a]).rotate_left_bytes::<24>(message.left_24);
    v[c] = v[c].add_u32(v[d]);
    v[b] = v[b].xor(v[c]).rotate_left_u32::<25>();
}

#[inline(always)]
fn round<V: Vector, const R: usize>(v: &mut [V; 16], message: &Message<V>) {
    mix::<V, R>(v, message, [0, 4, 8, 12], 0);
    mix::<V, R>(v, message, [1, 5, 9, 13], 2);
    mix::<V, R>(v, message, [2, 6, 10, 14], 4);
    mix::<V, R>(v, message, [3, 7, 11, 15], 6);
    mix::<V, R>(v, message, [0, 5, 10, 15], 8);
    mix::<V, R>(v, message, [1, 6, 11, 12], 10);
    mix::<V, R>(v, message, [2, 7, 8, 13], 12);
    mix::<V, R>(v, message, [3, 4, 9, 14], 14);
}

/// The paper's section 2.2, but for the second half of the result.
#[inline(always)]
fn compress<V: Vector>(cv: &mut [V; 8], message: &Message<V>, counters: &[V; 2], flags: u32) {
    let mut v = [V::splat_u32(WHOLE); 16];
    v[..8].copy_from_slice(cv);
    for word in 0..4 {
        v[8 + word] = V::splat_u32(IV[word]);
    }
    v[12..14].copy_from_slice(counters);
    v[15] = V::splat_u32(flags);
    round::<V, 0>(&mut v, message);
    round::<V, 1>(&mut v, message);
    round::<V, 2>(&mut v, message);
    round::<V, 3>(&mut v, message);
    round::<V, 4>(&mut v, message);
    round::<V, 5>(&mut v, message);
    round::<V, 6>(&mut v, message);
    *cv = core::array::from_fn(|word| v[word].xor(v[word + 8]));
}

#[inline(always)]
fn take<V: Vector>(words: &mut [V; 16], blocks: [&Block; INPUTS]) {
    for quarter in 0..4 {
        let rows = blocks.map(|block| {
            let (rows, _) = block.as_chunks::<16>();
            V::load(&rows[quarter])
        });
        words[4 * quarter..4 * quarter + 4].copy_from_slice(&V::transpose_u32(rows));
    }
}

/// Flags of the first block, of every block, and of the last one.
#[derive(Clone, Copy)]
pub(super) struct Flags {
    pub(super) first: u32,
    pub(super) all: u32,
    pub(super) last: u32,
}

/// The chaining values of four inputs of as many whole blocks each; `counters` are those of the inputs.
pub(super) fn chain<V: Vector>(
    key: &Words,
    inputs: [&[Block]; INPUTS],
    counters: [u64; INPUTS],
    flags: Flags,
) -> [Cv; INPUTS] {
    let mut out = [[0; 32]; INPUTS];
    V::call(|| {
        // Not zeros: of these compilers make calls, which take longer than the few stores.
        let empty = [V::splat_u32(IV[0]); 16];
        let mut message =
            Message { words: empty, left_16: Rotation::new::<16>(), left_24: Rotation::new::<24>() };
        let mut cv = key.map(V::splat_u32);
        #[expect(clippy::cast_possible_truncation, reason = "halves")]
        let counters = [
            V::from_u32(counters.map(|counter| counter as u32)),
            V::from_u32(counters.map(|counter| (counter >> 32) as u32)),
        ];
        let [a, b, c, d] = inputs;
        let end = a.len();
        for (number, (((a, b), c), d)) in a.iter().zip(b).zip(c).zip(d).enumerate() {
            take(&mut message.words, [a, b, c, d]);
            let first = if number == 0 { flags.first } else { 0 };
            let last = if number + 1 == end { flags.last } else { 0 };
            V::call(|| compress(&mut cv, &message, &counters, flags.all | first | last));
        }
        let [a, b, c, d, e, f, g, h] = cv;
        let halves = V::transpose_u32([a, b, c, d]).into_iter().zip(V::transpose_u32([e, f, g, h]));
        for (cv, (low, high)) in out.iter_mut().zip(halves) {
            let (rows, _) = cv.as_chunks_mut();
            low.store(&mut rows[0]);
            high.store(&mut rows[1]);
        }
        message.words = empty;
        optimization_barrier(&message.words);
    });
    out
}
