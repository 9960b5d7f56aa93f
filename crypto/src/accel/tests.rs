//! Hosts that are right, wrong in one thing, or unwilling.

use super::check::answers_rightly;
use super::*;
use crate::backend::Backend;
use crate::{aead, argon2id, hash, sha256};

/// What a host does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Declines,
    Tag,
    Ciphertext,
    Plaintext,
    TakesForgeries,
    RefusesAll,
    KeepsForgeries,
    Digest,
    DigestOfOnePart,
    DerivedKey,
}

struct Fake(Algorithm, Wrong);

impl Fake {
    fn is(&self, algorithm: Algorithm, wrong: Wrong) -> bool {
        self.0 == algorithm && self.1 == wrong
    }
}

impl Host for Fake {
    fn seal(
        &self,
        suite: Suite,
        key: &Secret<32>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
    ) -> Option<[u8; 16]> {
        if self.1 == Wrong::Declines {
            return None;
        }
        let mut tag = aead::seal_in_place_on(Backend::RustCrypto, suite, key, nonce, aad, buf).unwrap();
        let algorithm = Algorithm::of(suite);
        tag[15] ^= u8::from(self.is(algorithm, Wrong::Tag));
        if let Some(last) = buf.last_mut() {
            *last ^= u8::from(self.is(algorithm, Wrong::Ciphertext));
        }
        Some(tag)
    }

    fn open(
        &self,
        suite: Suite,
        key: &Secret<32>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; 16],
    ) -> Option<bool> {
        let algorithm = Algorithm::of(suite);
        if self.1 == Wrong::Declines {
            return None;
        }
        if self.is(algorithm, Wrong::RefusesAll) {
            return Some(false);
        }
        let sealed = buf.to_vec();
        let opened = aead::open_in_place_on(Backend::RustCrypto, suite, key, nonce, aad, buf, tag).is_ok();
        if !opened && !self.is(algorithm, Wrong::KeepsForgeries) {
            buf.copy_from_slice(&sealed);
        }
        if let Some(first) = buf.first_mut() {
            *first ^= u8::from(opened && self.is(algorithm, Wrong::Plaintext));
        }
        Some(opened || self.is(algorithm, Wrong::TakesForgeries))
    }

    fn sha256(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let one = self.is(Algorithm::Sha256, Wrong::DigestOfOnePart);
        let mut hasher = sha256::Sha256::new();
        parts.iter().take(if one { 1 } else { parts.len() }).for_each(|part| hasher.update(part));
        let mut digest = hasher.finalize();
        digest[31] ^= u8::from(self.is(Algorithm::Sha256, Wrong::Digest));
        (self.1 != Wrong::Declines).then_some(digest)
    }

    fn blake3(&self, key: Option<&[u8; 32]>, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let one = self.is(Algorithm::Blake3, Wrong::DigestOfOnePart);
        let mut hasher = key.map_or_else(hash::Hasher::new, hash::Hasher::new_keyed);
        parts.iter().take(if one { 1 } else { parts.len() }).for_each(|part| hasher.update(part));
        let mut digest = hasher.finalize();
        digest[0] ^= u8::from(key.is_some() && self.is(Algorithm::Blake3, Wrong::Digest));
        (self.1 != Wrong::Declines).then_some(digest)
    }

    fn argon2id(&self, inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Option<()> {
        if self.1 == Wrong::Declines {
            return None;
        }
        argon2id::derive_here(inputs, params, out).unwrap();
        out[0] ^= u8::from(self.is(Algorithm::Argon2id, Wrong::DerivedKey));
        Some(())
    }
}

#[test]
fn right_and_unwilling_hosts_pass() {
    for algorithm in Algorithm::ALL {
        assert!(answers_rightly(&Fake(algorithm, Wrong::Nothing), algorithm), "{algorithm:?}");
        assert!(answers_rightly(&Fake(algorithm, Wrong::Declines), algorithm), "{algorithm:?}");
    }
}

#[test]
fn a_wrong_host_is_found_in_what_it_does_wrong_only() {
    use Wrong::{
        Ciphertext, DerivedKey, Digest, DigestOfOnePart, KeepsForgeries, Plaintext, RefusesAll, Tag,
        TakesForgeries,
    };
    let cipher = [Tag, Ciphertext, Plaintext, TakesForgeries, RefusesAll, KeepsForgeries];
    for algorithm in Algorithm::ALL {
        let wrongs: &[Wrong] = match algorithm {
            Algorithm::Aes256Gcm | Algorithm::XChaCha20Poly1305 => &cipher,
            Algorithm::Sha256 | Algorithm::Blake3 => &[Digest, DigestOfOnePart],
            Algorithm::Argon2id => &[DerivedKey],
        };
        for (number, wrong) in wrongs.iter().enumerate() {
            for asked in Algorithm::ALL {
                let right = answers_rightly(&Fake(algorithm, *wrong), asked);
                assert_eq!(right, asked != algorithm, "{algorithm:?} {number} {asked:?}");
            }
        }
    }
}

#[test]
fn bits_are_distinct_and_those_of_the_abi() {
    let all = Algorithm::ALL.iter().fold(0, |bits, one| {
        assert_eq!((bits & one.bit(), one.bit().count_ones()), (0, 1));
        bits | one.bit()
    });
    assert_eq!((all, all & ACCEL_EVERY_LENGTH), (ACCEL_ALGORITHMS, 0));
    // Nobody has offered anything to this process.
    assert_eq!(used().count(), 0);
}
