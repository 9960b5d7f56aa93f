//! The crate `blake3`.

use super::HASH_BYTES;
use blake3::hazmat::{self, HasherExt as _, Mode};
use zeroize::Zeroize as _;

pub(super) fn hash(data: &[u8]) -> [u8; HASH_BYTES] {
    *blake3::hash(data).as_bytes()
}

pub(super) fn keyed(key: &[u8; HASH_BYTES], data: &[u8]) -> [u8; HASH_BYTES] {
    *blake3::keyed_hash(key, data).as_bytes()
}

pub(super) fn context_key(context: &str) -> [u8; HASH_BYTES] {
    hazmat::hash_derive_key_context(context)
}

pub(super) fn derive(context_key: &[u8; HASH_BYTES], material: &[&[u8]], out: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_from_context_key(context_key);
    for piece in material {
        hasher.update(piece);
    }
    let mut reader = hasher.finalize_xof();
    reader.fill(out);
    reader.zeroize();
    hasher.zeroize();
}

/// The chaining value of a part of a message that begins at `start`.
pub(super) fn subtree(part: &[u8], start: u64) -> [u8; HASH_BYTES] {
    blake3::Hasher::new().set_input_offset(start).update(part).finalize_non_root()
}

/// The chaining value over two.
pub(super) fn joined(left: &[u8; HASH_BYTES], right: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    hazmat::merge_subtrees_non_root(left, right, Mode::Hash)
}

/// The hash over the last two.
pub(super) fn root(left: &[u8; HASH_BYTES], right: &[u8; HASH_BYTES]) -> [u8; HASH_BYTES] {
    *hazmat::merge_subtrees_root(left, right, Mode::Hash).as_bytes()
}

/// A message so far.
#[derive(Clone)]
pub(super) struct Hasher(blake3::Hasher);

impl Hasher {
    pub(super) fn new(key: Option<&[u8; HASH_BYTES]>) -> Self {
        Self(key.map_or_else(blake3::Hasher::new, blake3::Hasher::new_keyed))
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn finalize(self) -> [u8; HASH_BYTES] {
        *self.0.finalize().as_bytes()
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
