//! CIDs of any content, as other tools write them, and the varints that they are made of.
//!
//! Source: the CID, multihash, multibase and unsigned-varint specifications of multiformats. A vault's own blocks
//! have only CIDs as [`crate::ids::Cid`]; the others are met in CAR files and on the command line.

use alloc::vec::Vec;
use core::fmt;

use crate::ids::{CID_PREFIX, Cid};

/// Longest digest that is taken, in bytes.
pub const CID_DIGEST_BYTES_MAX: usize = 64;
/// Longest binary CID that is taken: version, codec, hash function, length, digest.
pub const CID_BYTES_MAX: usize = 1 + 2 * VARINT_BYTES_MAX + 1 + CID_DIGEST_BYTES_MAX;
/// Longest varint: 63 bits.
pub const VARINT_BYTES_MAX: usize = 9;

/// Multicodec of opaque bytes.
pub const CODEC_RAW: u64 = 0x55;
/// Multicodec of dag-cbor.
pub const CODEC_DAG_CBOR: u64 = 0x71;
/// Multicodec of dag-pb, the only one of a CIDv0.
pub const CODEC_DAG_PB: u64 = 0x70;
/// Multihash that is its content.
pub const HASH_IDENTITY: u64 = 0x00;
/// Multihash SHA2-256.
pub const HASH_SHA2_256: u64 = 0x12;
/// Multihash BLAKE3.
pub const HASH_BLAKE3: u64 = 0x1e;

const CID_V0_PREFIX: [u8; 2] = [0x12, 0x20];

/// Why something is not a CID, or not that of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CidError {
    /// It ends inside of a number or of the digest.
    Truncated,
    /// A number in it has more than 63 bits.
    TooLong,
    /// A number in it has a shorter form.
    NotMinimal,
    /// A version other than 0 and 1.
    Version(u64),
    /// A digest that is too long, or not as long as its hash function says.
    Digest,
    /// Bytes follow it.
    Trailing,
    /// Text in another base than base32 in lower case.
    Base,
    /// A character that base32 does not have, or bits behind the end.
    Base32,
    /// Content other than raw bytes, by its multicodec.
    Codec(u64),
    /// A hash function other than BLAKE3, by its multicodec.
    Hash(u64),
}

impl fmt::Display for CidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the CID ends too early"),
            Self::TooLong => f.write_str("a number in the CID is too long"),
            Self::NotMinimal => f.write_str("a number in the CID is not in its shortest form"),
            Self::Version(version) => write!(f, "a CID of version {version} is not known"),
            Self::Digest => f.write_str("the digest in the CID has a wrong length"),
            Self::Trailing => f.write_str("something follows the CID"),
            Self::Base => {
                f.write_str("a CID is written in base32 here: 'b', then lower-case letters and digits")
            }
            Self::Base32 => f.write_str("the CID is not proper base32"),
            Self::Codec(code) => {
                write!(f, "a CID of {}; blocks of a vault are raw", Named(*code, &CODECS, "content"))
            }
            Self::Hash(code) => {
                write!(f, "a CID by {}; blocks of a vault are named by blake3", Named(*code, &HASHES, "hash"))
            }
        }
    }
}

impl core::error::Error for CidError {}

const CODECS: [(u64, &str); 3] = [(CODEC_RAW, "raw"), (CODEC_DAG_CBOR, "dag-cbor"), (CODEC_DAG_PB, "dag-pb")];
const HASHES: [(u64, &str); 3] =
    [(HASH_IDENTITY, "identity"), (HASH_SHA2_256, "sha2-256"), (HASH_BLAKE3, "blake3")];

/// A number with its name, if it is one that we know.
struct Named<'n>(u64, &'n [(u64, &'n str)], &'n str);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1.iter().find(|(code, _)| *code == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "{} {:#x}", self.2, self.0),
        }
    }
}

/// Reads an unsigned varint at the start of `bytes`; answers it and how many bytes it takes.
///
/// # Errors
/// `Truncated`, `TooLong` over 63 bits, `NotMinimal` for a form with zeros at its end.
pub fn read_varint(bytes: &[u8]) -> Result<(u64, usize), CidError> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return if *byte == 0 && index > 0 { Err(CidError::NotMinimal) } else { Ok((value, index + 1)) };
        }
    }
    Err(if bytes.len() < VARINT_BYTES_MAX { CidError::Truncated } else { CidError::TooLong })
}

/// Appends an unsigned varint.
///
/// # Panics
/// If the value has more than 63 bits, which nothing of ours has.
pub fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    assert!(value >> 63 == 0, "a varint has 63 bits");
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// A CID of any content, by any hash function with a digest of up to [`CID_DIGEST_BYTES_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnyCid {
    version: u8,
    codec: u64,
    hash: u64,
    digest: [u8; CID_DIGEST_BYTES_MAX],
    digest_bytes: u8,
}

