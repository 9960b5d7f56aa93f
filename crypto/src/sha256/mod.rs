//! SHA-256 ([FIPS 180-4](https://doi.org/10.6028/NIST.FIPS.180-4)) and HMAC-SHA-256
//! ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)).
//!
//! For what others prescribe: the audit log (RFC 6962) and HKDF. Our own names and keys use [`crate::hash`].
//! Backends: `sha2`, which takes SHA-NI or the ARMv8 extension when the CPU has them; and our own, which hashes four
//! messages at once in vectors.

mod constants;
mod four;
mod kernel;
mod one;
mod rustcrypto;

use crate::accel;
use crate::backend::Backend;
use sha2::Digest as _;

/// Length of a digest, in bytes.
pub const DIGEST_BYTES: usize = 32;

const BLOCK_BYTES: usize = 64;
type Block = [u8; BLOCK_BYTES];
/// The words that go from block to block.
type State = [u32; 8];

/// Returns the 32-byte SHA-256 digest of `data` (FIPS 180-4, section 6.2).
///
/// # Example
/// ```
/// assert_eq!(dagvault_crypto::sha256::digest(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
#[must_use]
pub fn digest(data: &[u8]) -> [u8; DIGEST_BYTES] {
    digest_on(Backend::chosen(), data)
}

/// As [`digest`], by a given backend.
#[must_use]
pub fn digest_on(backend: Backend, data: &[u8]) -> [u8; DIGEST_BYTES] {
    if backend == Backend::Host
        && let Some(digest) = accel::sha256(&[data])
    {
        return digest;
    }
    match backend {
        Backend::RustCrypto => sha2::Sha256::digest(data).into(),
        own => kernel::digest(own, data),
    }
}

/// Returns the digests of four messages, as [`digest`] does of each: in about half the time by our own backends if
/// the lengths are equal or close.
///
/// # Example
/// ```
/// use dagvault_crypto::sha256::{digest, digest_x4};
/// assert_eq!(digest_x4([b"a", b"b", b"c", b"d"]), [b"a", b"b", b"c", b"d"].map(|message| digest(message)));
/// ```
#[must_use]
pub fn digest_x4(messages: [&[u8]; 4]) -> [[u8; DIGEST_BYTES]; 4] {
    digest_x4_on(Backend::chosen(), messages)
}

/// As [`digest_x4`], by a given backend.
#[must_use]
pub fn digest_x4_on(backend: Backend, messages: [&[u8]; 4]) -> [[u8; DIGEST_BYTES]; 4] {
    match backend {
        Backend::RustCrypto => messages.map(|message| digest_on(backend, message)),
        own => kernel::digest_x4(own, messages),
    }
}

#[derive(Clone)]
enum Hasher {
    RustCrypto(sha2::Sha256),
    Own(kernel::Hasher),
}

/// SHA-256 of a message that arrives in pieces; its state is erased on drop.
#[derive(Clone)]
pub struct Sha256(Hasher);

impl Sha256 {
    /// Starts with the empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::new_on(Backend::chosen())
    }

    /// As [`Sha256::new`], by a given backend.
    #[must_use]
    pub fn new_on(backend: Backend) -> Self {
        Self(match backend {
            Backend::RustCrypto => Hasher::RustCrypto(sha2::Sha256::new()),
            own => Hasher::Own(kernel::Hasher::new(own)),
        })
    }

    /// Appends `data` to the message.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.0 {
            Hasher::RustCrypto(hasher) => hasher.update(data),
            Hasher::Own(hasher) => hasher.update(data),
        }
    }

    /// Returns the 32-byte digest of all that was appended.
    #[must_use]
    pub fn finalize(self) -> [u8; DIGEST_BYTES] {
        match self.0 {
            Hasher::RustCrypto(hasher) => hasher.finalize().into(),
            Hasher::Own(mut hasher) => hasher.finalize(),
        }
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sha256(..)")
    }
}

/// Returns the 32-byte HMAC-SHA-256 of the concatenated `parts` under `key` of any length (RFC 2104).
///
/// The boundaries between parts are not authenticated: `[b"ab"]` and `[b"a", b"b"]` give the same code.
/// Compare codes by [`crate::secret::ct_eq`] only.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    hmac_on(Backend::chosen(), key, parts)
}

/// As [`hmac`], by a given backend.
#[must_use]
pub fn hmac_on(backend: Backend, key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    match backend {
        Backend::RustCrypto => rustcrypto::hmac(key, parts),
        own => kernel::hmac(own, key, parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> alloc::vec::Vec<u8> {
        (0..bytes).map(|i| (i * 7 + bytes).to_le_bytes()[0]).collect()
    }

    #[test]
    fn pieces_give_the_whole() {
        let data = message(200);
        for backend in Backend::all() {
            for cut in [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 200] {
                let mut hasher = Sha256::new_on(backend);
                hasher.update(&data[..cut]);
                hasher.update(&data[cut..]);
                assert_eq!(hasher.finalize(), digest(&data), "cut at {cut}");
                let (one, two) = data.split_at(cut);
                assert_eq!(hmac_on(backend, b"key", &[one, two]), hmac(b"key", &[&data]));
            }
        }
    }

    #[test]
    fn every_length_on_every_backend() {
        for length in 0..400 {
            let data = message(length);
            let (wanted, wanted_code) =
                (digest_on(Backend::RustCrypto, &data), hmac_on(Backend::RustCrypto, &data, &[&data, &data]));
            for backend in Backend::all() {
                assert_eq!(digest_on(backend, &data), wanted, "{} {length}", backend.name());
                assert_eq!(
                    hmac_on(backend, &data, &[&data, &data]),
                    wanted_code,
                    "{} {length}",
                    backend.name()
                );
            }
        }
    }

    #[test]
    fn four_at_once_are_four_one_by_one() {
        let lengths = [0, 1, 55, 56, 64, 119, 120, 128, 1000].into_iter();
        for backend in Backend::all() {
            let check = |messages: [&[u8]; 4]| {
                let wanted = messages.map(|message| digest_on(Backend::RustCrypto, message));
                assert_eq!(digest_x4_on(backend, messages), wanted, "{}", backend.name());
            };
            for length in lengths.clone() {
                let messages = [1, 2, 3, 4].map(|factor: u8| {
                    message(length)
                        .iter()
                        .map(|byte| byte.wrapping_mul(factor))
                        .collect::<alloc::vec::Vec<_>>()
                });
                check(messages.each_ref().map(|message| &message[..]));
                for other in lengths.clone() {
                    let [one, two] = [message(length), message(other)];
                    check([&one, &two, &one, &two]);
                    check([&one, &one, &two, &one]);
                }
            }
        }
    }
}
