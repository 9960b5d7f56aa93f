//! Poly1305 ([RFC 8439](https://www.rfc-editor.org/rfc/rfc8439), section 2.5) over whole blocks, as the AEAD uses it:
//! four blocks at a time in four lanes, in limbs of 26 bits.
//!
//! With lanes, the sum is split by the number of the block modulo 4 and each part is a polynomial in r^4; at the end
//! the parts are multiplied by r^4, r^3, r^2 and r and added (compare Goll, Gueron, *Vectorization of Poly1305 message
//! authentication code*, ITNG 2015).

use crate::lanes::Vector;
use zeroize::Zeroize as _;

/// A number modulo 2^130 - 5: limbs of 26 bits, the least first; a limb may be a little over.
type Limbs = [u32; 5];

const BITS: u32 = 26;
const MASK: u32 = (1 << BITS) - 1;
/// 2^128 in the last limb: every block is whole.
const HIGH_BIT: u32 = 1 << 24;
/// Groups of four blocks from which on lanes pay for their powers of r.
const GROUPS_MIN: usize = 4;

pub(super) struct Poly1305 {
    r: Limbs,
    h: Limbs,
    s: [u32; 4],
}

#[expect(clippy::cast_possible_truncation, reason = "limbs are masked")]
fn multiply(h: &Limbs, r: &Limbs) -> Limbs {
    let mut d = [0_u64; 5];
    for (i, &limb) in h.iter().enumerate() {
        for (j, sum) in d.iter_mut().enumerate() {
            // 2^130 is 5.
            let factor = if j >= i { r[j - i] } else { 5 * r[5 + j - i] };
            *sum += u64::from(limb) * u64::from(factor);
        }
    }
    let mask = u64::from(MASK);
    for i in 0..4 {
        d[i + 1] += d[i] >> BITS;
        d[i] &= mask;
    }
    d[0] += (d[4] >> BITS) * 5;
    d[4] &= mask;
    d[1] += d[0] >> BITS;
    d[0] &= mask;
    d.map(|limb| limb as u32)
}

fn limbs(block: &[u8; 16]) -> Limbs {
    let (words, _) = block.as_chunks();
    let t: [u32; 4] = core::array::from_fn(|word| u32::from_le_bytes(words[word]));
    [
        t[0] & MASK,
        (t[0] >> 26 | t[1] << 6) & MASK,
        (t[1] >> 20 | t[2] << 12) & MASK,
        (t[2] >> 14 | t[3] << 18) & MASK,
        t[3] >> 8 | HIGH_BIT,
    ]
}

#[inline(always)]
fn limbs_of_four<V: Vector>(blocks: &[[u8; 16]; 4]) -> [V; 5] {
    let t = V::transpose_u32(core::array::from_fn(|block| V::load(&blocks[block])));
    let mask = V::splat_u32(MASK);
    [
        t[0].and(mask),
        t[0].shr_u32::<26>().or(t[1].shl_u32::<6>()).and(mask),
        t[1].shr_u32::<20>().or(t[2].shl_u32::<12>()).and(mask),
        t[2].shr_u32::<14>().or(t[3].shl_u32::<18>()).and(mask),
        t[3].shr_u32::<8>().or(V::splat_u32(HIGH_BIT)),
    ]
}

/// Lane by lane; `r5` is five times `r`.
#[inline(always)]
fn multiply_lanes<V: Vector>(h: &[V; 5], r: &[V; 5], r5: &[V; 5]) -> [V; 5] {
    let half = |product: fn(V, V) -> V| {
        let mut d: [V; 5] = core::array::from_fn(|j| product(h[0], r[j]));
        for i in 1..5 {
            for j in 0..5 {
                let factor = if j >= i { r[j - i] } else { r5[5 + j - i] };
                d[j] = d[j].add_u64(product(h[i], factor));
            }
        }
        carry(d)
    };
    let (low, high) = (half(V::multiply_low_u32), half(V::multiply_high_u32));
    core::array::from_fn(|limb| low[limb].narrow_u64(high[limb]))
}

