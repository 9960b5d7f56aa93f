//! Every kernel by name, on every backend: what benchmarks run, and what compares the backends.

pub mod differential;

use crate::aead::{self, Suite};
use crate::backend::Backend;
use crate::secret::Secret;
use core::hint::black_box;

/// One computation over a message.
pub struct Kernel {
    /// Its name; `x4` after it where the message is cut in four that are computed at once.
    pub name: &'static str,
    /// Computes once, in place where the kernel is a cipher. The set-up of keys is part of it.
    pub run: fn(Backend, &mut [u8]),
}

/// Every kernel.
pub const ALL: [Kernel; 5] = [
    Kernel { name: "aes-256-ctr", run: ctr },
    Kernel { name: "aes-256-gcm", run: |backend, buf| seal(backend, Suite::Aes256Gcm, buf) },
    Kernel { name: "aes-256-gcm-both", run: |backend, buf| both(backend, Suite::Aes256Gcm, buf) },
    Kernel { name: "xchacha20-poly1305", run: |backend, buf| seal(backend, Suite::XChaCha20Poly1305, buf) },
    Kernel {
        name: "xchacha20-poly1305-both",
        run: |backend, buf| both(backend, Suite::XChaCha20Poly1305, buf),
    },
];

const KEY: [u8; 32] = [0x42; 32];
const NONCE: [u8; aead::NONCE_BYTES_MAX] = [0x24; aead::NONCE_BYTES_MAX];

fn ctr(backend: Backend, buf: &mut [u8]) {
    // A nonce, and 0.
    let mut counter = [0; 16];
    counter[..12].copy_from_slice(&NONCE[..12]);
    aead::aes_256_ctr(backend, &Secret::new(black_box(KEY)), &counter, buf);
}

fn seal(backend: Backend, suite: Suite, buf: &mut [u8]) {
    let (key, nonce) = (Secret::new(black_box(KEY)), &NONCE[..suite.nonce_bytes()]);
    let _ = black_box(aead::seal_in_place_on(backend, suite, &key, nonce, b"", buf));
}

/// Seals and opens again.
fn both(backend: Backend, suite: Suite, buf: &mut [u8]) {
    let (key, nonce) = (Secret::new(black_box(KEY)), &NONCE[..suite.nonce_bytes()]);
    let sealed = aead::seal_in_place_on(backend, suite, &key, nonce, b"", buf);
    let opened = sealed.and_then(|tag| aead::open_in_place_on(backend, suite, &key, nonce, b"", buf, &tag));
    assert!(opened.is_ok(), "what was sealed opens");
}
