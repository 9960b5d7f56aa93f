//! AES-256-GCM (NIST SP 800-38D, sections 7.1 and 7.2, with a nonce of 96 bits). Lengths were checked above.

mod aes;
mod ghash;
mod kernel;
mod rows;
mod rustcrypto;
#[cfg(test)]
mod tests;

use super::{KEY_BYTES, TAG_BYTES};
use crate::backend::{Backend, on_lanes};
use crate::{Error, secret::Secret};

pub(super) const NONCE_BYTES: usize = 12;

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

/// XORs the keystream of AES-256-CTR into `buf`, from the block `counter` on, whose last 32 bits count and wrap.
#[cfg(feature = "kernels")]
pub(crate) fn ctr(backend: Backend, key: &Secret<KEY_BYTES>, counter: &[u8; 16], buf: &mut [u8]) {
    match backend {
        Backend::RustCrypto => rustcrypto::ctr(key, counter, buf),
        lanes => on_lanes!(lanes, V => kernel::ctr::<V>(key, counter, buf)),
    }
}
