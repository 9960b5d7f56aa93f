//! Random operations against the memory store, on the simulated disk and on a real folder.
#![cfg(feature = "std")]

mod store_common;

use dagvault_core::error::StoreErrorKind;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::{Disk, RealDisk, SimDisk};
use dagvault_dag::files::{FileStore, Sizes};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::readonly::ReadOnly;
use dagvault_dag::store::{BlockStore, CommitOptions, Cursor, Store};
use std::path::PathBuf;
use std::sync::Arc;
use store_common::{Model, Op, Rng, TINY, all_ids, block, compare, full, hash, options, script, step};

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dagvault-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        Self(path)
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(RealDisk::new(self.0.clone()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Applies the same operation to the memory store.
fn mirror(memory: &MemoryStore, op: &Op, model: &Model, deleted: &[Cid]) {
    match op {
        Op::Put(blocks) => memory.put_many(blocks.clone()).expect("put"),
        Op::Commit { blocks, cell, value, .. } => {
            let expected = memory.cell_load(CellId(*cell)).expect("load").map(|value| hash(&value));
            let options = CommitOptions::default();
            memory.commit(blocks.clone(), CellId(*cell), expected, value, options).expect("commit");
            assert_eq!(model.cells.get(cell), Some(value));
        }
        Op::Delete(_) => assert_eq!(memory.delete_many(deleted).expect("delete"), deleted.len() as u64),
        Op::Sync | Op::Reopen => {}
    }
}

fn same(store: &dyn Store, memory: &MemoryStore) {
    let dump = memory.dump();
    let listed = all_ids(store).expect("iterate");
    let lengths: Vec<(Cid, usize)> = dump.blocks.iter().map(|(id, bytes)| (*id, bytes.len())).collect();
    assert_eq!(listed.iter().map(|(id, len)| (*id, *len as usize)).collect::<Vec<_>>(), lengths);
    let ids: Vec<Cid> = dump.blocks.keys().copied().collect();
    let found: Vec<Vec<u8>> = store.get_many(&ids).expect("get").into_iter().flatten().collect();
    assert_eq!(found, dump.blocks.values().cloned().collect::<Vec<_>>());
    for cell in 0..2 {
        assert_eq!(store.cell_load(CellId(cell)).expect("load").as_ref(), dump.cells.get(&CellId(cell)));
    }
}

fn model_run(disk: &Arc<dyn Disk>, seed: u64, length: usize, sizes: Sizes) {
    let memory = MemoryStore::new();
    let mut model = Model::default();
    let mut store = Some(FileStore::create(Arc::clone(disk), options(1, sizes)).expect("create"));
    for (number, op) in script(seed, length).iter().enumerate() {
        if matches!(op, Op::Reopen) {
            drop(store.take());
            store = Some(FileStore::open(Arc::clone(disk), options(number as u64 + 9, sizes)).expect("open"));
        }
        let store = store.as_ref().expect("open");
        let before = model.blocks.clone();
        step(store, op, &mut model, number as u64).expect("step");
        let deleted: Vec<Cid> = before.keys().filter(|id| !model.blocks.contains_key(id)).copied().collect();
        mirror(&memory, op, &model, &deleted);
        same(store, &memory);
        compare(store, &model).expect("as the model");
        let mut view = options(3, sizes);
        view.read_only = true;
        let view = FileStore::open(Arc::clone(disk), view).expect("open for reading");
        assert_eq!(view.cell_load(CellId(0)).expect("load"), store.cell_load(CellId(0)).expect("load"));
        assert_eq!(view.sync(), Ok(()));
        assert_eq!(view.put_many(vec![]).expect_err("read-only").kind, StoreErrorKind::ReadOnly);
    }
    drop(store);
    let store = FileStore::open(Arc::clone(disk), options(4, sizes)).expect("open");
    same(&store, &memory);
}

#[test]
fn the_file_store_is_the_memory_store() {
    let (seeds, length) = if full() { (60, 400) } else { (12, 120) };
    for seed in 0..seeds {
        model_run(&(Arc::new(SimDisk::new(seed)) as Arc<dyn Disk>), seed, length, TINY);
    }
    for seed in 0..2 {
        model_run(&(Arc::new(SimDisk::new(seed)) as Arc<dyn Disk>), seed, length, Sizes::default());
        let folder = Folder::new(&format!("model-{seed}"));
        model_run(&folder.disk(), seed, length, TINY);
    }
}

#[test]
fn creation_and_opening_say_what_is_wrong() {
    let folder = Folder::new("create");
    let open = |disk| FileStore::open(disk, options(1, TINY)).map(drop).expect_err("no vault").kind;
    let create = |disk| FileStore::create(disk, options(1, TINY)).map(drop);
    assert_eq!(open(folder.disk()), StoreErrorKind::Absent);
    create(folder.disk()).expect("create");
    assert_eq!(create(folder.disk()).expect_err("there").kind, StoreErrorKind::Exists);
    let format = std::fs::read_to_string(folder.0.join("format")).expect("format");
    let body = format.split("check").next().expect("body").replace("store 1", "store 2");
    let check: String = hash(body.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(folder.0.join("format"), format!("{body}check {check}\n")).expect("write");
    assert_eq!(open(folder.disk()), StoreErrorKind::Unsupported);
    // A later version may check otherwise, or not at all.
    std::fs::write(folder.0.join("format"), format.replace("store 1", "store 2")).expect("write");
    assert_eq!(open(folder.disk()), StoreErrorKind::Unsupported);
    std::fs::write(folder.0.join("format"), "nonsense").expect("write");
    assert_eq!(open(folder.disk()), StoreErrorKind::Corrupt);
    let other = Folder::new("foreign");
    std::fs::create_dir(&other.0).expect("folder");
    std::fs::write(other.0.join("letter.txt"), "x").expect("write");
    assert_eq!(create(other.disk()).expect_err("foreign").kind, StoreErrorKind::Exists);
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new("modes");
    let store = FileStore::create(folder.disk(), options(1, TINY)).expect("create");
    store.put_many(vec![block(vec![1; 5000])]).expect("put");
    store.commit(vec![], CellId(0), None, b"x", CommitOptions::default()).expect("commit");
    drop(store);
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder.0), 0o700);
    for name in ["log", "packs", "index"] {
        assert_eq!(mode(&folder.0.join(name)), 0o700);
        let mut files = 0;
        for entry in std::fs::read_dir(folder.0.join(name)).expect("list") {
            assert_eq!(mode(&entry.expect("entry").path()), 0o600);
            files += 1;
        }
        assert_eq!(files, 1);
    }
}

#[test]
fn limits_hold() {
    let store = FileStore::create(Arc::new(SimDisk::new(1)), options(1, Sizes::default())).expect("create");
    let memory = MemoryStore::new();
    let commit = |store: &dyn Store, cell: u32, value: &[u8]| {
        store.commit(vec![], CellId(cell), None, value, CommitOptions::default()).map_err(|error| error.kind)
    };
    for store in [&store as &dyn Store, &memory] {
        let put = |bytes: Vec<u8>| store.put_many(vec![block(bytes)]).map_err(|error| error.kind);
        assert_eq!(put(vec![1; 256 << 10]), Ok(()));
        assert_eq!(put(vec![1; (256 << 10) + 1]), Err(StoreErrorKind::Misuse));
        assert_eq!(put(vec![]), Err(StoreErrorKind::Misuse));
        let mut lie = block(vec![1, 2, 3]);
        lie.bytes[0] = 0;
        assert_eq!(store.put_many(vec![lie]).map_err(|error| error.kind), Err(StoreErrorKind::Misuse));
        assert_eq!(commit(store, 0, &vec![0; (1 << 20) + 1]), Err(StoreErrorKind::Limit));
        assert_eq!(commit(store, 0, &[]), Ok(()));
        assert_eq!(commit(store, 0, b"again"), Err(StoreErrorKind::Conflict));
        for cell in 1..64 {
            assert_eq!(commit(store, cell, &[7]), Ok(()));
        }
        assert_eq!(commit(store, 64, &[7]), Err(StoreErrorKind::Limit));
        assert_eq!(store.iterate(Cursor(77 << 40)).map_err(|error| error.kind), Err(StoreErrorKind::Misuse));
        let view = ReadOnly(&memory);
        assert_eq!(view.0.cell_load(CellId(9)).map(|_| ()), Ok(()));
    }
    let view = ReadOnly(memory);
    assert_eq!(commit(&view, 0, b"x"), Err(StoreErrorKind::ReadOnly));
    assert_eq!(view.delete_many(&[]).map_err(|error| error.kind), Err(StoreErrorKind::ReadOnly));
    assert_eq!(view.cell_load(CellId(5)), Ok(Some(vec![7])));
}

#[test]
fn blocks_that_begin_with_zeros_are_blocks() {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
    let zeros = block(vec![0; 3000]);
    let half = block([vec![0; 700], Rng(1).bytes(700)].concat());
    let store = FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create");
    store.put_many(vec![zeros.clone(), half.clone()]).expect("put");
    store.commit(vec![], CellId(0), None, b"x", CommitOptions::default()).expect("commit");
    assert_eq!(store.delete_many(&[half.cid]), Ok(1));
    drop(store);
    let sim = FileStore::open(Arc::clone(&disk), options(2, TINY)).expect("open");
    assert_eq!(sim.get_many(&[zeros.cid, half.cid]), Ok(vec![Some(zeros.bytes), None]));
}

#[test]
fn long_lists_come_in_pages() {
    let store = FileStore::create(Arc::new(SimDisk::new(1)), options(1, Sizes::default())).expect("create");
    let all: Vec<_> = (0..9000_u32).map(|number| block(number.to_le_bytes().to_vec())).collect();
    store.put_many(all.clone()).expect("put");
    let (first, next) = store.iterate(Cursor::START).expect("page");
    assert_eq!(first.len(), 4096);
    store.put_many(vec![block(vec![9; 99])]).expect("put during the iteration");
    let (second, next) = store.iterate(next.expect("more")).expect("page");
    let (third, end) = store.iterate(next.expect("more")).expect("page");
    assert_eq!((first.len() + second.len() + third.len(), end), (9000, None));
    assert_eq!(store.stats().map(|stats| stats.blocks), Ok(9001));
}
