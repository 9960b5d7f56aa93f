//! Raw blocks, walks, the log and proofs through the vault's door.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "a test ends with what it did not expect"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Host, item};
use dagvault_api::{BlockKind, CommitInfo, Error, Proven, RawBlock, Request, Response, WalkStep};
use dagvault_core::cbor::{Decoder, Encoder};
use dagvault_core::ids::Cid;
use dagvault_core::limits::{BLOCK_BYTES_MAX, RAW_BLOCKS_MAX};
use dagvault_dag::store::BlockStore as _;

fn walk(host: &mut Host, root: Option<Cid>, sizes: bool) -> Result<(Vec<WalkStep>, Option<Cid>), Error> {
    let Response::Handle { handle, .. } = host.call(&Request::WalkBegin { root, sizes })? else { panic!() };
    let (mut all, mut left) = (Vec::new(), None);
    loop {
        let Response::Walk { steps, sealed, done } = host.call(&Request::WalkNext { handle })? else {
            panic!()
        };
        all.extend(steps);
        left = left.or(sealed);
        if done {
            assert!(host.call(&Request::WalkNext { handle }).is_err(), "the last page closes the handle");
            return Ok((all, left));
        }
    }
}

fn log(host: &mut Host, from: Vec<Cid>, limit: u64) -> (Vec<CommitInfo>, Vec<Cid>) {
    let Ok(Response::Log { commits, next }) = host.call(&Request::Log { from, limit }) else { panic!() };
    (commits, next)
}

fn put(host: &mut Host, path: &str, value: &[u8]) {
    host.call(&Request::Put { items: vec![item(path, value)] }).unwrap();
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(length)
    .collect()
}

/// A vault with every kind of block: branches, long histories, values with and without index nodes, and copies that
/// share their parts.
fn full() -> Host {
    let mut host = Host::new(5);
    let items: Vec<(String, Vec<u8>)> = (0..1500).map(|at| (format!("p/{at}"), vec![7; at % 400])).collect();
    for some in items.chunks(500) {
        let items = some.iter().map(|(path, value)| item(path, value)).collect();
        host.call(&Request::Put { items }).unwrap();
    }
    for round in 0..14_u8 {
        put(&mut host, "history", &[round]);
    }
    put(&mut host, "chunks", &noise(1 << 20, 1));
    put(&mut host, "index", &noise(3 << 20, 2));
    host.call(&Request::Copy { from: "index".into(), to: "copy".into() }).unwrap();
    host
}

fn cid_of(bytes: &[u8]) -> Cid {
    Cid(*blake3::hash(bytes).as_bytes())
}

#[test]
fn a_walk_tells_each_block_that_is_alive_once_parents_first() {
    let mut host = full();
    host.call(&Request::Gc { dry_run: false }).unwrap();
    let alive: BTreeMap<Cid, u64> =
        host.store.dump().blocks.iter().map(|(cid, bytes)| (*cid, bytes.len() as u64)).collect();
    let (steps, sealed) = walk(&mut host, None, true).unwrap();
    assert_eq!(sealed, None);
    let told: BTreeMap<Cid, u64> = steps.iter().map(|step| (step.cid, step.bytes)).collect();
    assert_eq!((told.len(), &told), (steps.len(), &alive), "what a collection leaves, once each");
    let kinds: BTreeSet<BlockKind> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds.len(), 6, "{kinds:?}");
    let shared: u64 = steps.iter().map(|step| step.shared).sum();
    let links: u64 = steps.iter().map(|step| step.links).sum();
    assert_eq!(shared, 1, "the copy's link to the index node");
    // Each block but the first has one link that led to it; the trees of older commits are linked to and not reached.
    let (commits, _) = log(&mut host, vec![], 4096);
    let roots: BTreeSet<Cid> = commits.iter().filter_map(|commit| commit.roots[0].root).collect();
    let named = commits.iter().filter(|commit| commit.roots[0].root.is_some()).count() as u64;
    assert_eq!(links, steps.len() as u64 - 1 + shared + named - 1, "{} roots", roots.len());
    assert_eq!(steps[0].kind, BlockKind::Commit {});
    assert_eq!((steps[1].kind, steps[1].depth, steps[0].depth), (BlockKind::Branch {}, 1, 0));
    let last = steps.last().unwrap();
    assert_eq!((last.kind, last.depth, last.links), (BlockKind::Commit {}, commits.len() as u64 - 1, 0));
    // Without sizes: the same blocks in the same order; deeper blocks come behind their parents.
    let (quick, _) = walk(&mut host, None, false).unwrap();
    assert_eq!(quick.iter().map(|step| step.cid).collect::<BTreeSet<_>>(), told.into_keys().collect());
    for (at, step) in steps.iter().enumerate().skip(1).filter(|(_, step)| step.depth > 0) {
        assert!(steps[..at].iter().any(|before| before.depth + 1 == step.depth), "{step:?}");
    }
}

