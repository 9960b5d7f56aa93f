//! The compression of one message: rounds with numbers, the words after the message's own with vectors, four at a time.

use super::constants::K;
use super::{Block, State};
use crate::lanes::Vector;
use zeroize::optimization_barrier;

/// Four words.
type Group = [u8; 16];
/// The words of sixteen rounds, each with its constant added.
type Sums = [Group; 4];
/// A word of the state after every four of the first 48 rounds. Nobody reads it: engines sink what is needed later
/// only, here all rounds behind all work on vectors, and a store keeps rounds at their place, where the two go side by
/// side.
type Marks = [[Group; 4]; 3];

const GROUPED_K: [Group; 16] = {
    let mut grouped = [[0; 16]; 16];
    let mut at = 0;
    while at < 64 * 4 {
        grouped[at / 16][at % 16] = K[at / 4].to_le_bytes()[at % 4];
        at += 1;
    }
    grouped
};

#[inline(always)]
fn small0<V: Vector>(x: V) -> V {
    let seven = x.shr_u32::<7>().xor(x.shl_u32::<25>());
    let eighteen = x.shr_u32::<18>().xor(x.shl_u32::<14>());
    seven.xor(eighteen).xor(x.shr_u32::<3>())
}

/// Of two words, each in both halves of 64 bits, where a shift is a rotation of the low half; the high ones are spoilt.
#[inline(always)]
fn small1_of_doubled<V: Vector>(x: V) -> V {
    x.shr_u64::<17>().xor(x.shr_u64::<19>()).xor(x.shr_u32::<10>())
}

/// The four words after sixteen (FIPS 180-4, section 6.2.2, step 1).
#[inline(always)]
fn next<V: Vector>([a, b, c, d]: [V; 4]) -> V {
    let zero = V::splat_u32(0);
    let sum = a.add_u32(small0(a.shift_in_u32(b))).add_u32(c.shift_in_u32(d));
    // The last two of the four depend on the first two.
    let first = small1_of_doubled(d.zip_high_u32(d)).narrow_u64(zero);
    let sum = sum.add_u32(first);
    sum.add_u32(zero.narrow_u64(small1_of_doubled(sum.zip_low_u32(sum))))
}

#[inline(always)]
fn round<const T: usize>(s: &mut State, bc: &mut u32, sum: [u8; 4]) {
    let at = const { [8 - T, 9 - T, 10 - T, 11 - T, 12 - T, 13 - T, 14 - T, 15 - T] };
    let [a, b, _, _, e, f, g, h] = at.map(|word| s[word % 8]);
    let sum1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
    let choice = g ^ (e & (f ^ g));
    let t1 = h.wrapping_add(u32::from_le_bytes(sum)).wrapping_add(choice).wrapping_add(sum1);
    let sum0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
    let ab = a ^ b;
    let majority = b ^ (ab & *bc);
    *bc = ab;
    s[(11 - T) % 8] = s[(11 - T) % 8].wrapping_add(t1);
    s[(15 - T) % 8] = t1.wrapping_add(sum0).wrapping_add(majority);
}

/// Four rounds; `HALF` is 0 or 4, the number of the first one modulo 8.
#[inline(always)]
fn rounds<const HALF: usize>(s: &mut State, bc: &mut u32, sums: &Group, mark: &mut Group) {
    let (sums, _) = sums.as_chunks();
    if HALF == 0 {
        round::<0>(s, bc, sums[0]);
        round::<1>(s, bc, sums[1]);
        round::<2>(s, bc, sums[2]);
        round::<3>(s, bc, sums[3]);
    } else {
        round::<4>(s, bc, sums[0]);
        round::<5>(s, bc, sums[1]);
        round::<6>(s, bc, sums[2]);
        round::<7>(s, bc, sums[3]);
    }
    mark[..4].copy_from_slice(&s[(4 + HALF) % 8].to_le_bytes());
}

#[inline(always)]
fn put<V: Vector>(sums: &mut Group, w: V, k: &Group) {
    w.add_u32(V::load(k)).store(sums);
}

#[inline(always)]
fn take<V: Vector>(state: &mut State, block: &Block, sums: &mut Sums, marks: &mut Marks) {
    let (rows, _) = block.as_chunks();
    let mut w: [V; 4] = core::array::from_fn(|group| V::load(&rows[group]).swap_bytes_u32());
    for group in 0..4 {
        put(&mut sums[group], w[group], &GROUPED_K[group]);
    }
    let mut s = *state;
    let mut bc = s[1] ^ s[2];
    for (k, marks) in GROUPED_K[4..].as_chunks::<4>().0.iter().zip(marks.iter_mut()) {
        rounds::<0>(&mut s, &mut bc, &sums[0], &mut marks[0]);
        w[0] = next([w[0], w[1], w[2], w[3]]);
        put(&mut sums[0], w[0], &k[0]);
        rounds::<4>(&mut s, &mut bc, &sums[1], &mut marks[1]);
        w[1] = next([w[1], w[2], w[3], w[0]]);
        put(&mut sums[1], w[1], &k[1]);
        rounds::<0>(&mut s, &mut bc, &sums[2], &mut marks[2]);
        w[2] = next([w[2], w[3], w[0], w[1]]);
        put(&mut sums[2], w[2], &k[2]);
        rounds::<4>(&mut s, &mut bc, &sums[3], &mut marks[3]);
        w[3] = next([w[3], w[0], w[1], w[2]]);
        put(&mut sums[3], w[3], &k[3]);
    }
    rounds::<0>(&mut s, &mut bc, &sums[0], &mut marks[0][0]);
    rounds::<4>(&mut s, &mut bc, &sums[1], &mut marks[0][1]);
    rounds::<0>(&mut s, &mut bc, &sums[2], &mut marks[0][2]);
    rounds::<4>(&mut s, &mut bc, &sums[3], &mut marks[0][3]);
    state.iter_mut().zip(s).for_each(|(word, s)| *word = word.wrapping_add(s));
}

/// Takes in blocks, run after run.
pub(super) fn compress<V: Vector>(state: &mut State, runs: &[&[Block]]) {
    // Not zeros: of these compilers make calls, which take longer than the few stores.
    let mut empty = [0; 16];
    V::splat_u32(K[0]).store(&mut empty);
    let (mut sums, mut marks) = ([empty; 4], [[empty; 4]; 3]);
    V::call(|| {
        for blocks in runs {
            blocks.iter().for_each(|block| take::<V>(state, block, &mut sums, &mut marks));
        }
    });
    (sums, marks) = ([empty; 4], [[empty; 4]; 3]);
    optimization_barrier(&sums);
    optimization_barrier(&marks);
}
