//! Strict dag-cbor by `serde_ipld_dagcbor`, whose types stay inside.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_ipld_dagcbor::DecodeError;

/// Reads strict dag-cbor.
///
/// # Errors
///
/// In words, when the bytes are not strict dag-cbor or not of the type; the words are the same for pointers of any
/// width.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_ipld_dagcbor::from_slice(bytes).map_err(|error| match error {
        // The crate sees it at once where its pointers have 32 bits, and elsewhere at the end.
        _ if claims_too_much(bytes) => "a length leads beyond the end".to_owned(),
        // A type's own words.
        DecodeError::Msg(text) => text,
        other => format!("{other:?}"),
    })
}

/// Whether the length of something is more than there are bytes behind it.
fn claims_too_much(mut bytes: &[u8]) -> bool {
    while let Some((head, rest)) = bytes.split_first() {
        let count = match head & 31 {
            info @ 24..=27 => 1 << (info - 24),
            28.. => return false,
            _ => 0,
        };
        let Some((argument, rest)) = rest.split_at_checked(count) else { return false };
        let argument = match count {
            0 => u64::from(head & 31),
            _ => argument.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        bytes = rest;
        let string = matches!(head >> 5, 2 | 3);
        if !string && !matches!(head >> 5, 4 | 5) {
            continue;
        }
        match usize::try_from(argument).ok().filter(|length| *length <= rest.len()) {
            None => return true,
            Some(length) if string => bytes = &rest[length..],
            Some(_) => {}
        }
    }
    false
}

/// Writes strict dag-cbor.
///
/// # Panics
///
/// When there is no dag-cbor for the value: a map with keys other than text, a float that is no number.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    match serde_ipld_dagcbor::to_vec(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("there is no dag-cbor for what was answered: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_beyond_the_end_are_told_alike_by_all_widths() {
        type Any = serde::de::IgnoredAny;
        let wrong = |bytes: &[u8]| decode::<Any>(bytes).err().unwrap_or_else(|| panic!("{bytes:02x?}"));
        for bytes in [
            &b"\xbb\0\0\0\x01\0\0\0\0\x61a\x01"[..],
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x7b\0\0\0\x01\0\0\0\0",
            b"\x63ab",
            b"\x82\x01\x5a\0\0\0\x09ab",
        ] {
            assert_eq!(wrong(bytes), "a length leads beyond the end", "{bytes:x?}");
        }
        // Others keep the decoder's words.
        for bytes in [&b"\x18\x01"[..], b"\x9f\xff", b"\x19\x01", b"\x01\x01"] {
            let error = decode::<u64>(bytes).unwrap_err();
            assert_ne!(error, "a length leads beyond the end", "{bytes:02x?}");
        }
        assert!(decode::<Any>(b"\x82\x01\x62ab").is_ok());
    }
}
