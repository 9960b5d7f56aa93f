//! What modules are called.

use dagvault_core::cid::{AnyCid, CODEC_RAW, HASH_SHA2_256};

use crate::RegistryError;

/// Longest name of a module, bytes.
const NAME_BYTES_MAX: usize = 64;

/// Which module is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reference {
    /// The newest version of a name, or one by its number.
    Name(String, Option<u64>),
    /// By the SHA-256 of its bytes: its CID says it.
    Content([u8; 32]),
}

impl Reference {
    /// Reads `NAME`, `NAME@VERSION`, or a CID: version 1, `raw`, `sha2-256`, in base32.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        if let Ok(cid) = AnyCid::parse(text) {
            return Self::content(&cid).ok_or_else(|| {
                RegistryError::Name(format!(
                    "{text} is not the CID of a module, which is raw and by sha2-256"
                ))
            });
        }
        let (name, version) = match text.split_once('@') {
            None => (text, None),
            Some((name, number)) => {
                let number = number.parse().ok().filter(|number| *number > 0);
                let number =
                    number.ok_or_else(|| RegistryError::Name("a version is a number from 1 on".into()))?;
                (name, Some(number))
            }
        };
        check_name(name)?;
        Ok(Self::Name(name.to_owned(), version))
    }

    fn content(cid: &AnyCid) -> Option<Self> {
        let known = cid.codec() == CODEC_RAW && cid.hash() == HASH_SHA2_256;
        cid.digest().try_into().ok().filter(|_| known).map(Self::Content)
    }

    /// The module of a binary CID; `None` if it is not a module's.
    #[must_use]
    pub fn of_binary(cid: &[u8]) -> Option<[u8; 32]> {
        match Self::content(&AnyCid::from_bytes(cid).ok()?)? {
            Self::Content(sha256) => Some(sha256),
            Self::Name(..) => None,
        }
    }
}

/// Whether a module can be called so: 1 to 64 lower-case letters, digits, `-`, `_` and `.`, the first a letter or a
/// digit.
///
/// # Errors
/// If not.
pub fn check_name(name: &str) -> Result<(), RegistryError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = name.len() <= NAME_BYTES_MAX
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || b"-_.".contains(&byte));
    // A name that reads as a CID would mean two things.
    if good && AnyCid::parse(name).is_err() {
        return Ok(());
    }
    let wrong = "a module's name has 1 to 64 lower-case letters, digits, '-', '_' and '.', begins with a letter or a \
                 digit, and is no CID";
    Err(RegistryError::Name(wrong.into()))
}

/// The binary CID of a module.
pub(crate) fn cid(sha256: &[u8; 32]) -> AnyCid {
    let mut bytes = vec![1, 0x55, 0x12, 32];
    bytes.extend_from_slice(sha256);
    AnyCid::from_bytes(&bytes).expect("version, raw, sha2-256, 32 bytes of digest")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_names_versions_and_cids() {
        let name = |text: &str, version| Some(Reference::Name(text.to_owned(), version));
        assert_eq!(Reference::parse("fees").ok(), name("fees", None));
        assert_eq!(Reference::parse("fees-2.1@7").ok(), name("fees-2.1", Some(7)));
        let text = cid(&[7; 32]).to_string();
        assert!(text.starts_with("bafkrei"), "{text}");
        assert_eq!(Reference::parse(&text).ok(), Some(Reference::Content([7; 32])));
        assert_eq!(Reference::of_binary(&cid(&[7; 32]).to_bytes()), Some([7; 32]));
        let long = "a".repeat(65);
        for bad in
            ["", "Fees", "a/b", ".hidden", "-a", "a b", "fees@", "fees@0", "fees@x", "@1", &long, "a\n"]
        {
            assert!(Reference::parse(bad).is_err(), "{bad:?}");
        }
        // A block of a vault is no module.
        assert!(Reference::parse("bafkr4iah4gpz4pqkswqxd7v6ztfwgfwhx5lmxfjmtmrlnqmvrmxrhzihmq").is_err());
        assert!(check_name(&text).is_err());
    }
}
