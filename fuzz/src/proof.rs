//! Proofs of inclusion: arbitrary bytes, and proofs whose blocks open but hold what a forger chose.

use dagvault_core::cbor::Encoder;
use dagvault_core::ids::Cid;
use dagvault_crypto::aead::Suite;
use dagvault_crypto::secret::Secret;
use dagvault_dag::envelope::{self, Kind};
use dagvault_vault::check_proof;

use crate::nodes;

const SALT: [u8; 32] = [3; 32];

fn key(byte: u8) -> Secret<32> {
    Secret::new([byte; 32])
}

/// A block under a key of its own kind, and its name.
fn sealed(kind: Kind, payload: &[u8]) -> Option<(Cid, Vec<u8>)> {
    let block = envelope::seal(Suite::XChaCha20Poly1305, kind, &key(kind as u8), &SALT, &[payload]).ok()?;
    Some((block.cid, block.bytes))
}

/// A proof as docs/format.md has it.
fn proof(commit: Cid, path: &str, opening: &Secret<32>, blocks: &[&[u8]]) -> Vec<u8> {
    let mut to = Encoder::default();
    to.array(7);
    to.text("dagvault proof");
    to.uint(1);
    to.link(commit);
    to.text(path);
    to.bytes(opening.expose());
    to.bytes(key(Kind::Leaf as u8).expose());
    to.array(blocks.len());
    blocks.iter().for_each(|block| to.bytes(block));
    to.finish()
}

/// A commit that names a root, by docs/format.md.
fn commit(root: Cid) -> Vec<u8> {
    let mut to = Encoder::default();
    to.array(6);
    to.uint(2);
    to.array(1);
    to.link(Cid([1; 32]));
    to.array(1);
    to.array(3);
    to.bytes(&[1; 16]);
    to.uint(0);
    to.link(root);
    to.bytes(&[2; 16]);
    to.uint(1 << 40);
    to.bytes(&[5; 64]);
    to.finish()
}

/// A proof over a leaf with this payload.
fn over(path: &str, leaf: &[u8]) -> Option<(Cid, Vec<u8>)> {
    let (root, leaf) = sealed(Kind::Leaf, leaf)?;
    let (cid, block) = sealed(Kind::Commit, &commit(root))?;
    let opening = envelope::opening(&key(Kind::Commit as u8), &block)?;
    Some((cid, proof(cid, path, &opening, &[&block, &leaf])))
}

/// The oracle. The first byte chooses whether the rest is a proof, or the leaf of one that is right otherwise.
///
/// # Panics
/// If a proof holds that can't, or one leaf has two answers.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    if choice & 1 == 0 {
        // Whatever it says, a proof is of one commit only.
        assert!(check_proof(rest, Cid([7; 32])).is_err(), "a proof for a commit that nobody knows");
        return;
    }
    for path in ["mail/a", "mail/b"] {
        let Some((cid, proof)) = over(path, rest) else { return };
        if let Ok(proven) = check_proof(&proof, cid) {
            assert_eq!((proven.path.as_str(), proven.commit.cid, proven.nodes), (path, cid, 1));
            assert!(proven.value.is_none_or(|value| value.0.len() as u64 == proven.latest.size));
            assert!(check_proof(&proof, Cid([7; 32])).is_err());
        }
    }
}

/// A proof that holds, and leaves of others.
///
/// # Panics
/// If the sample does not hold.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let leaf = nodes::node_seeds().swap_remove(0);
    let (cid, proof) = over("mail/a", &leaf).expect("a small leaf");
    let proven = check_proof(&proof, cid).expect("the sample holds");
    assert_eq!(proven.value.expect("inline").0, b"raw");
    vec![[&[0], &proof[..]].concat(), [&[1], &leaf[..]].concat()]
}
