//! The two S-boxes against that of FIPS 197.

use super::*;
use crate::lanes::Portable;

/// The S-box by its definition (FIPS 197, section 5.1.1), without the constant.
fn wanted(byte: u8) -> u8 {
    let inverse = (0..=255).find(|&other| field::multiply(byte, other) == 1).unwrap_or(0);
    (0..5).fold(0, |sum, bits| sum ^ inverse.rotate_left(bits))
}

#[test]
fn the_s_box_is_that_of_the_standard() {
    assert_eq!([0x00, 0x01, 0x53, 0xff].map(|byte| wanted(byte) ^ 0x63), [0x63, 0x7c, 0xed, 0x16]);
    for byte in 0..=255 {
        let mut planes = core::array::from_fn(|bit| [0_u8.wrapping_sub(byte >> bit & 1); 16]);
        sbox::sub::<Portable>(&mut planes);
        let sum = planes.iter().rev().fold(0, |sum, plane| sum << 1 | u32::from(plane[0] & 1));
        assert_eq!(sum, u32::from(wanted(byte)), "{byte:#x}");
        let [once, twice] = permute::sub(Portable::splat_u8(byte)).map(|sub| sub.to_u32());
        assert_eq!(once, [u32::from_le_bytes([wanted(byte); 4]); 4], "{byte:#x}");
        assert_eq!(twice, [u32::from_le_bytes([field::multiply(2, wanted(byte)); 4]); 4], "{byte:#x}");
    }
}
