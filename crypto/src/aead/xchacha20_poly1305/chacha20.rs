//! The ChaCha20 keystream ([RFC 8439](https://www.rfc-editor.org/rfc/rfc8439), section 2.3), four blocks at a time,
//! and HChaCha20 (draft-irtf-cfrg-xchacha-03, section 2.2).
//!
//! A vector holds one word of the state for four blocks with successive counters, so that every step of the cipher is
//! one instruction for all four.

use crate::lanes::Vector;
use zeroize::Zeroize as _;

/// Bytes of a block of the keystream.
pub(super) const BLOCK_BYTES: usize = 64;
/// Bytes that one step makes: four blocks.
pub(super) const STEP_BYTES: usize = 4 * BLOCK_BYTES;
/// "expand 32-byte k".
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
const DOUBLE_ROUNDS: usize = 10;
/// The word of the state that counts blocks.
const COUNTER: usize = 12;

/// The state of a block whose counter is `counter`.
pub(super) fn state(key: &[u8; 32], counter: u32, nonce: &[u8; 12]) -> [u32; 16] {
    let mut state = [0; 16];
    state[..4].copy_from_slice(&CONSTANTS);
    take_words(key, &mut state[4..12]);
    state[COUNTER] = counter;
    take_words(nonce, &mut state[13..]);
    state
}

fn take_words(bytes: &[u8], out: &mut [u32]) {
    let (words, _) = bytes.as_chunks();
    out.iter_mut().zip(words).for_each(|(word, bytes)| *word = u32::from_le_bytes(*bytes));
}

#[inline(always)]
fn quarter_rounds<V: Vector>(v: &mut [V; 16], [a, b, c, d]: [[usize; 4]; 4]) {
    for lane in 0..4 {
        v[a[lane]] = v[a[lane]].add_u32(v[b[lane]]);
        v[d[lane]] = v[d[lane]].xor(v[a[lane]]).rotate_left_u32::<16>();
    }
    for lane in 0..4 {
        v[c[lane]] = v[c[lane]].add_u32(v[d[lane]]);
        v[b[lane]] = v[b[lane]].xor(v[c[lane]]).rotate_left_u32::<12>();
    }
    for lane in 0..4 {
        v[a[lane]] = v[a[lane]].add_u32(v[b[lane]]);
        v[d[lane]] = v[d[lane]].xor(v[a[lane]]).rotate_left_u32::<8>();
    }
    for lane in 0..4 {
        v[c[lane]] = v[c[lane]].add_u32(v[d[lane]]);
        v[b[lane]] = v[b[lane]].xor(v[c[lane]]).rotate_left_u32::<7>();
    }
}

#[inline(always)]
fn rounds<V: Vector>(v: &mut [V; 16]) {
    for _ in 0..DOUBLE_ROUNDS {
        quarter_rounds(v, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]);
        quarter_rounds(v, [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]]);
    }
}

/// XORs the keystream of the state's four next blocks into `step`, and counts on.
#[inline(always)]
fn xor_step<V: Vector>(state: &mut [u32; 16], step: &mut [u8; STEP_BYTES]) {
    let mut v: [V; 16] = core::array::from_fn(|word| V::splat_u32(state[word]));
    let counter = V::splat_u32(state[COUNTER]).add_u32(V::from_u32([0, 1, 2, 3]));
    v[COUNTER] = counter;
    rounds(&mut v);
    let (rows, _) = step.as_chunks_mut::<16>();
    for quarter in 0..4 {
        let words = core::array::from_fn(|word| {
            let index = 4 * quarter + word;
            let start = if index == COUNTER { counter } else { V::splat_u32(state[index]) };
            v[index].add_u32(start)
        });
        for (block, words) in V::transpose_u32(words).into_iter().enumerate() {
            let row = &mut rows[4 * block + quarter];
            words.xor(V::load(row)).store(row);
        }
    }
    state[COUNTER] = state[COUNTER].wrapping_add(4);
}

/// XORs the keystream into `steps`, from the state's counter on. The counter wraps; callers bound the length.
pub(super) fn xor_steps<V: Vector>(state: &mut [u32; 16], steps: &mut [[u8; STEP_BYTES]]) {
    V::call(|| steps.iter_mut().for_each(|step| xor_step::<V>(state, step)));
}

/// A key from a key and the first 16 bytes of a longer nonce.
pub(super) fn hchacha20(key: &[u8; 32], nonce: &[u8; 16], out: &mut [u8; 32]) {
    let mut words = [0; 16];
    words[..4].copy_from_slice(&CONSTANTS);
    take_words(key, &mut words[4..12]);
    take_words(nonce, &mut words[12..]);
    for _ in 0..DOUBLE_ROUNDS {
        for [a, b, c, d] in [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15]] {
            quarter_round(&mut words, a, b, c, d);
        }
        for [a, b, c, d] in [[0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]] {
            quarter_round(&mut words, a, b, c, d);
        }
    }
    let (chunks, _) = out.as_chunks_mut();
    let ends = words[..4].iter().chain(&words[12..]);
    chunks.iter_mut().zip(ends).for_each(|(chunk, word)| *chunk = word.to_le_bytes());
    words.zeroize();
}

fn quarter_round(w: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    w[a] = w[a].wrapping_add(w[b]);
    w[d] = (w[d] ^ w[a]).rotate_left(16);
    w[c] = w[c].wrapping_add(w[d]);
    w[b] = (w[b] ^ w[c]).rotate_left(12);
    w[a] = w[a].wrapping_add(w[b]);
    w[d] = (w[d] ^ w[a]).rotate_left(8);
    w[c] = w[c].wrapping_add(w[d]);
    w[b] = (w[b] ^ w[c]).rotate_left(7);
}
