//! Floats as the specification says, NaNs made canonical.
//!
//! Taken from the language are `+ - * /` and `sqrt`, comparisons, and the casts from integers and between floats: all
//! defined to round to nearest, ties to even.

use super::Trap;
use super::value::{Bits32, Bits64, Number};

/// A float that arithmetic is done with.
pub(super) trait Float: Number + PartialOrd {
    /// The float as its bits.
    type Bits: Number;

    /// Its bits, or those of the canonical NaN: quiet, positive, nothing else. Not as a float, for to a compiler one
    /// NaN is as good as another.
    fn canonical(self) -> Self::Bits;
    fn trunc(self) -> Self;
    fn nearest(self) -> Self;
    fn ceil(self) -> Self;
    fn floor(self) -> Self;
    fn min(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
}

macro_rules! float {
    ($type:ty, $bits:ty, $as_bits:ident, $nan:expr) => {
        impl Float for $type {
            type Bits = $as_bits;

            fn canonical(self) -> $as_bits {
                $as_bits(if self.is_nan() { $nan } else { self.to_bits() })
            }

            fn trunc(self) -> Self {
                const FRACTION: $bits = <$type>::MANTISSA_DIGITS as $bits - 1;
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                let bits = self.to_bits();
                let exponent = (bits & !SIGN) >> FRACTION;
                // The exponent of 1.
                let one = (<$type>::MAX_EXP - 1).cast_unsigned() as $bits;
                if exponent < one {
                    return Self::from_bits(bits & SIGN);
                }
                let integer = exponent - one;
                if integer >= FRACTION {
                    return self;
                }
                let below = FRACTION - integer;
                Self::from_bits(bits >> below << below)
            }

            fn nearest(self) -> Self {
                let down = self.trunc();
                // Exact: of what has a fraction at all, less than one is left.
                let left = (self - down).abs();
                let odd = down % 2.0 != 0.0;
                if left > 0.5 || left == 0.5 && odd {
                    return down + Self::copysign(1.0, self);
                }
                down
            }

            fn ceil(self) -> Self {
                let toward_zero = self.trunc();
                if toward_zero < self { toward_zero + 1.0 } else { toward_zero }
            }

            fn floor(self) -> Self {
                let toward_zero = self.trunc();
                if toward_zero > self { toward_zero - 1.0 } else { toward_zero }
            }

            fn min(self, other: Self) -> Self {
                if self.is_nan() || other.is_nan() {
                    return Self::from_bits($nan);
                }
                if self == other {
                    // Zeros of either sign are equal: the negative one is the less.
                    return Self::from_bits(self.to_bits() | other.to_bits());
                }
                if self < other { self } else { other }
            }

            fn max(self, other: Self) -> Self {
                if self.is_nan() || other.is_nan() {
                    return Self::from_bits($nan);
                }
                if self == other {
                    return Self::from_bits(self.to_bits() & other.to_bits());
                }
                if self > other { self } else { other }
            }
        }
    };
}

float!(f32, u32, Bits32, 0x7fc0_0000);
float!(f64, u64, Bits64, 0x7ff8_0000_0000_0000);

/// An integer that floats are truncated to.
pub(super) trait Integer: Number {
    /// The integer part, which must be representable.
    fn truncated(float: f64) -> Result<Self, Trap>;
    /// The integer part, or the nearest that is representable; 0 for NaN.
    fn saturated(float: f64) -> Self;
}

macro_rules! integer {
    ($type:ty, $least:expr, $beyond:expr) => {
        impl Integer for $type {
            #[expect(clippy::cast_possible_truncation, reason = "an integer that was found to be in range")]
            #[allow(clippy::cast_sign_loss, reason = "likewise")]
            fn truncated(float: f64) -> Result<Self, Trap> {
                if float.is_nan() {
                    return Err(Trap::BadConversionToInteger);
                }
                // Both bounds are exact, and every 32-bit float is a 64-bit one.
                let whole = Float::trunc(float);
                if !($least..$beyond).contains(&whole) {
                    return Err(Trap::IntegerOverflow);
                }
                Ok(whole as Self)
            }

            fn saturated(float: f64) -> Self {
                match Self::truncated(float) {
                    Ok(integer) => integer,
                    Err(Trap::BadConversionToInteger) => 0,
                    Err(_) if float < 0.0 => Self::MIN,
                    Err(_) => Self::MAX,
                }
            }
        }
    };
}

integer!(i32, -2_147_483_648.0, 2_147_483_648.0);
integer!(u32, 0.0, 4_294_967_296.0);
integer!(i64, -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0);
integer!(u64, 0.0, 18_446_744_073_709_551_616.0);

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the standard library, for every sign and exponent with fractions round the rounding points.
    #[test]
    fn rounding_is_what_the_standard_library_does() {
        let same32 = |name: &str, bits: u32, ours: f32, theirs: f32| {
            assert_eq!(ours.canonical().0, theirs.canonical().0, "{name} of {bits:#x}");
        };
        let same64 = |name: &str, bits: u64, ours: f64, theirs: f64| {
            assert_eq!(ours.canonical().0, theirs.canonical().0, "{name} of {bits:#x}");
        };
        for high in 0..512_u32 {
            for fraction in (0..23).flat_map(|bit| [(1_u32 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << bit]) {
                let bits = high << 23 | fraction & 0x7f_ffff;
                let x = f32::from_bits(bits);
                same32("trunc", bits, Float::trunc(x), x.trunc());
                same32("nearest", bits, Float::nearest(x), x.round_ties_even());
                same32("ceil", bits, Float::ceil(x), x.ceil());
                same32("floor", bits, Float::floor(x), x.floor());
            }
        }
        for high in 0..4096_u64 {
            for fraction in (0..52).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << bit]) {
                let bits = high << 52 | fraction & 0xf_ffff_ffff_ffff;
                let x = f64::from_bits(bits);
                same64("trunc", bits, Float::trunc(x), x.trunc());
                same64("nearest", bits, Float::nearest(x), x.round_ties_even());
                same64("ceil", bits, Float::ceil(x), x.ceil());
                same64("floor", bits, Float::floor(x), x.floor());
            }
        }
    }

    #[test]
    fn zeros_and_nans_of_min_and_max() {
        assert_eq!(Float::min(0.0_f32, -0.0).to_bits(), 0x8000_0000);
        assert_eq!(Float::max(-0.0_f32, 0.0).to_bits(), 0);
        assert_eq!(Float::max(-0.0_f64, -0.0).to_bits(), 1 << 63);
        let noisy = f64::from_bits(0xfff0_0000_0000_0001);
        assert_eq!(Float::min(1.0, noisy).to_bits(), 0x7ff8_0000_0000_0000);
        assert_eq!(Float::max(noisy, 1.0).to_bits(), 0x7ff8_0000_0000_0000);
        assert!((Float::min(2.0_f64, -3.0) - -3.0).abs() < f64::EPSILON);
    }

    #[test]
    fn integers_at_their_edges() {
        assert_eq!(i32::truncated(-2_147_483_648.9), Ok(i32::MIN));
        assert_eq!(i32::truncated(2_147_483_647.9), Ok(i32::MAX));
        assert_eq!(i32::truncated(2_147_483_648.0), Err(Trap::IntegerOverflow));
        assert_eq!(i32::truncated(-2_147_483_649.0), Err(Trap::IntegerOverflow));
        assert_eq!(u32::truncated(-0.9), Ok(0));
        assert_eq!(u32::truncated(-1.0), Err(Trap::IntegerOverflow));
        assert_eq!(u64::truncated(18_446_744_073_709_549_568.0), Ok(18_446_744_073_709_549_568));
        assert_eq!(u64::truncated(18_446_744_073_709_551_616.0), Err(Trap::IntegerOverflow));
        assert_eq!(i64::truncated(-9_223_372_036_854_775_808.0), Ok(i64::MIN));
        assert_eq!(i64::truncated(9_223_372_036_854_775_808.0), Err(Trap::IntegerOverflow));
        assert_eq!(i64::truncated(f64::NAN), Err(Trap::BadConversionToInteger));
        assert_eq!(i64::saturated(f64::NAN), 0);
        assert_eq!(u32::saturated(-5.0), 0);
        assert_eq!(u32::saturated(f64::INFINITY), u32::MAX);
        assert_eq!(i64::saturated(f64::NEG_INFINITY), i64::MIN);
    }
}
