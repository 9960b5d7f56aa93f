//! AES by lookups in tables of sixteen bytes, which one instruction does for sixteen indices: sixteen blocks at once,
//! and the S-box wherever it is needed alone.
//!
//! The S-box is that of M. Hamburg ("Accelerating AES with vector permute instructions", CHES 2009). A byte is written
//! as `k + i * z` over the field of sixteen elements, with a `z` whose trace and norm are the same `a`. With
//! `j = k + i` and the norm `n = k * k + a * i * k + a * i * i` of the byte,
//!
//! ```text
//! 1 / (1/i + a/k) + j = n / (k + a*i)        1 / (1/j + a/k) + i = n / (k + a*j)
//! ```
//!
//! and the byte's inverse is linear in what these two are the inverses of. So five lookups lead to two nibbles, and two
//! lookups more to the S-box, or to any linear function of it, such as its double. A lookup of 1/0 gives an index that
//! finds 0, which makes the formulas hold for zeros too. Our tables are computed (`field`).
//!
//! Of sixteen blocks, vector `p` holds byte `p` of each: then ShiftRows is a matter of names and MixColumns needs no
//! shuffle.

use super::ROUNDS;
use super::field::{Form, INVERSES, SPLIT, TRACE_OVER, Table, outputs};
use crate::lanes::Vector;
use dagvault_core::wipe::wipe;

const SUB_PLAIN: [Table; 2] = outputs(1, Form::Plain);
const DOUBLE_PLAIN: [Table; 2] = outputs(2, Form::Plain);
const SUB_SPLIT: [Table; 2] = outputs(1, Form::Split);
const DOUBLE_SPLIT: [Table; 2] = outputs(2, Form::Split);

/// Byte `p` of each of sixteen blocks, by `p`.
type State = [[u8; 16]; 16];

/// Aligned, because what lies across cache lines costs time.
#[repr(align(64))]
struct States([State; 2]);

/// Low and high nibbles.
#[inline(always)]
pub(in super::super) fn nibbles<V: Vector>(bytes: V) -> [V; 2] {
    let mask = V::splat_u8(0x0f);
    [bytes.and(mask), bytes.shr_u16::<4>().and(mask)]
}

#[inline(always)]
pub(in super::super) fn look_up<V: Vector>([low, high]: &[Table; 2], indices: [V; 2]) -> V {
    V::load(low).lookup(indices[0]).xor(V::load(high).lookup(indices[1]))
}

/// Bytes in their split form.
#[inline(always)]
fn split<V: Vector>(bytes: V) -> V {
    look_up(&SPLIT, nibbles(bytes))
}

/// From bytes in split form to the two nibbles of which every function of the inverse is a sum of lookups.
#[inline(always)]
fn inverted<V: Vector>(split: V) -> [V; 2] {
    let inverse = V::load(&INVERSES);
    let [k, i] = nibbles(split);
    let j = k.xor(i);
    let a_k = V::load(&TRACE_OVER).lookup(k);
    let one = inverse.lookup(inverse.lookup(i).xor(a_k)).xor(j);
    let two = inverse.lookup(inverse.lookup(j).xor(a_k)).xor(i);
    [one, two]
}

/// The S-box without its constant, and the double of that.
#[inline(always)]
pub(super) fn sub<V: Vector>(bytes: V) -> [V; 2] {
    let indices = inverted(split(bytes));
    [look_up(&SUB_PLAIN, indices), look_up(&DOUBLE_PLAIN, indices)]
}

/// Round keys in the form that [`encrypt`] takes: split, but for the last.
#[inline(always)]
pub(super) fn keys<V: Vector>(round_keys: &[[u8; 16]; ROUNDS + 1], out: &mut [[u8; 16]; ROUNDS + 1]) {
    for (key, out) in round_keys[..ROUNDS].iter().zip(&mut *out) {
        split(V::load(key)).store(out);
    }
    out[ROUNDS] = round_keys[ROUNDS];
}

/// Where ShiftRows takes the byte at `row` of a new `column` from.
pub(super) const fn shifted(column: usize, row: usize) -> usize {
    4 * ((column + row) % 4) + row
}

/// SubBytes, ShiftRows, MixColumns and the key of one round.
#[inline(always)]
fn round<V: Vector>(state: &State, key: &[u8; 16], next: &mut State) {
    for column in 0..4 {
        let mut sums: [V; 4] = core::array::from_fn(|row| V::splat_u8(key[4 * column + row]));
        for row in 0..4 {
            let indices = inverted(V::load(&state[shifted(column, row)]));
            let (once, twice) = (look_up(&SUB_SPLIT, indices), look_up(&DOUBLE_SPLIT, indices));
            for (from, share) in [(0, twice), (1, once.xor(twice)), (2, once), (3, once)] {
                let to = (row + 4 - from) % 4;
                sums[to] = sums[to].xor(share);
            }
        }
        for (row, sum) in sums.into_iter().enumerate() {
            sum.store(&mut next[4 * column + row]);
        }
    }
}

/// Sixteen blocks become the state: bytes of the same place together, split, with the first key.
#[inline(always)]
fn gather<V: Vector>(key: &[u8; 16], blocks: &[[u8; 16]; 16], state: &mut State) {
    let bytes = V::transpose_u8(core::array::from_fn(|block| V::load(&blocks[block])));
    for (at, byte) in bytes.into_iter().enumerate() {
        split(byte).xor(V::splat_u8(key[at])).store(&mut state[at]);
    }
}

/// The last round, and the state becomes blocks.
#[inline(always)]
fn finish<V: Vector>(state: &State, key: &[u8; 16], blocks: &mut [[u8; 16]; 16]) {
    let bytes = core::array::from_fn(|at| {
        let indices = inverted(V::load(&state[shifted(at / 4, at % 4)]));
        look_up(&SUB_PLAIN, indices).xor(V::splat_u8(key[at]))
    });
    for (block, bytes) in blocks.iter_mut().zip(V::transpose_u8(bytes)) {
        bytes.store(block);
    }
}

/// Encrypts sixteen blocks, with the keys of [`keys`].
pub(super) fn encrypt<V: Vector>(keys: &[[u8; 16]; ROUNDS + 1], blocks: &mut [[u8; 16]; 16]) {
    let mut states = States([[[0; 16]; 16]; 2]);
    V::call(|| gather::<V>(&keys[0], blocks, &mut states.0[0]));
    V::call(|| {
        let [one, two] = &mut states.0;
        let (pairs, _) = keys[1..ROUNDS - 1].as_chunks::<2>();
        for [odd, even] in pairs {
            round::<V>(one, odd, two);
            round::<V>(two, even, one);
        }
        round::<V>(one, &keys[ROUNDS - 1], two);
    });
    V::call(|| finish::<V>(&states.0[1], &keys[ROUNDS], blocks));
    wipe(states.0.as_flattened_mut().as_flattened_mut());
}
