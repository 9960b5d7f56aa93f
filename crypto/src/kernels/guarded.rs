//! What else handles secrets, for the checkers of constant time beside the kernels: derivations, signatures,
//! comparisons, wiping, and the openings that end in a refusal.
//!
//! Argon2id is left out: its memory accesses depend on the password by design (RFC 9106, section 3.4.1.3).

use super::{Kernel, key, nonce};
use crate::aead::{self, Suite};
use crate::backend::{Backend, choose};
use crate::secret::{SecretVec, ct_eq};
use crate::{committing, hash, hkdf, sha256, sign};
use core::hint::black_box;

/// All of them.
pub const GUARDED: [Kernel; 12] = [
    Kernel { name: "secret::ct_eq", run: |_, buf| compare(buf) },
    Kernel { name: "wipe::wipe_vec", run: |_, buf| drop(SecretVec::from_slice(buf)) },
    Kernel { name: "refused-aes-256-gcm", run: |backend, buf| refused(backend, Suite::Aes256Gcm, buf) },
    Kernel {
        name: "refused-xchacha20-poly1305",
        run: |backend, buf| refused(backend, Suite::XChaCha20Poly1305, buf),
    },
    Kernel { name: "committing-aes-256-gcm", run: |backend, buf| envelope(backend, Suite::Aes256Gcm, buf) },
    Kernel {
        name: "committing-xchacha20-poly1305",
        run: |backend, buf| envelope(backend, Suite::XChaCha20Poly1305, buf),
    },
    Kernel { name: "sha256::digest", run: |backend, buf| with(backend, || sha256::digest(buf)) },
    Kernel {
        name: "sha256::hmac",
        run: |backend, buf| with(backend, || sha256::hmac(key().expose(), &[buf])),
    },
    Kernel { name: "hkdf::derive", run: |backend, buf| with(backend, || derived(buf)) },
    Kernel { name: "hash::keyed", run: |backend, buf| with(backend, || hash::keyed(key().expose(), buf)) },
    Kernel {
        name: "hash::derive",
        run: |backend, buf| {
            let mut out = [0; 88];
            with(backend, || {
                hash::derive("dagvault 2026-11 constant time", &[key().expose(), buf], &mut out)
            });
        },
    },
    Kernel {
        name: "sign::SigningKey",
        run: |backend, buf| {
            with(backend, || {
                let key = sign::SigningKey::from_seed(&key());
                (key.sign(buf), key.verifying_key())
            });
        },
    },
];

/// For functions that take the chosen backend.
fn with<R>(backend: Backend, body: impl FnOnce() -> R) {
    choose(backend);
    black_box(body());
}

fn compare(buf: &[u8]) {
    let (a, b) = buf.split_at(buf.len() / 2);
    black_box((ct_eq(a, b), ct_eq(a, a), key() == key()));
}

/// Tags that are wrong in the first, in the last, or in every byte.
fn refused(backend: Backend, suite: Suite, buf: &mut [u8]) {
    let (key, nonce) = (key(), nonce());
    let nonce = &nonce[..suite.nonce_bytes()];
    let Ok(tag) = aead::seal_in_place_on(backend, suite, &key, nonce, buf, &mut []) else { return };
    for places in [0..1, 15..16, 0..16] {
        let mut wrong = tag;
        wrong[places].iter_mut().for_each(|byte| *byte ^= 1);
        let answer = aead::open_in_place_on(backend, suite, &key, nonce, b"", buf, &wrong);
        assert!(answer.is_err(), "a wrong tag is refused");
    }
}

fn envelope(backend: Backend, suite: Suite, buf: &mut [u8]) {
    choose(backend);
    let (key, salt) = (key(), [7; committing::SALT_BYTES]);
    let opened = committing::seal(suite, &key, &salt, b"", buf)
        .and_then(|sealed| committing::open(suite, &key, &salt, &sealed.commitment, b"", buf, &sealed.tag));
    assert!(opened.is_ok(), "what was sealed opens");
}

fn derived(ikm: &[u8]) -> [u8; 88] {
    let mut out = [0; 88];
    let _ = hkdf::derive(key().expose(), ikm, &[b"constant time"], &mut out);
    out
}
