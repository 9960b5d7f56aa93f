//! Compaction: what it frees, that a cut at any point loses nothing, full disks, damage, and others at work meanwhile.
#![cfg(feature = "std")]

mod store_common;

use dagvault_core::error::StoreErrorKind;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::{Disk, Fault, RealDisk, SimDisk};
use dagvault_dag::files::FileStore;
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store_common::{
    Model, Op, Rng, TINY, all_ids, block, blocks, check_after, compare, full, hash, options, script, step,
};

const PLAIN: CommitOptions = CommitOptions { erase_old_cells: false, more_to_come: false };

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn go_on(_: u64, _: u64) -> bool {
    true
}

/// A store after a life of its own, and what it holds.
fn lived(disk: &SimDisk, seed: u64, length: usize) -> (FileStore, Model) {
    let store = FileStore::create(shared(disk), options(seed, TINY)).expect("create");
    let mut model = Model::default();
    for (number, op) in script(seed, length).iter().enumerate() {
        if !matches!(op, Op::Reopen) {
            step(&store, op, &mut model, number as u64).expect("step");
        }
    }
    small_packs(&store, &mut model, seed);
    (store, model)
}

/// Writes small packs, so that there is something to be done.
fn small_packs(store: &FileStore, model: &mut Model, seed: u64) {
    let mut rng = Rng(seed + 900);
    for number in 0..6 {
        let put = Op::Put(blocks(&mut rng, 3, 700));
        let commit = Op::Commit { blocks: vec![], cell: 0, value: rng.bytes(30), erase: false };
        for op in [put, commit, Op::Sync] {
            step(store, &op, model, number * 3).expect("step");
        }
    }
    assert!(store.compact(true, &mut go_on).expect("plan").segments > 3);
}

#[test]
fn small_packs_become_few_and_nothing_changes() {
    let disk = SimDisk::new(1);
    let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
    let mut rng = Rng(1);
    let mut all: Vec<Block> = Vec::new();
    let mut expected = None;
    for round in 0..60_u8 {
        let new = blocks(&mut rng, 2, 600);
        all.extend(new.clone());
        store.put_many(new).expect("put");
        store.commit(vec![], CellId(0), expected, &[round], PLAIN).expect("commit");
        store.sync().expect("sync");
        expected = Some(hash(&[round]));
    }
    let before = store.stats().expect("stats");
    assert!(before.packs >= 60);
    let planned = store.compact(true, &mut go_on).expect("plan");
    assert_eq!(store.stats().expect("stats"), before, "a dry run changes nothing");
    let reader = FileStore::open(shared(&disk), options(2, TINY)).expect("open");
    let done = store.compact(false, &mut go_on).expect("compact");
    assert!(planned.segments > 0 && done.segments >= planned.segments, "{planned:?} {done:?}");
    let after = store.stats().expect("stats");
    assert!(after.packs * 4 < before.packs, "{after:?}");
    assert_eq!(store.compact(false, &mut go_on).expect("compact").segments, 0, "done is done");
    for handle in [&store, &reader, &FileStore::open(shared(&disk), options(3, TINY)).expect("open")] {
        let ids: Vec<Cid> = all.iter().map(|block| block.cid).collect();
        let bytes: Vec<Option<Vec<u8>>> = all.iter().map(|block| Some(block.bytes.clone())).collect();
        assert_eq!(handle.get_many(&ids), Ok(bytes));
        assert_eq!(all_ids(handle).expect("iterate").len(), all.len());
        assert_eq!(handle.notices(), Vec::<String>::new());
    }
}

#[test]
fn what_stays_alive_of_sparse_packs_moves() {
    let disk = SimDisk::new(1);
    let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
    let all = blocks(&mut Rng(1), 60, 900);
    store.put_many(all.clone()).expect("put");
    store.commit(vec![], CellId(0), None, b"x", PLAIN).expect("commit");
    store.sync().expect("sync");
    // Not so much that the deletion itself would rewrite a pack.
    let dead: Vec<Cid> =
        all.iter().enumerate().filter(|(at, _)| at % 5 > 1).map(|(_, block)| block.cid).collect();
    assert_eq!(store.delete_many(&dead), Ok(36));
    let before = store.stats().expect("stats");
    let done = store.compact(false, &mut go_on).expect("compact");
    let after = store.stats().expect("stats");
    assert!(done.segments > 0 && after.file_bytes * 3 < before.file_bytes * 2, "{before:?} {after:?}");
    assert_eq!((after.blocks, after.block_bytes), (before.blocks, before.block_bytes));
    assert!(store.has_many(&dead).expect("has").iter().all(|has| !has));
}

