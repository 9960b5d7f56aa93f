//! Vectors of x86-64 with SSSE3.
#![expect(unsafe_code, reason = "instructions that the baseline lacks; loads and stores of whole vectors")]

use super::{Vector, rotation};
use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_and_si128, _mm_cmpeq_epi8, _mm_cvtsi32_si128,
    _mm_loadu_si128, _mm_madd_epi16, _mm_or_si128, _mm_set1_epi8, _mm_set1_epi32, _mm_setr_epi32,
    _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_sll_epi16, _mm_sll_epi32, _mm_sra_epi32, _mm_srl_epi16,
    _mm_srl_epi32, _mm_srl_epi64, _mm_storeu_si128, _mm_unpackhi_epi8, _mm_unpackhi_epi16,
    _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi8, _mm_unpacklo_epi16, _mm_unpacklo_epi32,
    _mm_unpacklo_epi64, _mm_xor_si128,
};

/// Made only inside [`Vector::call`], whose callers have asked for SSSE3 (`crate::backend`).
#[derive(Clone, Copy)]
pub(crate) struct Ssse3(__m128i);

/// Operations of one instruction.
macro_rules! instructions {
    ($($name:ident = $instruction:ident;)*) => {
        $(
            #[inline(always)]
            fn $name(self, other: Self) -> Self {
                // SAFETY: SSE2 is part of x86-64.
                Self(unsafe { $instruction(self.0, other.0) })
            }
        )*
    };
}

/// Shifts by a constant; the instructions take it as `i32`.
macro_rules! shifts {
    ($($name:ident = $instruction:ident;)*) => {
        $(
            #[inline(always)]
            fn $name<const BITS: u32>(self) -> Self {
                // SAFETY: SSE2 is part of x86-64.
                Self(unsafe { $instruction(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
            }
        )*
    };
}

#[target_feature(enable = "ssse3")]
#[inline(never)]
fn with_ssse3<R>(body: impl FnOnce() -> R) -> R {
    body()
}

impl Vector for Ssse3 {
    #[inline(always)]
    fn call<R>(body: impl FnOnce() -> R) -> R {
        // SAFETY: `crate::backend` chooses this vector only where the processor has SSSE3.
        unsafe { with_ssse3(body) }
    }

    #[inline(always)]
    fn splat_u8(value: u8) -> Self {
        // SAFETY: SSE2 is part of x86-64.
        Self(unsafe { _mm_set1_epi8(value.cast_signed()) })
    }
    #[inline(always)]
    fn splat_u32(value: u32) -> Self {
        // SAFETY: SSE2 is part of x86-64.
        Self(unsafe { _mm_set1_epi32(value.cast_signed()) })
    }
    #[inline(always)]
    fn from_u32(lanes: [u32; 4]) -> Self {
        let [a, b, c, d] = lanes.map(u32::cast_signed);
        // SAFETY: SSE2 is part of x86-64.
        Self(unsafe { _mm_setr_epi32(a, b, c, d) })
    }
    #[inline(always)]
    fn to_u32(self) -> [u32; 4] {
        let mut lanes = [0_u32; 4];
        // SAFETY: the array has 16 bytes; `movdqu` needs no alignment.
        unsafe { _mm_storeu_si128(lanes.as_mut_ptr().cast(), self.0) };
        lanes
    }
    #[inline(always)]
    fn load(bytes: &[u8; 16]) -> Self {
        // SAFETY: the reference is valid for reads of 16 bytes; `movdqu` needs no alignment.
        Self(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8; 16]) {
        // SAFETY: the reference is valid for writes of 16 bytes; `movdqu` needs no alignment.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn rotate_left_u32<const BITS: u32>(self) -> Self {
        if BITS.is_multiple_of(8) {
            return self.lookup(Self::load(const { &rotation(BITS) }));
        }
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let left = _mm_sll_epi32(self.0, _mm_cvtsi32_si128(BITS.cast_signed()));
            let right = _mm_srl_epi32(self.0, _mm_cvtsi32_si128(32 - BITS.cast_signed()));
            Self(_mm_or_si128(left, right))
        }
    }
    #[inline(always)]
    fn rotate_lanes_u32<const COUNT: usize>(self) -> Self {
        // SAFETY: SSE2 is part of x86-64.
        Self(unsafe {
            match COUNT {
                1 => _mm_shuffle_epi32::<0x39>(self.0),
                2 => _mm_shuffle_epi32::<0x4e>(self.0),
                3 => _mm_shuffle_epi32::<0x93>(self.0),
                _ => self.0,
            }
        })
    }
    #[inline(always)]
    fn lookup(self, index: Self) -> Self {
        // SAFETY: this runs inside `call`, where SSSE3 is there.
        Self(unsafe { _mm_shuffle_epi8(self.0, index.0) })
    }
    #[inline(always)]
    fn push_u8(self, before: Self) -> Self {
        // SAFETY: this runs inside `call`, where SSSE3 is there.
        Self(unsafe { _mm_alignr_epi8::<15>(self.0, before.0) })
    }
    #[inline(always)]
    fn pick_u32<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self {
        let lanes = [self.to_u32(), other.to_u32()];
        Self::from_u32([A, B, C, D].map(|lane| lanes[lane / 4][lane % 4]))
    }
    #[inline(always)]
    fn narrow_u64(self, high: Self) -> Self {
        // SAFETY: SSE2 is part of x86-64.
        Self(unsafe {
            let (low, high) = (_mm_shuffle_epi32::<0x08>(self.0), _mm_shuffle_epi32::<0x08>(high.0));
            _mm_unpacklo_epi64(low, high)
        })
    }

    instructions! {
        xor = _mm_xor_si128;
        and = _mm_and_si128;
        or = _mm_or_si128;
        add_u32 = _mm_add_epi32;
        eq_u8 = _mm_cmpeq_epi8;
        dot_i16 = _mm_madd_epi16;
        zip_low_u8 = _mm_unpacklo_epi8;
        zip_high_u8 = _mm_unpackhi_epi8;
        zip_low_u16 = _mm_unpacklo_epi16;
        zip_high_u16 = _mm_unpackhi_epi16;
        zip_low_u32 = _mm_unpacklo_epi32;
        zip_high_u32 = _mm_unpackhi_epi32;
        zip_low_u64 = _mm_unpacklo_epi64;
        zip_high_u64 = _mm_unpackhi_epi64;
    }

    shifts! {
        shl_u16 = _mm_sll_epi16;
        shr_u16 = _mm_srl_epi16;
        shl_u32 = _mm_sll_epi32;
        shr_u32 = _mm_srl_epi32;
        shr_i32 = _mm_sra_epi32;
        shr_u64 = _mm_srl_epi64;
    }
}
