//! The compression of one block: a vector holds a row of the state.

use super::constants::{Block, IV, SCHEDULE, Words};
use crate::lanes::{Rotation, Vector};

/// What goes into a compression beside the chaining value and the block.
#[derive(Clone, Copy)]
pub(super) struct Tweak {
    pub(super) counter: u64,
    /// Bytes of the block that belong to the input.
    pub(super) bytes: u32,
    pub(super) flags: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Rotations<V> {
    left_16: Rotation<V>,
    left_24: Rotation<V>,
}

impl<V: Vector> Rotations<V> {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { left_16: Rotation::new::<16>(), left_24: Rotation::new::<24>() }
    }
}

/// Four mixings side by side.
#[inline(always)]
fn mix<V: Vector>([a, b, c, d]: &mut [V; 4], x: V, y: V, by: &Rotations<V>) {
    // The row `b` is ready last.
    *a = a.add_u32(x).add_u32(*b);
    *d = d.xor(*a).rotate_left_bytes::<16>(by.left_16);
    *c = c.add_u32(*d);
    *b = b.xor(*c).rotate_left_u32::<20>();
    *a = a.add_u32(y).add_u32(*b);
    *d = d.xor(*a).rotate_left_bytes::<24>(by.left_24);
    *c = c.add_u32(*d);
    *b = b.xor(*c).rotate_left_u32::<25>();
}

#[inline(always)]
fn turn<V: Vector, const LANES: usize>(row: V) -> V {
    let one = row.shift_in_u32(row);
    match LANES {
        1 => one,
        2 => one.shift_in_u32(one),
        _ => {
            let two = one.shift_in_u32(one);
            two.shift_in_u32(two)
        }
    }
}

#[inline(always)]
fn round<V: Vector, const R: usize>(rows: &mut [V; 4], m: &[u32; 16], by: &Rotations<V>) {
    let words = |at: [usize; 4]| V::from_u32(at.map(|at| m[SCHEDULE[R][at] as usize]));
    mix(rows, words([0, 2, 4, 6]), words([1, 3, 5, 7]), by);
    // Diagonals become columns; row 1, which is ready last, stays as it is, so that the first column is the last one.
    let [a, b, c, d] = *rows;
    *rows = [turn::<V, 3>(a), b, turn::<V, 1>(c), turn::<V, 2>(d)];
    mix(rows, words([14, 8, 10, 12]), words([15, 9, 11, 13]), by);
    let [a, b, c, d] = *rows;
    *rows = [turn::<V, 1>(a), b, turn::<V, 3>(c), turn::<V, 2>(d)];
}

/// The rows of the state after seven rounds (the paper's section 2.2).
#[inline(always)]
fn rounds<V: Vector>(cv: [V; 2], block: &Block, tweak: Tweak, by: &Rotations<V>) -> [V; 4] {
    let (words, _) = block.as_chunks();
    let m: [u32; 16] = core::array::from_fn(|word| u32::from_le_bytes(words[word]));
    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    let last = [tweak.counter as u32, (tweak.counter >> 32) as u32, tweak.bytes, tweak.flags];
    let mut rows = [cv[0], cv[1], V::from_u32([IV[0], IV[1], IV[2], IV[3]]), V::from_u32(last)];
    round::<V, 0>(&mut rows, &m, by);
    round::<V, 1>(&mut rows, &m, by);
    round::<V, 2>(&mut rows, &m, by);
    round::<V, 3>(&mut rows, &m, by);
    round::<V, 4>(&mut rows, &m, by);
    round::<V, 5>(&mut rows, &m, by);
    round::<V, 6>(&mut rows, &m, by);
    rows
}

#[inline(always)]
fn load<V: Vector>(cv: &Words) -> [V; 2] {
    let [a, b, c, d, e, f, g, h] = *cv;
    [V::from_u32([a, b, c, d]), V::from_u32([e, f, g, h])]
}

#[inline(always)]
fn store<V: Vector>([low, high]: [V; 2], words: &mut Words) {
    words[..4].copy_from_slice(&low.to_u32());
    words[4..].copy_from_slice(&high.to_u32());
}

/// Takes blocks into a chaining value; `first` and `last` are flags of the first and of the last one.
pub(super) fn chain<V: Vector>(cv: &mut Words, blocks: &[Block], tweak: Tweak, first: u32, last: u32) {
    V::call(|| {
        let by = Rotations::new();
        let mut rows = load(cv);
        for (number, block) in blocks.iter().enumerate() {
            let mut tweak = tweak;
            tweak.flags |= if number == 0 { first } else { 0 };
            tweak.flags |= if number + 1 == blocks.len() { last } else { 0 };
            let [a, b, c, d] = rounds::<V>(rows, block, tweak, &by);
            rows = [a.xor(c), b.xor(d)];
        }
        store(rows, cv);
    });
}

/// All 64 bytes of a compression: a block of the extended output.
pub(super) fn output<V: Vector>(cv: &Words, block: &Block, tweak: Tweak, out: &mut Block) {
    V::call(|| {
        let start = load(cv);
        let [a, b, c, d] = rounds::<V>(start, block, tweak, &Rotations::new());
        let (out, _) = out.as_chunks_mut();
        for (row, out) in [a.xor(c), b.xor(d), c.xor(start[0]), d.xor(start[1])].into_iter().zip(out) {
            row.store(out);
        }
    });
}
