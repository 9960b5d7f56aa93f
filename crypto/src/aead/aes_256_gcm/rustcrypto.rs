//! The crate `aes-gcm`.

use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::{Error, secrecy::declassify, secret::Secret};
use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};

pub(super) fn seal(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    Aes256Gcm::new(key.expose().into())
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
    let cipher = Aes256Gcm::new(key.expose().into());
    let opened = cipher.decrypt_inout_detached(nonce.into(), aad, buf.into(), tag.into());
    if declassify(opened.is_ok()) { Ok(()) } else { Err(Error::Authentication) }
}

/// The crates `aes` and `ctr`.
#[cfg(feature = "kernels")]
pub(super) fn ctr(key: &Secret<KEY_BYTES>, counter: &[u8; 16], buf: &mut [u8]) {
    use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
    ctr::Ctr32BE::<aes::Aes256>::new(key.expose().into(), counter.into()).apply_keystream(buf);
}
