//! CIDs as text and as bytes: one form for each.

use dagvault_core::cid::{AnyCid, read_varint};
use dagvault_core::ids::Cid;

/// The oracle.
///
/// # Panics
/// If a CID has a second form.
pub fn check(input: &[u8]) {
    if let Some(cid) = Cid::from_bytes(input) {
        assert_eq!(cid.to_bytes(), input, "a second form in bytes");
    }
    if let Ok((cid, used)) = AnyCid::from_prefix(input) {
        assert_eq!(cid.to_bytes(), input[..used], "a second form in bytes");
        assert_eq!(cid.block().ok(), Cid::from_bytes(&input[..used]));
    }
    if let Ok((value, used)) = read_varint(input) {
        let mut again = Vec::new();
        dagvault_core::cid::push_varint(value, &mut again);
        assert_eq!(again, input[..used], "a second form of a number");
    }
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok(cid) = AnyCid::parse(text) {
            assert_eq!(cid.to_string(), text, "a second form as text");
        }
        assert_eq!(Cid::parse(text), AnyCid::parse(text).ok().and_then(|cid| cid.block().ok()));
    }
}

/// Some CIDs in both forms.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let cids = [Cid([0; 32]), Cid([0xff; 32]), Cid([0x5a; 32])];
    let ours = cids.iter().flat_map(|cid| [cid.to_bytes().to_vec(), cid.to_string().into_bytes()]);
    let others = ["bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "bafkqabtjnzzwszdf"];
    let others = others.into_iter().filter_map(|text| AnyCid::parse(text).ok());
    ours.chain(others.flat_map(|cid| [cid.to_bytes(), cid.to_string().into_bytes()])).collect()
}
