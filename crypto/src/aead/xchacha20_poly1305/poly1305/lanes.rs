//! Poly1305 of four blocks at a time, in limbs of 13 bits, by products of signed numbers of 16 bits that one instruction
//! adds in pairs.
//!
//! The sum is split by the number of the block modulo 4 and each part is a polynomial in r^4; at the end the parts are
//! multiplied by r^4, r^3, r^2 and r and added (compare Goll, Gueron, *Vectorization of Poly1305 message authentication
//! code*, ITNG 2015).
//!
//! # Bounds
//! * Limbs of a multiplier are from -2^12 to 2^12 - 1, but for the first, which may be 5 more. So five times another one
//!   fits 16 bits.
//! * Limbs of a sum, when carried, are from -2^7 to 2^13 + 2^7: see [`carried`].
//! * A limb of a product is a sum of ten products, at most nine of them with five times a limb of the multiplier: at most
//!   (2^13 + 2^7) * (4101 + 9 * 5 * 2^12) < 1.58e9 either side of zero. With 27 bits of a block it fits 31 bits.

use super::{Words, carried as carried_words, folded};
use crate::lanes::Vector;

const BITS: u32 = 13;
const MASK: u32 = (1 << BITS) - 1;
const LIMBS: usize = 10;

/// A number in each lane, two limbs in every lane of a vector: the one of even number in the low half.
type Pairs<V> = [V; LIMBS / 2];

/// A multiplier r: its limbs n and n - 1 for n from -8 to 9, where limb -n is five times limb 10 - n.
type Multiplier<V> = [V; 18];

/// Limbs of 26 bits; the last may be longer.
#[expect(clippy::cast_possible_truncation, reason = "limbs are masked")]
fn double_limbs(number: &Words) -> [u32; 5] {
    let t = carried_words(*number);
    let mask = (1 << 26) - 1;
    [
        t[0] & mask,
        (t[0] >> 26 | t[1] << 6) & mask,
        (t[1] >> 20 | t[2] << 12) & mask,
        (t[2] >> 14 | t[3] << 18) & mask,
        t[3] >> 8 | t[4] << 24,
    ]
    .map(|limb| limb as u32)
}

/// Limbs of 26 bits of four blocks.
#[inline(always)]
fn double_limbs_of_four<V: Vector>(blocks: &[[u8; 16]; 4]) -> [V; 5] {
    let t = V::transpose_u32(core::array::from_fn(|block| V::load(&blocks[block])));
    let mask = V::splat_u32((1 << 26) - 1);
    [
        t[0].and(mask),
        t[0].shr_u32::<26>().or(t[1].shl_u32::<6>()).and(mask),
        t[1].shr_u32::<20>().or(t[2].shl_u32::<12>()).and(mask),
        t[2].shr_u32::<14>().or(t[3].shl_u32::<18>()).and(mask),
        // 2^128: every block is whole.
        t[3].shr_u32::<8>().or(V::splat_u32(1 << 24)),
    ]
}

#[inline(always)]
fn times5<V: Vector>(limb: V) -> V {
    limb.add_u32(limb.shl_u32::<2>())
}

#[inline(always)]
fn multiplier<V: Vector>(double: &[V; 5]) -> Multiplier<V> {
    let (mask, half) = (V::splat_u32(MASK), V::splat_u32(1 << (BITS - 1)));
    let mut over = V::splat_u32(0);
    let mut limbs: [V; LIMBS] = core::array::from_fn(|limb| {
        let bits = double[limb / 2];
        let bits = if limb % 2 == 0 { bits.and(mask) } else { bits.shr_u32::<BITS>() };
        let sum = bits.add_u32(over).add_u32(half);
        over = sum.shr_u32::<BITS>();
        sum.and(mask).add_u32(V::splat_u32(0_u32.wrapping_sub(1 << (BITS - 1))))
    });
    limbs[0] = limbs[0].add_u32(times5(over));
    let limb = |number: usize| if number < LIMBS { times5(limbs[number]) } else { limbs[number - LIMBS] };
    let low = V::splat_u32(0xffff);
    core::array::from_fn(|at| limb(at + 2).and(low).or(limb(at + 1).shl_u32::<16>()))
}

