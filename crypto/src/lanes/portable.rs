//! Lanes as arrays: runs everywhere, and is what the other instantiations are compared with.

use super::{U32x4, U64x2};

#[derive(Clone, Copy)]
pub(crate) struct Portable([u32; 4]);

#[derive(Clone, Copy)]
pub(crate) struct Portable64([u64; 2]);

impl Portable {
    fn zip(self, other: Self, op: impl Fn(u32, u32) -> u32) -> Self {
        Self(core::array::from_fn(|lane| op(self.0[lane], other.0[lane])))
    }

    fn product(self, other: Self, lane: usize) -> u64 {
        u64::from(self.0[lane]) * u64::from(other.0[lane])
    }
}

impl U32x4 for Portable {
    type U64x2 = Portable64;

    fn new(lanes: [u32; 4]) -> Self {
        Self(lanes)
    }
    fn splat(value: u32) -> Self {
        Self([value; 4])
    }
    fn load(bytes: &[u8; 16]) -> Self {
        let (words, _) = bytes.as_chunks();
        Self(core::array::from_fn(|lane| u32::from_le_bytes(words[lane])))
    }
    fn store(self, bytes: &mut [u8; 16]) {
        let (words, _) = bytes.as_chunks_mut();
        words.iter_mut().zip(self.0).for_each(|(word, lane)| *word = lane.to_le_bytes());
    }
    fn lanes(self) -> [u32; 4] {
        self.0
    }
    fn add(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_add)
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
    fn shl<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane << BITS))
    }
    fn shr<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane >> BITS))
    }
    fn rotate_left<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane.rotate_left(BITS)))
    }
    fn transpose(rows: [Self; 4]) -> [Self; 4] {
        core::array::from_fn(|column| Self(rows.map(|row| row.0[column])))
    }
    fn multiply_low(self, other: Self) -> Portable64 {
        Portable64([self.product(other, 0), self.product(other, 1)])
    }
    fn multiply_high(self, other: Self) -> Portable64 {
        Portable64([self.product(other, 2), self.product(other, 3)])
    }
    #[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
    fn narrow(low: Portable64, high: Portable64) -> Self {
        Self([low.0[0] as u32, low.0[1] as u32, high.0[0] as u32, high.0[1] as u32])
    }
}

impl U64x2 for Portable64 {
    fn splat(value: u64) -> Self {
        Self([value; 2])
    }
    fn add(self, other: Self) -> Self {
        Self(core::array::from_fn(|lane| self.0[lane].wrapping_add(other.0[lane])))
    }
    fn and(self, other: Self) -> Self {
        Self(core::array::from_fn(|lane| self.0[lane] & other.0[lane]))
    }
    fn shr<const BITS: u32>(self) -> Self {
        Self(self.0.map(|lane| lane >> BITS))
    }
}
