//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2; RFC 8439, section 2.8). Lengths were checked above.

mod chacha20;
mod kernel;
mod poly1305;
mod rustcrypto;

use super::{KEY_BYTES, TAG_BYTES};
use crate::backend::{Backend, on_lanes};
use crate::{Error, secret::Secret};

pub(super) const NONCE_BYTES: usize = 24;

pub(super) fn seal(
    backend: Backend,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    match backend {
        Backend::RustCrypto => rustcrypto::seal(key, nonce, aad, buf),
        lanes => on_lanes!(lanes, V => Ok(kernel::seal::<V>(key, nonce, aad, buf))),
    }
}

pub(super) fn open(
    backend: Backend,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    match backend {
        Backend::RustCrypto => rustcrypto::open(key, nonce, aad, buf, tag),
        lanes => on_lanes!(lanes, V => kernel::open::<V>(key, nonce, aad, buf, tag)),
    }
}