/// Cuts a compaction at every call that changes the disk, and the recovery after it again.
fn cuts(seed: u64, length: usize, ignored: Option<&str>) -> Vec<String> {
    let base = SimDisk::new(seed);
    let (store, model) = lived(&base, seed, length);
    drop(store);
    let mut wrong = Vec::new();
    for cut in 1.. {
        let disk = base.fork(cut);
        disk.reboot();
        disk.ignore_sync(ignored);
        let store = FileStore::open(shared(&disk), options(50, TINY)).expect("open");
        disk.cut_at(Some(disk.calls() + cut));
        let result = store.compact(false, &mut go_on);
        drop(store);
        let done = !disk.is_off();
        if done && let Err(error) = result {
            wrong.push(format!("without a cut: {error}"));
        }
        for coin in 0..if full() { 6 } else { 2 } {
            let disk = disk.fork(cut * 100 + coin);
            disk.reboot();
            if coin == 0 {
                // Another cut in the recovery, at a place of its own each time.
                let again = disk.fork(cut);
                again.cut_at(Some(1 + cut % 7));
                drop(FileStore::open(shared(&again), options(51, TINY)));
                again.reboot();
                wrong
                    .extend(check_after(&again, &model).err().map(|text| format!("cut {cut} again: {text}")));
            }
            wrong.extend(
                check_after(&disk, &model).err().map(|text| format!("cut {cut} coin {coin}: {text}")),
            );
        }
        if done || wrong.len() > 4 {
            return wrong;
        }
    }
    wrong
}

