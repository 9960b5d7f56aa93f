//! AES-256 (FIPS 197) in counter mode (SP 800-38A, section 6.5), with the counter of GCM: the last 32 bits of a block.
//!
//! Long messages are encrypted 128 blocks at a time (`bitsliced`), short ones and ends sixteen at a time (`permute`).

mod bitsliced;
mod field;
pub(super) mod permute;
mod sbox;
mod schedule;
#[cfg(test)]
mod tests;

use crate::lanes::Vector;
use bitsliced::{BLOCKS as GROUP_BLOCKS, Bitsliced};
use core::marker::PhantomData;
use dagvault_core::wipe::wipe;

const ROUNDS: usize = 14;

/// As many blocks of a group are as dear by [`permute`], sixteen at a time, as the whole group by [`bitsliced`].
const GROUP_BLOCKS_MIN: usize = 80;

/// Blocks that [`permute`] encrypts at once.
pub(super) const PASS_BLOCKS: usize = 16;

/// A key, ready for use; wiped when dropped.
pub(super) struct Aes256<V> {
    round_keys: [[u8; 16]; ROUNDS + 1],
    /// The same in the form of `permute`.
    permuted: [[u8; 16]; ROUNDS + 1],
    lanes: PhantomData<V>,
}

impl<V> Drop for Aes256<V> {
    fn drop(&mut self) {
        wipe(self.round_keys.as_flattened_mut());
        wipe(self.permuted.as_flattened_mut());
    }
}

impl<V: Vector> Aes256<V> {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let zero = [[0; 16]; ROUNDS + 1];
        let mut aes = Self { round_keys: zero, permuted: zero, lanes: PhantomData };
        V::call(|| {
            schedule::expand::<V>(key, &mut aes.round_keys);
            permute::keys::<V>(&aes.round_keys, &mut aes.permuted);
        });
        aes
    }

    /// Encrypts sixteen blocks, each for itself.
    pub(super) fn encrypt(&self, blocks: &mut [[u8; 16]; PASS_BLOCKS]) {
        permute::encrypt::<V>(&self.permuted, blocks);
    }

    /// XORs the keystream into `bytes`, from the block `counter` on. The counter wraps; callers bound the length.
    pub(super) fn xor_keystream(&self, counter: &[u8; 16], bytes: &mut [u8]) {
        if bytes.len() < 16 * GROUP_BLOCKS_MIN {
            self.xor_parts(counter, bytes, None);
        } else {
            let mut bitsliced = Bitsliced::new();
            bitsliced.set_keys::<V>(&self.round_keys);
            self.xor_parts(counter, bytes, Some(&mut bitsliced));
        }
    }

    fn xor_parts(&self, counter: &[u8; 16], bytes: &mut [u8], mut bitsliced: Option<&mut Bitsliced>) {
        let (mut counter, mut rest) = (*counter, bytes);
        while !rest.is_empty() {
            let wanted = rest.len().div_ceil(16);
            // Blocks of the group that come before those that are wanted.
            let before = usize::from(counter[15]) % GROUP_BLOCKS;
            let in_group = wanted.min(GROUP_BLOCKS - before);
            let by_group = bitsliced.as_deref_mut().filter(|_| in_group >= GROUP_BLOCKS_MIN);
            let count = if by_group.is_some() { in_group } else { wanted.min(PASS_BLOCKS) };
            let (now, later) = rest.split_at_mut(rest.len().min(16 * count));
            match by_group {
                Some(bitsliced) => self.xor_group(bitsliced, &counter, now),
                None => self.xor_pass(&counter, now),
            }
            counter = counted(&counter, count);
            rest = later;
        }
    }

    /// XORs the keystream into bytes of one group.
    fn xor_group(&self, bitsliced: &mut Bitsliced, counter: &[u8; 16], bytes: &mut [u8]) {
        let mut first = *counter;
        let before = usize::from(counter[15]) % GROUP_BLOCKS;
        const { assert!(GROUP_BLOCKS == 128) };
        first[15] &= 0x80;
        if let Ok(whole) = bytes.try_into() {
            bitsliced.xor::<V>(&self.round_keys, &first, whole);
            return;
        }
        let mut whole = [0; 16 * GROUP_BLOCKS];
        let part = 16 * before..16 * before + bytes.len();
        whole[part.clone()].copy_from_slice(bytes);
        bitsliced.xor::<V>(&self.round_keys, &first, &mut whole);
        bytes.copy_from_slice(&whole[part]);
        wipe(&mut whole);
    }

    /// XORs the keystream into sixteen blocks or fewer.
    fn xor_pass(&self, counter: &[u8; 16], bytes: &mut [u8]) {
        let mut blocks = core::array::from_fn(|block| counted(counter, block));
        self.encrypt(&mut blocks);
        bytes.iter_mut().zip(blocks.as_flattened()).for_each(|(byte, key)| *byte ^= key);
        wipe(blocks.as_flattened_mut());
    }
}

/// The counter `blocks` blocks on.
pub(super) fn counted(counter: &[u8; 16], blocks: usize) -> [u8; 16] {
    let mut next = *counter;
    let (_, last) = next.split_at_mut(12);
    let number = u32::from_be_bytes([counter[12], counter[13], counter[14], counter[15]]);
    #[expect(clippy::cast_possible_truncation, reason = "counters wrap")]
    last.copy_from_slice(&number.wrapping_add(blocks as u32).to_be_bytes());
    next
}