impl From<Cid> for AnyCid {
    fn from(cid: Cid) -> Self {
        let mut digest = [0; CID_DIGEST_BYTES_MAX];
        digest[..32].copy_from_slice(&cid.0);
        Self { version: 1, codec: CODEC_RAW, hash: HASH_BLAKE3, digest, digest_bytes: 32 }
    }
}

impl AnyCid {
    /// Reads the CID at the start of `bytes`; answers it and how many bytes it takes.
    ///
    /// # Errors
    /// If no CID stands there in its one form.
    pub fn from_prefix(bytes: &[u8]) -> Result<(Self, usize), CidError> {
        if let Some(rest) = bytes.strip_prefix(&CID_V0_PREFIX) {
            let digest = rest.get(..32).ok_or(CidError::Truncated)?;
            return Ok((Self::new(0, CODEC_DAG_PB, HASH_SHA2_256, digest)?, 34));
        }
        let mut at = 0;
        let mut number = || {
            let (value, used) = read_varint(bytes.get(at..).unwrap_or_default())?;
            at += used;
            Ok(value)
        };
        let version = number()?;
        if version != 1 {
            return Err(CidError::Version(version));
        }
        let (codec, hash, length) = (number()?, number()?, number()?);
        let length = usize::try_from(length).ok().filter(|length| *length <= CID_DIGEST_BYTES_MAX);
        let end = at + length.ok_or(CidError::Digest)?;
        let digest = bytes.get(at..end).ok_or(CidError::Truncated)?;
        Ok((Self::new(1, codec, hash, digest)?, end))
    }

    fn new(version: u8, codec: u64, hash: u64, from: &[u8]) -> Result<Self, CidError> {
        let fixed = matches!(hash, HASH_SHA2_256 | HASH_BLAKE3);
        if fixed && from.len() != 32 {
            return Err(CidError::Digest);
        }
        let mut digest = [0; CID_DIGEST_BYTES_MAX];
        digest.get_mut(..from.len()).ok_or(CidError::Digest)?.copy_from_slice(from);
        let digest_bytes = u8::try_from(from.len()).map_err(|_| CidError::Digest)?;
        Ok(Self { version, codec, hash, digest, digest_bytes })
    }

    /// Reads the CID that `bytes` are.
    ///
    /// # Errors
    /// If they are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        let (cid, used) = Self::from_prefix(bytes)?;
        if used == bytes.len() { Ok(cid) } else { Err(CidError::Trailing) }
    }

    /// The binary form, at most [`CID_BYTES_MAX`] bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.digest().len());
        if self.version == 0 {
            out.extend_from_slice(&CID_V0_PREFIX);
        } else {
            [1, self.codec, self.hash, self.digest().len() as u64]
                .into_iter()
                .for_each(|number| push_varint(number, &mut out));
        }
        out.extend_from_slice(self.digest());
        out
    }

    /// Reads a CIDv1 in base32, lower case: the one form in which CIDs are typed here.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, CidError> {
        let body = text.strip_prefix('b').ok_or(CidError::Base)?;
        // A version 0 has no form in base32: its bytes read as something else.
        let cid = Self::from_bytes(&read_base32(body)?)?;
        if cid.version == 1 { Ok(cid) } else { Err(CidError::Version(0)) }
    }

    /// Multicodec of the content.
    #[must_use]
    pub fn codec(&self) -> u64 {
        self.codec
    }

    /// Multicodec of the hash function.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest[..usize::from(self.digest_bytes)]
    }

    /// The name of a vault's block, if it is one.
    ///
    /// # Errors
    /// `Version`, `Codec` or `Hash` for content that no vault has.
    pub fn block(&self) -> Result<Cid, CidError> {
        if self.version != 1 {
            return Err(CidError::Version(self.version.into()));
        }
        if self.codec != CODEC_RAW {
            return Err(CidError::Codec(self.codec));
        }
        if self.hash != HASH_BLAKE3 {
            return Err(CidError::Hash(self.hash));
        }
        debug_assert_eq!(self.to_bytes()[..4], CID_PREFIX);
        self.digest().try_into().map(Cid).map_err(|_| CidError::Digest)
    }
}

impl fmt::Display for AnyCid {
    /// Writes a CIDv1 in base32, and a CIDv0 in base58 as it always is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.version == 0 { write_base58(&self.to_bytes(), f) } else { write_base32(&self.to_bytes(), f) }
    }
}

impl fmt::Debug for AnyCid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes bytes in multibase base32: `b`, then RFC 4648 in lower case without padding.
pub(crate) fn write_base32(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = alloc::string::String::with_capacity(1 + bytes.len().div_ceil(5) * 8);
    text.push('b');
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(buffer >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(buffer << (5 - bits) & 31) as usize]));
    }
    f.write_str(&text)
}

