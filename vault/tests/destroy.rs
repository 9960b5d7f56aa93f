//! What is destroyed is gone: its old blocks, heads and keys are in no file, and one who has kept every block, and has
//! today's head and the passphrase, reads nothing of it.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use common::disk::{Recorder, all_blocks, create_store, files, find_in_files, host, open_store};
use common::{Host, Random, cheap, item, key_file, passphrase};
use dagvault_api::{Error, MetaChange, PutItem, Request, Response, Select};
use dagvault_core::arena::Regions;
use dagvault_core::cbor::Bytes;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::SimDisk;
use dagvault_dag::files::FileStore;
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{Block, BlockStore as _, CommitOptions, Store as _};
use dagvault_vault::Vault;

/// Bytes of which one piece is searched for.
const PIECE: usize = 32;

struct Scene {
    disk: SimDisk,
    store: Arc<FileStore>,
    host: Host,
    recorder: Arc<Recorder>,
    regions: Arc<Regions>,
    /// Every block and head that the store ever held.
    blocks: BTreeMap<Cid, Vec<u8>>,
    heads: Vec<Vec<u8>>,
    chunked: Vec<u8>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let regions = Regions::allocate();
        let disk = SimDisk::new(seed);
        let store = create_store(&disk, seed).unwrap();
        let recorder = Arc::new(Recorder::new(seed));
        let vault = Vault::new(Arc::clone(&store) as _, Arc::clone(&recorder) as _, Arc::clone(&regions));
        let host = Host { store: Arc::new(MemoryStore::new()), vault };
        let chunked = Random(seed).bytes(300_000);
        let (blocks, heads) = (BTreeMap::new(), Vec::new());
        let mut scene = Self { disk, store, host, recorder, regions, blocks, heads, chunked };
        scene.fill();
        scene
    }

    fn call(&mut self, request: &Request<'_>) -> Response {
        let response = self.host.call(request).unwrap();
        self.remember();
        response
    }

    fn remember(&mut self) {
        self.blocks.extend(all_blocks(&*self.store));
        self.heads.push(self.store.cell_load(CellId::HEAD).unwrap().unwrap());
    }

    fn put(&mut self, path: &str, value: &[u8]) {
        let meta = MetaChange::from([("note".into(), Some(Bytes(path.as_bytes().to_vec())))]);
        self.call(&Request::Put { items: vec![PutItem { meta, ..item(path, value) }] });
    }

    fn fill(&mut self) {
        self.call(&Request::Create { protect: cheap(key_file()), paranoid: false });
        self.call(&Request::SlotAdd { protect: cheap(passphrase("words")), remove: None });
        let mut random = Random(9);
        for at in 0..80 {
            let value = random.bytes(600);
            self.put(&format!("other/{at}"), &value);
        }
        self.put("secret", b"a very secret word");
        self.put("secret", b"another secret word");
        let chunked = self.chunked.clone();
        self.put("file", &chunked);
        for number in 0..30_u8 {
            self.put("history", &[number; 50]);
        }
        self.call(&Request::Copy { from: "other/1".into(), to: "copied".into() });
    }

    fn head(&self) -> Vec<u8> {
        self.store.cell_load(CellId::HEAD).unwrap().unwrap()
    }

    /// No file holds what is gone: neither superseded heads nor removed blocks, and no key stands anywhere.
    fn scan(&self, what: &str) {
        let files = files(&self.disk);
        let head = self.head();
        let now = all_blocks(&*self.store);
        // The sealed part of an old head; what stands before it may be the same today.
        let mut searched = 0;
        let mut heads = 0;
        for old in self.heads.iter().filter(|old| **old != head).collect::<BTreeSet<_>>() {
            heads += 1;
            for piece in old.rchunks(PIECE).filter(|piece| piece.len() == PIECE).take(6) {
                assert_eq!(find_in_files(&files, piece), None, "{what}: an old head");
                searched += 1;
            }
        }
        let removed: Vec<_> = self.blocks.iter().filter(|(cid, _)| !now.contains_key(cid)).collect();
        for (cid, block) in &removed {
            let middle = block.len() / 2;
            for at in [2, 34, 66, middle, block.len() - PIECE] {
                assert_eq!(find_in_files(&files, &block[at..at + PIECE]), None, "{what}: block {cid}");
                searched += 1;
            }
        }
        // Link keys (the first half of each 64 bytes drawn for a block), the root key and epoch keys.
        let mut keys = 0;
        for drawn in self.recorder.drawn.lock().unwrap().iter().filter(|drawn| drawn.len() % 32 == 0) {
            let seeds = if drawn.len() % 64 == 0 { drawn.chunks(64) } else { drawn.chunks(32) };
            for key in seeds.map(|seed| &seed[..32]) {
                // A salt of a commit is drawn alone, and stands in its block.
                if !self.blocks.values().any(|block| &block[2..34] == key) {
                    assert_eq!(find_in_files(&files, key), None, "{what}: a key");
                    keys += 1;
                }
            }
        }
        println!(
            "{what}: {heads} heads, {} blocks, {searched} pieces, {keys} keys in no file",
            removed.len()
        );
        assert!(heads > 0 && !removed.is_empty() && keys > 100);
    }

    /// What one sees who has kept all blocks, and has today's head and keys; and which blocks they reach.
    fn attacker(&self) -> (Host, BTreeSet<Cid>) {
        let store = || {
            let store = MemoryStore::new();
            let blocks = self.blocks.iter().map(|(cid, bytes)| Block { cid: *cid, bytes: bytes.clone() });
            store.put_many(blocks.collect()).unwrap();
            store.commit(vec![], CellId::HEAD, None, &self.head(), CommitOptions::default()).unwrap();
            Arc::new(store)
        };
        let open = |store: Arc<MemoryStore>| {
            let mut host = host(store, 77, &self.regions);
            host.call(&Request::Open { unlock: passphrase("words") }).unwrap();
            host
        };
        let reached = store();
        open(Arc::clone(&reached)).gc();
        (open(store()), reached.dump().blocks.into_keys().collect())
    }

    /// The others are as they were.
    fn check_others(&mut self, but: &[&str]) {
        let mut random = Random(9);
        let chunked = self.chunked.clone();
        for at in 0..80 {
            let value = random.bytes(600);
            let path = format!("other/{at}");
            if !but.contains(&path.as_str()) {
                assert!(self.host.latest(&path).unwrap() == value);
            }
            if at == 1 {
                assert!(self.host.latest("copied").unwrap() == value);
            }
        }
        if !but.contains(&"file") {
            assert!(self.host.latest("file").unwrap() == chunked);
        }
        assert_eq!(self.host.get("secret", Select::Number { number: 2 }).unwrap(), b"another secret word");
        self.host.verify().unwrap();
    }
}