#[test]
fn a_cut_anywhere_in_a_compaction_loses_nothing() {
    let (seeds, length) = if full() { (12, 200) } else { (2, 60) };
    for seed in 0..seeds {
        let wrong = cuts(seed, length, None);
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}

#[test]
fn a_compaction_without_its_syncs_loses_blocks() {
    for class in ["packs", "dir:packs"] {
        let found = (0..6).any(|seed| !cuts(seed, 60, Some(class)).is_empty());
        assert!(found, "without the sync of {class} nothing was lost");
    }
}

#[test]
fn any_call_of_a_compaction_may_fail() {
    let base = SimDisk::new(4);
    let (store, model) = lived(&base, 4, 60);
    drop(store);
    for fault in [Fault::Io, Fault::NoSpace] {
        for call in 1.. {
            let disk = base.fork(call);
            disk.reboot();
            let store = FileStore::open(shared(&disk), options(50, TINY)).expect("open");
            disk.fail_at(Some(disk.calls() + call), fault);
            let calls = disk.calls() + call;
            let result = store.compact(false, &mut go_on);
            disk.fail_at(None, fault);
            drop(store);
            check_after(&disk.fork(call), &model).unwrap_or_else(|text| panic!("{fault:?} {call}: {text}"));
            disk.reboot();
            check_after(&disk, &model).unwrap_or_else(|text| panic!("{fault:?} {call}, rebooted: {text}"));
            if result.is_ok() && disk.calls() < calls {
                break;
            }
            if call > 2000 {
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_stops_a_compaction_and_nothing_else() {
    let base = SimDisk::new(5);
    let (store, mut model) = lived(&base, 5, 80);
    // Nothing can be had by merely removing what is dead.
    store.compact(false, &mut go_on).expect("compact");
    small_packs(&store, &mut model, 12);
    drop(store);
    let (mut stopped, mut went) = (0, 0);
    for extra in (0..16_000).step_by(97) {
        let disk = base.fork(extra);
        disk.reboot();
        let store = FileStore::open(shared(&disk), options(50, TINY)).expect("open");
        disk.set_capacity(Some(disk.used() + extra));
        match store.compact(false, &mut go_on) {
            Ok(_) => went += 1,
            Err(error) => {
                assert_eq!(error.kind, StoreErrorKind::NoSpace, "{error}");
                stopped += 1;
            }
        }
        compare(&store, &model).expect("as before");
        disk.set_capacity(None);
        store.compact(false, &mut go_on).expect("with room it goes on");
        compare(&store, &model).expect("as before");
        drop(store);
        check_after(&disk, &model).expect("as before");
    }
    assert!(stopped > 3 && went > 3, "{stopped} stopped, {went} went");
}

#[test]
fn a_damaged_block_keeps_its_segment_where_it_is() {
    let disk = SimDisk::new(1);
    let store = FileStore::create(shared(&disk), options(1, TINY)).expect("create");
    let mut expected = None;
    let mut all = Vec::new();
    for round in 0..6_u8 {
        let new = block(vec![round + 1; 500]);
        all.push(new.clone());
        store.put_many(vec![new]).expect("put");
        store.commit(vec![], CellId(0), expected, &[round], PLAIN).expect("commit");
        store.sync().expect("sync");
        expected = Some(hash(&[round]));
    }
    let pack = disk.paths().into_iter().find(|path| path.starts_with("packs/")).expect("a pack");
    let mut bytes = disk.read(&pack).expect("there");
    bytes[200] ^= 1;
    disk.plant(&pack, &bytes);
    drop(store);
    let store = FileStore::open(shared(&disk), options(2, TINY)).expect("open");
    let done = store.compact(false, &mut go_on).expect("compact");
    assert_eq!(done.segments, 5);
    assert!(disk.paths().contains(&pack), "what can't be read is not thrown away");
    let whole =
        all.iter().filter(|block| store.get_many(&[block.cid]) == Ok(vec![Some(block.bytes.clone())]));
    assert_eq!(whole.count(), 5);
}

#[test]
fn others_read_write_and_collect_meanwhile() {
    let path = std::env::temp_dir().join(format!("dagvault-compact-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&path));
    let disks: [Arc<dyn Disk>; 2] = [Arc::new(SimDisk::new(1)), Arc::new(RealDisk::new(path.clone()))];
    for disk in disks {
        drop(FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create"));
        let rounds = if full() { 400 } else { 40 };
        let over = AtomicBool::new(false);
        let open = |seed| {
            let mut options = options(seed, TINY);
            options.lock_wait_ms = 60_000;
            FileStore::open(Arc::clone(&disk), options).expect("open")
        };
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2_u32)
                .map(|writer| {
                    let open = &open;
                    scope.spawn(move || write_and_collect(&open(10 + u64::from(writer)), writer, rounds))
                })
                .collect();
            let (compactor, over) = (open(20), &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    compactor.compact(false, &mut go_on).expect("compact");
                }
            });
            let kept: Vec<Vec<Block>> =
                writers.into_iter().map(|writer| writer.join().expect("no panic")).collect();
            over.store(true, Ordering::Relaxed);
            let store = open(30);
            for block in kept.concat() {
                assert_eq!(store.get_many(&[block.cid]), Ok(vec![Some(block.bytes)]));
            }
        });
    }
    drop(std::fs::remove_dir_all(&path));
}

/// Commits blocks to a cell of its own, deletes some again; answers those that must be there.
fn write_and_collect(store: &FileStore, writer: u32, rounds: u64) -> Vec<Block> {
    let mut rng = Rng(u64::from(writer) + 77);
    let mut kept: Vec<Block> = Vec::new();
    let mut expected = None;
    for round in 0..rounds {
        let new = blocks(&mut rng, 3, 900);
        store.put_many(new.clone()).expect("put");
        let value = round.to_le_bytes();
        store.commit(vec![], CellId(writer), expected, &value, PLAIN).expect("commit");
        expected = Some(hash(&value));
        kept.extend(new);
        if round % 3 == 0 {
            store.sync().expect("sync");
            let dead: Vec<Cid> = kept.drain(..2).map(|block| block.cid).collect();
            store.delete_many(&dead).expect("delete");
        }
        let ids: Vec<Cid> = kept.iter().map(|block| block.cid).collect();
        let found = store.get_many(&ids).expect("get");
        for (block, found) in kept.iter().zip(found) {
            assert_eq!(found.as_ref(), Some(&block.bytes), "round {round}");
        }
    }
    kept
}
