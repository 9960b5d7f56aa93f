//! BLAKE3 ([specification](https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf), and
//! draft-aumasson-blake3): the hash of block names, and the source of every key derived from a key.
//!
//! Its three modes (hash, keyed hash, key derivation) are separated by flags inside the compression function:
//! an output of one mode is no output of another. Target: 128-bit security for outputs of 32 bytes and more.
//!
//! Backends: `blake3`, which takes SSE, AVX or NEON as the CPU offers them; and our own, which compresses four chunks
//! at once in vectors. Neither has a table or a branch that depends on data.

mod constants;
mod context;
mod four;
mod halves;
mod one;
mod rustcrypto;
mod tree;

use crate::accel;
use crate::backend::Backend;
use constants::{
    CHUNK_BYTES, Cv, DERIVE_KEY_CONTEXT, DERIVE_KEY_MATERIAL, IV, KEYED_HASH, ROOT, to_bytes, to_words,
};
use dagvault_core::parallel;
use dagvault_core::wipe::wipe;
use tree::Mode;

pub use context::Context;
pub use halves::{DERIVE_END_BYTES_MAX, derive_begin, derive_end};

/// Length of a hash and of a key, in bytes.
pub const HASH_BYTES: usize = 32;

/// Messages from this length on are spread by [`hash_wide`], in bytes.
pub const WIDE_BYTES_MIN: usize = 256 * 1024;

/// What [`hash_wide`] gives to one worker at once, in bytes: a power of two of chunks.
const PART_BYTES: usize = 64 * 1024;

/// Returns the 32-byte BLAKE3 hash of `data` (BLAKE3 paper, section 2.3, mode `hash`).
///
/// # Example
/// ```
/// assert_eq!(dagvault_crypto::hash::hash(b"")[..4], [0xaf, 0x13, 0x49, 0xb9]);
/// ```
#[must_use]
pub fn hash(data: &[u8]) -> [u8; HASH_BYTES] {
    hash_on(Backend::chosen(), data)
}

/// As [`hash`], by a given backend.
#[must_use]
pub fn hash_on(backend: Backend, data: &[u8]) -> [u8; HASH_BYTES] {
    if backend == Backend::Host
        && let Some(hash) = accel::blake3(None, &[data])
    {
        return hash;
    }
    match backend {
        Backend::RustCrypto => rustcrypto::hash(data),
        own => tree::top(&Mode::new(own, IV, 0), data, 0, ROOT),
    }
}

/// As [`hash`], spread over the workers of [`parallel`] if `data` has [`WIDE_BYTES_MIN`] and more.
///
/// For callers that are no item of `parallel` themselves: inside of one it gives the same, but spreads nothing.
#[must_use]
pub fn hash_wide(data: &[u8]) -> [u8; HASH_BYTES] {
    hash_wide_on(Backend::chosen(), data)
}

/// As [`hash_wide`], by a given backend.
#[must_use]
pub fn hash_wide_on(backend: Backend, data: &[u8]) -> [u8; HASH_BYTES] {
    if data.len() < WIDE_BYTES_MIN {
        return hash_on(backend, data);
    }
    let mode = Mode::new(backend, IV, 0);
    let mut cvs = parallel::map(data.len().div_ceil(PART_BYTES), |number| {
        let start = number * PART_BYTES;
        let part = &data[start..data.len().min(start + PART_BYTES)];
        match backend {
            Backend::RustCrypto => rustcrypto::subtree(part, start as u64),
            _ => tree::top(&mode, part, (start / CHUNK_BYTES) as u64, 0),
        }
    });
    let join = |pair: &[Cv; 2], root| match backend {
        Backend::RustCrypto if root == ROOT => rustcrypto::root(&pair[0], &pair[1]),
        Backend::RustCrypto => rustcrypto::joined(&pair[0], &pair[1]),
        _ => tree::joined(&mode, pair, root),
    };
    let hash = top_of_parts(&mut cvs, join);
    wipe(cvs.as_flattened_mut());
    hash
}

/// The hash over the roots of two parts and more, all but the last one of which have the same power of two of chunks.
fn top_of_parts(mut cvs: &mut [Cv], join: impl Fn(&[Cv; 2], u32) -> Cv) -> Cv {
    while cvs.len() > 2 {
        let pairs = cvs.len() / 2;
        for pair in 0..pairs {
            cvs[pair] = join(&[cvs[2 * pair], cvs[2 * pair + 1]], 0);
        }
        let count = cvs.len().div_ceil(2);
        if count > pairs {
            cvs[pairs] = cvs[2 * pairs];
        }
        cvs = &mut cvs[..count];
    }
    join(&[cvs[0], cvs[1]], ROOT)
}

