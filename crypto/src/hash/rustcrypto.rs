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

/// The hash over the chaining values of parts, of which all but the last one have the same power of two of chunks.
pub(super) fn top_of_parts(mut cvs: &mut [[u8; HASH_BYTES]]) -> [u8; HASH_BYTES] {
    while cvs.len() > 2 {
        let pairs = cvs.len() / 2;
        for pair in 0..pairs {
            cvs[pair] = hazmat::merge_subtrees_non_root(&cvs[2 * pair], &cvs[2 * pair + 1], Mode::Hash);
        }
        let count = cvs.len().div_ceil(2);
        if count > pairs {
            cvs[pairs] = cvs[2 * pairs];
        }
        cvs = &mut cvs[..count];
    }
    *hazmat::merge_subtrees_root(&cvs[0], &cvs[1], Mode::Hash).as_bytes()
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
