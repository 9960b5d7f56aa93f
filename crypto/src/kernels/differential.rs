//! Random cases: the same on every backend, so that digests of all their results can be compared.

use crate::aead::{self, Suite, TAG_BYTES};
use crate::backend::Backend;
use crate::secret::Secret;
use crate::sha256::{self, Sha256};
use crate::{hash, hkdf};
use alloc::vec::Vec;

/// Longest message of a case, in bytes.
const MESSAGE_BYTES_MAX: u64 = 20_000;
/// How often a message is repeated for a long one.
const WIDE_REPEATS: usize = 40;

/// The same in miri.
const MIRI_BYTES_MAX: u64 = 600;

/// SplitMix64 (Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    #[expect(clippy::cast_possible_truncation, reason = "below a bound that fits")]
    fn below(&mut self, bound: u64) -> usize {
        (self.next() % bound) as usize
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    /// Bytes; in one of four cases many are all ones, so that carries go far.
    fn fill(&mut self, out: &mut [u8]) {
        let ones = self.below(4) == 0;
        for byte in out {
            *byte = if ones && self.below(3) > 0 { 0xff } else { self.byte() };
        }
    }

    /// Mostly short, sometimes long, often at a border of some kernel's step.
    fn length(&mut self) -> usize {
        // Miri is slow.
        if cfg!(miri) {
            return self.below(MIRI_BYTES_MAX);
        }
        match self.below(8) {
            0..3 => self.below(300),
            3..5 => (16 << self.below(10)) + self.below(3) - 1,
            5..7 => self.below(5000),
            _ => self.below(MESSAGE_BYTES_MAX),
        }
    }
}

/// The BLAKE3 digest of the results of cases `from..from + count` of `seed` on `backend`.
#[must_use]
pub fn digest(backend: Backend, seed: u64, from: u32, count: u32) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for case in from..from + count {
        let mut random = Random(seed ^ u64::from(case).wrapping_mul(0xd6e8_feb8_6659_fd93));
        match random.below(8) {
            0 => counter_mode(backend, &mut random, &mut hasher),
            1..4 => cipher(backend, Suite::Aes256Gcm, &mut random, &mut hasher),
            4 => sha256(backend, &mut random, &mut hasher),
            5 => blake3(backend, &mut random, &mut hasher),
            _ => cipher(backend, Suite::XChaCha20Poly1305, &mut random, &mut hasher),
        }
    }
    *hasher.finalize().as_bytes()
}

/// AES-256-CTR at some alignment, from a counter that is often about to wrap.
fn counter_mode(backend: Backend, random: &mut Random, hasher: &mut blake3::Hasher) {
    let (mut key, mut counter) = ([0; 32], [0; 16]);
    random.fill(&mut key);
    random.fill(&mut counter);
    let start = random.below(16);
    let mut whole: Vec<u8> = alloc::vec![0; start + random.length() + 16];
    let end = whole.len() - 16;
    random.fill(&mut whole);
    aead::aes_256_ctr(backend, &Secret::new(key), &counter, &mut whole[start..end]);
    hasher.update(&whole);
}

/// Seals at some alignment, opens, opens what was tampered with.
fn cipher(backend: Backend, suite: Suite, random: &mut Random, hasher: &mut blake3::Hasher) {
    let mut key = [0; 32];
    random.fill(&mut key);
    let key = Secret::new(key);
    let mut nonce = [0; aead::NONCE_BYTES_MAX];
    random.fill(&mut nonce);
    let nonce = &nonce[..suite.nonce_bytes()];
    let aad_bytes = if random.below(3) == 0 { random.length() } else { random.below(40) };
    let mut aad = alloc::vec![0; aad_bytes];
    random.fill(&mut aad);
    let start = random.below(16);
    let mut whole: Vec<u8> = alloc::vec![0; start + random.length() + 16];
    let end = whole.len() - 16;
    random.fill(&mut whole);
    let plain = whole.clone();
    let sealed = aead::seal_in_place_on(backend, suite, &key, nonce, &aad, &mut whole[start..end]);
    let mut tag = sealed.unwrap_or_default();
    hasher.update(&whole).update(&tag);
    let mut opened = whole.clone();
    let answer = aead::open_in_place_on(backend, suite, &key, nonce, &aad, &mut opened[start..end], &tag);
    hasher.update(&[u8::from(answer.is_ok() && opened == plain)]);
    // One bit of the ciphertext, the associated data or the tag.
    let places = end - start + aad.len() + TAG_BYTES;
    let (place, bit) = (random.below(places as u64), 1 << random.below(8));
    match place.checked_sub(TAG_BYTES) {
        None => tag[place] ^= bit,
        Some(place) if place < aad.len() => aad[place] ^= bit,
        Some(place) => whole[start + place - aad.len()] ^= bit,
    }
    let answer = aead::open_in_place_on(backend, suite, &key, nonce, &aad, &mut whole[start..end], &tag);
    hasher.update(&[u8::from(answer.is_err())]).update(&whole);
}

