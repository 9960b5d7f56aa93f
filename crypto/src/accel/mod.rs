//! Accelerators: a host that computes for this module.
//!
//! A guest in WebAssembly has no AES, no SHA and no wide vectors of the processor; its host has. What the host offers
//! is used only after it gave the answers of our own kernels (`check`); it then is what
//! [`Backend::chosen`](crate::backend::Backend::chosen) says. Short messages stay here: a call costs more than they
//! take.

mod check;

use crate::aead::{KEY_BYTES, Suite, TAG_BYTES};
use crate::argon2id::{Inputs, Params};
use crate::hash::HASH_BYTES;
use crate::sha256::DIGEST_BYTES;
use crate::{Error, secret::Secret};
use core::sync::atomic::{AtomicU32, Ordering};
use dagvault_core::abi::{
    ACCEL_AES_256_GCM, ACCEL_ALGORITHMS, ACCEL_ARGON2ID, ACCEL_BLAKE3, ACCEL_DATA_BYTES_MAX,
    ACCEL_EVERY_LENGTH, ACCEL_MESSAGE_BYTES_MAX, ACCEL_PARTS_MAX, ACCEL_SHA_256, ACCEL_XCHACHA20_POLY1305,
};
use dagvault_core::wipe::wipe;
use spin::Once;

/// Whoever computes for this module. `None` is an answer, too: nothing was done, and no buffer has changed.
///
/// Lengths are within the bounds of the ABI when these functions are called.
pub trait Host: Sync {
    /// Encrypts `buf` in place, as [`crate::aead::seal_in_place`]; returns the tag.
    fn seal(
        &self,
        suite: Suite,
        key: &Secret<KEY_BYTES>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
    ) -> Option<[u8; TAG_BYTES]>;

    /// Decrypts `buf` in place and returns whether it was authentic; `buf` has not changed if not.
    fn open(
        &self,
        suite: Suite,
        key: &Secret<KEY_BYTES>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Option<bool>;

    /// Returns the SHA-256 digest of `parts`, one behind the other.
    fn sha256(&self, parts: &[&[u8]]) -> Option<[u8; DIGEST_BYTES]>;

    /// Returns the BLAKE3 hash of `parts`, one behind the other, keyed if there is a key.
    fn blake3(&self, key: Option<&[u8; HASH_BYTES]>, parts: &[&[u8]]) -> Option<[u8; HASH_BYTES]>;

    /// Fills `out` by Argon2id; the parameters and lengths were checked.
    fn argon2id(&self, inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Option<()>;
}

/// What a host may compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// AES-256-GCM.
    Aes256Gcm,
    /// XChaCha20-Poly1305.
    XChaCha20Poly1305,
    /// SHA-256.
    Sha256,
    /// BLAKE3, plain and keyed.
    Blake3,
    /// Argon2id.
    Argon2id,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] =
        [Self::Aes256Gcm, Self::XChaCha20Poly1305, Self::Sha256, Self::Blake3, Self::Argon2id];

    /// Its bit of the ABI's `accelerators`.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::Aes256Gcm => ACCEL_AES_256_GCM,
            Self::XChaCha20Poly1305 => ACCEL_XCHACHA20_POLY1305,
            Self::Sha256 => ACCEL_SHA_256,
            Self::Blake3 => ACCEL_BLAKE3,
            Self::Argon2id => ACCEL_ARGON2ID,
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "AES-256-GCM",
            Self::XChaCha20Poly1305 => "XChaCha20-Poly1305",
            Self::Sha256 => "SHA-256",
            Self::Blake3 => "BLAKE3",
            Self::Argon2id => "Argon2id",
        }
    }

    /// From which length of the message on the host is faster than the guest, in bytes.
    const fn bytes_min(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Argon2id => 0,
            Self::Sha256 | Self::Blake3 => 256,
            // The crate takes long to begin.
            Self::XChaCha20Poly1305 => 3072,
        }
    }

    const fn of(suite: Suite) -> Self {
        match suite {
            Suite::XChaCha20Poly1305 => Self::XChaCha20Poly1305,
            Suite::Aes256Gcm => Self::Aes256Gcm,
        }
    }
}

static HOST: Once<&'static dyn Host> = Once::new();
/// Bits of the algorithms in use, and `ACCEL_EVERY_LENGTH`.
static USED: AtomicU32 = AtomicU32::new(0);