#[test]
fn a_walk_begins_at_any_block_of_the_head() {
    let mut host = full();
    let (all, _) = walk(&mut host, None, false).unwrap();
    for kind in [
        BlockKind::Branch {},
        BlockKind::Leaf {},
        BlockKind::Index {},
        BlockKind::History {},
        BlockKind::Chunk {},
    ] {
        let step = *all.iter().find(|step| step.kind == kind).unwrap();
        let (below, sealed) = walk(&mut host, Some(step.cid), false).unwrap();
        assert_eq!((below[0].cid, below[0].kind, below[0].depth, sealed), (step.cid, kind, 0, None));
        assert_eq!(below.len() as u64 > 1, step.links > 0, "{kind:?}");
    }
    // An older commit: itself and those before it; its tree stays sealed.
    let (commits, _) = log(&mut host, vec![], 4096);
    let (steps, sealed) = walk(&mut host, Some(commits[3].cid), false).unwrap();
    assert_eq!(steps.len(), commits.len() - 3);
    assert_eq!(sealed, commits[3].roots[0].root);
    // The first commit names an empty tree.
    let (steps, sealed) = walk(&mut host, Some(commits.last().unwrap().cid), false).unwrap();
    assert_eq!((steps.len(), sealed), (1, None));
    assert!(matches!(walk(&mut host, Some(Cid([1; 32])), false), Err(Error::NotFound { .. })));
    let foreign = noise(500, 9);
    put_raw(&mut host, &[&foreign], true).unwrap();
    assert!(matches!(walk(&mut host, Some(cid_of(&foreign)), false), Err(Error::NotFound { .. })));
}