fn read(host: &mut Host, path: &str, number: u64) -> Result<Vec<u8>, Error> {
    host.get(path, Select::Number { number })
}

/// Destroys, and looks for what is left.
fn case(what: &str, path: &str, numbers: &[u64]) -> (Scene, Host, Vec<Cid>) {
    let mut scene = Scene::new(1);
    let before = all_blocks(&*scene.store);
    let Response::Gc { .. } = scene.call(&Request::Destroy { path: path.into(), numbers: numbers.to_vec() })
    else {
        panic!("what was collected")
    };
    let after = all_blocks(&*scene.store);
    let gone: Vec<Cid> = before.keys().filter(|cid| !after.contains_key(cid)).copied().collect();
    scene.scan(what);
    let (attacker, reached) = scene.attacker();
    // Today's head leads to what is there today and to nothing else.
    assert_eq!(reached, after.keys().copied().collect(), "{what}");
    (scene, attacker, gone)
}

#[test]
fn an_inline_version() {
    let (mut scene, mut attacker, _) = case("inline", "secret", &[1]);
    for host in [&mut attacker, &mut scene.host] {
        assert_eq!(read(host, "secret", 1), Err(Error::Destroyed { path: "secret".into() }));
        let info = host.history("secret").pop().unwrap();
        assert_eq!((info.number, info.size, info.stored, info.content), (1, 0, 0, None));
    }
    scene.check_others(&[]);
}

