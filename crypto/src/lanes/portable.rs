//! Lanes as numbers: runs everywhere, and is what the other vectors are compared with.

use super::Vector;

#[derive(Clone, Copy)]
pub(crate) struct Portable([u32; 4]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, op: impl Fn(u32, u32) -> u32) -> Self {
        Self(core::array::from_fn(|lane| op(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn to_u64(self) -> [u64; 2] {
        let [a, b, c, d] = self.0.map(u64::from);
        [a | b << 32, c | d << 32]
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    fn from_u64([low, high]: [u64; 2]) -> Self {
        Self([low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32])
    }

    #[inline(always)]
    fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.store(&mut bytes);
        bytes
    }

    /// Lanes of `width` bytes in turns from two halves that begin at byte `start`.
    #[inline(always)]
    fn zipped(self, other: Self, width: usize, start: usize) -> Self {
        let (one, two) = (self.bytes(), other.bytes());
        Self::load(&core::array::from_fn(|at| {
            let (lane, byte) = (at / width, at % width);
            let from = if lane % 2 == 0 { &one } else { &two };
            from[start + lane / 2 * width + byte]
        }))
    }
}

impl Vector for Portable {
    const AT_ONCE: bool = false;

    #[inline(never)]
    fn call<R>(body: impl FnOnce() -> R) -> R {
        body()
    }

    fn splat_u8(value: u8) -> Self {
        Self([u32::from_le_bytes([value; 4]); 4])
    }
    fn splat_u32(value: u32) -> Self {
        Self([value; 4])
    }
    fn from_u32(lanes: [u32; 4]) -> Self {
        Self(lanes)
    }
    fn to_u32(self) -> [u32; 4] {
        self.0
    }
    fn load(bytes: &[u8; 16]) -> Self {
        let (words, _) = bytes.as_chunks();
        Self(core::array::from_fn(|lane| u32::from_le_bytes(words[lane])))
    }
    fn store(self, bytes: &mut [u8; 16]) {
        let (words, _) = bytes.as_chunks_mut();
        words.iter_mut().zip(self.0).for_each(|(word, lane)| *word = lane.to_le_bytes());
    }
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }
    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }
    fn add_u32(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_add)
    }
    fn shl_u16<const BITS: u32>(self) -> Self {
        let kept = (0xffff << BITS & 0xffff) * 0x0001_0001;
        Self(self.0.map(|lane| lane << BITS & kept))
    }
    fn shr_u16<const BITS: u32>(self) -> Self {
        let kept = (0xffff >> BITS) * 0x0001_0001;
        Self(self.0.map(|lane| lane >> BITS & kept))
    }
    fn shl_u32<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane << BITS))
    }
    fn shr_u32<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane >> BITS))
    }
    fn shr_i32<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| (lane.cast_signed() >> BITS).cast_unsigned()))
    }
    fn shr_u64<const BITS: u32>(self) -> Self {
        Self::from_u64(self.to_u64().map(|lane| lane >> BITS))
    }
    fn rotate_left_u32<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane.rotate_left(BITS)))
    }
    fn rotate_lanes_u32<const COUNT: usize>(self) -> Self {
        Self(core::array::from_fn(|lane| self.0[(lane + COUNT) % 4]))
    }
    fn eq_u8(self, other: Self) -> Self {
        let differing = self.xor(other).bytes();
        // 0 becomes 0xff, anything else 0, without a branch.
        Self::load(&differing.map(|byte| (u16::from(byte).wrapping_sub(1) >> 8).to_le_bytes()[0]))
    }
    fn lookup(self, index: Self) -> Self {
        let table = self.bytes();
        // Every entry is looked at, so that no address depends on an index.
        Self::load(&index.bytes().map(|wanted| {
            (0..16).zip(table).fold(0, |found, (entry, byte): (u8, u8)| {
                let here = (u16::from(entry ^ wanted).wrapping_sub(1) >> 8).to_le_bytes()[0];
                found | byte & here
            })
        }))
    }
    fn push_u8(self, before: Self) -> Self {
        let (bytes, last) = (self.bytes(), before.bytes()[15]);
        Self::load(&core::array::from_fn(|at| if at == 0 { last } else { bytes[at - 1] }))
    }
    fn zip_low_u8(self, other: Self) -> Self {
        self.zipped(other, 1, 0)
    }
    fn zip_high_u8(self, other: Self) -> Self {
        self.zipped(other, 1, 8)
    }
    fn zip_low_u16(self, other: Self) -> Self {
        self.zipped(other, 2, 0)
    }
    fn zip_high_u16(self, other: Self) -> Self {
        self.zipped(other, 2, 8)
    }
    fn zip_low_u32(self, other: Self) -> Self {
        Self([self.0[0], other.0[0], self.0[1], other.0[1]])
    }
    fn zip_high_u32(self, other: Self) -> Self {
        Self([self.0[2], other.0[2], self.0[3], other.0[3]])
    }
    fn zip_low_u64(self, other: Self) -> Self {
        Self([self.0[0], self.0[1], other.0[0], other.0[1]])
    }
    fn zip_high_u64(self, other: Self) -> Self {
        Self([self.0[2], self.0[3], other.0[2], other.0[3]])
    }
    fn pick_u32<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self {
        let lanes = [self.0, other.0];
        Self([A, B, C, D].map(|lane| lanes[lane / 4][lane % 4]))
    }
    fn narrow_u64(self, high: Self) -> Self {
        Self([self.0[0], self.0[2], high.0[0], high.0[2]])
    }
    fn dot_i16(self, other: Self) -> Self {
        let product = |one: u32, two: u32| {
            #[expect(clippy::cast_possible_truncation, reason = "the low half of a word")]
            let signed = |word: u32| i32::from((word as u16).cast_signed());
            signed(one) * signed(two)
        };
        self.zip(other, |a, b| product(a, b).wrapping_add(product(a >> 16, b >> 16)).cast_unsigned())
    }
}
