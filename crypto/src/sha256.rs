//! SHA-256 ([FIPS 180-4](https://doi.org/10.6028/NIST.FIPS.180-4)) and HMAC-SHA-256
//! ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)).
//!
//! For what others prescribe: the audit log (RFC 6962) and HKDF. Our own names and keys use [`crate::hash`].
//! Backend: `sha2`, which takes SHA-NI or the ARMv8 extension when the CPU has them.

use crate::accel;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Digest;

/// Length of a digest, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// Returns the 32-byte SHA-256 digest of `data` (FIPS 180-4, section 6.2).
///
/// # Example
/// ```
/// assert_eq!(dagvault_crypto::sha256::digest(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
#[must_use]
pub fn digest(data: &[u8]) -> [u8; DIGEST_BYTES] {
    accel::sha256(&[data]).unwrap_or_else(|| sha2::Sha256::digest(data).into())
}

/// SHA-256 of a message that arrives in pieces; its state is erased on drop.
#[derive(Clone, Default)]
pub struct Sha256(sha2::Sha256);

impl Sha256 {
    /// Starts with the empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `data` to the message.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// Returns the 32-byte digest of all that was appended.
    #[must_use]
    pub fn finalize(self) -> [u8; DIGEST_BYTES] {
        self.0.finalize().into()
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
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<sha2::Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_give_the_whole() {
        let data: [u8; 200] = core::array::from_fn(|i| i.to_le_bytes()[0]);
        for cut in [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 200] {
            let mut hasher = Sha256::new();
            hasher.update(&data[..cut]);
            hasher.update(&data[cut..]);
            assert_eq!(hasher.finalize(), digest(&data), "cut at {cut}");
            assert_eq!(hmac(b"key", &[&data[..cut], &data[cut..]]), hmac(b"key", &[&data]));
        }
    }
}
