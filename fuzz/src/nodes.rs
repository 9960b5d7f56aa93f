//! What stands inside opened blocks: nodes of the state tree, older versions, index nodes, commits, chunks. One who may
//! write to a space chooses these bytes. The oracles are `dagvault_vault::fuzzing`; here are only their seeds, written
//! by docs/format.md and not by the code under test.

use dagvault_api::{VersionInfo, VersionState};
use dagvault_core::cbor::{Encoder, Wire as _};
use dagvault_core::ids::Cid;

fn encoded(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut to = Encoder::default();
    write(&mut to);
    to.finish()
}

fn link(to: &mut Encoder<'_>, byte: u8) {
    to.array(3);
    to.link(Cid([byte; 32]));
    to.bytes(&[byte; 32]);
    to.bytes(&[byte; 32]);
}

fn version(to: &mut Encoder<'_>, number: u64, destroyed: bool) {
    let info = VersionInfo {
        id: [1; 16],
        number,
        parents: vec![[2; 16]],
        time_ms: 1 << 40,
        author: [3; 16],
        size: 3,
        stored: 3,
        state: if destroyed { VersionState::Destroyed {} } else { VersionState::Live {} },
        content: (!destroyed).then_some([4; 32]),
    };
    to.array(2);
    info.encode(to);
    if destroyed {
        to.array(1);
        to.uint(0);
    } else {
        to.array(3);
        to.uint(1);
        to.uint(0);
        to.bytes(b"raw");
    }
}

/// A leaf with two entries, and branches of the first levels.
#[must_use]
pub fn node_seeds() -> Vec<Vec<u8>> {
    let leaf = encoded(|to| {
        to.array(2);
        for (shared, rest) in [(0, "mail/a"), (5, "b")] {
            to.array(6);
            to.uint(shared);
            to.text(rest);
            to.map(1);
            to.text("k");
            to.bytes(&[1]);
            to.uint(3);
            to.array(2);
            version(to, 2, false);
            version(to, 1, true);
            to.null();
        }
    });
    let branch = |level| {
        encoded(|to| {
            to.array(2);
            to.uint(level);
            to.array(2);
            for (shared, rest) in [(0, "mail/a"), (5, "b")] {
                to.array(4);
                to.uint(shared);
                to.text(rest);
                to.uint(40);
                link(to, 7);
            }
        })
    };
    vec![leaf, branch(1), branch(2), branch(3)]
}

/// Older versions, with and without still older ones.
#[must_use]
pub fn history_seeds() -> Vec<Vec<u8>> {
    let history = |older: bool| {
        encoded(|to| {
            to.array(2);
            to.array(1);
            version(to, 1, false);
            if older {
                to.array(2);
                link(to, 9);
                to.uint(3);
            } else {
                to.null();
            }
        })
    };
    vec![history(false), history(true)]
}

/// An index node.
#[must_use]
pub fn index_seeds() -> Vec<Vec<u8>> {
    vec![encoded(|to| {
        to.array(2);
        to.uint(1);
        to.array(2);
        link(to, 1);
        link(to, 2);
    })]
}

/// A commit.
#[must_use]
pub fn commit_seeds() -> Vec<Vec<u8>> {
    vec![encoded(|to| {
        to.array(6);
        to.uint(300);
        to.array(1);
        to.link(Cid([1; 32]));
        to.array(1);
        to.array(3);
        to.bytes(&[1; 16]);
        to.uint(2);
        to.link(Cid([3; 32]));
        to.bytes(&[2; 16]);
        to.uint(1 << 40);
        to.bytes(&[5; 64]);
    })]
}

/// A raw chunk, and a compressed one: an LZ4 block of literals only, and one with a repeat.
#[must_use]
pub fn chunk_seeds() -> Vec<Vec<u8>> {
    vec![
        b"\x00\x03\x00\x00\x00raw".to_vec(),
        b"\x01\x03\x00\x00\x00\x30raw".to_vec(),
        b"\x01\x14\x00\x00\x00\x1fa\x01\x00\x00\x00".to_vec(),
    ]
}
