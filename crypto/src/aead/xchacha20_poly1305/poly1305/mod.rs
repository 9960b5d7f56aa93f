//! Poly1305 ([RFC 8439](https://www.rfc-editor.org/rfc/rfc8439), section 2.5) over whole blocks, as the AEAD uses it:
//! one by one in words of 32 bits, or four at a time in lanes.

mod lanes;

use crate::lanes::Vector;
use zeroize::Zeroize as _;

/// A number modulo 2^130 - 5 in words of 32 bits, the least first. In a sum the first is at most 2^32 + 5 * 2^30, the
/// next three are below 2^32, the last is at most 3.
type Words = [u64; 5];

/// Groups of four blocks from which on lanes pay for their powers of r.
const GROUPS_MIN: usize = 12;

pub(super) struct Poly1305 {
    /// Its words are below 2^28, and but for the first multiples of four.
    r: [u64; 4],
    h: Words,
    s: [u32; 4],
}

const fn low(word: u64) -> u64 {
    word & 0xffff_ffff
}

/// `h` times `r`; 2^130 is 5. The words of `h` may be those of a sum and a block: then the first product is below
/// (3.25 + 3 * 2 * 1.25) * 2^60, the next ones are less, and nothing overflows.
#[inline(always)]
fn multiply(h: &Words, r: &[u64; 4]) -> Words {
    // 2^128 times a multiple of four is 5 / 4 of it.
    let s = r.map(|word| word + (word >> 2));
    let d0 = h[0] * r[0] + h[1] * s[3] + h[2] * s[2] + h[3] * s[1];
    let d1 = h[0] * r[1] + h[1] * r[0] + h[2] * s[3] + h[3] * s[2] + h[4] * s[1];
    let d2 = h[0] * r[2] + h[1] * r[1] + h[2] * r[0] + h[3] * s[3] + h[4] * s[2];
    let d3 = h[0] * r[3] + h[1] * r[2] + h[2] * r[1] + h[3] * r[0] + h[4] * s[3];
    folded([d0, d1, d2, d3, h[4] * r[0]])
}

/// A sum whose words were longer.
#[inline(always)]
fn folded(d: Words) -> Words {
    let mut h = carried(d);
    h[0] += 5 * (h[4] >> 2);
    h[4] &= 3;
    h
}

/// Every word but the last to 32 bits.
fn carried(mut h: Words) -> Words {
    for word in 0..4 {
        h[word + 1] += h[word] >> 32;
        h[word] = low(h[word]);
    }
    h
}

impl Poly1305 {
    /// A one-time key: r, then s.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let (words, _) = key.as_chunks();
        let t: [u32; 8] = core::array::from_fn(|word| u32::from_le_bytes(words[word]));
        let r = [t[0] & 0x0fff_ffff, t[1] & 0x0fff_fffc, t[2] & 0x0fff_fffc, t[3] & 0x0fff_fffc];
        Self { r: r.map(u64::from), h: [0; 5], s: [t[4], t[5], t[6], t[7]] }
    }

    /// Takes in data, padded by zeros to whole blocks.
    pub(super) fn update_padded<V: Vector>(&mut self, data: &[u8]) {
        let (blocks, rest) = data.as_chunks::<16>();
        self.update::<V>(blocks);
        if !rest.is_empty() {
            let mut block = [0; 16];
            block[..rest.len()].copy_from_slice(rest);
            self.update::<V>(&[block]);
        }
    }

    fn update<V: Vector>(&mut self, blocks: &[[u8; 16]]) {
        let (groups, rest) = blocks.as_chunks::<4>();
        let rest = if !V::AT_ONCE || groups.len() < GROUPS_MIN {
            blocks
        } else {
            let r = [self.r[0], self.r[1], self.r[2], self.r[3], 0];
            let r2 = multiply(&r, &self.r);
            let r3 = multiply(&r2, &self.r);
            let r4 = multiply(&r3, &self.r);
            self.h = lanes::update::<V>(&self.h, &[r4, r3, r2, r], groups);
            rest
        };
        for block in rest {
            self.update_block(block);
        }
    }

    fn update_block(&mut self, block: &[u8; 16]) {
        let (words, _) = block.as_chunks();
        let mut sum = self.h;
        for (word, bytes) in sum.iter_mut().zip(words) {
            *word += u64::from(u32::from_le_bytes(*bytes));
        }
        // Every block is whole.
        sum[4] += 1;
        self.h = multiply(&sum, &self.r);
    }

    /// The tag.
    pub(super) fn finish(self) -> [u8; 16] {
        // Below twice p.
        let h = carried(self.h);
        let mut g = h;
        g[0] += 5;
        let g = carried(g);
        // From p on, g without 2^130 is h - p.
        let keep = 0_u64.wrapping_sub(g[4] >> 2);
        let mut tag = [0; 16];
        let (chunks, _) = tag.as_chunks_mut();
        let mut over = 0;
        for (word, chunk) in chunks.iter_mut().enumerate() {
            let sum = (g[word] & keep | h[word] & !keep) + u64::from(self.s[word]) + over;
            #[expect(clippy::cast_possible_truncation, reason = "the rest is carried")]
            let bytes = (sum as u32).to_le_bytes();
            (*chunk, over) = (bytes, sum >> 32);
        }
        tag
    }
}

impl Drop for Poly1305 {
    fn drop(&mut self) {
        self.r.zeroize();
        self.h.zeroize();
        self.s.zeroize();
    }
}

#[cfg(test)]
mod tests;
