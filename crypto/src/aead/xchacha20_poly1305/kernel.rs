//! Our own XChaCha20-Poly1305, over vectors.

use super::chacha20::{self, BLOCK_BYTES, STEP_BLOCKS, State};
use super::poly1305::Poly1305;
use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::lanes::Vector;
use crate::{Error, secret::Secret, secret::ct_eq};
use core::marker::PhantomData;
use dagvault_core::wipe::wipe;

/// A keystream and what its first step left over.
struct Cipher<V> {
    state: State,
    /// The key of Poly1305 (RFC 8439, section 2.6) in a block of its own, then what is for the message's first bytes.
    first: [[u8; BLOCK_BYTES]; STEP_BLOCKS],
    lanes: PhantomData<V>,
}

impl<V: Vector> Cipher<V> {
    /// The cipher of a message of `bytes`.
    #[inline(always)]
    fn new(key: &Secret<KEY_BYTES>, nonce: &[u8; NONCE_BYTES], bytes: usize) -> Self {
        let (mut head, mut last) = ([0; 16], [0; 16]);
        head.copy_from_slice(&nonce[..16]);
        last[8..].copy_from_slice(&nonce[16..]);
        let mut subkey = chacha20::hchacha20::<V>(key.expose(), &head);
        let state = chacha20::state(&subkey, last);
        wipe(&mut subkey);
        let mut cipher = Self { state, first: [[0; BLOCK_BYTES]; STEP_BLOCKS], lanes: PhantomData };
        let blocks = (1 + bytes.div_ceil(BLOCK_BYTES)).min(STEP_BLOCKS);
        chacha20::xor_blocks::<V>(&mut cipher.state, &mut cipher.first[..blocks]);
        cipher
    }

    /// The tag of ciphertext and associated data (RFC 8439, section 2.8).
    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_BYTES] {
        let mut key = [0; 32];
        key.copy_from_slice(&self.first[0][..32]);
        let mut mac = Poly1305::new(&key);
        wipe(&mut key);
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
        let keystream = self.first[1..].as_flattened();
        let (now, later) = buf.split_at_mut(buf.len().min(keystream.len()));
        now.iter_mut().zip(keystream).for_each(|(byte, key)| *byte ^= key);
        let whole = later.len() - later.len() % (STEP_BLOCKS * BLOCK_BYTES);
        let (steps, rest) = later.split_at_mut(whole);
        chacha20::xor_blocks::<V>(&mut self.state, steps.as_chunks_mut().0);
        if !rest.is_empty() {
            let mut last = [[0; BLOCK_BYTES]; STEP_BLOCKS];
            let last = &mut last[..rest.len().div_ceil(BLOCK_BYTES)];
            last.as_flattened_mut()[..rest.len()].copy_from_slice(rest);
            chacha20::xor_blocks::<V>(&mut self.state, last);
            rest.copy_from_slice(&last.as_flattened()[..rest.len()]);
            wipe(last.as_flattened_mut());
        }
    }
}

impl<V> Drop for Cipher<V> {
    fn drop(&mut self) {
        wipe(self.state.as_flattened_mut());
        self.first.iter_mut().for_each(|block| wipe(block));
    }
}

pub(super) fn seal<V: Vector>(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> [u8; TAG_BYTES] {
    let mut cipher = Cipher::<V>::new(key, nonce, buf.len());
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
    let mut cipher = Cipher::<V>::new(key, nonce, buf.len());
    if !ct_eq(&cipher.tag(aad, buf), tag) {
        return Err(Error::Authentication);
    }
    cipher.apply(buf);
    Ok(())
}
