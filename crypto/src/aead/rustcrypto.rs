//! The crates of RustCrypto, behind their one trait.

use super::{KEY_BYTES, TAG_BYTES};
use crate::{Error, secrecy::declassify, secret::Secret};
use aes_gcm::aead::array::typenum::{U16, U32};
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};

pub(super) fn seal<C: AeadInOut<TagSize = U16> + KeyInit<KeySize = U32>>(
    key: &Secret<KEY_BYTES>,
    nonce: &Nonce<C>,
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    C::new(key.expose().into())
        .encrypt_inout_detached(nonce, aad, buf.into())
        .map(Into::into)
        .map_err(|_| Error::InputLength)
}

// A function of its own: its branch by whether the tag was right is known to the checkers by this name.
#[inline(never)]
pub(super) fn open<C: AeadInOut<TagSize = U16> + KeyInit<KeySize = U32>>(
    key: &Secret<KEY_BYTES>,
    nonce: &Nonce<C>,
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    let cipher = C::new(key.expose().into());
    let opened = cipher.decrypt_inout_detached(nonce, aad, buf.into(), tag.into());
    if declassify(opened.is_ok()) { Ok(()) } else { Err(Error::Authentication) }
}
