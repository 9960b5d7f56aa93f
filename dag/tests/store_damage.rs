//! Flipped bits, lost and exchanged files, failing calls, full disks.
#![cfg(feature = "std")]

mod store_common;

use dagvault_core::error::StoreErrorKind;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::{Disk, Fault, SimDisk};
use dagvault_dag::files::{FileStore, OpenOptions};
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Store};
use std::sync::Arc;
use store_common::{
    Model, Op, Rng, TINY, all_ids, block, check_after, compare, full, hash, options, resolve, run, script,
    step,
};

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn reading() -> OpenOptions {
    let mut options = options(5, TINY);
    options.read_only = true;
    options
}

/// A vault with two log segments' worth of everything, closed cleanly.
fn tiny(seed: u64) -> (SimDisk, Vec<Block>, Vec<u8>) {
    let disk = SimDisk::new(seed);
    let mut rng = Rng(seed);
    let store = FileStore::create(shared(&disk), options(seed, TINY)).expect("create");
    let mut all = Vec::new();
    let mut value = Vec::new();
    for round in 0..3 {
        let put: Vec<Block> = (0..2).map(|_| block(rng.bytes(90))).collect();
        let inline = vec![block(rng.bytes(60))];
        let expected = (round > 0).then(|| hash(&value));
        value = rng.bytes(40);
        store.put_many(put.clone()).expect("put");
        store.commit(inline.clone(), CellId(0), expected, &value, CommitOptions::default()).expect("commit");
        all.extend(put);
        all.extend(inline);
    }
    store.sync().expect("sync");
    (disk, all, value)
}

/// Everything read is right or an error.
fn read_all(store: &FileStore, all: &[Block], value: &[u8], what: &str) {
    if let Ok(found) = store.cell_load(CellId(0)) {
        assert_eq!(found.as_deref(), Some(value), "{what}: the cell is old");
    }
    for block in all {
        if let Ok(found) = store.get_many(&[block.cid]) {
            assert_eq!(found, vec![Some(block.bytes.clone())], "{what}: a block");
        }
        if let Ok(found) = store.has_many(&[block.cid]) {
            assert_eq!(found, vec![true], "{what}: a block");
        }
    }
    if let Ok(listed) = all_ids(store) {
        let complete = all.iter().all(|block| listed.contains_key(&block.cid));
        assert!(complete || !store.notices().is_empty(), "{what}: the list is short, and nothing is said");
    }
}

#[test]
fn every_flipped_bit_is_found_or_harmless() {
    let (disk, all, value) = tiny(1);
    for index in [true, false] {
        for path in disk.paths().iter().filter(|path| index || !path.starts_with("index")) {
            let bytes = disk.read(path).expect("there");
            let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            for bit in 0..(used + 100).min(bytes.len()) * 8 {
                let copy = disk.fork(1);
                if !index {
                    copy.paths()
                        .iter()
                        .filter(|path| path.starts_with("index"))
                        .for_each(|path| copy.uproot(path));
                }
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                copy.plant(path, &bytes);
                let what = format!("{path} bit {bit}");
                if let Ok(store) = FileStore::open(shared(&copy), reading()) {
                    read_all(&store, &all, &value, &what);
                }
                if let Ok(store) = FileStore::open(shared(&copy), options(6, TINY)) {
                    read_all(&store, &all, &value, &what);
                }
            }
        }
    }
}

#[test]
fn lost_and_exchanged_files_are_found() {
    let (disk, all, value) = tiny(1);
    let (other, ..) = tiny(2);
    for path in disk.paths() {
        let copy = disk.fork(1);
        copy.uproot(&path);
        if path.starts_with("index") {
            let store = FileStore::open(shared(&copy), reading()).expect("derived");
            assert_eq!(store.notices().len(), 1, "a handle that only reads says so too");
            read_all(&store, &all, &value, &path);
        }
        if let Ok(store) = FileStore::open(shared(&copy), options(6, TINY)) {
            assert!(!path.starts_with("log"), "{path}: a lost log is an error");
            if path.starts_with("index") {
                assert_eq!(store.notices().len(), 1);
                read_all(&store, &all, &value, &path);
            }
        }
        let folder = path.split('/').next().expect("a name");
        for theirs in other.paths().iter().filter(|theirs| theirs.starts_with(folder) && folder != "lock") {
            let copy = disk.fork(1);
            copy.plant(&path, &other.read(theirs).expect("there"));
            if let Ok(store) = FileStore::open(shared(&copy), options(6, TINY)) {
                read_all(&store, &all, &value, &format!("{path} exchanged"));
            }
        }
    }
}

