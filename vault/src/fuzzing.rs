//! Doors for fuzz targets into the parsers of what stands in blocks and cells: whatever decodes must encode to the
//! same bytes, and nothing may panic. Each function panics where that is not so.

use dagvault_core::cbor::{self, Wire};
use dagvault_crypto::secret::Secret;
use dagvault_dag::envelope::{self, Kind};

use crate::head::{Body, Commit, Head, Root};
use crate::node::{History, Index, Node};
use crate::value::read_chunk;

const KINDS: [Kind; 6] = [Kind::Leaf, Kind::Branch, Kind::Chunk, Kind::Index, Kind::History, Kind::Commit];

fn canonical<'d, T: Wire<'d>>(data: &'d [u8]) {
    if let Ok(value) = cbor::from_slice::<T>(data) {
        assert_eq!(cbor::to_vec(&value), data, "a second encoding");
    }
}

/// A node of the state tree, of any of the first levels.
///
/// # Panics
/// If a node has a second encoding.
pub fn node(data: &[u8]) {
    for level in 0..=3 {
        if let Ok(node) = Node::decode(level, data) {
            assert_eq!(node.encode(), data, "a second encoding");
            assert!(node.paths() < u64::MAX && !node.last().is_empty());
        }
    }
}

/// A head, and what is sealed inside of one.
///
/// # Panics
/// If it has a second encoding.
pub fn head(data: &[u8]) {
    if let Ok(head) = Head::decode(data) {
        assert_eq!(head.encode(), data, "a second encoding");
    }
    canonical::<Body>(data);
    canonical::<Root>(data);
}

/// A commit.
///
/// # Panics
/// If it has a second encoding.
pub fn commit(data: &[u8]) {
    canonical::<Commit>(data);
}

/// A chunk of a value: its plain bytes are never more than a chunk's, whatever it says.
///
/// # Panics
/// If they are more.
pub fn chunk(data: &[u8]) {
    if let Some(plain) = read_chunk(data) {
        assert!(!plain.expose().is_empty() && plain.expose().len() <= dagvault_core::limits::CHUNK_BYTES);
    }
}

/// A node of older versions.
///
/// # Panics
/// If it has a second encoding.
pub fn history(data: &[u8]) {
    canonical::<History>(data);
}

/// An index node of a large value.
///
/// # Panics
/// If it has a second encoding.
pub fn index(data: &[u8]) {
    canonical::<Index>(data);
}

