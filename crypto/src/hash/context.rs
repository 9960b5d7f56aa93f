//! Contexts of key derivation, taken in when the program is compiled.

use super::constants::{
    CHUNK_BYTES, CHUNK_END, CHUNK_START, DERIVE_KEY_CONTEXT, IV, ROOT, ROUNDS, SCHEDULE, WHOLE, Words,
};

/// What keys are derived for, with the key of its own that BLAKE3 makes of it: in a constant that costs nothing at run
/// time.
///
/// # Example
/// ```
/// use dagvault_crypto::hash::{self, Context};
/// const EXAMPLE: Context = Context::new("dagvault 2026-11 example v1");
/// let (mut one, mut two) = ([0; 32], [0; 32]);
/// hash::derive_for(&EXAMPLE, &[&[7; 32]], &mut one);
/// hash::derive("dagvault 2026-11 example v1", &[&[7; 32]], &mut two);
/// assert_eq!(one, two);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Context {
    pub(super) key: Words,
}

impl Context {
    /// Takes in a context of at most 1024 bytes.
    ///
    /// # Panics
    /// If it is longer; in a constant that stops the compiler.
    #[must_use]
    pub const fn new(context: &'static str) -> Self {
        let text = context.as_bytes();
        assert!(text.len() <= CHUNK_BYTES, "a context is not longer than a chunk");
        let mut cv = IV;
        let mut at = 0;
        loop {
            let mut block = [0_u32; 16];
            let first = if at == 0 { CHUNK_START } else { 0 };
            let mut bytes = 0;
            while bytes < WHOLE && at < text.len() {
                block[at / 4 % 16] |= (text[at] as u32) << (8 * (at % 4));
                (bytes, at) = (bytes + 1, at + 1);
            }
            let last = if at == text.len() { CHUNK_END | ROOT } else { 0 };
            let full = compress(&cv, &block, 0, bytes, DERIVE_KEY_CONTEXT | first | last);
            let mut word = 0;
            while word < 8 {
                cv[word] = full[word];
                word += 1;
            }
            if at == text.len() {
                return Self { key: cv };
            }
        }
    }
}

/// A compression (the paper's section 2.2): the chaining value, and behind it the other half of the extended output.
pub(super) const fn compress(
    cv: &Words,
    block: &[u32; 16],
    counter: u32,
    bytes: u32,
    flags: u32,
) -> [u32; 16] {
    let mut v = [0; 16];
    let mut word = 0;
    while word < 8 {
        v[word] = cv[word];
        v[8 + word] = if word < 4 { IV[word] } else { 0 };
        word += 1;
    }
    (v[12], v[14], v[15]) = (counter, bytes, flags);
    let mut mixing = 0;
    while mixing < ROUNDS * 8 {
        let (words, column) = (&SCHEDULE[mixing / 8], mixing % 4);
        // The second four of a round go along the diagonals.
        let step = mixing % 8 / 4;
        let at = 2 * (mixing % 8);
        let (a, b) = (column, 4 + (column + step) % 4);
        let (c, d) = (8 + (column + 2 * step) % 4, 12 + (column + 3 * step) % 4);
        let mut half = 0;
        while half < 2 {
            let (turn_d, turn_b) = if half == 0 { (16, 12) } else { (8, 7) };
            v[a] = u32::wrapping_add(v[a], v[b]).wrapping_add(block[words[at + half] as usize]);
            v[d] = (v[d] ^ v[a]).rotate_right(turn_d);
            v[c] = u32::wrapping_add(v[c], v[d]);
            v[b] = (v[b] ^ v[c]).rotate_right(turn_b);
            half += 1;
        }
        mixing += 1;
    }
    let mut word = 0;
    while word < 8 {
        v[word] ^= v[word + 8];
        v[word + 8] ^= cv[word];
        word += 1;
    }
    v
}
