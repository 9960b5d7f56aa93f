//! Vectors of four 32-bit lanes, over which the kernels are written once.

#[cfg(test)]
mod portable;
#[cfg(target_arch = "wasm32")]
mod wasm32_simd128;

#[cfg(test)]
pub(crate) use portable::Portable;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm32_simd128::Simd128;

/// Four unsigned numbers of 32 bits; arithmetic wraps. No operation branches or loads by a lane's value.
pub(crate) trait U32x4: Copy {
    /// Two unsigned numbers of 64 bits.
    type U64x2: U64x2;

    fn new(lanes: [u32; 4]) -> Self;
    fn splat(value: u32) -> Self;
    /// Lanes in little-endian order.
    fn load(bytes: &[u8; 16]) -> Self;
    fn store(self, bytes: &mut [u8; 16]);
    fn lanes(self) -> [u32; 4];
    fn add(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn shl<const BITS: u32>(self) -> Self;
    fn shr<const BITS: u32>(self) -> Self;
    fn rotate_left<const BITS: u32>(self) -> Self;
    /// Rows become columns.
    fn transpose(rows: [Self; 4]) -> [Self; 4];
    /// Full products of lanes 0 and 1.
    fn multiply_low(self, other: Self) -> Self::U64x2;
    /// Full products of lanes 2 and 3.
    fn multiply_high(self, other: Self) -> Self::U64x2;
    /// The low halves of the lanes of two vectors.
    fn narrow(low: Self::U64x2, high: Self::U64x2) -> Self;
}

/// Two unsigned numbers of 64 bits; arithmetic wraps.
pub(crate) trait U64x2: Copy {
    fn splat(value: u64) -> Self;
    fn add(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn shr<const BITS: u32>(self) -> Self;
}
