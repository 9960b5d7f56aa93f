//! The envelope cipher of every block: authenticated encryption that commits to its key.
//!
//! From the suite's number, a 32-byte link key and a 32-byte salt one BLAKE3 `derive_key` output of 88 bytes
//! is taken, under [`CONTEXT`]:
//!
//! ```text
//! material = suite (1) | link key (32) | salt (32)
//! output   = cipher key (32) | nonce (24; AES-256-GCM takes its first 12) | commitment (32)
//! ```
//!
//! The message is sealed by [`crate::aead`] under that key and nonce; the commitment travels beside it.
//!
//! # Why it commits
//! Neither XChaCha20-Poly1305 nor AES-256-GCM commits to its key: whoever chooses two keys can build one
//! ciphertext which both open, to different plaintexts. That breaks what stands on top: "partitioning
//! oracles" try many passwords with one ciphertext (Len, Grubbs, Ristenpart, USENIX Security 2021), and one
//! attachment shows different contents to different readers (Dodis and others, CRYPTO 2018). Here an opening
//! first compares the commitment, so two triples (suite, link key, salt) which open one envelope have equal
//! 256-bit commitments: a collision of BLAKE3, about 2^128 work. The material has a fixed length, so distinct
//! triples are distinct inputs. This is the generic derived-commitment transform of Albertini, Duong, Gueron,
//! Kölbl, Luykx and Schmieg (*How to Abuse and Fix Authenticated Encryption Without Key Commitment*, USENIX
//! Security 2022), "CMT-1" in the terms of Bellare and Hoang (EUROCRYPT 2022).
//!
//! It does **not** commit to the associated data (CMT-4, as CTX of Chan and Rogaway, ESORICS 2022, would):
//! who knows the link key can make one ciphertext and tag that verify under two associated data, with one
//! plaintext. Associated data here are format and kind of a block, which the reader fixes before opening, and
//! a block's name is a hash over its whole envelope, so nothing rests on more.
//!
//! # Why nothing is counted
//! Each block takes a fresh random salt of 256 bits and thereby a key and a nonce of its own. No counter
//! exists that a crash, a copy or a rollback could repeat; salts of 2^64 blocks collide with probability
//! 2^-129, and each key encrypts one message, far below any limit of either cipher.

use crate::{
    Error,
    aead::{self, KEY_BYTES, NONCE_BYTES_MAX, Suite, TAG_BYTES},
    backend::Backend,
    hash,
    secret::{Secret, ct_eq},
};
use core::convert::Infallible;
use dagvault_core::wipe::wipe;
use zeroize::Zeroize;

/// Length of a salt, in bytes.
pub const SALT_BYTES: usize = 32;

/// Length of a commitment, in bytes.
pub const COMMITMENT_BYTES: usize = 32;

/// The BLAKE3 context of the derivation.
pub const CONTEXT: &str = "dagvault 2026-11 block envelope v1";
const TAKEN_CONTEXT: hash::Context = hash::Context::new(CONTEXT);

const NONCE_START: usize = KEY_BYTES;
const COMMITMENT_START: usize = NONCE_START + NONCE_BYTES_MAX;
const DERIVED_BYTES: usize = COMMITMENT_START + COMMITMENT_BYTES;

const _: () = assert!(DERIVED_BYTES == 88);

/// What sealing adds to a ciphertext; both parts are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Binds the envelope to suite, link key and salt.
    pub commitment: [u8; COMMITMENT_BYTES],
    /// Authenticates ciphertext and associated data.
    pub tag: [u8; TAG_BYTES],
}

