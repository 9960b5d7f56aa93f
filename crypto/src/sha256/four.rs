//! The compression of four messages side by side: a vector holds one word of each.

use super::constants::K;
use super::{Block, State};
use crate::lanes::Vector;
use zeroize::optimization_barrier;

/// Messages that are hashed at once.
pub(super) const MESSAGES: usize = 4;
/// Each constant in four lanes: a vector's load costs less than a number's and its spreading.
static SPREAD_K: [[u8; 16]; 64] = {
    let mut spread = [[0; 16]; 64];
    let mut at = 0;
    while at < 64 * 16 {
        spread[at / 16][at % 16] = K[at / 16].to_le_bytes()[at % 4];
        at += 1;
    }
    spread
};

#[inline(always)]
fn rotations<V: Vector, const L1: u32, const R1: u32, const L2: u32, const R2: u32>(x: V) -> V {
    x.shr_u32::<R1>().xor(x.shl_u32::<L1>()).xor(x.shr_u32::<R2>().xor(x.shl_u32::<L2>()))
}

/// The next word of a message whose last sixteen words begin at `T` (section 6.2.2, step 1).
#[inline(always)]
fn expand_word<V: Vector, const T: usize>(w: &mut [V; 20]) {
    let (early, late) = (w[T + 1], w[T + 14]);
    let s0 = rotations::<V, 25, 7, 14, 18>(early).xor(early.shr_u32::<3>());
    let s1 = rotations::<V, 15, 17, 13, 19>(late).xor(late.shr_u32::<10>());
    w[T + 16] = w[T].add_u32(s0).add_u32(w[T + 9]).add_u32(s1);
}

/// The words of a message after its own sixteen. Four at a time: with more, compilers keep words in registers, of which
/// there are too few.
#[inline(always)]
fn expand<V: Vector>(w: &mut [V; 64]) {
    for start in (0..48).step_by(4) {
        if let Some(w) = w[start..].first_chunk_mut() {
            expand_word::<V, 0>(w);
            expand_word::<V, 1>(w);
            expand_word::<V, 2>(w);
            expand_word::<V, 3>(w);
        }
    }
}

/// The blocks' words, in the order of bytes of the processor, and of all four messages.
#[inline(always)]
fn take<V: Vector>(w: &mut [V; 64], blocks: [&Block; MESSAGES]) {
    for quarter in 0..4 {
        let rows = blocks.map(|block| {
            let (rows, _) = block.as_chunks::<16>();
            V::load(&rows[quarter]).swap_bytes_u32()
        });
        w[4 * quarter..4 * quarter + 4].copy_from_slice(&V::transpose_u32(rows));
    }
}

/// The round whose number is `T` modulo 8: what it calls `a` is at another place in every round (section 6.2.2,
/// step 3). `ab` is `a ^ b` of the round before.
#[inline(always)]
fn round<V: Vector, const T: usize>(s: &mut [V; 8], ab: &mut V, w: &mut [V; 8], k: &[[u8; 16]; 8]) {
    let at = const { [8 - T, 9 - T, 10 - T, 11 - T, 12 - T, 13 - T, 14 - T, 15 - T] };
    let [a, b, _, _, e, f, g, h] = at.map(|word| s[word % 8]);
    let sum1 = rotations::<V, 26, 6, 21, 11>(e).xor(e.shr_u32::<25>().xor(e.shl_u32::<7>()));
    let choice = g.xor(e.and(f.xor(g)));
    let t1 = h.add_u32(w[T]).add_u32(V::load(&k[T])).add_u32(choice).add_u32(sum1);
    let sum0 = rotations::<V, 30, 2, 19, 13>(a).xor(a.shr_u32::<22>().xor(a.shl_u32::<10>()));
    let bc = *ab;
    *ab = a.xor(b);
    let majority = b.xor(ab.and(bc));
    s[(11 - T) % 8] = s[(11 - T) % 8].add_u32(t1);
    s[(15 - T) % 8] = t1.add_u32(sum0).add_u32(majority);
    w[T] = s[(15 - T) % 8];
}

/// Steps 2 to 4 of section 6.2.2.
#[inline(always)]
fn rounds<V: Vector>(state: &mut [V; 8], w: &mut [V; 64]) {
    let mut s = *state;
    let mut ab = s[1].xor(s[2]);
    let ((w, _), (k, _)) = (w.as_chunks_mut(), SPREAD_K.as_chunks());
    for (w, k) in w.iter_mut().zip(k) {
        round::<V, 0>(&mut s, &mut ab, w, k);
        round::<V, 1>(&mut s, &mut ab, w, k);
        round::<V, 2>(&mut s, &mut ab, w, k);
        round::<V, 3>(&mut s, &mut ab, w, k);
        round::<V, 4>(&mut s, &mut ab, w, k);
        round::<V, 5>(&mut s, &mut ab, w, k);
        round::<V, 6>(&mut s, &mut ab, w, k);
        round::<V, 7>(&mut s, &mut ab, w, k);
    }
    *state = core::array::from_fn(|word| state[word].add_u32(s[word]));
}

/// Takes in blocks of four messages, as many as the shortest of the four has.
pub(super) fn compress<V: Vector>(states: &mut [State; MESSAGES], blocks: [&[Block]; MESSAGES]) {
    V::call(|| {
        // Not zeros: of these compilers make calls, which take longer than the stores.
        let empty = [V::splat_u32(K[0]); 64];
        let mut w = empty;
        let mut state: [V; 8] =
            core::array::from_fn(|word| V::from_u32(core::array::from_fn(|message| states[message][word])));
        let [one, two, three, four] = blocks;
        for (((one, two), three), four) in one.iter().zip(two).zip(three).zip(four) {
            take(&mut w, [one, two, three, four]);
            // Functions of their own: their pointers take offsets, those to this one's frame would be computed.
            V::call(|| expand(&mut w));
            V::call(|| rounds(&mut state, &mut w));
        }
        for (word, lanes) in state.into_iter().enumerate() {
            states.iter_mut().zip(lanes.to_u32()).for_each(|(state, lane)| state[word] = lane);
        }
        w = empty;
        optimization_barrier(&w);
    });
}