fn message(random: &mut Random) -> Vec<u8> {
    let mut message = alloc::vec![0; random.length()];
    random.fill(&mut message);
    message
}

/// Takes a message in pieces of a random length.
fn in_pieces(random: &mut Random, message: &[u8], mut update: impl FnMut(&[u8])) {
    let step = 1 + random.below(message.len() as u64 + 1);
    message.chunks(step).for_each(&mut update);
}

/// Digests, four at once, codes and derived keys.
fn sha256(backend: Backend, random: &mut Random, hasher: &mut blake3::Hasher) {
    let mut messages: [Vec<u8>; 4] = core::array::from_fn(|_| message(random));
    hasher.update(&sha256::digest_on(backend, &messages[0]));
    let mut pieces = Sha256::new_on(backend);
    in_pieces(random, &messages[0], |piece| pieces.update(piece));
    hasher.update(&pieces.finalize());
    if random.below(2) == 0 {
        let length = messages[0].len();
        messages.iter_mut().for_each(|message| message.resize(length, 0x5a));
    }
    let digests = sha256::digest_x4_on(backend, messages.each_ref().map(|message| &message[..]));
    hasher.update(digests.as_flattened());
    let [key, one, two, info] = &messages;
    let key = &key[..key.len().min(random.below(150))];
    hasher.update(&sha256::hmac_on(backend, key, &[one, two]));
    let mut out = alloc::vec![0; random.below(hkdf::OUTPUT_BYTES_MAX as u64 + 1).min(random.length())];
    let derived = hkdf::derive(key, one, &[&info[..info.len() / 2], two], &mut out);
    hasher.update(&[u8::from(derived.is_ok())]).update(&out);
}

/// The three modes, in pieces as well.
fn blake3(backend: Backend, random: &mut Random, hasher: &mut blake3::Hasher) {
    let mut key = [0; hash::HASH_BYTES];
    random.fill(&mut key);
    let message = message(random);
    hasher.update(&hash::hash_on(backend, &message)).update(&hash::keyed_on(backend, &key, &message));
    let (mut plain, mut keyed) = (hash::Hasher::new_on(backend), hash::Hasher::new_keyed_on(backend, &key));
    in_pieces(random, &message, |piece| plain.update(piece));
    in_pieces(random, &message, |piece| keyed.update(piece));
    hasher.update(&plain.finalize()).update(&keyed.finalize());
    hasher.update(&hash::keyed_parts_on(backend, &key, &[&key, &message]));
    let mut out = alloc::vec![0; random.below(300)];
    hash::derive_on(backend, "dagvault 2026-11 differential v1", &[&key, &message], &mut out);
    hasher.update(&out);
    if random.below(16) == 0 {
        let long = message.repeat(WIDE_REPEATS);
        hasher.update(&hash::hash_wide_on(backend, &long));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_gives_the_bytes_of_the_crates() {
        let full = std::env::var_os("DAGVAULT_FULL").is_some();
        let (count, step) = match () {
            () if cfg!(miri) => (4, 2),
            () if full => (100_000, 500),
            () => (4000, 500),
        };
        for from in (0..count).step_by(step) {
            let step = u32::try_from(step).unwrap();
            let wanted = digest(Backend::RustCrypto, 1, from, step);
            for backend in Backend::all() {
                if digest(backend, 1, from, step) != wanted {
                    let differs =
                        |case: &u32| digest(backend, 1, *case, 1) != digest(Backend::RustCrypto, 1, *case, 1);
                    let case = (from..from + step).find(differs);
                    panic!("{} differs at case {case:?}", backend.name());
                }
            }
        }
    }
}
