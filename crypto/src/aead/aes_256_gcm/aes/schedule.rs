//! The key schedule of AES-256 (FIPS 197, section 5.2).

use super::{ROUNDS, permute};
use crate::lanes::Vector;

/// The constant of the S-box in each byte of a word. Our S-boxes leave it out; MixColumns keeps what is the same in all
/// bytes of a column, so that it can be part of the round keys.
const CONSTANT: u32 = 0x6363_6363;
const KEY_WORDS: usize = 8;

/// The round keys, with the S-box's constant of the round before in them.
#[inline(always)]
pub(super) fn expand<V: Vector>(key: &[u8; 32], round_keys: &mut [[u8; 16]; ROUNDS + 1]) {
    let sub = |word: u32| permute::sub(V::from_u32([word, 0, 0, 0]))[0].to_u32()[0] ^ CONSTANT;
    let (words, _) = round_keys.as_flattened_mut().as_chunks_mut::<4>();
    words.as_flattened_mut()[..key.len()].copy_from_slice(key);
    let mut last = u32::from_le_bytes(words[KEY_WORDS - 1]);
    let mut constant = 1;
    for index in KEY_WORDS..words.len() {
        if index % KEY_WORDS == 0 {
            // Rotating the bytes of a little-endian word, first to last, moves them down.
            last = sub(last.rotate_right(8)) ^ constant;
            constant <<= 1;
        } else if index % KEY_WORDS == KEY_WORDS / 2 {
            last = sub(last);
        }
        last ^= u32::from_le_bytes(words[index - KEY_WORDS]);
        words[index] = last.to_le_bytes();
    }
    for word in &mut words[4..] {
        *word = (u32::from_le_bytes(*word) ^ CONSTANT).to_le_bytes();
    }
}
