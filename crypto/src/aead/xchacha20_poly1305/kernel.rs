//! Our own XChaCha20-Poly1305, over vectors of four lanes.

use super::chacha20::{self, BLOCK_BYTES, STEP_BYTES};
use super::poly1305::Poly1305;
use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::lanes::Vector;
use crate::{Error, secret::Secret, secret::ct_eq};
use core::marker::PhantomData;
use dagvault_core::wipe::wipe;
use zeroize::Zeroize as _;

/// A keystream and what its first step left over.
struct Cipher<V> {
    state: [u32; 16],
    /// The key of Poly1305 (RFC 8439, section 2.6), the rest of its block, and the first bytes for the message.
    first: [u8; STEP_BYTES],
    lanes: PhantomData<V>,
}

impl<V: Vector> Cipher<V> {
    fn new(key: &Secret<KEY_BYTES>, nonce: &[u8; NONCE_BYTES]) -> Self {
        let (mut head, mut tail) = ([0; 16], [0; 12]);
        head.copy_from_slice(&nonce[..16]);
        tail[4..].copy_from_slice(&nonce[16..]);
        let mut subkey = [0; KEY_BYTES];
        chacha20::hchacha20(key.expose(), &head, &mut subkey);
        let mut cipher =
            Self { state: chacha20::state(&subkey, 0, &tail), first: [0; STEP_BYTES], lanes: PhantomData };
        subkey.zeroize();
        chacha20::xor_steps::<V>(&mut cipher.state, core::slice::from_mut(&mut cipher.first));
        cipher
    }

    /// The tag of ciphertext and associated data (RFC 8439, section 2.8).
    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_BYTES] {
        let mut key = [0; 32];
        key.copy_from_slice(&self.first[..32]);
        let mut mac = Poly1305::new(&key);
        key.zeroize();
        mac.update_padded::<V>(aad);
        mac.update_padded::<V>(ciphertext);
        let mut lengths = [0; 16];
        lengths[..8].copy_from_slice(&(aad.len() as u64).to_le_bytes());
        lengths[8..].copy_from_slice(&(ciphertext.len() as u64).to_le_bytes());
        mac.update_padded::<V>(&lengths);
        mac.finish()
    }

    /// Encrypts or decrypts a message.
    fn apply(&mut self, buf: &mut [u8]) {
        let keystream = &self.first[BLOCK_BYTES..];
        let (now, later) = buf.split_at_mut(buf.len().min(keystream.len()));
        now.iter_mut().zip(keystream).for_each(|(byte, key)| *byte ^= key);
        let (steps, rest) = later.as_chunks_mut::<STEP_BYTES>();
        chacha20::xor_steps::<V>(&mut self.state, steps);
        if !rest.is_empty() {
            let mut last = [0; STEP_BYTES];
            last[..rest.len()].copy_from_slice(rest);
            chacha20::xor_steps::<V>(&mut self.state, core::slice::from_mut(&mut last));
            rest.copy_from_slice(&last[..rest.len()]);
            wipe(&mut last);
        }
    }
}

impl<V> Drop for Cipher<V> {
    fn drop(&mut self) {
        self.state.zeroize();
        wipe(&mut self.first);
    }
}

pub(super) fn seal<V: Vector>(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> [u8; TAG_BYTES] {
    let mut cipher = Cipher::<V>::new(key, nonce);
    cipher.apply(buf);
    cipher.tag(aad, buf)
}

pub(super) fn open<V: Vector>(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    let mut cipher = Cipher::<V>::new(key, nonce);
    if !ct_eq(&cipher.tag(aad, buf), tag) {
        return Err(Error::Authentication);
    }
    cipher.apply(buf);
    Ok(())
}