#[inline(always)]
fn multiply<V: Vector>(h: &Pairs<V>, r: &Multiplier<V>) -> [V; LIMBS] {
    core::array::from_fn(|limb| {
        let product = |pair: usize| h[pair].dot_i16(r[8 + limb - 2 * pair]);
        (1..LIMBS / 2).fold(product(0), |sum, pair| sum.add_u32(product(pair)))
    })
}

/// Limbs of 13 bits. Two chains side by side: each ends in a limb that was carried before, of odd number, which is the
/// high half of a pair and so may be negative. That limb gets at most 2^7 more or less: what the last limb carries is
/// below 2^18, five times that below 2^21, and shifted below 2^8 ...
#[inline(always)]
fn carried<V: Vector>(mut d: [V; LIMBS]) -> [V; LIMBS] {
    let mask = V::splat_u32(MASK);
    let mut carry = |from: usize, to: usize| {
        d[to] = d[to].add_u32(d[from].shr_i32::<BITS>());
        if from == 9 {
            // 2^130 is 5. A shift and an addition would become a product, which is slower.
            d[to] = d[to].add_u32(d[from].shr_i32::<{ BITS - 2 }>().and(V::splat_u32(!3)));
        }
        d[from] = d[from].and(mask);
    };
    carry(4, 5);
    carry(0, 1);
    carry(5, 6);
    carry(1, 2);
    carry(6, 7);
    carry(2, 3);
    carry(7, 8);
    carry(3, 4);
    carry(8, 9);
    carry(4, 5);
    carry(9, 0);
    carry(0, 1);
    d
}

#[inline(always)]
fn pairs<V: Vector>(d: &[V; LIMBS]) -> Pairs<V> {
    core::array::from_fn(|pair| d[2 * pair].or(d[2 * pair + 1].shl_u32::<16>()))
}

#[inline(always)]
fn groups<V: Vector>(h: [u32; 5], powers: &[[u32; 5]; 4], groups: &[[[u8; 16]; 4]]) -> [[u32; 4]; LIMBS] {
    let each = multiplier::<V>(&core::array::from_fn(|limb| V::from_u32(powers.map(|power| power[limb]))));
    let every = each.map(|pair| {
        let two = pair.zip_low_u32(pair);
        two.zip_low_u64(two)
    });
    let mut sum = [V::splat_u32(0); LIMBS];
    for limb in 0..5 {
        sum[2 * limb] = V::from_u32([h[limb], 0, 0, 0]);
    }
    for (number, group) in groups.iter().enumerate() {
        if number > 0 {
            sum = multiply(&pairs(&carried(sum)), &every);
        }
        let m = double_limbs_of_four::<V>(group);
        for limb in 0..5 {
            sum[2 * limb] = sum[2 * limb].add_u32(m[limb]);
        }
    }
    multiply(&pairs(&carried(sum)), &each).map(V::to_u32)
}

/// `h` after groups of four blocks; r^4, r^3, r^2 and r.
pub(super) fn update<V: Vector>(h: &Words, powers: &[Words; 4], blocks: &[[[u8; 16]; 4]]) -> Words {
    let (h, powers) = (double_limbs(h), powers.map(|power| double_limbs(&power)));
    let limbs = V::call(|| groups::<V>(h, &powers, blocks));
    let limbs = limbs.map(|lanes| lanes.into_iter().map(|lane| i64::from(lane.cast_signed())).sum::<i64>());
    // Sums of four lanes are below 2^33 either side of zero, so words are below 2^61; 2^30 times p makes them positive.
    let words = [
        limbs[0] + (limbs[1] << 13) + (limbs[2] << 26),
        (limbs[3] << 7) + (limbs[4] << 20),
        (limbs[5] << 1) + (limbs[6] << 14) + (limbs[7] << 27),
        (limbs[8] << 8) + (limbs[9] << 21),
        0,
    ];
    let p = [0xffff_fffb, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 3];
    folded(core::array::from_fn(|word| (words[word] + (p[word] << 30)).cast_unsigned()))
}
