//! BLAKE3 ([specification](https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf), and
//! draft-aumasson-blake3): the hash of block names, and the source of every key derived from a key.
//!
//! Its three modes (hash, keyed hash, key derivation) are separated by flags inside the compression function:
//! an output of one mode is no output of another. Target: 128-bit security for outputs of 32 bytes and more.
//!
//! Backend: `blake3`, which takes SSE, AVX or NEON as the CPU offers them, and simd128 in wasm. It has no
//! table and no branch that depends on data.

use crate::accel;
use zeroize::Zeroize;

/// Length of a hash and of a key, in bytes.
pub const HASH_BYTES: usize = 32;

/// Returns the 32-byte BLAKE3 hash of `data` (BLAKE3 paper, section 2.3, mode `hash`).
///
/// # Example
/// ```
/// assert_eq!(dagvault_crypto::hash::hash(b"")[..4], [0xaf, 0x13, 0x49, 0xb9]);
/// ```
#[must_use]
pub fn hash(data: &[u8]) -> [u8; HASH_BYTES] {
    accel::blake3(None, &[data]).unwrap_or_else(|| *blake3::hash(data).as_bytes())
}

/// Returns the 32-byte keyed BLAKE3 hash of `data` (BLAKE3 paper, section 2.3, mode `keyed_hash`): a PRF and
/// a MAC; compare codes by [`crate::secret::ct_eq`] only.
#[must_use]
pub fn keyed(key: &[u8; HASH_BYTES], data: &[u8]) -> [u8; HASH_BYTES] {
    keyed_parts(key, &[data])
}

/// As [`keyed`], of the concatenated `parts`. The boundaries between them are not authenticated.
#[must_use]
pub fn keyed_parts(key: &[u8; HASH_BYTES], parts: &[&[u8]]) -> [u8; HASH_BYTES] {
    accel::blake3(Some(key), parts).unwrap_or_else(|| {
        let mut hasher = Hasher::new_keyed(key);
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize()
    })
}

/// Fills `out`, of any length, with the key derived from the concatenated `material` for the purpose
/// `context` (BLAKE3 paper, section 2.3, mode `derive_key`, extended output).
///
/// `context` is a constant: globally unique, written in the source, never data. The boundaries between the
/// pieces of `material` are not encoded; all but one of them must have a fixed length. A short output is a
/// prefix of a longer one.
///
/// # Example
/// ```
/// let mut key = [0; 32];
/// dagvault_crypto::hash::derive("dagvault 2026-11 example v1", &[&[7; 32]], &mut key);
/// assert_ne!(key, [0; 32]);
/// ```
pub fn derive(context: &'static str, material: &[&[u8]], out: &mut [u8]) {
    derive_in(context, material, out);
}

/// As [`derive`], for contexts that are not constants, as vectors have them.
pub(crate) fn derive_in(context: &str, material: &[&[u8]], out: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for piece in material {
        hasher.update(piece);
    }
    let mut reader = hasher.finalize_xof();
    reader.fill(out);
    reader.zeroize();
    hasher.zeroize();
}

/// BLAKE3 of a message that arrives in pieces; its state is erased on drop.
#[derive(Clone)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Starts mode `hash` with the empty message.
    #[must_use]
    pub fn new() -> Self {
        Self(blake3::Hasher::new())
    }

    /// Starts mode `keyed_hash` with the empty message.
    #[must_use]
    pub fn new_keyed(key: &[u8; HASH_BYTES]) -> Self {
        Self(blake3::Hasher::new_keyed(key))
    }

    /// Appends `data` to the message.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Returns the 32-byte hash of all that was appended.
    #[must_use]
    pub fn finalize(self) -> [u8; HASH_BYTES] {
        *self.0.finalize().as_bytes()
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hasher(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn pieces_give_the_whole() {
        let data: Vec<u8> = (0..5000u32).map(|i| i.to_le_bytes()[0]).collect();
        for cut in [0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 4097, 5000] {
            let (head, tail) = data.split_at(cut);
            for (mut hasher, whole) in
                [(Hasher::new(), hash(&data)), (Hasher::new_keyed(&[3; 32]), keyed(&[3; 32], &data))]
            {
                hasher.update(head);
                hasher.update(tail);
                assert_eq!(hasher.finalize(), whole, "cut at {cut}");
            }
            let (mut pieces, mut whole) = ([0; 100], [0; 100]);
            derive("dagvault test", &[head, tail], &mut pieces);
            derive("dagvault test", &[&data], &mut whole);
            assert_eq!(pieces, whole, "cut at {cut}");
        }
    }

    #[test]
    fn modes_and_contexts_are_apart() {
        let (mut one, mut two) = ([0; 32], [0; 32]);
        derive("dagvault test one", &[b"x"], &mut one);
        derive("dagvault test two", &[b"x"], &mut two);
        let all = [hash(b"x"), keyed(&[0; 32], b"x"), one, two];
        for i in 0..all.len() {
            assert!(!all[..i].contains(&all[i]));
        }
    }
}
