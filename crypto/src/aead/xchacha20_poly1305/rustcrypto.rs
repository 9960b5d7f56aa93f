//! The crate `chacha20poly1305`.

use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::{Error, secrecy::declassify, secret::Secret};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, aead::AeadInOut};

pub(super) fn seal(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    XChaCha20Poly1305::new(key.expose().into())
        .encrypt_inout_detached(nonce.into(), aad, buf.into())
        .map(Into::into)
        .map_err(|_| Error::InputLength)
}

// A function of its own: its branch by whether the tag was right is known to the checkers by this name.
#[inline(never)]
pub(super) fn open(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let opened = cipher.decrypt_inout_detached(nonce.into(), aad, buf.into(), tag.into());
    if declassify(opened.is_ok()) { Ok(()) } else { Err(Error::Authentication) }
}
