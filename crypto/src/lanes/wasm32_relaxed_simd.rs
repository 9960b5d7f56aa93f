//! Vectors of WebAssembly's relaxed SIMD: as the strict ones, but for the lookup, which may take an instruction less.

use super::{Rotation, Simd128, Vector, rotation};
use core::arch::wasm32::u8x16_relaxed_swizzle;

#[derive(Clone, Copy)]
pub(crate) struct RelaxedSimd(Simd128);

/// Operations that the strict vector has as well.
macro_rules! same {
    ($($name:ident $([$bits:ident])? ($($other:ident)?);)*) => {
        $(
            #[inline(always)]
            fn $name $(<const $bits: u32>)? (self $(, $other: Self)?) -> Self {
                Self(self.0.$name $(::<$bits>)? ($($other.0)?))
            }
        )*
    };
}

impl Vector for RelaxedSimd {
    #[inline(never)]
    fn call<R>(body: impl FnOnce() -> R) -> R {
        body()
    }

    #[inline(always)]
    fn splat_u8(value: u8) -> Self {
        Self(Simd128::splat_u8(value))
    }
    #[inline(always)]
    fn splat_u32(value: u32) -> Self {
        Self(Simd128::splat_u32(value))
    }
    #[inline(always)]
    fn from_u32(lanes: [u32; 4]) -> Self {
        Self(Simd128::from_u32(lanes))
    }
    #[inline(always)]
    fn to_u32(self) -> [u32; 4] {
        self.0.to_u32()
    }
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> Self {
        Self(Simd128::load(bytes))
    }
    #[inline(always)]
    fn load_splat_u32(bytes: &[u8; 4]) -> Self {
        Self(Simd128::load_splat_u32(bytes))
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8; 16]) {
        self.0.store(bytes);
    }
    #[inline(always)]
    fn rotate_left_u32<const BITS: u32>(self) -> Self {
        if BITS.is_multiple_of(8) {
            return self.lookup(Self(self.0.late(const { &rotation(BITS) })));
        }
        Self(self.0.rotate_left_u32::<BITS>())
    }
    #[inline(always)]
    fn rotate_lanes_u32<const COUNT: usize>(self) -> Self {
        Self(self.0.rotate_lanes_u32::<COUNT>())
    }
    #[inline(always)]
    fn rotate_left_bytes<const BITS: u32>(self, by: Rotation<Self>) -> Self {
        self.lookup(by.0)
    }
    #[inline(always)]
    fn lookup(self, index: Self) -> Self {
        // By the contract of `lookup` no index is one whose result engines may choose.
        Self(Simd128(u8x16_relaxed_swizzle(self.0.0, index.0.0)))
    }

    #[inline(always)]
    fn pick_u32<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self {
        Self(self.0.pick_u32::<A, B, C, D>(other.0))
    }

    same! {
        xor(other);
        and(other);
        or(other);
        add_u32(other);
        eq_u8(other);
        dot_i16(other);
        shl_u16[BITS]();
        shr_u16[BITS]();
        shl_u32[BITS]();
        shr_u32[BITS]();
        shr_i32[BITS]();
        shr_u64[BITS]();
        narrow_u64(other);
        push_u8(other);
        zip_low_u8(other);
        zip_high_u8(other);
        zip_low_u16(other);
        zip_high_u16(other);
        zip_low_u32(other);
        zip_high_u32(other);
        zip_low_u64(other);
        zip_high_u64(other);
    }
}