/// A block under a key that has sealed nothing else.
///
/// # Panics
/// If it opens and sealing its payload gives another block.
pub fn envelope(data: &[u8]) {
    let key = Secret::new([7; 32]);
    for kind in KINDS {
        let Ok(opened) = envelope::open(kind, &key, data.to_vec()) else { continue };
        let suite = dagvault_crypto::aead::Suite::try_from(data[1]).expect("an opened block has a suite");
        let salt = data[2..].first_chunk().expect("an opened block has a salt");
        let again = envelope::seal(suite, kind, &key, salt, &[opened.payload()]).expect("it fitted once");
        assert_eq!(again.bytes, data, "a second form of a block");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::sync::Arc;
    use alloc::vec;
    use alloc::vec::Vec;

    use dagvault_api::{VersionInfo, VersionState};
    use dagvault_core::cbor::Bytes;
    use dagvault_core::ids::Cid;
    use dagvault_crypto::aead::Suite;
    use dagvault_crypto::secret::SecretVec;
    use dagvault_dag::link::Link;

    use crate::entry::{Data, Entry, Older, Value, Version};
    use crate::head::{CommitSpace, Settings, Space};
    use crate::node::Child;

    fn link(byte: u8) -> Link {
        Link { cid: Cid([byte; 32]), key: Secret::new([byte; 32]), digest: [byte; 32] }
    }

    fn version(number: u64, value: Value) -> Version {
        let gone = matches!(value, Value::Gone {});
        let state = if gone { VersionState::Destroyed {} } else { VersionState::Live {} };
        let info = VersionInfo {
            id: [1; 16],
            number,
            parents: vec![[2; 16]],
            time_ms: 1 << 40,
            author: [3; 16],
            size: 300,
            stored: 70_000,
            state,
            content: (!gone).then_some([4; 32]),
        };
        Version { info, value }
    }

    fn versions() -> Vec<Version> {
        let data = || Data(SecretVec::new(vec![5; 30]));
        vec![
            version(9, Value::Inline { codec: 1, data: data() }),
            version(8, Value::Gone {}),
            version(5, Value::Chunks { links: vec![link(6), link(7)] }),
            version(2, Value::Index { depth: 1, link: link(8) }),
        ]
    }

    fn entry(path: &str) -> Entry {
        Entry {
            meta: [("a".to_string(), Bytes(vec![1])), ("bb".to_string(), Bytes(vec![]))].into(),
            next_number: 10,
            versions: versions(),
            older: Some(Older { link: link(9), count: 3 }),
            ..Entry::new(path)
        }
    }

    type Target = (fn(&[u8]), Vec<Vec<u8>>);

    fn targets() -> Vec<Target> {
        let leaf = Node::Leaf(["a/b", "a/c", "a/ä", "a/ö"].map(|path| Arc::new(entry(path))).to_vec().into());
        let children =
            ["a/b", "a/bc", "b"].map(|last| Arc::new(Child { last: last.into(), link: link(3), paths: 40 }));
        let branch = |level| Node::Branch { level, children: children.to_vec().into() }.encode();
        let history = History { versions: versions(), older: Some(Older { link: link(1), count: 300 }) };
        let index = Index { depth: 1, links: vec![link(1), link(2)] };
        let space =
            Space { id: [1; 16], epoch: 2, epoch_key: Bytes(vec![3; 72]), root: Some(Bytes(vec![4; 200])) };
        let root = Root { level: 2, paths: 70, link: link(4) };
        let commit_space = CommitSpace { id: [1; 16], epoch: 2, root: Some(Cid([3; 32])) };
        let one = Commit {
            sequence: 3,
            parents: vec![Cid([1; 32])],
            spaces: vec![commit_space],
            author: [2; 16],
            time_ms: 1 << 40,
            signature: [5; 64],
        };
        let mut lz4 = vec![1];
        lz4.extend_from_slice(&2000_u32.to_le_bytes());
        lz4.extend(lz4_flex::block::compress(&[8; 2000]));
        let raw = [&[0, 3, 0, 0, 0][..], b"raw"].concat();
        let sealed = KINDS.map(|kind| {
            envelope::seal(Suite::XChaCha20Poly1305, kind, &Secret::new([7; 32]), &[1; 32], &[b"payload"])
                .unwrap()
                .bytes
        });
        let body =
            cbor::to_vec(&Body { commit: Cid([1; 32]), space, settings: Settings { paranoid: false } });
        vec![
            (node as fn(&[u8]), vec![leaf.encode(), branch(1), branch(2), branch(3)]),
            (head, vec![body, cbor::to_vec(&root)]),
            (commit, vec![cbor::to_vec(&one)]),
            (chunk, vec![lz4, raw]),
            (super::history, vec![cbor::to_vec(&history)]),
            (super::index, vec![cbor::to_vec(&index)]),
            (super::envelope, sealed.to_vec()),
        ]
    }

    #[test]
    fn valid_encodings_decode() {
        let targets = targets();
        assert!(Node::decode(0, &targets[0].1[0]).is_ok());
        assert!((1..=3).all(|level| Node::decode(level, &targets[0].1[level as usize]).is_ok()));
        assert!(Node::decode(2, &targets[0].1[1]).is_err(), "another level than its parent says");
        assert!(
            cbor::from_slice::<Body>(&targets[1].1[0]).is_ok()
                && cbor::from_slice::<Root>(&targets[1].1[1]).is_ok()
        );
        assert!(cbor::from_slice::<Commit>(&targets[2].1[0]).is_ok());
        assert!(targets[3].1.iter().all(|data| read_chunk(data).is_some()));
        assert!(cbor::from_slice::<History>(&targets[4].1[0]).is_ok());
        assert!(cbor::from_slice::<Index>(&targets[5].1[0]).is_ok());
    }

    #[test]
    fn mutations_decode_to_nothing_or_to_what_encodes_alike() {
        let rounds = if std::env::var_os("DAGVAULT_FULL").is_some() { 2_000_000 } else { 40_000 };
        let mut state = 1_u64;
        let mut below = |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % end
        };
        for (check, seeds) in targets() {
            seeds.iter().for_each(|seed| check(seed));
            for _ in 0..rounds {
                let mut data = seeds[below(seeds.len())].clone();
                for _ in 0..=below(3) {
                    let at = below(data.len() + 1);
                    match below(6) {
                        0 => data.truncate(at),
                        1 => data.insert(at, below(256) as u8),
                        2 if at < data.len() => drop(data.remove(at)),
                        3 if at < data.len() => data[at] = below(256) as u8,
                        4 => {
                            let other = &seeds[below(seeds.len())];
                            let from = below(other.len() + 1);
                            data.truncate(at);
                            data.extend_from_slice(&other[from..]);
                        }
                        _ if at < data.len() => data[at] ^= 1 << below(8),
                        _ => {}
                    }
                }
                check(&data);
            }
        }
    }
}
