//! Ed25519 signatures ([RFC 8032](https://www.rfc-editor.org/rfc/rfc8032), section 5.1).
//!
//! Signing is deterministic and in constant time. Verifying is strict: besides the equation without cofactor
//! it refuses public keys and nonce points of small order, a scalar that is not reduced, and points whose
//! encoding is not canonical. So a signature binds to one key and one message, and nobody makes a second
//! valid signature out of a first (compare Chalkias, Garillot, Nikolaenko, *Taming the many EdDSAs*, SSR
//! 2020).
//!
//! Backend: `ed25519-dalek`.

use crate::{Error, secret::Secret};
use ed25519_dalek::Signer;

/// Length of a seed and of a public key, in bytes.
pub const KEY_BYTES: usize = 32;

/// Length of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// The private half of an Ed25519 key pair; erased on drop.
///
/// # Example
/// ```
/// use dagvault_crypto::{secret::Secret, sign};
/// let key = sign::SigningKey::from_seed(&Secret::new([7; 32]));
/// assert!(sign::verify(&key.verifying_key(), b"commit", &key.sign(b"commit")).is_ok());
/// assert!(sign::verify(&key.verifying_key(), b"other", &key.sign(b"commit")).is_err());
/// ```
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Expands a seed of 32 uniformly random bytes (the private key of RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &Secret<KEY_BYTES>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed.expose()))
    }

    /// Returns the 64-byte signature of `message` (RFC 8032, section 5.1.6).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }

    /// Returns the 32-byte public key.
    #[must_use]
    pub fn verifying_key(&self) -> [u8; KEY_BYTES] {
        self.0.verifying_key().to_bytes()
    }
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// Verifies a signature of `message` under a public key, strictly (see the module).
///
/// # Errors
/// [`Error::Authentication`] when the key or the signature is malformed or weak, or does not fit the message.
pub fn verify(
    public: &[u8; KEY_BYTES],
    message: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
) -> Result<(), Error> {
    if !is_reduced(public) {
        return Err(Error::Authentication);
    }
    ed25519_dalek::VerifyingKey::from_bytes(public)
        .and_then(|key| key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)))
        .map_err(|_| Error::Authentication)
}

/// Whether the y coordinate of an encoded point, its lower 255 bits, is less than p = 2^255 - 19, as RFC
/// 8032, section 5.1.3, step 1 asks. The backend would reduce it; a nonce point is compared in encoded form
/// anyway.
const fn is_reduced(point: &[u8; KEY_BYTES]) -> bool {
    let [low, middle @ .., high] = point;
    if *low < 0xed || *high | 0x80 != 0xff {
        return true;
    }
    let mut i = 0;
    while i < middle.len() {
        if middle[i] != 0xff {
            return true;
        }
        i += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flipped_bits_are_refused() {
        let key = SigningKey::from_seed(&Secret::new([9; 32]));
        let mut bytes = [0; 32 + 64 + 7];
        bytes[..32].copy_from_slice(&key.verifying_key());
        bytes[32..96].copy_from_slice(&key.sign(b"message"));
        bytes[96..].copy_from_slice(b"message");
        let verify = |bytes: &[u8; 103]| {
            let (public, signed) = bytes.split_first_chunk().unwrap();
            let (signature, message) = signed.split_first_chunk().unwrap();
            verify(public, message, signature)
        };
        assert_eq!(verify(&bytes), Ok(()));
        // Every fifth bit reaches each bit of a byte, and each byte, in a fifth of the time.
        for bit in (0..8 * bytes.len()).step_by(5) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&bytes), Err(Error::Authentication), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn small_order_keys_are_refused() {
        // Under the neutral element as key, R = neutral element and S = 0 satisfy the equation for all
        // messages.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(verify(&neutral, b"anything", &signature), Err(Error::Authentication));
    }

    #[test]
    fn coordinates_are_reduced() {
        let mut p = [0xff; 32];
        p[0] = 0xed;
        p[31] = 0x7f;
        assert!(!is_reduced(&p));
        assert_eq!(verify(&p, b"", &[0; 64]), Err(Error::Authentication));
        p[0] = 0xec;
        assert!(is_reduced(&p));
        assert!(!is_reduced(&[0xff; 32]));
        let mut point = [0xff; 32];
        point[17] = 0xfe;
        assert!(is_reduced(&point));
    }
}
