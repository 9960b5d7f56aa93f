//! The bytes of a case.
//!
//! Input: fields one after the other, each a length (4 bytes, little-endian) and as many bytes. Answer: 1 and
//! the output, or 0 and one byte saying why not.

use crate::Error;
use alloc::{vec, vec::Vec};

/// Encodes the fields of a case's input.
///
/// # Panics
/// When a field has 4 GiB or more.
#[must_use]
pub fn encode(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        let length = u32::try_from(field.len()).expect("fields are shorter than 4 GiB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

/// Splits an answer into the output, or the code of the refusal ([`Error::code`] or [`super::MALFORMED`]).
///
/// # Errors
/// The code of the refusal.
pub fn answer(bytes: &[u8]) -> Result<&[u8], u8> {
    match bytes {
        [1, output @ ..] => Ok(output),
        [0, code] => Err(*code),
        _ => Err(super::MALFORMED),
    }
}

/// Splits an input into exactly `N` fields.
pub(super) fn fields<const N: usize>(mut bytes: &[u8]) -> Option<[&[u8]; N]> {
    let mut fields = [&[][..]; N];
    for field in &mut fields {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        (*field, bytes) = rest.split_at_checked(length)?;
    }
    bytes.is_empty().then_some(fields)
}

pub(super) fn accepted(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![1];
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

pub(super) fn refused(error: Error) -> Vec<u8> {
    vec![0, error.code()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_round_trip() {
        let bytes = encode(&[b"a", b"", b"bcd"]);
        assert_eq!(fields::<3>(&bytes), Some([&b"a"[..], b"", b"bcd"]));
        assert_eq!(fields::<2>(&bytes), None);
        assert_eq!(fields::<4>(&bytes), None);
        for cut in 0..bytes.len() {
            assert_eq!(fields::<3>(&bytes[..cut]), None);
        }
        assert_eq!(fields::<1>(&[0xff; 8]), None);
    }
}