/// Brings limbs back to 26 bits; two chains side by side.
#[inline(always)]
fn carry<V: Vector>(mut d: [V; 5]) -> [V; 5] {
    let mask = V::splat_u64(u64::from(MASK));
    for (from, to) in [(0, 1), (3, 4), (1, 2), (4, 0), (2, 3), (0, 1), (3, 4)] {
        let over = d[from].shr_u64::<BITS>();
        d[from] = d[from].and(mask);
        let over = if from == 4 {
            let four = over.add_u64(over);
            four.add_u64(four).add_u64(over)
        } else {
            over
        };
        d[to] = d[to].add_u64(over);
    }
    d
}

impl Poly1305 {
    /// A one-time key: r, then s.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let (words, _) = key.as_chunks();
        let t: [u32; 8] = core::array::from_fn(|word| u32::from_le_bytes(words[word]));
        let r = [
            t[0] & 0x03ff_ffff,
            (t[0] >> 26 | t[1] << 6) & 0x03ff_ff03,
            (t[1] >> 20 | t[2] << 12) & 0x03ff_c0ff,
            (t[2] >> 14 | t[3] << 18) & 0x03f0_3fff,
            t[3] >> 8 & 0x000f_ffff,
        ];
        Self { r, h: [0; 5], s: [t[4], t[5], t[6], t[7]] }
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
        let rest = if groups.len() < GROUPS_MIN {
            blocks
        } else {
            V::call(|| self.update_groups::<V>(groups));
            rest
        };
        for block in rest {
            let m = limbs(block);
            let sum = core::array::from_fn(|limb| self.h[limb] + m[limb]);
            self.h = multiply(&sum, &self.r);
        }
    }

    #[inline(always)]
    fn update_groups<V: Vector>(&mut self, groups: &[[[u8; 16]; 4]]) {
        let r2 = multiply(&self.r, &self.r);
        let r3 = multiply(&r2, &self.r);
        let r4 = multiply(&r2, &r2);
        let times5 = |r: [V; 5]| r.map(|limb| limb.add_u32(limb.shl_u32::<2>()));
        let every: [V; 5] = r4.map(V::splat_u32);
        let every5 = times5(every);
        let mut h: [V; 5] = self.h.map(|limb| V::from_u32([limb, 0, 0, 0]));
        for (number, group) in groups.iter().enumerate() {
            if number > 0 {
                h = multiply_lanes(&h, &every, &every5);
            }
            let m = limbs_of_four::<V>(group);
            h = core::array::from_fn(|limb| h[limb].add_u32(m[limb]));
        }
        let each: [V; 5] =
            core::array::from_fn(|limb| V::from_u32([r4[limb], r3[limb], r2[limb], self.r[limb]]));
        let h = multiply_lanes(&h, &each, &times5(each));
        self.h = carried(h.map(|limb| limb.to_u32().into_iter().sum()));
    }

    /// The tag.
    pub(super) fn finish(self) -> [u8; 16] {
        let h = carried(carried(self.h));
        // h - p, kept where it is not negative.
        let mut g = [0; 5];
        let mut over = 5;
        for limb in 0..5 {
            let sum = h[limb] + over;
            (g[limb], over) = (sum & MASK, sum >> BITS);
        }
        let keep = 0_u32.wrapping_sub(over);
        let f: Limbs = core::array::from_fn(|limb| (g[limb] & keep) | (h[limb] & !keep));
        let words =
            [f[0] | f[1] << 26, f[1] >> 6 | f[2] << 20, f[2] >> 12 | f[3] << 14, f[3] >> 18 | f[4] << 8];
        let mut tag = [0; 16];
        let mut over = 0;
        let (chunks, _) = tag.as_chunks_mut();
        for (chunk, (word, s)) in chunks.iter_mut().zip(words.into_iter().zip(self.s)) {
            let sum = u64::from(word) + u64::from(s) + over;
            #[expect(clippy::cast_possible_truncation, reason = "the rest is carried")]
            let low = sum as u32;
            *chunk = low.to_le_bytes();
            over = sum >> 32;
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

/// Limbs back to 26 bits, but for a small rest in the second.
fn carried(mut h: Limbs) -> Limbs {
    for limb in 0..4 {
        h[limb + 1] += h[limb] >> BITS;
        h[limb] &= MASK;
    }
    h[0] += (h[4] >> BITS) * 5;
    h[4] &= MASK;
    h[1] += h[0] >> BITS;
    h[0] &= MASK;
    h
}
