//! Vectors of WebAssembly's 128-bit SIMD, strict instructions only.
#![expect(unsafe_code, reason = "loads and stores of whole vectors")]

use super::{Rotation, Vector, rotation};
use core::arch::wasm32::{
    i8x16_shuffle, i16x8_shuffle, i32x4_bitmask, i32x4_dot_i16x8, i32x4_shr, i32x4_shuffle, i64x2_shuffle,
    u8x16_eq, u8x16_splat, u8x16_swizzle, u16x8_shl, u16x8_shr, u32x4, u32x4_add, u32x4_extract_lane,
    u32x4_shl, u32x4_shr, u32x4_splat, u64x2_shr, v128, v128_and, v128_load, v128_load32_splat, v128_or,
    v128_store, v128_xor,
};

#[derive(Clone, Copy)]
pub(crate) struct Simd128(pub(super) v128);

impl Simd128 {
    /// A constant that LLVM takes for a variable until it selects instructions. A lookup by what it knows as constant
    /// it makes a shuffle of two vectors, the second being any: Cranelift then shuffles both, and V8 builds the order
    /// anew each time. A swizzle by a constant is two instructions in Cranelift and one in V8.
    #[inline(always)]
    pub(super) fn late(self, bytes: &[u8; 16]) -> Self {
        // The mask of four lanes has four bits, which LLVM learns no sooner.
        let zero = i32x4_bitmask(self.0) >> 4;
        Self::load(bytes).xor(Self::splat_u8(zero))
    }
}

impl Vector for Simd128 {
    #[inline(never)]
    fn call<R>(body: impl FnOnce() -> R) -> R {
        body()
    }

    #[inline(always)]
    fn splat_u8(value: u8) -> Self {
        Self(u8x16_splat(value))
    }
    #[inline(always)]
    fn splat_u32(value: u32) -> Self {
        Self(u32x4_splat(value))
    }
    #[inline(always)]
    fn from_u32([a, b, c, d]: [u32; 4]) -> Self {
        Self(u32x4(a, b, c, d))
    }
    #[inline(always)]
    fn to_u32(self) -> [u32; 4] {
        [
            u32x4_extract_lane::<0>(self.0),
            u32x4_extract_lane::<1>(self.0),
            u32x4_extract_lane::<2>(self.0),
            u32x4_extract_lane::<3>(self.0),
        ]
    }
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> Self {
        // SAFETY: the reference is valid for reads of 16 bytes; `v128.load` needs no alignment.
        Self(unsafe { v128_load(bytes.as_ptr().cast()) })
    }
    #[inline(always)]
    fn load_splat_u32(bytes: &[u8; 4]) -> Self {
        // SAFETY: the reference is valid for reads of 4 bytes; `v128.load32_splat` needs no alignment.
        Self(unsafe { v128_load32_splat(bytes.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8; 16]) {
        // SAFETY: the reference is valid for writes of 16 bytes; `v128.store` needs no alignment.
        unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
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
    fn add_u32(self, other: Self) -> Self {
        Self(u32x4_add(self.0, other.0))
    }
    #[inline(always)]
    fn eq_u8(self, other: Self) -> Self {
        Self(u8x16_eq(self.0, other.0))
    }
    #[inline(always)]
    fn dot_i16(self, other: Self) -> Self {
        Self(i32x4_dot_i16x8(self.0, other.0))
    }
    #[inline(always)]
    fn shl_u16<const BITS: u32>(self) -> Self {
        Self(u16x8_shl(self.0, BITS))
    }
    #[inline(always)]
    fn shr_u16<const BITS: u32>(self) -> Self {
        Self(u16x8_shr(self.0, BITS))
    }
    #[inline(always)]
    fn shl_u32<const BITS: u32>(self) -> Self {
        Self(u32x4_shl(self.0, BITS))
    }
    #[inline(always)]
    fn shr_u32<const BITS: u32>(self) -> Self {
        Self(u32x4_shr(self.0, BITS))
    }
    #[inline(always)]
    fn shr_i32<const BITS: u32>(self) -> Self {
        Self(i32x4_shr(self.0, BITS))
    }
    #[inline(always)]
    fn shr_u64<const BITS: u32>(self) -> Self {
        Self(u64x2_shr(self.0, BITS))
    }
    #[inline(always)]
    fn rotate_left_u32<const BITS: u32>(self) -> Self {
        if BITS.is_multiple_of(8) {
            return self.lookup(self.late(const { &rotation(BITS) }));
        }
        Self(v128_or(u32x4_shl(self.0, BITS), u32x4_shr(self.0, 32 - BITS)))
    }
    #[inline(always)]
    fn rotate_lanes_u32<const COUNT: usize>(self) -> Self {
        let this = self.0;
        Self(match COUNT {
            1 => i32x4_shuffle::<1, 2, 3, 0>(this, this),
            2 => i32x4_shuffle::<2, 3, 0, 1>(this, this),
            3 => i32x4_shuffle::<3, 0, 1, 2>(this, this),
            _ => this,
        })
    }
    #[inline(always)]
    fn narrow_u64(self, high: Self) -> Self {
        Self(i32x4_shuffle::<0, 2, 4, 6>(self.0, high.0))
    }
    #[inline(always)]
    fn push_u8(self, before: Self) -> Self {
        Self(i8x16_shuffle::<15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30>(
            before.0, self.0,
        ))
    }
    #[inline(always)]
    fn zip_low_u8(self, other: Self) -> Self {
        Self(i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_high_u8(self, other: Self) -> Self {
        Self(i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_low_u16(self, other: Self) -> Self {
        Self(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_high_u16(self, other: Self) -> Self {
        Self(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_low_u32(self, other: Self) -> Self {
        Self(i32x4_shuffle::<0, 4, 1, 5>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_high_u32(self, other: Self) -> Self {
        Self(i32x4_shuffle::<2, 6, 3, 7>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_low_u64(self, other: Self) -> Self {
        Self(i64x2_shuffle::<0, 2>(self.0, other.0))
    }
    #[inline(always)]
    fn zip_high_u64(self, other: Self) -> Self {
        Self(i64x2_shuffle::<1, 3>(self.0, other.0))
    }
    #[inline(always)]
    fn pick_u32<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self {
        Self(i32x4_shuffle::<A, B, C, D>(self.0, other.0))
    }
    #[inline(always)]
    fn rotate_left_bytes<const BITS: u32>(self, by: Rotation<Self>) -> Self {
        self.lookup(by.0)
    }
    #[inline(always)]
    fn lookup(self, index: Self) -> Self {
        Self(u8x16_swizzle(self.0, index.0))
    }
}