#[test]
fn a_chunked_value() {
    let (mut scene, mut attacker, gone) = case("chunked", "file", &[1]);
    assert!(gone.len() >= 2, "both chunks");
    for host in [&mut attacker, &mut scene.host] {
        assert_eq!(read(host, "file", 1), Err(Error::Destroyed { path: "file".into() }));
    }
    scene.check_others(&["file"]);
}

#[test]
fn a_path_with_history_and_metadata() {
    let (mut scene, mut attacker, _) = case("path", "history", &[]);
    for host in [&mut attacker, &mut scene.host] {
        for number in 1..=30 {
            assert_eq!(read(host, "history", number), Err(Error::NotFound { path: "history".into() }));
        }
        assert!(host.list("history").is_empty());
        assert!(
            host.list("").iter().all(|entry| {
                entry.meta.as_ref().unwrap().get("note") != Some(&Bytes(b"history".to_vec()))
            })
        );
    }
    scene.check_others(&[]);
}

#[test]
fn versions_in_history_nodes() {
    let (mut scene, mut attacker, _) = case("history", "history", &[3, 17]);
    for host in [&mut attacker, &mut scene.host] {
        for number in 1..=30 {
            let expected = match number {
                3 | 17 => Err(Error::Destroyed { path: "history".into() }),
                number => Ok(vec![number as u8 - 1; 50]),
            };
            assert_eq!(read(host, "history", number), expected);
        }
    }
    scene.check_others(&[]);
}

#[test]
fn a_copy_keeps_what_its_source_loses() {
    let (mut scene, mut attacker, _) = case("copied", "other/1", &[]);
    assert_eq!(attacker.latest("other/1"), Err(Error::NotFound { path: "other/1".into() }));
    scene.check_others(&["other/1"]);
}

#[test]
fn removed_key_slots_are_in_no_file() {
    let mut scene = Scene::new(1);
    let head = scene.head();
    // Wrapped keys: after id, kind and salt; found as what both heads of a change of slots share.
    let pieces = |head: &[u8]| head.windows(PIECE).map(<[u8]>::to_vec).collect::<BTreeSet<_>>();
    let before = pieces(&head);
    scene.call(&Request::SlotAdd { protect: cheap(passphrase("new")), remove: Some(1) });
    let after = pieces(&scene.head());
    let gone: Vec<_> = before.difference(&after).collect();
    // Salt 32, wrapped key 72, and the head's body.
    assert!(gone.len() > 100, "{}", gone.len());
    let files = files(&scene.disk);
    for piece in &gone {
        assert_eq!(find_in_files(&files, piece), None, "a part of the old head");
    }
    drop(scene.host);
    drop(scene.store);
    // After closing and opening too.
    let store = open_store(&scene.disk, 5).unwrap();
    let mut host = host(Arc::clone(&store) as _, 6, &scene.regions);
    assert_eq!(host.call(&Request::Open { unlock: passphrase("words") }), Err(Error::WrongKey {}));
    host.call(&Request::Open { unlock: passphrase("new") }).unwrap();
    let id = match host.call(&Request::Slots {}).unwrap() {
        Response::KeySlots { slots } => slots.iter().find(|slot| !slot.current).unwrap().id,
        other => panic!("{other:?}"),
    };
    let before = pieces(&store.cell_load(CellId::HEAD).unwrap().unwrap());
    host.call(&Request::SlotRemove { id }).unwrap();
    let after = pieces(&store.cell_load(CellId::HEAD).unwrap().unwrap());
    let files = common::disk::files(&scene.disk);
    for piece in before.difference(&after) {
        assert_eq!(find_in_files(&files, piece), None, "a part of the old head");
    }
    assert_eq!(host.call(&Request::Open { unlock: key_file() }), Err(Error::WrongKey {}));
}