/// Takes the first host that is offered, for the algorithms of the bits `offered`; leaves out and returns those whose
/// answers were wrong.
pub fn offer(host: &'static dyn Host, offered: u32) -> impl Iterator<Item = Algorithm> {
    let host = *HOST.call_once(|| host);
    let offered_one = move |one: &Algorithm| offered & one.bit() != 0;
    let right =
        Algorithm::ALL.into_iter().filter(offered_one).filter(|one| check::answers_rightly(host, *one));
    let used = right.fold(0, |bits, one| bits | one.bit());
    // Relaxed: whoever sees a bit finds the host by the acquiring load of `HOST`.
    USED.store(used | offered & ACCEL_EVERY_LENGTH, Ordering::Relaxed);
    Algorithm::ALL.into_iter().filter(offered_one).filter(move |one| used & one.bit() == 0)
}

/// The algorithms that the host computes.
pub fn used() -> impl Iterator<Item = Algorithm> {
    let used = USED.load(Ordering::Relaxed) & ACCEL_ALGORITHMS;
    Algorithm::ALL.into_iter().filter(move |one| used & one.bit() != 0)
}

/// The host, if it computes messages of this length.
fn host_for(algorithm: Algorithm, bytes: usize, bytes_max: u32) -> Option<&'static dyn Host> {
    let used = USED.load(Ordering::Relaxed);
    let short = bytes < algorithm.bytes_min() && used & ACCEL_EVERY_LENGTH == 0;
    if used & algorithm.bit() == 0 || short || bytes > bytes_max as usize {
        return None;
    }
    HOST.get().copied()
}

fn cipher_host(suite: Suite, nonce: &[u8], aad: &[u8], buf: &[u8]) -> Option<&'static dyn Host> {
    let aad_bytes_max = (ACCEL_MESSAGE_BYTES_MAX as usize).checked_sub(buf.len())?;
    let host = host_for(Algorithm::of(suite), buf.len(), ACCEL_MESSAGE_BYTES_MAX)?;
    (nonce.len() == suite.nonce_bytes() && aad.len() <= aad_bytes_max).then_some(host)
}

/// The tag, if the host has sealed.
pub(crate) fn seal(
    suite: Suite,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8],
    aad: &[u8],
    buf: &mut [u8],
) -> Option<[u8; TAG_BYTES]> {
    cipher_host(suite, nonce, aad, buf)?.seal(suite, key, nonce, aad, buf)
}

/// The outcome, if the host has opened; after an error `buf` is all zero.
pub(crate) fn open(
    suite: Suite,
    key: &Secret<KEY_BYTES>,
    nonce: &[u8],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Option<Result<(), Error>> {
    if cipher_host(suite, nonce, aad, buf)?.open(suite, key, nonce, aad, buf, tag)? {
        return Some(Ok(()));
    }
    wipe(buf);
    Some(Err(Error::Authentication))
}

fn hash_host(algorithm: Algorithm, parts: &[&[u8]]) -> Option<&'static dyn Host> {
    let bytes = parts.iter().try_fold(0_usize, |sum, part| sum.checked_add(part.len()))?;
    let host = host_for(algorithm, bytes, ACCEL_DATA_BYTES_MAX)?;
    (parts.len() <= ACCEL_PARTS_MAX as usize).then_some(host)
}

/// The digest, if the host has computed it.
pub(crate) fn sha256(parts: &[&[u8]]) -> Option<[u8; DIGEST_BYTES]> {
    hash_host(Algorithm::Sha256, parts)?.sha256(parts)
}

/// The hash, if the host has computed it.
pub(crate) fn blake3(key: Option<&[u8; HASH_BYTES]>, parts: &[&[u8]]) -> Option<[u8; HASH_BYTES]> {
    hash_host(Algorithm::Blake3, parts)?.blake3(key, parts)
}

/// Done, if the host has derived.
pub(crate) fn argon2id(inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Option<()> {
    let Inputs { password, salt, secret, data } = inputs;
    let mut all = [password, salt, secret, data].into_iter();
    let bytes = all.try_fold(0_usize, |sum, part| sum.checked_add(part.len()))?;
    host_for(Algorithm::Argon2id, bytes, ACCEL_DATA_BYTES_MAX)?.argon2id(inputs, params, out)
}

#[cfg(test)]
mod tests;
