//! The self-test of a host: its answers against those of our own kernels.

use super::{Algorithm, Host};
use crate::aead::{self, Suite, TAG_BYTES};
use crate::argon2id::{self, Inputs, Params};
use crate::backend::Backend;
use crate::secret::Secret;
use alloc::{vec, vec::Vec};

/// Lengths of messages: none, around blocks, and long enough for every stage of a kernel.
const MESSAGES_BYTES: [usize; 5] = [0, 1, 63, 257, 2100];
/// Lengths of data to hash; the last has several chunks of BLAKE3.
const DATA_BYTES: [usize; 6] = [0, 1, 55, 64, 1025, 5000];
/// Cheap, with more than one pass and lane.
const PARAMS: Params = Params { memory_kib: 16, passes: 2, lanes: 2 };

/// Bytes that repeat after 2^32 only (Marsaglia, *Xorshift RNGs*, 2003).
fn bytes(seed: u32, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..count).map(step).collect()
}

fn array<const N: usize>(seed: u32) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes(seed, N));
    out
}

/// Whether the host computes as our kernels do. An accelerator that declines passes: it is never used.
pub(super) fn answers_rightly(host: &dyn Host, algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::Aes256Gcm => cipher(host, Suite::Aes256Gcm),
        Algorithm::XChaCha20Poly1305 => cipher(host, Suite::XChaCha20Poly1305),
        Algorithm::Sha256 => sha256(host),
        Algorithm::Blake3 => blake3(host),
        Algorithm::Argon2id => argon2id(host),
    }
}

/// Whether an answer is absent or as expected.
fn agrees<T: PartialEq>(answer: Option<T>, expected: &T) -> bool {
    answer.is_none_or(|answer| answer == *expected)
}

fn cipher(host: &dyn Host, suite: Suite) -> bool {
    (1..).zip(MESSAGES_BYTES).all(|(seed, length)| {
        let key = Secret::new(array(seed));
        let nonce = bytes(seed + 100, suite.nonce_bytes());
        let aad = bytes(seed + 200, length % 40);
        let plain = bytes(seed + 300, length);
        let (mut ours, mut theirs) = (plain.clone(), plain.clone());
        let kernel = Backend::fastest_kernel();
        let Ok(tag) = aead::seal_in_place_on(kernel, suite, &key, &nonce, &aad, &mut ours) else {
            return false;
        };
        let sealed = host.seal(suite, &key, &nonce, &aad, &mut theirs);
        let expected = if sealed.is_some() { &ours } else { &plain };
        agrees(sealed, &tag)
            && theirs == *expected
            && opens(host, suite, &key, &nonce, &aad, (&ours, &tag), &plain)
            && refuses(host, suite, &key, &nonce, &aad, (&ours, &tag))
    })
}

fn opens(
    host: &dyn Host,
    suite: Suite,
    key: &Secret<32>,
    nonce: &[u8],
    aad: &[u8],
    (sealed, tag): (&[u8], &[u8; TAG_BYTES]),
    plain: &[u8],
) -> bool {
    let mut buf = sealed.to_vec();
    match host.open(suite, key, nonce, aad, &mut buf, tag) {
        Some(true) => buf == plain,
        Some(false) => false,
        None => buf == sealed,
    }
}

/// Whether one changed bit of the tag, the message or the associated data is found, and the message left alone.
fn refuses(
    host: &dyn Host,
    suite: Suite,
    key: &Secret<32>,
    nonce: &[u8],
    aad: &[u8],
    (sealed, tag): (&[u8], &[u8; TAG_BYTES]),
) -> bool {
    let refused = |sealed: &[u8], aad: &[u8], tag: &[u8; TAG_BYTES]| {
        let mut buf = sealed.to_vec();
        host.open(suite, key, nonce, aad, &mut buf, tag) != Some(true) && buf == sealed
    };
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.last_mut().map(|last| *last ^= 0x10).map(|()| bytes)
    };
    let mut other_tag = *tag;
    other_tag[0] ^= 1;
    refused(sealed, aad, &other_tag)
        && flipped(sealed).is_none_or(|other| refused(&other, aad, tag))
        && flipped(aad).is_none_or(|other| refused(sealed, &other, tag))
}

fn sha256(host: &dyn Host) -> bool {
    (1..).zip(DATA_BYTES).all(|(seed, length)| {
        let data = bytes(seed, length);
        let (head, tail) = data.split_at(length / 3);
        let ours = crate::sha256::digest_on(Backend::fastest_kernel(), &data);
        agrees(host.sha256(&[&data]), &ours) && agrees(host.sha256(&[head, b"", tail]), &ours)
    })
}

fn blake3(host: &dyn Host) -> bool {
    use crate::hash::{hash_on, keyed_on};
    (1..).zip(DATA_BYTES).all(|(seed, length)| {
        let (data, key) = (bytes(seed, length), array(seed + 100));
        let (head, tail) = data.split_at(length / 3);
        [None, Some(&key)].into_iter().all(|key| {
            let kernel = Backend::fastest_kernel();
            let ours = key.map_or_else(|| hash_on(kernel, &data), |key| keyed_on(kernel, key, &data));
            agrees(host.blake3(key, &[&data]), &ours) && agrees(host.blake3(key, &[head, b"", tail]), &ours)
        })
    })
}

fn argon2id(host: &dyn Host) -> bool {
    [(8, 0, 32), (70, 9, 100)].into_iter().all(|(password, secret, length)| {
        let [password, salt, secret, data] =
            [(1, password), (2, 20), (3, secret), (4, secret)].map(|(seed, length)| bytes(seed, length));
        let inputs = Inputs { password: &password, salt: &salt, secret: &secret, data: &data };
        let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
        let derived = argon2id::derive_here(&inputs, &PARAMS, &mut ours);
        // What can't be compared, for want of memory, isn't used.
        derived.is_ok() && (host.argon2id(&inputs, &PARAMS, &mut theirs).is_none() || ours == theirs)
    })
}