/// Encrypts `buf` in place for the holders of `link_key` and authenticates it together with `aad`.
///
/// `salt` is 32 fresh random bytes, never used before with this link key.
///
/// # Errors
/// [`Error::InputLength`] above [`aead::INPUT_BYTES_MAX`]; `buf` then is unchanged.
///
/// # Example
/// ```
/// use dagvault_crypto::{aead::Suite, committing, secret::Secret};
/// let (link_key, salt) = (Secret::new([1; 32]), [2; 32]); // both random in truth
/// let mut buf = *b"node";
/// let sealed = committing::seal(Suite::Aes256Gcm, &link_key, &salt, b"dag", &mut buf)?;
/// committing::open(Suite::Aes256Gcm, &link_key, &salt, &sealed.commitment, b"dag", &mut buf, &sealed.tag)?;
/// assert_eq!(&buf, b"node");
/// # Ok::<(), dagvault_crypto::Error>(())
/// ```
pub fn seal(
    suite: Suite,
    link_key: &Secret<KEY_BYTES>,
    salt: &[u8; SALT_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> Result<Sealed, Error> {
    let derived = Derived::new(Backend::chosen(), suite, link_key, salt);
    let tag = aead::seal_in_place(suite, &derived.key, derived.nonce(suite), aad, buf)?;
    Ok(Sealed { commitment: derived.commitment, tag })
}

/// Compares the commitment in constant time, then authenticates and decrypts `buf` in place.
///
/// # Errors
/// [`Error::Authentication`], without saying more, for a wrong key, salt, suite, commitment, tag, ciphertext
/// or `aad`; [`Error::InputLength`] above [`aead::INPUT_BYTES_MAX`]. After any error `buf` is all zero.
pub fn open(
    suite: Suite,
    link_key: &Secret<KEY_BYTES>,
    salt: &[u8; SALT_BYTES],
    commitment: &[u8; COMMITMENT_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    open_on(Backend::chosen(), suite, link_key, salt, commitment, aad, buf, tag)
}

/// As [`open`], by a given backend.
///
/// # Errors
/// As [`open`].
#[expect(clippy::too_many_arguments, reason = "those of `open`")]
pub fn open_on(
    backend: Backend,
    suite: Suite,
    link_key: &Secret<KEY_BYTES>,
    salt: &[u8; SALT_BYTES],
    commitment: &[u8; COMMITMENT_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    Derived::new(backend, suite, link_key, salt).open(backend, suite, commitment, aad, buf, tag)
}

/// Returns the commitment that [`seal`] would give, without a message.
///
/// With it a reader finds out which of several keys an envelope belongs to, at the price of one hash each.
#[must_use]
pub fn commitment(
    suite: Suite,
    link_key: &Secret<KEY_BYTES>,
    salt: &[u8; SALT_BYTES],
) -> [u8; COMMITMENT_BYTES] {
    Derived::new(Backend::chosen(), suite, link_key, salt).commitment
}

/// Length of an [`opening`], in bytes.
pub const OPENING_BYTES: usize = 32;

/// What opens the envelope of this link key and salt and no other: the state of the derivation behind its first 64
/// bytes, which are the suite, the link key and the salt without its last byte.
///
/// It serves where a link key that opens more must stay secret: the key does not follow from it (a preimage of BLAKE3's
/// compression function). It commits as the link key does, for key, nonce and commitment all follow from it: two that
/// open one envelope are a collision of the compression function's output.
#[must_use]
pub fn opening(suite: Suite, link_key: &Secret<KEY_BYTES>, salt: &[u8; SALT_BYTES]) -> Secret<OPENING_BYTES> {
    let mut first = [0; 64];
    first[0] = suite.number();
    first[1..=KEY_BYTES].copy_from_slice(link_key.expose());
    first[1 + KEY_BYTES..].copy_from_slice(&salt[..SALT_BYTES - 1]);
    let opening = hash::derive_begin(&TAKEN_CONTEXT, &first);
    first.zeroize();
    opening
}

/// As [`open`], by the [`opening`] of this envelope.
///
/// # Errors
/// As [`open`].
pub fn open_by(
    suite: Suite,
    opening: &Secret<OPENING_BYTES>,
    salt: &[u8; SALT_BYTES],
    commitment: &[u8; COMMITMENT_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    let mut output = [0; DERIVED_BYTES];
    hash::derive_end(opening, &salt[SALT_BYTES - 1..], &mut output);
    let derived = Derived::of(&mut output);
    derived.open(Backend::chosen(), suite, commitment, aad, buf, tag)
}

struct Derived {
    key: Secret<KEY_BYTES>,
    nonce: Secret<NONCE_BYTES_MAX>,
    commitment: [u8; COMMITMENT_BYTES],
}

impl Derived {
    fn new(backend: Backend, suite: Suite, link_key: &Secret<KEY_BYTES>, salt: &[u8; SALT_BYTES]) -> Self {
        let mut output = [0; DERIVED_BYTES];
        hash::derive_for_on(
            backend,
            &TAKEN_CONTEXT,
            &[&[suite.number()], link_key.expose(), salt],
            &mut output,
        );
        Self::of(&mut output)
    }

    /// Takes the parts out of the derivation's output, which is erased.
    fn of(output: &mut [u8; DERIVED_BYTES]) -> Self {
        let mut commitment = [0; COMMITMENT_BYTES];
        commitment.copy_from_slice(&output[COMMITMENT_START..]);
        let derived = Self {
            key: copied(&output[..NONCE_START]),
            nonce: copied(&output[NONCE_START..COMMITMENT_START]),
            commitment,
        };
        output.zeroize();
        derived
    }

    fn open(
        &self,
        backend: Backend,
        suite: Suite,
        commitment: &[u8; COMMITMENT_BYTES],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Result<(), Error> {
        if !ct_eq(&self.commitment, commitment) {
            wipe(buf);
            return Err(Error::Authentication);
        }
        aead::open_in_place_on(backend, suite, &self.key, self.nonce(suite), aad, buf, tag)
    }

    fn nonce(&self, suite: Suite) -> &[u8] {
        &self.nonce.expose()[..suite.nonce_bytes()]
    }
}

fn copied<const N: usize>(bytes: &[u8]) -> Secret<N> {
    let Ok(secret) = Secret::generate(|secret: &mut [u8; N]| {
        secret.copy_from_slice(bytes);
        Ok::<(), Infallible>(())
    });
    secret
}
