//! AES-256-GCM (NIST SP 800-38D, sections 7.1 and 7.2, with a nonce of 96 bits). Lengths were checked above.

mod rustcrypto;

use super::{KEY_BYTES, TAG_BYTES};
use crate::backend::Backend;
use crate::{Error, secret::Secret};

pub(super) const NONCE_BYTES: usize = 12;

pub(super) fn seal(
    backend: Backend,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    let _ = backend;
    rustcrypto::seal(key, nonce, aad, buf)
}

pub(super) fn open(
    backend: Backend,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    let _ = backend;
    rustcrypto::open(key, nonce, aad, buf, tag)
}
