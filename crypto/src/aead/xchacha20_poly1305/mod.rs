//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, section 2; RFC 8439, section 2.8). Lengths were checked above.

mod chacha20;
mod kernel;
mod poly1305;

use super::{KEY_BYTES, TAG_BYTES, rustcrypto};
use crate::backend::{Backend, on_lanes};
use crate::{Error, secret::Secret};
use chacha20poly1305::XChaCha20Poly1305;

pub(super) const NONCE_BYTES: usize = 24;

pub(super) fn seal(
    backend: Backend,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    match backend {
        Backend::RustCrypto => rustcrypto::seal::<XChaCha20Poly1305>(key, nonce.into(), aad, buf),
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
        Backend::RustCrypto => rustcrypto::open::<XChaCha20Poly1305>(key, nonce.into(), aad, buf, tag),
        lanes => on_lanes!(lanes, V => kernel::open::<V>(key, nonce, aad, buf, tag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_on_every_backend() {
        let key = Secret::new([0x42; KEY_BYTES]);
        let nonce = core::array::from_fn(|at| at.to_le_bytes()[0]);
        let plain: std::vec::Vec<u8> =
            (0..70_000_usize).map(|at| (at * 7 + (at >> 8)).to_le_bytes()[0]).collect();
        for length in (0..=1100).chain([4095, 4096, 4097, 65_535, 65_536, 65_537]) {
            let aad = &plain[..length % 37 * (length % 5)];
            let mut wanted = plain[..length].to_vec();
            let tag = seal(Backend::RustCrypto, &key, &nonce, aad, &mut wanted).unwrap();
            for backend in Backend::all() {
                let mut buf = plain[..length].to_vec();
                assert_eq!(
                    seal(backend, &key, &nonce, aad, &mut buf),
                    Ok(tag),
                    "{} {length}",
                    backend.name()
                );
                assert!(buf == wanted, "{} {length}", backend.name());
                assert_eq!(open(backend, &key, &nonce, aad, &mut buf, &tag), Ok(()));
                assert!(buf == plain[..length], "{} {length}", backend.name());
                let mut forged = tag;
                forged[length % 16] ^= 1 << (length % 8);
                assert_eq!(open(backend, &key, &nonce, aad, &mut buf, &forged), Err(Error::Authentication));
            }
        }
    }
}
