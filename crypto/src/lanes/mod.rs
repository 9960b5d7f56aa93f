//! Vectors of 128 bits, over which the kernels are written once.
//!
//! | Vector | Where | Needs |
//! |-|-|-|
//! | [`Portable`] | everywhere; the reference of the others | – |
//! | `Simd128` | wasm32 | `simd128` |
//! | `RelaxedSimd` | wasm32 | `relaxed-simd` |
//! | `Ssse3` | x86-64 | SSSE3, asked for at run time |

mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod wasm32_relaxed_simd;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32_simd128;
#[cfg(target_arch = "x86_64")]
mod x86_64_ssse3;

pub(crate) use portable::Portable;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(crate) use wasm32_relaxed_simd::RelaxedSimd;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use wasm32_simd128::Simd128;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64_ssse3::Ssse3;

/// A rotation of 32-bit lanes by whole bytes, to be made outside of loops and passed to a function of its own
/// ([`Vector::call`]) with them: it is an index of [`Vector::lookup`] that compilers must not know. Of one that they
/// know LLVM makes a shuffle of two vectors, for which Cranelift needs three instructions.
#[derive(Clone, Copy)]
pub(crate) struct Rotation<V>(V);

impl<V: Vector> Rotation<V> {
    #[inline(always)]
    pub(crate) fn new<const BITS: u32>() -> Self {
        Self(V::load(core::hint::black_box(const { &rotation(BITS) })))
    }
}

/// 128 bits, seen as lanes of the width in an operation's name, the lowest first; arithmetic wraps. No operation
/// branches or loads by a lane's value.
///
/// Kernels are `#[inline(always)]` from their loops down to these operations; [`Vector::call`] is their one border.
pub(crate) trait Vector: Copy + 'static {
    /// Whether lanes are computed at once; where not, a kernel better takes one number after the other.
    const AT_ONCE: bool = true;

    /// Runs `body` as a function of its own, in which the instructions of this vector may be used. A loop of its own
    /// function is also what Cranelift allocates registers best for.
    fn call<R>(body: impl FnOnce() -> R) -> R;

    fn splat_u8(value: u8) -> Self;
    fn splat_u32(value: u32) -> Self;
    fn from_u32(lanes: [u32; 4]) -> Self;
    fn to_u32(self) -> [u32; 4];
    fn load(bytes: &[u8; 16]) -> Self;
    /// A little-endian number in all lanes: where `splat_u32` takes a shuffle, this may be a load alone.
    #[inline(always)]
    fn load_splat_u32(bytes: &[u8; 4]) -> Self {
        Self::splat_u32(u32::from_le_bytes(*bytes))
    }
    fn store(self, bytes: &mut [u8; 16]);

    fn xor(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;

    fn add_u32(self, other: Self) -> Self;
    fn shl_u16<const BITS: u32>(self) -> Self;
    fn shr_u16<const BITS: u32>(self) -> Self;
    fn shl_u32<const BITS: u32>(self) -> Self;
    fn shr_u32<const BITS: u32>(self) -> Self;
    /// Shifts copies of the sign in.
    fn shr_i32<const BITS: u32>(self) -> Self;
    fn shr_u64<const BITS: u32>(self) -> Self;
    fn rotate_left_u32<const BITS: u32>(self) -> Self;
    /// Lane n is the one that was `COUNT` later, cyclically.
    fn rotate_lanes_u32<const COUNT: usize>(self) -> Self;
    /// As [`Vector::rotate_left_u32`], by whole bytes; `by` is [`Rotation::new`] of the same `BITS`.
    #[inline(always)]
    fn rotate_left_bytes<const BITS: u32>(self, _by: Rotation<Self>) -> Self {
        self.rotate_left_u32::<BITS>()
    }
    /// All ones where lanes are equal, else zero.
    fn eq_u8(self, other: Self) -> Self;

    /// The bytes of `self` that the bytes of `index` name. Each of these is below 16, or 128 and more, which gives 0.
    fn lookup(self, index: Self) -> Self;
    /// The bytes of every 32-bit lane in the opposite order.
    #[inline(always)]
    fn swap_bytes_u32(self) -> Self {
        self.lookup(Self::load(&[3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]))
    }
    /// The last byte of `before`, then the bytes of `self` but its last.
    fn push_u8(self, before: Self) -> Self;
    /// Lanes of the low halves in turns: `self`'s first, `other`'s first, and so on.
    fn zip_low_u8(self, other: Self) -> Self;
    fn zip_high_u8(self, other: Self) -> Self;
    fn zip_low_u16(self, other: Self) -> Self;
    fn zip_high_u16(self, other: Self) -> Self;
    fn zip_low_u32(self, other: Self) -> Self;
    fn zip_high_u32(self, other: Self) -> Self;
    fn zip_low_u64(self, other: Self) -> Self;
    fn zip_high_u64(self, other: Self) -> Self;
    /// The lanes of these numbers; those of `other` are 4 to 7.
    fn pick_u32<const A: usize, const B: usize, const C: usize, const D: usize>(self, other: Self) -> Self;
    /// The lanes 1, 2 and 3 of `self`, then the first of `next`.
    #[inline(always)]
    fn shift_in_u32(self, next: Self) -> Self {
        self.pick_u32::<1, 2, 3, 4>(next)
    }
    /// Rows become columns.
    #[inline(always)]
    fn transpose_u32([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (ab_low, ab_high) = (a.zip_low_u32(b), a.zip_high_u32(b));
        let (cd_low, cd_high) = (c.zip_low_u32(d), c.zip_high_u32(d));
        [
            ab_low.zip_low_u64(cd_low),
            ab_low.zip_high_u64(cd_low),
            ab_high.zip_low_u64(cd_high),
            ab_high.zip_high_u64(cd_high),
        ]
    }

    /// Rows become columns: each of four steps rotates the bits of a byte's row and place, as one number, by one.
    #[inline(always)]
    fn transpose_u8(rows: [Self; 16]) -> [Self; 16] {
        let step = |r: [Self; 16]| {
            let zip = |row: usize| [r[row].zip_low_u8(r[row + 8]), r[row].zip_high_u8(r[row + 8])];
            // Written out: compilers leave a loop of this length a loop.
            let ([a, b], [c, d], [e, f], [g, h]) = (zip(0), zip(1), zip(2), zip(3));
            let ([i, j], [k, l], [m, n], [o, p]) = (zip(4), zip(5), zip(6), zip(7));
            [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
        };
        step(step(step(step(rows))))
    }

    /// The low halves of the 64-bit lanes of `self`, then of `high`.
    fn narrow_u64(self, high: Self) -> Self;
    /// Products of signed 16-bit lanes, added in pairs to 32-bit lanes.
    fn dot_i16(self, other: Self) -> Self;
}

/// The order of bytes that rotates 32-bit lanes left by whole bytes.
const fn rotation(bits: u32) -> [u8; 16] {
    let bytes = (bits / 8).to_le_bytes()[0];
    let mut order = [0; 16];
    let mut at = 0_u8;
    while at < 16 {
        order[at as usize] = at & 12 | (at + 4 - bytes) & 3;
        at += 1;
    }
    order
}

#[cfg(test)]
mod tests;
