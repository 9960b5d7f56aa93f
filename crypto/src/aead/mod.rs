//! Authenticated encryption with associated data, raw: the caller brings key and nonce.
//!
//! Blocks of the vault never use this directly but [`crate::committing`], which derives key and nonce. A
//! nonce must not repeat under a key: with AES-256-GCM a repetition gives the authentication key away.
//!
//! Messages are processed in place, the tag stands apart. Opening authenticates the whole ciphertext before
//! it decrypts the first byte, and a buffer whose opening failed holds zeros only.

mod aes_256_gcm;
mod rustcrypto;
mod xchacha20_poly1305;

#[cfg(feature = "kernels")]
pub(crate) use aes_256_gcm::ctr as aes_256_ctr;

use crate::accel;
use crate::backend::Backend;
use crate::{Error, secret::Secret};
use dagvault_core::wipe::wipe;

/// Length of a key, in bytes, of both suites.
pub const KEY_BYTES: usize = 32;

/// Length of a tag, in bytes, of both suites.
pub const TAG_BYTES: usize = 16;

/// Length of the longest nonce of any suite, in bytes.
pub const NONCE_BYTES_MAX: usize = 24;

/// Longest message, and longest associated data, of both suites, in bytes: the limit of GCM's 32-bit counter,
/// 2^39 - 256 bits (NIST SP 800-38D, section 5.2.1.1). That of ChaCha20 is four times as far.
pub const INPUT_BYTES_MAX: u64 = (1 << 36) - 32;

/// Which cipher; the number is what stored data and derivations hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Suite {
    /// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 over RFC 8439): nonce of 24 bytes, constant-time in
    /// plain software, hence the default.
    XChaCha20Poly1305 = 1,
    /// AES-256-GCM (NIST SP 800-38D): nonce of 12 bytes, fast where the CPU has AES instructions; bit-sliced,
    /// without tables, where it has not.
    Aes256Gcm = 2,
}

impl Suite {
    /// Every suite, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::XChaCha20Poly1305, Self::Aes256Gcm];

    /// Returns the length of the suite's nonce in bytes, 24 or 12.
    #[must_use]
    pub const fn nonce_bytes(self) -> usize {
        match self {
            Self::XChaCha20Poly1305 => xchacha20_poly1305::NONCE_BYTES,
            Self::Aes256Gcm => aes_256_gcm::NONCE_BYTES,
        }
    }

    /// Returns the suite's stable number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl TryFrom<u8> for Suite {
    type Error = Error;

    fn try_from(number: u8) -> Result<Self, Error> {
        match number {
            1 => Ok(Self::XChaCha20Poly1305),
            2 => Ok(Self::Aes256Gcm),
            _ => Err(Error::UnknownSuite),
        }
    }
}

/// Encrypts `buf` in place under `key` and a `nonce` of [`Suite::nonce_bytes`], and returns the tag over the
/// ciphertext and the associated data `aad`.
///
/// # Errors
/// [`Error::NonceLength`]; [`Error::InputLength`] above [`INPUT_BYTES_MAX`]. `buf` then is unchanged.
///
/// # Example
/// ```
/// use dagvault_crypto::{aead::{self, Suite}, secret::Secret};
/// let (key, nonce) = (Secret::new([1; 32]), [2; 24]);
/// let mut buf = *b"plaintext";
/// let tag = aead::seal_in_place(Suite::XChaCha20Poly1305, &key, &nonce, b"header", &mut buf)?;
/// aead::open_in_place(Suite::XChaCha20Poly1305, &key, &nonce, b"header", &mut buf, &tag)?;
/// assert_eq!(&buf, b"plaintext");
/// # Ok::<(), dagvault_crypto::Error>(())
/// ```
pub fn seal_in_place(
    suite: Suite,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    seal_in_place_on(Backend::chosen(), suite, key, nonce, aad, buf)
}

