//! GHASH (SP 800-38D, section 6.4) without an instruction for carry-less products: products by a constant are sums of
//! lookups in tables of sixteen bytes, one table for each byte of the products of a nibble.
//!
//! In GCM a block is a polynomial whose coefficients are its bits, the first byte's highest bit first. A nibble times
//! a constant of `n` bytes is `n + 1` bytes, the same for every place of the nibble but for whole bytes: so the tables
//! are few, and are made fast.
//!
//! * One block times H: a vector holds the block, and a lookup gives one byte of the products of all its nibbles.
//! * Long messages: sixteen sums side by side, each of every sixteenth block and multiplied by H^16 from one block to
//!   the next (`rows`); then the sixteen are taken together block by block.

use super::aes::permute::{look_up, nibbles};
use super::rows::{self, ROW_BLOCKS};
use crate::lanes::Vector;
use core::marker::PhantomData;
use dagvault_core::wipe::wipe;

/// Fewest rows that are worth their tables.
const ROWS_MIN: usize = 3;

/// Lanes whose number has a bit set, by bit.
const NIBBLES_WITH: [[u8; 16]; 4] = {
    let mut tables = [[0; 16]; 4];
    let mut at = 0;
    while at < 64 {
        let (bit, nibble) = (at / 16, at % 16);
        if (nibble >> bit) & 1 != 0 {
            tables[bit][nibble] = 0xff;
        }
        at += 1;
    }
    tables
};

/// Tables of a byte of the products of a low nibble and of a high one.
pub(super) type Tables = [[u8; 16]; 2];

/// The products of `factor`, as many of its highest bytes as there are tables, with all nibbles.
#[inline(always)]
pub(super) fn products<V: Vector, const BYTES: usize>(factor: [u8; BYTES], out: &mut [Tables]) {
    let with = NIBBLES_WITH.map(|table| V::load(&table));
    let mut before = 0;
    for (at, tables) in out.iter_mut().enumerate() {
        let here = factor.get(at).copied().unwrap_or(0);
        // The byte of the factor moved by 0 to 7 bits.
        let window = u16::from_be_bytes([before, here]);
        let moved = |bits: u32| V::splat_u8((window >> bits).to_le_bytes()[0]);
        let sum = |bits: u32| {
            let one = with[3].and(moved(bits)).xor(with[2].and(moved(bits + 1)));
            one.xor(with[1].and(moved(bits + 2)).xor(with[0].and(moved(bits + 3))))
        };
        sum(4).store(&mut tables[0]);
        sum(0).store(&mut tables[1]);
        before = here;
    }
}

/// Sums of bytes moved right, or left, as a table by low nibbles and one by high ones.
const fn moved(bits: [u32; 4], left: bool) -> Tables {
    let mut tables = [[0; 16]; 2];
    let mut byte: u8 = 0;
    loop {
        let mut sum = 0;
        let mut at = 0;
        while at < 4 {
            sum ^= match (left, byte.checked_shl(bits[at]), byte.checked_shr(bits[at])) {
                (true, Some(moved), _) | (false, _, Some(moved)) => moved,
                _ => 0,
            };
            at += 1;
        }
        if byte < 16 {
            tables[0][byte as usize] = sum;
        }
        if byte.is_multiple_of(16) {
            tables[1][byte as usize / 16] = sum;
        }
        if byte == u8::MAX {
            break tables;
        }
        byte += 1;
    }
}

/// x^128 is 1 + x + x^2 + x^7: what a byte above gives to the byte sixteen below, and to the one after that.
pub(super) const REDUCED: Tables = moved([0, 1, 2, 7], false);
pub(super) const CARRIED: Tables = moved([8, 7, 6, 1], true);

/// The remainder of a polynomial of 256 bits.
#[inline(always)]
fn reduce<V: Vector>(low: V, high: V) -> V {
    let zero = V::splat_u8(0);
    // The last byte's carry comes back to the first byte.
    let carry = look_up(&CARRIED, nibbles(high));
    let high = nibbles(high.xor(zero.push_u8(carry)));
    low.xor(look_up(&REDUCED, high)).xor(look_up(&CARRIED, high).push_u8(zero))
}

/// The square: bits move apart.
#[inline(always)]
pub(super) fn square<V: Vector>(block: V) -> V {
    // The bits of a nibble, with zeros between, from the highest bit on.
    const APART: [u8; 16] =
        [0x00, 0x02, 0x08, 0x0a, 0x20, 0x22, 0x28, 0x2a, 0x80, 0x82, 0x88, 0x8a, 0xa0, 0xa2, 0xa8, 0xaa];
    let [low, high] = nibbles(block).map(|nibble| V::load(&APART).lookup(nibble));
    reduce(high.zip_low_u8(low), high.zip_high_u8(low))
}

/// The product with the constant of the tables.
#[inline(always)]
pub(super) fn multiply<V: Vector>(block: V, tables: &[Tables; 17]) -> V {
    let indices = nibbles(block);
    let zero = V::splat_u8(0);
    let (mut low, mut high) = (zero, zero);
    for tables in tables.iter().rev() {
        (low, high) = (low.push_u8(zero), high.push_u8(low));
        low = low.xor(look_up(tables, indices));
    }
    reduce(low, high)
}

/// A hash in work; wiped when dropped. Aligned, because what lies across cache lines costs time.
#[repr(align(64))]
pub(super) struct Ghash<V> {
    key: [u8; 16],
    tables: [Tables; 17],
    sum: [u8; 16],
    lanes: PhantomData<V>,
}

impl<V> Drop for Ghash<V> {
    fn drop(&mut self) {
        wipe(&mut self.key);
        wipe(self.tables.as_flattened_mut().as_flattened_mut());
        wipe(&mut self.sum);
    }
}

impl<V: Vector> Ghash<V> {
    pub(super) fn new(key: &[u8; 16]) -> Self {
        let mut hash = Self { key: *key, tables: [[[0; 16]; 2]; 17], sum: [0; 16], lanes: PhantomData };
        V::call(|| products::<V, 16>(hash.key, &mut hash.tables));
        hash
    }

    /// Takes bytes up, and zeros to the end of the last block.
    pub(super) fn update_padded(&mut self, bytes: &[u8]) {
        let (mut blocks, rest) = bytes.as_chunks::<16>();
        let (rows, after) = blocks.as_chunks::<ROW_BLOCKS>();
        if rows.len() >= ROWS_MIN
            && let Some((next, rows)) = rows.split_last()
        {
            // Each of the sums counts as if it were part of a block of the next row.
            let mut sums = rows::sums::<V>(&self.key, &self.tables, &self.sum, rows);
            sums.as_flattened_mut().iter_mut().zip(next.as_flattened()).for_each(|(sum, byte)| *sum ^= byte);
            self.sum = [0; 16];
            self.update(&sums);
            wipe(sums.as_flattened_mut());
            blocks = after;
        }
        self.update(blocks);
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            self.update(&[last]);
        }
    }

    fn update(&mut self, blocks: &[[u8; 16]]) {
        V::call(|| {
            let mut sum = V::load(&self.sum);
            for block in blocks {
                sum = multiply(sum.xor(V::load(block)), &self.tables);
            }
            sum.store(&mut self.sum);
        });
    }

    /// The hash.
    pub(super) fn finish(self) -> [u8; 16] {
        self.sum
    }
}