/// The error of opening a store whose newest log segment, as far as `keep`, is all that is left of it.
fn open_cut(disk: &SimDisk, newest: &str, keep: Option<usize>) -> Option<StoreErrorKind> {
    let copy = disk.fork(1);
    match keep {
        Some(keep) => copy.plant(newest, &copy.read(newest).expect("there")[..keep]),
        None => copy.uproot(newest),
    }
    let reading = FileStore::open(shared(&copy), reading()).err().map(|error| error.kind);
    let writing = FileStore::open(shared(&copy), options(6, TINY)).err().map(|error| error.kind);
    assert_eq!(reading, writing);
    writing
}

#[test]
fn a_log_cut_short_is_found() {
    for commits in [1, 4, 40_u8] {
        let disk = SimDisk::new(1);
        let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
        let mut expected = None;
        for number in 0..commits {
            let value = [number; 200];
            store.commit(vec![], CellId(0), expected, &value, CommitOptions::default()).expect("commit");
            expected = Some(hash(&value));
        }
        drop(store);
        let logs = disk.paths().into_iter().filter(|path| path.starts_with("log/"));
        let newest = logs.max().expect("a log");
        let bytes = disk.read(&newest).expect("there");
        // Behind the last batch stand a mark of 48 bytes and zeros.
        let end = bytes.iter().rposition(|byte| *byte != 0).expect("records") - 47;
        for keep in (0..end).step_by(16) {
            assert_eq!(
                open_cut(&disk, &newest, Some(keep)),
                Some(StoreErrorKind::Corrupt),
                "{keep} of {end}"
            );
        }
        assert_eq!(open_cut(&disk, &newest, Some(end.next_multiple_of(16))), None);
        assert_eq!(open_cut(&disk, &newest, None), Some(StoreErrorKind::Corrupt));
    }
}

/// Lets each call fail in turn; nothing acknowledged may be lost, and the handle or a new one goes on.
fn failing(seed: u64, length: usize, fault: Fault) {
    let script = script(seed, length);
    for call in 1.. {
        let disk = SimDisk::new(call);
        disk.fail_at(Some(call), fault);
        let mut model = Model::default();
        let done = match run(&disk, &script, &mut model) {
            Ok(()) => disk.calls() < call,
            Err(error) => {
                let expected = if fault == Fault::Io { StoreErrorKind::Io } else { StoreErrorKind::NoSpace };
                assert!(error.kind == expected || error.kind == StoreErrorKind::Io, "call {call}: {error}");
                false
            }
        };
        disk.fail_at(None, fault);
        if disk.paths().iter().any(|path| path == "format") {
            check_after(&disk.fork(call), &model)
                .unwrap_or_else(|text| panic!("seed {seed} call {call}: {text}"));
            disk.reboot();
            check_after(&disk, &model)
                .unwrap_or_else(|text| panic!("seed {seed} call {call}, rebooted: {text}"));
        }
        if done {
            return;
        }
    }
}

#[test]
fn any_call_may_fail() {
    let (seeds, length) = if full() { (8, 200) } else { (2, 60) };
    for seed in 0..seeds {
        failing(seed, length, Fault::Io);
        failing(seed, length, Fault::NoSpace);
    }
}

#[test]
fn a_full_disk_loses_nothing_and_the_handle_goes_on() {
    for extra in (0..30_000).step_by(617) {
        let disk = SimDisk::new(extra);
        let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
        disk.set_capacity(Some(disk.used() + extra));
        let (mut model, mut full) = (Model::default(), 0);
        for (number, op) in script(3, 80).iter().enumerate() {
            if matches!(op, Op::Reopen) {
                continue;
            }
            if let Err(error) = step(&store, op, &mut model, number as u64) {
                assert_eq!(error.kind, StoreErrorKind::NoSpace, "{error}");
                full += 1;
                resolve(&store, &mut model).expect("load");
                compare(&store, &model).expect("nothing is lost");
                let fading: Vec<Cid> = std::mem::take(&mut model.fading).into_iter().collect();
                for (id, there) in fading.iter().zip(store.has_many(&fading).expect("has")) {
                    if !there && let Some(bytes) = model.blocks.remove(id) {
                        model.gone.insert(*id, bytes);
                    }
                }
                disk.set_capacity(Some(disk.used() + 5000));
            }
            if number % 8 == 0 {
                compare(&store, &model).expect("as the model");
            }
        }
        assert!(full > 0 || extra > 20_000);
        drop(store);
        compare(&FileStore::open(shared(&disk), options(2, TINY)).expect("open"), &model)
            .expect("as the model");
    }
}