/// Returns the 32-byte keyed BLAKE3 hash of `data` (BLAKE3 paper, section 2.3, mode `keyed_hash`): a PRF and
/// a MAC; compare codes by [`crate::secret::ct_eq`] only.
#[must_use]
pub fn keyed(key: &[u8; HASH_BYTES], data: &[u8]) -> [u8; HASH_BYTES] {
    keyed_on(Backend::chosen(), key, data)
}

/// As [`keyed`], by a given backend.
#[must_use]
pub fn keyed_on(backend: Backend, key: &[u8; HASH_BYTES], data: &[u8]) -> [u8; HASH_BYTES] {
    if backend == Backend::Host
        && let Some(hash) = accel::blake3(Some(key), &[data])
    {
        return hash;
    }
    match backend {
        Backend::RustCrypto => rustcrypto::keyed(key, data),
        own => tree::top(&Mode::new(own, to_words(key), KEYED_HASH), data, 0, ROOT),
    }
}

/// As [`keyed`], of concatenated `parts`, whose boundaries are not authenticated.
#[must_use]
pub fn keyed_parts(key: &[u8; HASH_BYTES], parts: &[&[u8]]) -> [u8; HASH_BYTES] {
    keyed_parts_on(Backend::chosen(), key, parts)
}

/// As [`keyed_parts`], by a given backend.
#[must_use]
pub fn keyed_parts_on(backend: Backend, key: &[u8; HASH_BYTES], parts: &[&[u8]]) -> [u8; HASH_BYTES] {
    if backend == Backend::Host
        && let Some(hash) = accel::blake3(Some(key), parts)
    {
        return hash;
    }
    match backend {
        Backend::RustCrypto => {
            let mut hasher = rustcrypto::Hasher::new(Some(key));
            parts.iter().for_each(|part| hasher.update(part));
            hasher.finalize()
        }
        own => tree::of_pieces(Mode::new(own, to_words(key), KEYED_HASH), parts).hash(),
    }
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
    derive_on(Backend::chosen(), context, material, out);
}

/// As [`derive`], by a given backend.
pub fn derive_on(backend: Backend, context: &'static str, material: &[&[u8]], out: &mut [u8]) {
    derive_in(backend, context, material, out);
}

/// As [`derive`], for a context that was taken in before.
pub fn derive_for(context: &Context, material: &[&[u8]], out: &mut [u8]) {
    derive_for_on(Backend::chosen(), context, material, out);
}

/// As [`derive_for`], by a given backend.
pub fn derive_for_on(backend: Backend, context: &Context, material: &[&[u8]], out: &mut [u8]) {
    match backend {
        Backend::RustCrypto => rustcrypto::derive(&to_bytes(&context.key), material, out),
        own => tree::of_pieces(Mode::new(own, context.key, DERIVE_KEY_MATERIAL), material).fill(out),
    }
}

/// As [`derive`], for contexts that are not constants, as vectors have them.
pub(crate) fn derive_in(backend: Backend, context: &str, material: &[&[u8]], out: &mut [u8]) {
    let key = match backend {
        Backend::RustCrypto => rustcrypto::context_key(context),
        own => tree::top(&Mode::new(own, IV, DERIVE_KEY_CONTEXT), context.as_bytes(), 0, ROOT),
    };
    derive_for_on(backend, &Context { key: to_words(&key) }, material, out);
}

#[derive(Clone)]
enum State {
    RustCrypto(rustcrypto::Hasher),
    Own(tree::Hasher),
}

/// BLAKE3 of a message that arrives in pieces; its state is erased on drop.
#[derive(Clone)]
pub struct Hasher(State);