fn read_base32(text: &str) -> Result<Vec<u8>, CidError> {
    if text.len() > CID_BYTES_MAX.div_ceil(5) * 8 {
        return Err(CidError::Trailing);
    }
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    let (mut buffer, mut bits) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'a'..=b'z' => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return Err(CidError::Base32),
        };
        buffer = buffer << 5 | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits & 0xff) as u8);
        }
    }
    // The bits behind the last byte are zero, and fewer than a character holds.
    if bits >= 5 || buffer & ((1 << bits) - 1) != 0 { Err(CidError::Base32) } else { Ok(out) }
}

fn write_base58(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    // Digits of base 58, least first.
    let mut digits: Vec<u8> = Vec::with_capacity(bytes.len() * 138 / 100 + 1);
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    digits.extend(bytes.iter().take_while(|byte| **byte == 0).map(|_| 0));
    digits.iter().rev().try_for_each(|digit| write!(f, "{}", char::from(ALPHABET[usize::from(*digit)])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn varints_have_one_form() {
        for value in [0, 1, 127, 128, 255, 300, 16_383, 16_384, u64::MAX >> 1] {
            let mut bytes = Vec::new();
            push_varint(value, &mut bytes);
            assert_eq!(read_varint(&bytes), Ok((value, bytes.len())));
            assert_eq!(read_varint(&bytes[..bytes.len() - 1]), Err(CidError::Truncated));
        }
        assert_eq!(read_varint(&[0x80, 0]), Err(CidError::NotMinimal));
        assert_eq!(read_varint(&[0xff; 9]), Err(CidError::TooLong));
        assert_eq!(
            read_varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]),
            Err(CidError::TooLong)
        );
    }

    #[test]
    fn known_cids_are_read_and_written() {
        // From the specification of CIDs, and the CIDv0 of the same block.
        let text = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
        let cid = AnyCid::parse(text).unwrap();
        assert_eq!((cid.codec(), cid.hash(), cid.digest().len()), (CODEC_DAG_PB, HASH_SHA2_256, 32));
        assert_eq!(cid.to_string(), text);
        let old = AnyCid::from_bytes(&cid.to_bytes()[2..]).unwrap();
        assert_eq!(old.to_string(), "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR");
        assert_eq!(cid.block(), Err(CidError::Codec(CODEC_DAG_PB)));
        assert_eq!(old.block(), Err(CidError::Version(0)));
        let identity = AnyCid::from_bytes(&[1, 0x55, 0, 2, b'h', b'i']).unwrap();
        assert_eq!(identity.digest(), b"hi");
        assert_eq!(identity.block(), Err(CidError::Hash(HASH_IDENTITY)));
        assert_eq!(AnyCid::from(Cid([9; 32])).block(), Ok(Cid([9; 32])));
        assert_eq!(AnyCid::from(Cid([9; 32])).to_string(), Cid([9; 32]).to_string());
    }

    #[test]
    fn other_forms_are_refused_with_a_reason() {
        let text = Cid([7; 32]).to_string();
        assert_eq!(Cid::from_text(&text), Ok(Cid([7; 32])));
        assert_eq!(Cid::from_text(&text.to_uppercase()), Err(CidError::Base));
        assert_eq!(Cid::from_text("QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"), Err(CidError::Base));
        assert_eq!(Cid::from_text(&text[..40]), Err(CidError::Truncated));
        assert_eq!(Cid::from_text(&(text.clone() + "a")), Err(CidError::Base32));
        assert_eq!(Cid::from_text(&(text.clone() + "aa")), Err(CidError::Trailing));
        assert_eq!(Cid::from_text(&text.repeat(40)), Err(CidError::Trailing));
        assert_eq!(Cid::from_text("b"), Err(CidError::Truncated));
        assert_eq!(Cid::from_text(""), Err(CidError::Base));
        for (bytes, error) in [
            (&[2, 0x55, 0x1e, 0x20][..], CidError::Version(2)),
            (&[0x81, 0, 0x55, 0x1e, 0x20], CidError::NotMinimal),
            (&[1, 0x55, 0x1e, 0x1f, 0, 0], CidError::Truncated),
            (&[1, 0x55, 0x1e, 2, 0, 0], CidError::Digest),
            (&[1, 0x55, 0x13, 0x41], CidError::Digest),
            (&[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], CidError::TooLong),
            (&[0x12, 0x20, 5], CidError::Truncated),
            (&[], CidError::Truncated),
        ] {
            assert_eq!(AnyCid::from_bytes(bytes), Err(error), "{bytes:?}");
        }
    }
}
