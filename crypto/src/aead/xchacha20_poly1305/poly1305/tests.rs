//! Against numbers that are doubled and added bit by bit.

use super::*;
use crate::backend::{Backend, on_lanes};

/// A number below 2^131: its low 128 bits, and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number(u128, u128);

impl Number {
    /// Below p.
    fn reduced(self) -> Self {
        let folded = |Self(low, high): Self| {
            let (low, over) = low.overflowing_add(5 * (high >> 2));
            Self(low, (high & 3) + u128::from(over))
        };
        let number = folded(folded(self));
        // From p on, 5 more reach 2^130.
        let more = Self(number.0.wrapping_add(5), number.1 + u128::from(number.0.checked_add(5).is_none()));
        if more.1 >= 4 { Self(more.0, more.1 - 4) } else { number }
    }

    fn add(self, other: Self) -> Self {
        let (low, over) = self.0.overflowing_add(other.0);
        Self(low, self.1 + other.1 + u128::from(over)).reduced()
    }

    fn multiply(self, other: Self) -> Self {
        (0..130).rev().fold(Self(0, 0), |sum, bit| {
            let set = if bit < 128 { other.0 >> bit & 1 } else { other.1 >> (bit - 128) & 1 };
            let double = sum.add(sum);
            if set == 1 { double.add(self) } else { double }
        })
    }

    fn of_words(words: &Words) -> Self {
        words.iter().rev().fold(Self(0, 0), |sum, &word| {
            let shifted = (0..32).fold(sum, |sum, _| sum.add(sum));
            shifted.add(Self(word.into(), 0))
        })
    }

    fn words(self) -> Words {
        let word = |at: u32| u64::try_from(self.0 >> (32 * at) & 0xffff_ffff).unwrap();
        [word(0), word(1), word(2), word(3), u64::try_from(self.1).unwrap()]
    }

    /// 2^128 and a block.
    fn of_block(block: &[u8; 16]) -> Self {
        Self(u128::from_le_bytes(*block), 1)
    }
}

fn naive_tag(key: &[u8; 32], blocks: &[[u8; 16]]) -> [u8; 16] {
    let half = |at: usize| u128::from_le_bytes(key[at..at + 16].try_into().unwrap());
    let r = Number(half(0) & 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff, 0);
    let sum = blocks.iter().fold(Number(0, 0), |sum, block| sum.add(Number::of_block(block)).multiply(r));
    sum.0.wrapping_add(half(16)).to_le_bytes()
}

fn tag(backend: Backend, key: &[u8; 32], blocks: &[[u8; 16]]) -> [u8; 16] {
    let mut mac = Poly1305::new(key);
    on_lanes!(backend, V => mac.update_padded::<V>(blocks.as_flattened()));
    mac.finish()
}

/// p - 1.
const MINUS_ONE: Number = Number(u128::MAX - 5, 3);

/// Bytes without a pattern.
fn noise(seed: usize, out: &mut [u8]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).finalize_xof().fill(out);
}

#[test]
fn edges_of_the_modulus() {
    // RFC 8439, appendix A.3, vectors 7 to 11 and neighbours: sums around p, 2^128 and 2^130.
    let blocks = [[0; 16], [0xff; 16], [0xfb; 16], [0xfe; 16], [0xf0; 16], [1; 16], [0x80; 16]];
    let first = |byte: u8, block: [u8; 16]| {
        let mut block = block;
        block[0] = byte;
        block
    };
    let few: std::vec::Vec<[u8; 16]> = blocks
        .iter()
        .flat_map(|&block| [0, 1, 2, 3, 4, 5, 0xfa, 0xfb, 0xfc, 0xff].map(|byte| first(byte, block)))
        .collect();
    for r in [0, 1, 2, 4, 5, 0xff] {
        for s in [0, 0xff] {
            let mut key = [0; 32];
            key[0] = r;
            key[16..].fill(s);
            for &one in &few {
                for &two in &few {
                    assert_eq!(tag(Backend::Portable, &key, &[one, two]), naive_tag(&key, &[one, two]));
                }
            }
        }
    }
}

#[test]
fn any_number_of_blocks_on_every_backend() {
    for seed in 0..300 {
        let mut key = [0xff; 32];
        let mut blocks = std::vec![[0xff; 16]; seed % 75];
        if seed % 3 > 0 {
            noise(seed, &mut key);
        }
        if seed % 4 > 0 {
            noise(seed, blocks.as_flattened_mut());
        }
        let wanted = naive_tag(&key, &blocks);
        for backend in Backend::all() {
            assert_eq!(tag(backend, &key, &blocks), wanted, "{} {seed}", backend.name());
        }
    }
}

/// Multipliers whose limbs are as far from zero as they get, and sums as long as they get: more than any message has.
#[test]
fn lanes_hold_the_bounds() {
    let sum_of = |limb: fn(u32) -> bool| {
        // 2^12 times 2^13 to the n, or minus that, which is p less that.
        (0..10).fold(Number(0, 0), |sum, at| {
            let bit = 13 * at + 12;
            let power = if bit < 128 { Number(1 << bit, 0) } else { Number(0, 1 << (bit - 128)) };
            let minus = MINUS_ONE.multiply(power);
            sum.add(if limb(at) { power } else { minus })
        })
    };
    let mut numbers = std::vec![
        sum_of(|_| true),
        sum_of(|_| false),
        sum_of(|at| at % 2 == 0),
        sum_of(|at| at == 0),
        sum_of(|at| at == 0).add(MINUS_ONE),
        MINUS_ONE,
        Number(u128::MAX, 3).reduced(),
        Number(0, 0),
        Number(1, 0),
    ];
    for seed in 0..20 {
        let mut bytes = [0; 16];
        noise(seed, &mut bytes);
        numbers.push(Number(u128::from_le_bytes(bytes), 3));
    }
    let longest = [0xffff_ffff + 5 * (1 << 30), 0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 3];
    for (case, every) in numbers.iter().copied().enumerate() {
        let powers: [Number; 4] = core::array::from_fn(|lane| numbers[(case + lane * 5) % numbers.len()]);
        let mut blocks = std::vec![[[0xff; 16]; 4]; 1 + case % 5];
        if case % 2 > 0 {
            noise(case, blocks.as_flattened_mut().as_flattened_mut());
        }
        let mut lanes = [Number::of_words(&longest), Number(0, 0), Number(0, 0), Number(0, 0)];
        for (number, group) in blocks.iter().enumerate() {
            for (lane, block) in lanes.iter_mut().zip(group) {
                let sum = if number > 0 { lane.multiply(every) } else { *lane };
                *lane = sum.add(Number::of_block(block));
            }
        }
        let wanted =
            lanes.iter().zip(powers).fold(Number(0, 0), |sum, (lane, power)| sum.add(lane.multiply(power)));
        for backend in Backend::all() {
            let words = powers.map(Number::words);
            let given = on_lanes!(backend, V => lanes::update::<V>(&longest, &words, &blocks));
            assert!(
                given[0] <= longest[0] && given[1..4].iter().all(|&word| word >> 32 == 0) && given[4] <= 3
            );
            assert_eq!(Number::of_words(&given), wanted, "{} {case}", backend.name());
        }
    }
}
