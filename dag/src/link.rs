//! Links between nodes: who reads a parent can read its children, nobody else.

use core::fmt;

use dagvault_core::cbor::{CborError, Decoder, Encoder, Wire};
use dagvault_core::ids::Cid;
use dagvault_crypto::secret::Secret;

/// A child as its parent names it, inside the parent's plaintext.
#[derive(Clone, PartialEq)]
pub struct Link {
    /// Which block.
    pub cid: Cid,
    /// The key that opens it, used for this block only.
    pub key: Secret<32>,
    /// Digest, keyed by space, of the child's plaintext subtree without CIDs and keys: equal subtrees have
    /// equal digests though their ciphertexts differ.
    pub digest: [u8; 32],
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({})", self.cid)
    }
}

impl<'a> Wire<'a> for Link {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(3);
        to.link(self.cid);
        to.bytes(self.key.expose());
        to.bytes(&self.digest);
    }

    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.record(3)?;
        let cid = from.link()?;
        let key = Secret::from_slice(from.bytes()?).ok_or(CborError::Value)?;
        Ok(Self { cid, key, digest: from.fixed()? })
    }
}
