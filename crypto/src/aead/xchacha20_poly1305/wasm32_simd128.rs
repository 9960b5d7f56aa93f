//! Our kernel over WebAssembly's vectors.

use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES, kernel};
use crate::lanes::Simd128;
use crate::{Error, secret::Secret};

#[expect(clippy::unnecessary_wraps, reason = "the signature of every backend")]
pub(in super::super) fn seal(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    Ok(kernel::seal::<Simd128>(key, nonce, aad, buf))
}

pub(in super::super) fn open(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    kernel::open::<Simd128>(key, nonce, aad, buf, tag)
}