#[test]
fn the_log_goes_back_page_by_page() {
    let mut host = Host::new(6);
    for round in 0..20_u8 {
        put(&mut host, "a", &[round]);
    }
    let (all, next) = log(&mut host, vec![], 4096);
    assert_eq!((all.len(), next.len()), (21, 0));
    assert_eq!(
        all.iter().map(|commit| commit.sequence).collect::<Vec<_>>(),
        (1..=21).rev().collect::<Vec<_>>()
    );
    assert!(all.windows(2).all(|pair| pair[0].parents == [pair[1].cid]));
    assert!(all[20].roots[0].root.is_none() && all[0].roots[0].root.is_some());
    let (mut paged, mut from) = (Vec::new(), vec![]);
    loop {
        let (some, next) = log(&mut host, from, 4);
        paged.extend(some);
        from = next;
        if from.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    // The same commit twice, and two of one line, come once.
    assert_eq!(log(&mut host, vec![all[5].cid, all[5].cid, all[9].cid], 4096).0, all[5..]);
    let absent = host.call(&Request::Log { from: vec![Cid([3; 32])], limit: 1 });
    assert!(matches!(absent, Err(Error::NotFound { .. })));
    let tree = host.call(&Request::Log { from: vec![all[0].roots[0].root.unwrap()], limit: 1 });
    assert!(matches!(tree, Err(Error::BadRequest { .. })));
}

#[test]
fn long_lines_of_commits_and_versions_are_walked_without_a_stack() {
    let changes = if std::env::var_os("DAGVAULT_FULL").is_some() { 300_000 } else { 6_000 };
    let mut host = Host::new(7);
    for round in 0..changes {
        put(&mut host, "a", &u32::to_le_bytes(round));
    }
    // A frame for each link would need more than a thread has here.
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let walked = small.spawn(move || {
        let (steps, _) = walk(&mut host, None, false).unwrap();
        let count = |kind| steps.iter().filter(|step| step.kind == kind).count();
        let commits = u64::from(changes) + 1;
        assert_eq!(count(BlockKind::Commit {}) as u64, commits);
        let histories = count(BlockKind::History {});
        assert!(histories as u64 > commits / 6, "{histories}");
        let deepest =
            steps.iter().filter(|step| step.kind == BlockKind::History {}).map(|step| step.depth).max();
        assert_eq!(deepest, Some(1 + histories as u64), "one behind the other");
        let (mut told, mut from) = (0, vec![]);
        loop {
            let (some, next) = log(&mut host, from, 4096);
            told += some.len() as u64;
            from = next;
            if from.is_empty() {
                return assert_eq!(told, commits);
            }
        }
    });
    walked.unwrap().join().unwrap();
}

fn put_raw(host: &mut Host, blocks: &[&[u8]], commit: bool) -> Result<(Vec<Cid>, u64), Error> {
    let blocks = blocks.iter().map(|bytes| RawBlock { cid: None, bytes: (*bytes).into() }).collect();
    match host.call(&Request::BlockPut { blocks, commit })? {
        Response::BlocksPut { cids, fresh } => Ok((cids, fresh)),
        other => panic!("{other:?}"),
    }
}

fn get_raw(host: &mut Host, cids: &[Cid]) -> Vec<Option<Vec<u8>>> {
    let Ok(Response::Blocks { blocks }) = host.call(&Request::BlockGet { cids: cids.to_vec() }) else {
        panic!()
    };
    blocks.into_iter().map(|block| block.map(|bytes| bytes.0)).collect()
}

#[test]
fn blocks_come_and_go_without_a_key() {
    let mut host = full();
    let head = host.store.dump().cells;
    host.call(&Request::Lock {}).unwrap();
    let (a, b) = (noise(300, 1), noise(BLOCK_BYTES_MAX, 2));
    let (cids, fresh) = put_raw(&mut host, &[&a, &b, &a], false).unwrap();
    assert_eq!((&cids[..], fresh), (&[cid_of(&a), cid_of(&b), cid_of(&a)][..], 2));
    assert_eq!(put_raw(&mut host, &[&b], true).unwrap(), (vec![cid_of(&b)], 0));
    assert_eq!(
        get_raw(&mut host, &[cids[1], Cid([9; 32]), cids[0]]),
        [Some(b.clone()), None, Some(a.clone())]
    );
    assert_eq!(host.store.dump().cells, head, "the head stays as it is");
    // All blocks, by pages.
    let (mut listed, mut cursor) = (BTreeMap::new(), None);
    loop {
        let Ok(Response::BlockList { blocks, next }) = host.call(&Request::BlockList { cursor }) else {
            panic!()
        };
        listed.extend(blocks.iter().map(|block| (block.cid, block.bytes)));
        cursor = next;
        if next.is_none() {
            break;
        }
    }
    let there = host.store.dump().blocks;
    assert_eq!(listed, there.iter().map(|(cid, bytes)| (*cid, bytes.len() as u64)).collect());
    // Wrong ones.
    let misnamed = RawBlock { cid: Some(Cid([4; 32])), bytes: a.as_slice().into() };
    let refused = host.call(&Request::BlockPut { blocks: vec![misnamed], commit: false });
    assert!(matches!(refused, Err(Error::BadRequest { .. })), "{refused:?}");
    assert!(matches!(put_raw(&mut host, &[b""], false), Err(Error::Limit { .. })));
    assert!(matches!(put_raw(&mut host, &[&noise(BLOCK_BYTES_MAX + 1, 1)], false), Err(Error::Limit { .. })));
    assert!(matches!(put_raw(&mut host, &[&a[..]; RAW_BLOCKS_MAX + 1], false), Err(Error::Limit { .. })));
    let many = Request::BlockGet { cids: vec![cids[0]; RAW_BLOCKS_MAX + 1] };
    assert!(matches!(host.call(&many), Err(Error::Limit { .. })));
    // Garbage to the next collection.
    let mut host = host.reopen(1);
    host.call(&Request::Gc { dry_run: false }).unwrap();
    assert_eq!(get_raw(&mut host, &cids[..2]), [None, None]);
    host.call(&Request::VerifyBegin {}).unwrap();
}

#[test]
fn blocks_that_were_lost_are_brought_back() {
    let mut host = full();
    let all = host.store.dump().blocks;
    let (steps, _) = walk(&mut host, None, false).unwrap();
    let leaf = steps.iter().find(|step| step.kind == BlockKind::Leaf {}).unwrap().cid;
    host.store.delete_many(&[leaf]).unwrap();
    let mut other = host.reopen(3);
    let lost = walk(&mut other, None, false).unwrap_err();
    assert!(matches!(&lost, Error::Corrupt { detail } if detail.contains(&leaf.to_string())), "{lost:?}");
    put_raw(&mut other, &[&all[&leaf]], true).unwrap();
    assert_eq!(walk(&mut other, None, false).unwrap().0, steps);
}

fn proof(host: &mut Host, path: &str) -> Result<Vec<u8>, Error> {
    match host.call(&Request::ProofMake { path: path.into() })? {
        Response::Bytes { bytes } => Ok(bytes.0),
        other => panic!("{other:?}"),
    }
}

/// Checks in a vault that holds nothing.
fn check(proof: &[u8], commit: Cid) -> Result<Proven, Error> {
    let proven = dagvault_vault::check_proof(proof, commit)?;
    let mut empty = common::vault_over(std::sync::Arc::new(dagvault_dag::memory::MemoryStore::new()), 1);
    let asked = empty.call(&Request::ProofCheck { proof: proof.into(), commit });
    assert_eq!(asked, Ok(Response::Proven { proven: Box::new(proven.clone()) }));
    Ok(proven)
}

#[test]
fn proofs_hold_for_every_kind_of_path_and_for_nothing_else() {
    let mut host = full();
    let head = log(&mut host, vec![], 1).0.remove(0);
    for path in ["p/0", "p/777", "p/999", "history", "chunks", "index", "copy"] {
        let proof = proof(&mut host, path).unwrap();
        let proven = check(&proof, head.cid).unwrap();
        assert_eq!((proven.path.as_str(), &proven.commit), (path, &head));
        assert_eq!(proven.nodes, 3, "two branches and a leaf");
        assert!(matches!(check(&proof, Cid([1; 32])), Err(Error::Refuted { .. })));
        assert!(matches!(check(&proof, log(&mut host, vec![], 2).0[1].cid), Err(Error::Refuted { .. })));
        assert_eq!(proven.value.is_some(), !matches!(path, "chunks" | "index" | "copy"), "{path}");
        let stored = host.store.dump().blocks;
        assert!(proven.parts.iter().all(|cid| stored.contains_key(cid)));
        let parts = match path {
            "chunks" => 5,
            "index" | "copy" => 1,
            _ => 0,
        };
        assert_eq!(proven.parts.len(), parts, "{path}");
    }
    let proven = check(&proof(&mut host, "history").unwrap(), head.cid).unwrap();
    assert_eq!((proven.value.unwrap().0, proven.versions, proven.latest.number), (vec![13], 14, 14));
    let proven = check(&proof(&mut host, "p/399").unwrap(), head.cid).unwrap();
    assert_eq!(proven.value.unwrap().0, [7; 399]);
    assert_eq!(proof(&mut host, "p").unwrap_err(), Error::NotFound { path: "p".into() });
    assert_eq!(proof(&mut host, "zz").unwrap_err(), Error::NotFound { path: "zz".into() });
    assert!(matches!(proof(&mut host, "p/../q"), Err(Error::BadRequest { .. })));
    assert_eq!(proof(&mut Host::new(9), "p").unwrap_err(), Error::NotFound { path: "p".into() });
    // A deleted path is still there, and says so.
    host.call(&Request::Delete { paths: vec!["p/399".into()] }).unwrap();
    let newer = log(&mut host, vec![], 1).0.remove(0).cid;
    let proven = check(&proof(&mut host, "p/399").unwrap(), newer).unwrap();
    assert_eq!(proven.latest.state, dagvault_api::VersionState::Deleted {});
}

#[test]
fn a_proof_that_was_changed_anywhere_does_not_hold() {
    let mut host = Host::new(8);
    let items: Vec<String> = (0..40).map(|at| format!("p/{at:02}")).collect();
    host.call(&Request::Put { items: items.iter().map(|path| item(path, b"v")).collect() }).unwrap();
    let head = log(&mut host, vec![], 1).0.remove(0).cid;
    let proof = proof(&mut host, "p/07").unwrap();
    let proven = check(&proof, head).unwrap();
    let step = if std::env::var_os("DAGVAULT_FULL").is_some() { 1 } else { 7 };
    for bit in (0..proof.len() * 8).step_by(step) {
        let mut changed = proof.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // Another path of the same leaf is a proof of that path.
        match check(&changed, head) {
            Err(_) => {}
            Ok(other) => assert!(other.path != proven.path && items.contains(&other.path), "bit {bit}"),
        }
    }
    for cut in (0..proof.len()).step_by(step) {
        assert!(matches!(check(&proof[..cut], head), Err(Error::BadRequest { .. })), "cut at {cut}");
    }
    let longer = [&proof[..], &[0]].concat();
    assert!(matches!(check(&longer, head), Err(Error::BadRequest { .. })));
}

/// The parts of a proof, by docs/format.md.
fn parts(proof: &[u8]) -> (String, [u8; 32], [u8; 32], Vec<Vec<u8>>) {
    let mut from = Decoder::new(proof);
    from.record(7).unwrap();
    assert_eq!((from.text(), from.uint()), (Ok("dagvault proof"), Ok(1)));
    from.link().unwrap();
    let (path, opening, key) = (from.text().unwrap().into(), from.fixed().unwrap(), from.fixed().unwrap());
    let blocks = (0..from.array().unwrap()).map(|_| from.bytes().unwrap().to_vec()).collect();
    (path, opening, key, blocks)
}

fn forged(version: u64, commit: Cid, path: &str, keys: [[u8; 32]; 2], blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut to = Encoder::default();
    to.array(7);
    to.text("dagvault proof");
    to.uint(version);
    to.link(commit);
    to.text(path);
    keys.iter().for_each(|key| to.bytes(key));
    to.array(blocks.len());
    blocks.iter().for_each(|block| to.bytes(block));
    to.finish()
}

#[test]
fn proofs_put_together_otherwise_are_refused() {
    let mut host = full();
    let head = log(&mut host, vec![], 1).0.remove(0).cid;
    let original = proof(&mut host, "p/777").unwrap();
    let (path, opening, key, blocks) = parts(&original);
    assert_eq!(forged(1, head, &path, [opening, key], &blocks), original);
    let other = parts(&proof(&mut host, "history").unwrap()).3;
    assert_ne!(blocks[2], other[2], "another branch");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("another way", forged(1, head, &path, [opening, key], &[&blocks[..2], &other[2..]].concat())),
        ("the root alone", forged(1, head, &path, [opening, key], &blocks[..2])),
        ("no root", forged(1, head, &path, [opening, key], &[&blocks[..1], &blocks[2..]].concat())),
        ("twice", forged(1, head, &path, [opening, key], &[&blocks[..], &blocks[2..]].concat())),
        (
            "another order",
            forged(1, head, &path, [opening, key], &[&blocks[..1], &blocks[2..], &blocks[1..2]].concat()),
        ),
        ("keys changed over", forged(1, head, &path, [key, opening], &blocks)),
        ("a path elsewhere", forged(1, head, "history", [opening, key], &blocks)),
        ("a path nowhere", forged(1, head, "p/777x", [opening, key], &blocks)),
    ];
    for (what, proof) in cases {
        assert!(matches!(check(&proof, head), Err(Error::Refuted { .. })), "{what}");
    }
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("no path", forged(1, head, "", [opening, key], &blocks)),
        ("an odd path", forged(1, head, "a//b", [opening, key], &blocks)),
        ("no blocks", forged(1, head, &path, [opening, key], &[])),
        ("a thousand blocks", forged(1, head, &path, [opening, key], &vec![vec![0]; 1000])),
        (
            "a huge block",
            forged(1, head, &path, [opening, key], &[blocks[0].clone(), vec![0; BLOCK_BYTES_MAX + 1]]),
        ),
        ("version 0", forged(0, head, &path, [opening, key], &blocks)),
    ];
    for (what, proof) in bad {
        assert!(matches!(check(&proof, head), Err(Error::BadRequest { .. })), "{what}");
    }
    let newer = check(&forged(2, head, &path, [opening, key], &blocks), head);
    assert!(matches!(newer, Err(Error::Unsupported { .. })));
    assert!(matches!(check(&vec![0; 10 << 20], head), Err(Error::Limit { .. })));
}

