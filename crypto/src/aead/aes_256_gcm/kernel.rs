//! Our own AES-256-GCM, over vectors.

use super::aes::{Aes256, PASS_BLOCKS, counted};
use super::ghash::Ghash;
use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES};
use crate::lanes::Vector;
use crate::{Error, secret::Secret, secret::ct_eq};
use dagvault_core::wipe::wipe;

/// Blocks of the first pass that are not of the message: H and what masks the tag.
const OTHER_BLOCKS: usize = 2;

/// A key and a nonce for one message.
struct Gcm<V> {
    aes: Aes256<V>,
    /// The block whose encryption masks the tag; those that follow are the message's.
    first: [u8; 16],
    /// One pass of AES: H, the tag's mask, and the keystream of the message's last blocks.
    pass: [[u8; 16]; PASS_BLOCKS],
    /// How many bytes of the message come before those blocks.
    before: usize,
}

impl<V> Drop for Gcm<V> {
    fn drop(&mut self) {
        wipe(self.pass.as_flattened_mut());
    }
}

impl<V: Vector> Gcm<V> {
    fn new(key: &Secret<KEY_BYTES>, nonce: &[u8; NONCE_BYTES], bytes: usize) -> Self {
        let aes = Aes256::new(key.expose());
        let mut first = [0; 16];
        first[..NONCE_BYTES].copy_from_slice(nonce);
        first[15] = 1;
        let blocks_before = bytes.div_ceil(16).saturating_sub(PASS_BLOCKS - OTHER_BLOCKS);
        let mut pass = core::array::from_fn(|block| match block {
            0 => [0; 16],
            1 => first,
            _ => counted(&first, blocks_before + block - 1),
        });
        aes.encrypt(&mut pass);
        Self { aes, first, pass, before: 16 * blocks_before }
    }

    fn tag(&self, aad: &[u8], ciphertext: &[u8]) -> [u8; TAG_BYTES] {
        let mut hash = Ghash::<V>::new(&self.pass[0]);
        hash.update_padded(aad);
        hash.update_padded(ciphertext);
        let mut bits = [0; 16];
        bits[..8].copy_from_slice(&(8 * aad.len() as u64).to_be_bytes());
        bits[8..].copy_from_slice(&(8 * ciphertext.len() as u64).to_be_bytes());
        hash.update_padded(&bits);
        let hash = hash.finish();
        core::array::from_fn(|at| hash[at] ^ self.pass[1][at])
    }

    /// Encrypts or decrypts the message.
    fn apply(&self, buf: &mut [u8]) {
        let (before, last) = buf.split_at_mut(self.before);
        self.aes.xor_keystream(&counted(&self.first, 1), before);
        let keystream = self.pass[OTHER_BLOCKS..].as_flattened();
        last.iter_mut().zip(keystream).for_each(|(byte, key)| *byte ^= key);
    }
}

pub(super) fn seal<V: Vector>(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
) -> [u8; TAG_BYTES] {
    let gcm = Gcm::<V>::new(key, nonce, buf.len());
    gcm.apply(buf);
    gcm.tag(aad, buf)
}

pub(super) fn open<V: Vector>(
    key: &Secret<KEY_BYTES>,
    nonce: &[u8; NONCE_BYTES],
    aad: &[u8],
    buf: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Error> {
    let gcm = Gcm::<V>::new(key, nonce, buf.len());
    if !ct_eq(&gcm.tag(aad, buf), tag) {
        return Err(Error::Authentication);
    }
    gcm.apply(buf);
    Ok(())
}

/// XORs the keystream of AES-256-CTR into `buf`.
#[cfg(feature = "kernels")]
pub(super) fn ctr<V: Vector>(key: &Secret<KEY_BYTES>, counter: &[u8; 16], buf: &mut [u8]) {
    Aes256::<V>::new(key.expose()).xor_keystream(counter, buf);
}