/// As [`seal_in_place`], by a given backend.
///
/// # Errors
/// As [`seal_in_place`].
pub fn seal_in_place_on(
    backend: Backend,
    suite: Suite,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<[u8; TAG_BYTES], Error> {
    check_lengths(aad, buf)?;
    if backend == Backend::Host
        && let Some(tag) = accel::seal(suite, key, nonce, aad, buf)
    {
        return Ok(tag);
    }
    match suite {
        Suite::XChaCha20Poly1305 => xchacha20_poly1305::seal(backend, key, sized(nonce)?, aad, buf),
        Suite::Aes256Gcm => aes_256_gcm::seal(backend, key, sized(nonce)?, aad, buf),
    }
}

/// Authenticates `buf`, `aad` and `tag`, then decrypts `buf` in place.
///
/// # Errors
/// [`Error::Authentication`] when anything was altered; [`Error::NonceLength`]; [`Error::InputLength`] above
/// [`INPUT_BYTES_MAX`]. After any error `buf` is all zero.
pub fn open_in_place(
    suite: Suite,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    open_in_place_on(Backend::chosen(), suite, key, nonce, aad, buf, tag)
}

/// As [`open_in_place`], by a given backend.
///
/// # Errors
/// As [`open_in_place`].
pub fn open_in_place_on(
    backend: Backend,
    suite: Suite,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    if backend == Backend::Host
        && let Some(opened) = accel::open(suite, key, nonce, aad, buf, tag)
    {
        return opened;
    }
    let opened = check_lengths(aad, buf).and_then(|()| match suite {
        Suite::XChaCha20Poly1305 => xchacha20_poly1305::open(backend, key, sized(nonce)?, aad, buf, tag),
        Suite::Aes256Gcm => aes_256_gcm::open(backend, key, sized(nonce)?, aad, buf, tag),
    });
    if opened.is_err() {
        wipe(buf);
    }
    opened
}

fn sized<const N: usize>(nonce: &[u8]) -> Result<&[u8; N], Error> {
    nonce.try_into().map_err(|_| Error::NonceLength)
}

const fn check_lengths(aad: &[u8], buf: &[u8]) -> Result<(), Error> {
    if is_too_long(aad.len() as u64) || is_too_long(buf.len() as u64) {
        return Err(Error::InputLength);
    }
    Ok(())
}

const fn is_too_long(bytes: u64) -> bool {
    bytes > INPUT_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};

    const LENGTHS: [usize; 10] = [0, 1, 15, 16, 17, 63, 64, 65, 4096, 255 * 1024];

    fn key() -> Secret<32> {
        Secret::new([0x42; 32])
    }

    #[test]
    fn suites_have_stable_numbers() {
        for suite in Suite::ALL {
            assert_eq!(Suite::try_from(suite.number()), Ok(suite));
            assert!(suite.nonce_bytes() <= NONCE_BYTES_MAX);
        }
        for number in [0, 3, 255] {
            assert_eq!(Suite::try_from(number), Err(Error::UnknownSuite));
        }
    }

    #[test]
    fn opens_what_it_sealed() {
        for suite in Suite::ALL {
            let nonce = vec![7; suite.nonce_bytes()];
            // Miri is slow.
            for length in LENGTHS.into_iter().filter(|&length| !cfg!(miri) || length < 100) {
                let plain: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[0]).collect();
                let mut buf = plain.clone();
                let tag = seal_in_place(suite, &key(), &nonce, b"aad", &mut buf).unwrap();
                assert!(length < 15 || buf != plain);
                assert_eq!(open_in_place(suite, &key(), &nonce, b"aad", &mut buf, &tag), Ok(()));
                assert!(buf == plain, "{suite:?} {length}");
            }
        }
    }

    #[test]
    fn failed_opening_zeroes() {
        for suite in Suite::ALL {
            let nonce = vec![7; suite.nonce_bytes()];
            let mut sealed = vec![0x55; 100];
            let tag = seal_in_place(suite, &key(), &nonce, b"aad", &mut sealed).unwrap();
            let refused = |key: &Secret<32>, nonce: &[u8], aad: &[u8], buf: &[u8], tag: &[u8; 16]| {
                let mut buf = buf.to_vec();
                let error = open_in_place(suite, key, nonce, aad, &mut buf, tag).unwrap_err();
                assert!(buf.iter().all(|&byte| byte == 0));
                error
            };
            let mut other_nonce = nonce.clone();
            other_nonce[0] ^= 1;
            let mut other_sealed = sealed.clone();
            other_sealed[99] ^= 0x80;
            let mut other_tag = tag;
            other_tag[15] ^= 1;
            let other_key = Secret::new([0x43; 32]);
            for error in [
                refused(&other_key, &nonce, b"aad", &sealed, &tag),
                refused(&key(), &other_nonce, b"aad", &sealed, &tag),
                refused(&key(), &nonce, b"aae", &sealed, &tag),
                refused(&key(), &nonce, b"aad", &other_sealed, &tag),
                refused(&key(), &nonce, b"aad", &sealed[..99], &tag),
                refused(&key(), &nonce, b"aad", &sealed, &other_tag),
            ] {
                assert_eq!(error, Error::Authentication);
            }
            assert_eq!(refused(&key(), &nonce[1..], b"aad", &sealed, &tag), Error::NonceLength);
        }
    }

    #[test]
    fn nonces_have_one_length() {
        for suite in Suite::ALL {
            for length in (0..40).filter(|&length| length != suite.nonce_bytes()) {
                let mut buf = *b"unchanged";
                let sealed = seal_in_place(suite, &key(), &vec![0; length], b"", &mut buf);
                assert_eq!((sealed, &buf), (Err(Error::NonceLength), b"unchanged"));
            }
        }
    }

    #[test]
    fn the_limit_is_exact() {
        assert!(!is_too_long(INPUT_BYTES_MAX));
        assert!(is_too_long(INPUT_BYTES_MAX + 1));
    }
}
