//! A derivation from two blocks of material in two steps, so that the state between them can be handed on.
//!
//! The state is the chaining value behind the first block: all outputs follow from it and the second block, and the
//! first block does not follow from it, for that is a preimage of the compression function.

use zeroize::Zeroize as _;

use super::constants::{
    BLOCK_BYTES, CHUNK_END, CHUNK_START, DERIVE_KEY_MATERIAL, ROOT, WHOLE, to_bytes, to_words, wipe_block,
};
use super::context::{Context, compress};
use super::{HASH_BYTES, constants::Block};
use crate::secret::Secret;

/// Longest output of [`derive_end`], in bytes.
pub const DERIVE_END_BYTES_MAX: usize = 2 * BLOCK_BYTES;

fn words(block: &Block) -> [u32; 16] {
    let (chunks, _) = block.as_chunks();
    core::array::from_fn(|word| u32::from_le_bytes(chunks[word]))
}

/// The state of [`super::derive_for`] behind the first 64 bytes of a longer material.
pub fn derive_begin(context: &Context, first: &[u8; 64]) -> Secret<HASH_BYTES> {
    let mut block = words(first);
    let full = compress(&context.key, &block, 0, WHOLE, DERIVE_KEY_MATERIAL | CHUNK_START);
    block.zeroize();
    let mut cv = [0; 8];
    cv.copy_from_slice(&full[..8]);
    let state = Secret::new(to_bytes(&cv));
    cv.zeroize();
    state
}

/// What [`super::derive_for`] gives for the material of a [`derive_begin`] with 1 to 64 bytes behind it.
///
/// # Panics
/// If `last` is empty or longer, or `out` is over [`DERIVE_END_BYTES_MAX`].
pub fn derive_end(state: &Secret<HASH_BYTES>, last: &[u8], out: &mut [u8]) {
    assert!(!last.is_empty() && last.len() <= BLOCK_BYTES && out.len() <= DERIVE_END_BYTES_MAX);
    let mut bytes = [0; BLOCK_BYTES];
    bytes[..last.len()].copy_from_slice(last);
    let mut block = words(&bytes);
    wipe_block(&mut bytes);
    let length = u32::try_from(last.len()).unwrap_or(WHOLE);
    for (counter, piece) in (0..).zip(out.chunks_mut(BLOCK_BYTES)) {
        let flags = DERIVE_KEY_MATERIAL | CHUNK_END | ROOT;
        let mut full = compress(&to_words(state.expose()), &block, counter, length, flags);
        for (word, bytes) in full.iter().zip(piece.chunks_mut(4)) {
            bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
        }
        full.zeroize();
    }
    block.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::derive_for;

    #[test]
    fn two_steps_give_what_one_gives() {
        const CONTEXT: Context = Context::new("dagvault 2026-11 test of halves v1");
        let material: [u8; 128] = core::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
        let (first, rest) = material.split_first_chunk::<64>().unwrap();
        for length in 1..=64 {
            for bytes in [1, 63, 64, 65, 88, 128] {
                let (mut whole, mut halves) = ([0; 128], [0; 128]);
                derive_for(&CONTEXT, &[&material[..64 + length]], &mut whole[..bytes]);
                derive_end(&derive_begin(&CONTEXT, first), &rest[..length], &mut halves[..bytes]);
                assert_eq!(whole, halves, "{length} {bytes}");
            }
        }
    }
}