#[test]
fn a_failed_sync_ends_the_handle() {
    let disk = SimDisk::new(1);
    let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
    store.commit(vec![], CellId(0), None, b"first", CommitOptions::default()).expect("commit");
    // A commit writes, then syncs.
    disk.fail_at(Some(disk.calls() + 2), Fault::Io);
    let again =
        |value: &[u8]| store.commit(vec![], CellId(0), Some(hash(b"first")), value, CommitOptions::default());
    assert_eq!(again(b"second").expect_err("fails").kind, StoreErrorKind::Io);
    assert_eq!(again(b"third").expect_err("ended").kind, StoreErrorKind::Io);
    assert_eq!(store.cell_load(CellId(0)).expect_err("ended").kind, StoreErrorKind::Io);
    let reopened = FileStore::open(shared(&disk), options(2, TINY)).expect("open");
    let found = reopened.cell_load(CellId(0)).expect("load");
    for coin in 0..20 {
        let disk = disk.fork(coin);
        disk.reboot();
        let store = FileStore::open(shared(&disk), options(3, TINY)).expect("open");
        assert_eq!(store.cell_load(CellId(0)), Ok(found.clone()), "what a new handle has shown is durable");
    }
}

fn contains(disk: &SimDisk, needle: &[u8]) -> bool {
    disk.paths()
        .iter()
        .any(|path| disk.read(path).is_some_and(|bytes| bytes.windows(8).any(|at| needle.starts_with(at))))
}

#[test]
fn erased_bytes_are_gone_from_every_file() {
    for seed in 0..4 {
        let disk = SimDisk::new(seed);
        let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
        let mut model = Model::default();
        let mut values: Vec<Vec<u8>> = Vec::new();
        for (number, op) in script(seed + 40, 80).iter().enumerate() {
            step(&store, op, &mut model, number as u64).expect("step");
            match op {
                Op::Delete(_) => {
                    for bytes in model.gone.values().filter(|bytes| bytes.len() >= 16) {
                        assert!(!contains(&disk, bytes), "a deleted block's bytes are there");
                    }
                }
                Op::Commit { value, erase, .. } => {
                    if *erase {
                        values.retain(|old| model.cells.values().all(|value| value != old));
                        for old in &values {
                            assert!(!contains(&disk, old), "an old cell's bytes are there");
                        }
                    }
                    values.push(value.clone());
                }
                _ => {}
            }
        }
    }
}

#[test]
fn deleting_gives_space_back() {
    let disk = SimDisk::new(1);
    let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
    let mut rng = Rng(1);
    let mut ids: Vec<Cid> = Vec::new();
    let mut value = Vec::new();
    for round in 0..40 {
        let blocks: Vec<Block> =
            (0..4).map(|_| block(rng.bytes(if round % 2 == 0 { 300 } else { 1000 }))).collect();
        ids.extend(blocks.iter().map(|block| block.cid));
        let expected = (round > 0).then(|| hash(&value));
        value = rng.bytes(30);
        store.commit(blocks, CellId(0), expected, &value, CommitOptions::default()).expect("commit");
    }
    store.sync().expect("sync");
    let before = disk.used();
    let kept: Vec<Cid> = ids.iter().step_by(10).copied().collect();
    let dead: Vec<Cid> = ids.iter().filter(|id| !kept.contains(id)).copied().collect();
    assert_eq!(store.delete_many(&dead), Ok(dead.len() as u64));
    assert!(disk.used() * 2 < before, "{} of {before} bytes remain", disk.used());
    assert!(store.get_many(&kept).expect("get").iter().all(Option::is_some));
    drop(store);
    let store = FileStore::open(shared(&disk), options(2, TINY)).expect("open");
    assert_eq!(all_ids(&store).expect("iterate").len(), kept.len());
}
