//! CIDs as text and as bytes: one form for each.

use dagvault_core::ids::Cid;

/// The oracle.
///
/// # Panics
/// If a CID has a second form.
pub fn check(input: &[u8]) {
    if let Some(cid) = Cid::from_bytes(input) {
        assert_eq!(cid.to_bytes(), input, "a second form in bytes");
    }
    if let Ok(text) = std::str::from_utf8(input)
        && let Some(cid) = Cid::parse(text)
    {
        assert_eq!(cid.to_string(), text, "a second form as text");
    }
}

/// Some CIDs in both forms.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let cids = [Cid([0; 32]), Cid([0xff; 32]), Cid([0x5a; 32])];
    cids.iter().flat_map(|cid| [cid.to_bytes().to_vec(), cid.to_string().into_bytes()]).collect()
}
