//! The compression of one block: a vector holds a row of the state.

use super::constants::{BLOCK_BYTES, Block, Cv, IV, ROUNDS, WHOLE, Words, to_words, wipe_block};
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

/// A row from its lane `LANES` on, round.
#[inline(always)]
fn turn<V: Vector, const LANES: usize>(row: V) -> V {
    match LANES {
        1 => row.pick_u32::<1, 2, 3, 0>(row),
        2 => row.pick_u32::<2, 3, 0, 1>(row),
        _ => row.pick_u32::<3, 0, 1, 2>(row),
    }
}

/// A message's words in the order of their use: those that the columns take first and second, and the diagonals; each
/// lane is that of the word `b` which they are mixed into.
type Message<V> = [V; 4];

#[inline(always)]
fn message<V: Vector>(block: &Block) -> Message<V> {
    let (rows, _) = block.as_chunks();
    let [a, b, c, d] = core::array::from_fn(|row| V::load(&rows[row]));
    [
        a.pick_u32::<0, 2, 4, 6>(b),
        a.pick_u32::<1, 3, 5, 7>(b),
        c.pick_u32::<6, 0, 2, 4>(d),
        c.pick_u32::<7, 1, 3, 5>(d),
    ]
}

/// The words of the next round (table 2 of the paper).
#[inline(always)]
fn permuted<V: Vector>([a, b, c, d]: Message<V>) -> Message<V> {
    [
        a.pick_u32::<1, 5, 7, 2>(b),
        a.pick_u32::<0, 1, 6, 3>(c).pick_u32::<3, 2, 0, 7>(d),
        d.pick_u32::<0, 1, 2, 7>(c).pick_u32::<0, 4, 3, 1>(b),
        c.pick_u32::<0, 1, 6, 3>(d).pick_u32::<1, 2, 6, 0>(b),
    ]
}

#[inline(always)]
fn round<V: Vector>(rows: &mut [V; 4], m: &Message<V>, by: &Rotations<V>) {
    mix(rows, m[0], m[1], by);
    // Diagonals become columns; row 1, which is ready last, stays as it is, so that the first column is the last one.
    let [a, b, c, d] = *rows;
    *rows = [turn::<V, 3>(a), b, turn::<V, 1>(c), turn::<V, 2>(d)];
    mix(rows, m[2], m[3], by);
    let [a, b, c, d] = *rows;
    *rows = [turn::<V, 1>(a), b, turn::<V, 3>(c), turn::<V, 2>(d)];
}

/// The rows of the state after seven rounds (the paper's section 2.2).
#[inline(always)]
fn rounds<V: Vector>(cv: [V; 2], block: &Block, tweak: Tweak, by: &Rotations<V>) -> [V; 4] {
    let mut m = message(block);
    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    let last = [tweak.counter as u32, (tweak.counter >> 32) as u32, tweak.bytes, tweak.flags];
    let mut rows = [cv[0], cv[1], V::from_u32([IV[0], IV[1], IV[2], IV[3]]), V::from_u32(last)];
    round(&mut rows, &m, by);
    for _ in 1..ROUNDS {
        m = permuted(m);
        round(&mut rows, &m, by);
    }
    rows
}

#[inline(always)]
fn load<V: Vector>(cv: &Words) -> [V; 2] {
    let [a, b, c, d, e, f, g, h] = *cv;
    [V::from_u32([a, b, c, d]), V::from_u32([e, f, g, h])]
}

/// Takes whole blocks into a chaining value; `first` is a flag of the first one.
pub(super) fn chain<V: Vector>(cv: &mut Words, blocks: &[Block], tweak: Tweak, first: u32) {
    if let Some((last, blocks)) = blocks.split_last() {
        *cv = to_words(&chained::<V>(cv, blocks, last, tweak, first, 0));
    }
}

/// Flags of the first and of the last block come to those of the tweak, whose `bytes` are those of the last one.
fn chained<V: Vector>(cv: &Words, blocks: &[Block], end: &Block, tweak: Tweak, first: u32, last: u32) -> Cv {
    let mut out = [0; 32];
    V::call(|| {
        let by = Rotations::new();
        let mut cv = load(cv);
        let mut flags = tweak.flags | first;
        let mut left = blocks.iter();
        loop {
            // One place for the rounds: they are long.
            let (block, tweak, is_end) = match left.next() {
                Some(block) => (block, Tweak { bytes: WHOLE, flags, ..tweak }, false),
                None => (end, Tweak { flags: flags | last, ..tweak }, true),
            };
            let [a, b, c, d] = rounds::<V>(cv, block, tweak, &by);
            cv = [a.xor(c), b.xor(d)];
            flags = tweak.flags & !first;
            if is_end {
                break;
            }
        }
        let (out, _) = out.as_chunks_mut();
        cv.into_iter().zip(out).for_each(|(row, out)| row.store(out));
    });
    out
}

/// The chaining value of an input of at most one chunk, with flags of its first and of its last block.
///
/// `tweak.bytes` are those of the last block; all others are whole.
pub(super) fn input<V: Vector>(key: &Words, data: &[u8], tweak: Tweak, first: u32, last: u32) -> Cv {
    let (blocks, rest) = data.split_at(data.len().saturating_sub(1) / BLOCK_BYTES * BLOCK_BYTES);
    let (blocks, _) = blocks.as_chunks();
    if let Ok(end) = rest.try_into() {
        return chained::<V>(key, blocks, end, tweak, first, last);
    }
    let mut end = [0; BLOCK_BYTES];
    end[..rest.len()].copy_from_slice(rest);
    let cv = chained::<V>(key, blocks, &end, tweak, first, last);
    wipe_block(&mut end);
    cv
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