impl Hasher {
    /// Starts mode `hash` with the empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::new_on(Backend::chosen())
    }

    /// As [`Hasher::new`], by a given backend.
    #[must_use]
    pub fn new_on(backend: Backend) -> Self {
        Self(match backend {
            Backend::RustCrypto => State::RustCrypto(rustcrypto::Hasher::new(None)),
            own => State::Own(tree::Hasher::new(Mode::new(own, IV, 0))),
        })
    }

    /// Starts mode `keyed_hash` with the empty message.
    #[must_use]
    pub fn new_keyed(key: &[u8; HASH_BYTES]) -> Self {
        Self::new_keyed_on(Backend::chosen(), key)
    }

    /// As [`Hasher::new_keyed`], by a given backend.
    #[must_use]
    pub fn new_keyed_on(backend: Backend, key: &[u8; HASH_BYTES]) -> Self {
        Self(match backend {
            Backend::RustCrypto => State::RustCrypto(rustcrypto::Hasher::new(Some(key))),
            own => State::Own(tree::Hasher::new(Mode::new(own, to_words(key), KEYED_HASH))),
        })
    }

    /// Appends `data` to the message.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            State::RustCrypto(hasher) => hasher.update(data),
            State::Own(hasher) => hasher.update(data),
        }
    }

    /// Returns the 32-byte hash of all that was appended.
    #[must_use]
    pub fn finalize(self) -> [u8; HASH_BYTES] {
        match self.0 {
            State::RustCrypto(hasher) => hasher.finalize(),
            State::Own(hasher) => hasher.output().hash(),
        }
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
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

    /// Lengths about the borders of blocks, chunks, rows and parts.
    fn lengths() -> impl Iterator<Item = usize> {
        let near = |border: usize| [border - 1, border, border + 1];
        let borders = (0..16).map(|chunks| 1024 * chunks + 64).chain((1..20).map(|chunks| 1024 * chunks));
        borders.chain([31, 32, 33, 64].map(|chunks| 1024 * chunks)).flat_map(near).chain([0, 1, 3])
    }

    #[test]
    fn every_backend_gives_the_hashes_of_the_crate() {
        let data: Vec<u8> = (0..70_000u32).map(|i| (i % 251).to_le_bytes()[0]).collect();
        let key = [0x5a; 32];
        for (backend, length) in
            Backend::all().flat_map(|backend| lengths().map(move |length| (backend, length)))
        {
            let (data, at) = (&data[..length], (backend.name(), length));
            assert_eq!(hash_on(backend, data), hash_on(Backend::RustCrypto, data), "{at:?}");
            assert_eq!(keyed_on(backend, &key, data), keyed_on(Backend::RustCrypto, &key, data), "{at:?}");
            for step in [length / 3 + 1, 700, 5000] {
                let (mut hasher, mut keyed_hasher) =
                    (Hasher::new_on(backend), Hasher::new_keyed_on(backend, &key));
                for piece in data.chunks(step) {
                    hasher.update(piece);
                    keyed_hasher.update(piece);
                }
                assert_eq!(hasher.finalize(), hash_on(Backend::RustCrypto, data), "{at:?} by {step}");
                assert_eq!(
                    keyed_hasher.finalize(),
                    keyed_on(Backend::RustCrypto, &key, data),
                    "{at:?} by {step}"
                );
            }
            let (mut given, mut wanted) = ([0; 150], [0; 150]);
            let (head, tail) = data.split_at(length / 2);
            assert_eq!(keyed_parts_on(backend, &key, &[head, tail]), keyed(&key, data), "{at:?}");
            derive_on(backend, "dagvault test", &[head, tail], &mut given);
            derive_on(Backend::RustCrypto, "dagvault test", &[data], &mut wanted);
            assert_eq!(given, wanted, "{at:?}");
        }
    }

    #[test]
    fn wide_hashes_are_the_same() {
        let data: Vec<u8> = (0..1_000_000u32).map(|i| (i % 253).to_le_bytes()[0]).collect();
        for backend in Backend::all() {
            for length in [0, 1000, 131_072, 262_143, 262_144, 262_145, 327_680, 330_000, 524_288, 1_000_000]
            {
                let wanted = hash_on(Backend::RustCrypto, &data[..length]);
                assert_eq!(hash_wide_on(backend, &data[..length]), wanted, "{} {length}", backend.name());
                let nested = parallel::map(3, |_| hash_wide_on(backend, &data[..length]));
                assert!(nested.iter().all(|hash| *hash == wanted), "{} {length}", backend.name());
            }
        }
    }

    #[test]
    fn contexts_are_those_of_the_crate() {
        const SHORT: Context = Context::new("dagvault test");
        const EMPTY: Context = Context::new("");
        const BLOCK: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+";
        const LONG: &str =
            "a context that is longer than one block of BLAKE3, which has sixty-four bytes, by some";
        const FULL: Context = Context::new(BLOCK);
        const TWO: Context = Context::new(LONG);
        for (context, text) in [(SHORT, "dagvault test"), (EMPTY, ""), (FULL, BLOCK), (TWO, LONG)] {
            assert_eq!(to_bytes(&context.key), rustcrypto::context_key(text), "{text}");
            for backend in Backend::all() {
                let (mut given, mut wanted) = ([0; 64], [0; 64]);
                derive_for_on(backend, &context, &[b"x"], &mut given);
                derive_on(Backend::RustCrypto, text, &[b"x"], &mut wanted);
                assert_eq!(given, wanted, "{} {text}", backend.name());
            }
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
