//! Every kernel by name, on every backend: what benchmarks run, and what compares the backends.

pub mod differential;
#[cfg(feature = "constant-time")]
pub mod guarded;
#[cfg(feature = "constant-time")]
pub mod planted;

use crate::aead::{self, Suite};
use crate::backend::Backend;
use crate::secrecy::classify;
use crate::secret::Secret;
use crate::{hash, hkdf, sha256};
use core::hint::black_box;

/// One computation over a message.
pub struct Kernel {
    /// Its name; `x4` after it where the message is cut in four that are computed at once.
    pub name: &'static str,
    /// Computes once, in place where the kernel is a cipher. The set-up of keys is part of it.
    pub run: fn(Backend, &mut [u8]),
}

/// Every kernel.
pub const ALL: [Kernel; 11] = [
    Kernel { name: "aes-256-ctr", run: ctr },
    Kernel { name: "aes-256-gcm", run: |backend, buf| seal(backend, Suite::Aes256Gcm, buf) },
    Kernel { name: "aes-256-gcm-both", run: |backend, buf| both(backend, Suite::Aes256Gcm, buf) },
    Kernel { name: "xchacha20-poly1305", run: |backend, buf| seal(backend, Suite::XChaCha20Poly1305, buf) },
    Kernel {
        name: "xchacha20-poly1305-both",
        run: |backend, buf| both(backend, Suite::XChaCha20Poly1305, buf),
    },
    Kernel { name: "sha256", run: |backend, buf| done(&sha256::digest_on(backend, buf)) },
    Kernel {
        name: "sha256-x4",
        run: |backend, buf| done(sha256::digest_x4_on(backend, quarters(buf)).as_flattened()),
    },
    Kernel {
        name: "hmac-sha256",
        run: |backend, buf| done(&sha256::hmac_on(backend, key().expose(), &[buf])),
    },
    Kernel { name: "hkdf-sha256", run: |_, buf| expand(buf) },
    Kernel { name: "blake3", run: |backend, buf| done(&hash::hash_on(backend, buf)) },
    Kernel { name: "blake3-derive", run: derive },
];

/// A key of 32 bytes, secret to the checkers.
fn key() -> Secret<32> {
    let mut key = black_box([0x42; 32]);
    classify(&mut key);
    Secret::new(key)
}

/// A nonce, secret to the checkers: blocks of the vault derive theirs from secrets.
fn nonce() -> [u8; aead::NONCE_BYTES_MAX] {
    let mut nonce = black_box([0x24; aead::NONCE_BYTES_MAX]);
    classify(&mut nonce);
    nonce
}

fn ctr(backend: Backend, buf: &mut [u8]) {
    // A nonce, and 0.
    let mut counter = [0; 16];
    counter[..12].copy_from_slice(&nonce()[..12]);
    aead::aes_256_ctr(backend, &key(), &counter, buf);
}

fn seal(backend: Backend, suite: Suite, buf: &mut [u8]) {
    let (key, nonce) = (key(), nonce());
    let nonce = &nonce[..suite.nonce_bytes()];
    let _ = black_box(aead::seal_in_place_on(backend, suite, &key, nonce, b"", buf));
}

/// Seals and opens again.
fn both(backend: Backend, suite: Suite, buf: &mut [u8]) {
    let (key, nonce) = (key(), nonce());
    let nonce = &nonce[..suite.nonce_bytes()];
    let sealed = aead::seal_in_place_on(backend, suite, &key, nonce, b"", buf);
    let opened = sealed.and_then(|tag| aead::open_in_place_on(backend, suite, &key, nonce, b"", buf, &tag));
    assert!(opened.is_ok(), "what was sealed opens");
}

/// Keeps a digest from being optimised away.
fn done(digest: &[u8]) {
    black_box(digest);
}

/// Four messages of equal lengths; up to three bytes are left over.
fn quarters(buf: &[u8]) -> [&[u8]; 4] {
    let quarter = buf.len() / 4;
    core::array::from_fn(|number| &buf[number * quarter..][..quarter])
}

/// Fills the buffer from a key, as much at once as HKDF can; the same on every backend.
fn expand(buf: &mut [u8]) {
    for part in buf.chunks_mut(hkdf::OUTPUT_BYTES_MAX) {
        let derived = hkdf::derive(b"salt", key().expose(), &[b"info"], part);
        assert!(derived.is_ok(), "the output is short enough");
    }
}

const CONTEXT: hash::Context = hash::Context::new("dagvault 2026-11 benchmark of derivations v1");

/// Derives a key of 64 bytes from the buffer.
fn derive(backend: Backend, buf: &mut [u8]) {
    let mut out = [0; 64];
    hash::derive_for_on(backend, &CONTEXT, &[buf], &mut out);
    done(&out);
}
