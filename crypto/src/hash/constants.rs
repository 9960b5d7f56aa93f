//! Constants of BLAKE3 (its paper, section 2), and what its parts hand to each other.

use zeroize::optimization_barrier;

pub(super) const BLOCK_BYTES: usize = 64;
pub(super) const CHUNK_BYTES: usize = 1024;
/// The length of a whole block, as compressions take it in.
pub(super) const WHOLE: u32 = 64;
pub(super) type Block = [u8; BLOCK_BYTES];
/// A key or a chaining value.
pub(super) type Words = [u32; 8];
/// A chaining value as a parent takes it in, and a hash.
pub(super) type Cv = [u8; 32];

pub(super) const CHUNK_START: u32 = 1;
pub(super) const CHUNK_END: u32 = 1 << 1;
pub(super) const PARENT: u32 = 1 << 2;
pub(super) const ROOT: u32 = 1 << 3;
pub(super) const KEYED_HASH: u32 = 1 << 4;
pub(super) const DERIVE_KEY_CONTEXT: u32 = 1 << 5;
pub(super) const DERIVE_KEY_MATERIAL: u32 = 1 << 6;

pub(super) const IV: Words =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Which words of a round are those of the next one.
const PERMUTATION: [u8; 16] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

pub(super) const ROUNDS: usize = 7;

/// The words of each round, in the order of their use.
pub(super) const SCHEDULE: [[u8; 16]; ROUNDS] = {
    let mut schedule = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]; ROUNDS];
    let mut at = 16;
    while at < ROUNDS * 16 {
        schedule[at / 16][at % 16] = schedule[at / 16 - 1][PERMUTATION[at % 16] as usize];
        at += 1;
    }
    schedule
};

/// As `wipe`, of a length that compilers know: a few stores in place of a call.
#[inline(always)]
pub(super) fn wipe_block(block: &mut Block) {
    *block = [0; BLOCK_BYTES];
    optimization_barrier(block);
}

pub(super) fn to_bytes(words: &Words) -> Cv {
    let mut bytes = [0; 32];
    let (chunks, _) = bytes.as_chunks_mut();
    chunks.iter_mut().zip(words).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
    bytes
}

pub(super) fn to_words(bytes: &Cv) -> Words {
    let (chunks, _) = bytes.as_chunks();
    core::array::from_fn(|word| u32::from_le_bytes(chunks[word]))
}