#[test]
fn a_proof_opens_one_commit_and_no_other() {
    let mut host = Host::new(4);
    put(&mut host, "a", b"one");
    put(&mut host, "a", b"two");
    let commits = log(&mut host, vec![], 2).0;
    let (path, opening, key, blocks) = parts(&proof(&mut host, "a").unwrap());
    let older = host.store.dump().blocks[&commits[1].cid].clone();
    // Under the commits' own key it would open and be refused for its root.
    let other = forged(1, commits[1].cid, &path, [opening, key], &[older, blocks[1].clone()]);
    let Err(Error::Refuted { detail }) = check(&other, commits[1].cid) else { panic!() };
    assert!(detail.contains("not authentic"), "{detail}");
}

#[test]
fn receipts_are_signed_by_the_owner_for_nothing_else() {
    let mut host = Host::new(4);
    let sign = |host: &mut Host, receipt: &[u8]| host.call(&Request::SignReceipt { receipt: receipt.into() });
    let Ok(Response::Signature { signer, signature }) = sign(&mut host, b"a receipt") else { panic!() };
    let message = [dagvault_core::ids::RECEIPT_DOMAIN, b"a receipt"].concat();
    assert!(dagvault_crypto::sign::verify(&signer, &message, &signature).is_ok());
    assert!(dagvault_crypto::sign::verify(&signer, b"a receipt", &signature).is_err());
    assert!(matches!(sign(&mut host, &[0; 4097]), Err(Error::Limit { .. })));
    host.call(&Request::Lock {}).unwrap();
    assert!(matches!(sign(&mut host, b"a receipt"), Err(Error::Locked {})));
}
