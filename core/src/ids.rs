//! Names of things: blocks, vaults, spaces, versions, cells.

use core::fmt;

use crate::cid::{AnyCid, CidError, write_base32};

/// Multicodec prefix of every block's CID: CIDv1, codec `raw` (0x55), multihash BLAKE3 (0x1e) of 32 bytes.
///
/// Source: the CID and multicodec specifications of multiformats.
pub const CID_PREFIX: [u8; 4] = [0x01, 0x55, 0x1e, 0x20];

/// Stands before the bytes of a receipt that are signed, so that no other signature of the key is one of a receipt.
pub const RECEIPT_DOMAIN: &[u8] = b"dagvault receipt 1\0";

/// Length in bytes of a block's digest.
pub const DIGEST_BYTES: usize = 32;

/// The name of a block: the BLAKE3-256 digest of its bytes, shown as a CIDv1 `raw`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub [u8; DIGEST_BYTES]);

impl Cid {
    /// The 36 bytes of the binary CIDv1.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 36] {
        let mut out = [0; 36];
        out[..4].copy_from_slice(&CID_PREFIX);
        out[4..].copy_from_slice(&self.0);
        out
    }

    /// Reads a binary CIDv1; `None` unless it is 36 bytes of CIDv1, `raw`, BLAKE3-256.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let digest = bytes.strip_prefix(&CID_PREFIX)?;
        Some(Self(digest.try_into().ok()?))
    }

    /// Reads the text form that [`fmt::Display`] writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_text(text).ok()
    }

    /// As [`Cid::parse`], saying what is wrong.
    ///
    /// # Errors
    /// If the text is no CID, not in its one form, or of something else than a block of a vault.
    pub fn from_text(text: &str) -> Result<Self, CidError> {
        AnyCid::parse(text)?.block()
    }
}

impl fmt::Display for Cid {
    /// Writes the CID in multibase base32 (lower case, RFC 4648 without padding, prefix `b`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_base32(&self.to_bytes(), f)
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A small mutable value of a store, changed only by compare-and-swap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CellId(pub u32);

impl CellId {
    /// The cell that holds the vault's head.
    pub const HEAD: Self = Self(0);
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

random_id!(
    /// The random name of a vault, 128 bits, drawn at creation.
    VaultId
);
random_id!(
    /// The random name of a space (a namespace with keys of its own).
    SpaceId
);
random_id!(
    /// The random name of one version of one path.
    VersionId
);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn cid_text_round_trips_and_is_canonical() {
        for seed in 0..=255_u8 {
            let cid = Cid([seed; 32]);
            let text = cid.to_string();
            assert_eq!(text.len(), 59);
            assert_eq!(Cid::parse(&text), Some(cid));
            assert_eq!(Cid::parse(&text[..58]), None);
            assert_eq!(Cid::parse(&text.to_uppercase()), None);
        }
        // The last character carries three bits; the two below must be zero.
        let mut text = Cid([0; 32]).to_string();
        text.pop();
        text.push('b');
        assert_eq!(Cid::parse(&text), None);
    }

    #[test]
    fn foreign_cids_are_refused() {
        let mut bytes = Cid([7; 32]).to_bytes();
        bytes[2] = 0x12;
        assert_eq!(Cid::from_bytes(&bytes), None);
        assert_eq!(Cid::from_bytes(&[]), None);
    }
}
