//! Vectors of WebAssembly's 128-bit SIMD, strict instructions only.
#![expect(unsafe_code, reason = "loads and stores of whole vectors")]

use super::{U32x4, U64x2};
use core::arch::wasm32::{
    i8x16_shuffle, i32x4_shuffle, u32x4, u32x4_add, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_splat,
    u64x2_add, u64x2_extmul_high_u32x4, u64x2_extmul_low_u32x4, u64x2_shr, u64x2_splat, v128, v128_and,
    v128_load, v128_or, v128_store, v128_xor,
};

#[derive(Clone, Copy)]
pub(crate) struct Simd128(v128);

#[derive(Clone, Copy)]
pub(crate) struct Simd128U64(v128);

impl U32x4 for Simd128 {
    type U64x2 = Simd128U64;

    #[inline(always)]
    fn new([a, b, c, d]: [u32; 4]) -> Self {
        Self(u32x4(a, b, c, d))
    }
    #[inline(always)]
    fn splat(value: u32) -> Self {
        Self(u32x4_splat(value))
    }
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> Self {
        // SAFETY: the reference is valid for reads of 16 bytes; `v128.load` needs no alignment.
        Self(unsafe { v128_load(bytes.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8; 16]) {
        // SAFETY: the reference is valid for writes of 16 bytes; `v128.store` needs no alignment.
        unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn lanes(self) -> [u32; 4] {
        [
            u32x4_extract_lane::<0>(self.0),
            u32x4_extract_lane::<1>(self.0),
            u32x4_extract_lane::<2>(self.0),
            u32x4_extract_lane::<3>(self.0),
        ]
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(u32x4_add(self.0, other.0))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(v128_or(self.0, other.0))
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self) -> Self {
        Self(u32x4_shl(self.0, BITS))
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self) -> Self {
        Self(u32x4_shr(self.0, BITS))
    }
    #[inline(always)]
    fn rotate_left<const BITS: u32>(self) -> Self {
        // Whole bytes: one shuffle instead of two shifts and an or.
        match BITS {
            16 => Self(i8x16_shuffle::<2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(self.0, self.0)),
            8 => Self(i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(self.0, self.0)),
            _ => Self(v128_or(u32x4_shl(self.0, BITS), u32x4_shr(self.0, 32 - BITS))),
        }
    }
    #[inline(always)]
    fn transpose([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let ab_low = i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0);
        let ab_high = i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0);
        let cd_low = i32x4_shuffle::<0, 4, 1, 5>(c.0, d.0);
        let cd_high = i32x4_shuffle::<2, 6, 3, 7>(c.0, d.0);
        [
            Self(i32x4_shuffle::<0, 1, 4, 5>(ab_low, cd_low)),
            Self(i32x4_shuffle::<2, 3, 6, 7>(ab_low, cd_low)),
            Self(i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high)),
            Self(i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high)),
        ]
    }
    #[inline(always)]
    fn multiply_low(self, other: Self) -> Simd128U64 {
        Simd128U64(u64x2_extmul_low_u32x4(self.0, other.0))
    }
    #[inline(always)]
    fn multiply_high(self, other: Self) -> Simd128U64 {
        Simd128U64(u64x2_extmul_high_u32x4(self.0, other.0))
    }
    #[inline(always)]
    fn narrow(low: Simd128U64, high: Simd128U64) -> Self {
        Self(i32x4_shuffle::<0, 2, 4, 6>(low.0, high.0))
    }
}

impl U64x2 for Simd128U64 {
    #[inline(always)]
    fn splat(value: u64) -> Self {
        Self(u64x2_splat(value))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(u64x2_add(self.0, other.0))
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self) -> Self {
        Self(u64x2_shr(self.0, BITS))
    }
}
