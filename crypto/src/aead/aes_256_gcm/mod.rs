//! AES-256-GCM (NIST SP 800-38D, sections 7.1 and 7.2, with a nonce of 96 bits). Lengths were checked above.

mod aes;
mod ghash;
mod kernel;
mod rows;
#[cfg(test)]
mod tests;

use super::{KEY_BYTES, TAG_BYTES, rustcrypto};
use crate::backend::{Backend, on_lanes};
use crate::{Error, secret::Secret};
use aes_gcm::Aes256Gcm;

pub(super) const NONCE_BYTES: usize = 12;

pub(super) fn seal(
    backend: Backend,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    match backend {
        Backend::RustCrypto => rustcrypto::seal::<Aes256Gcm>(key, nonce.into(), aad, buf),
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
        Backend::RustCrypto => rustcrypto::open::<Aes256Gcm>(key, nonce.into(), aad, buf, tag),
        lanes => on_lanes!(lanes, V => kernel::open::<V>(key, nonce, aad, buf, tag)),
    }
}

/// XORs the keystream of AES-256-CTR into `buf`, from the block `counter` on, whose last 32 bits count and wrap.
#[cfg(feature = "kernels")]
pub(crate) fn ctr(backend: Backend, key: &Secret<KEY_BYTES>, counter: &[u8; 16], buf: &mut [u8]) {
    match backend {
        // The crates `aes` and `ctr`.
        Backend::RustCrypto => {
            use ctr::cipher::{KeyIvInit as _, StreamCipher as _};
            ctr::Ctr32BE::<::aes::Aes256>::new(key.expose().into(), counter.into()).apply_keystream(buf);
        }
        lanes => on_lanes!(lanes, V => kernel::ctr::<V>(key, counter, buf)),
    }
}
