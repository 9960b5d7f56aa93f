//! Repair: damage of every kind, alone and together; what can be saved is saved, what can't is named, and a cut at any
//! point of it loses nothing more.
#![cfg(feature = "std")]

mod store_common;

use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::{Disk, Fault, SimDisk};
use dagvault_dag::files::{Cells, FileStore, RepairOptions, RepairReport, repair};
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Store};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store_common::{Model, Rng, TINY, all_ids, block, blocks, check_after, full, hash, options};

const PLAIN: CommitOptions = CommitOptions { erase_old_cells: false, more_to_come: false };
const DRY: RepairOptions = RepairOptions { dry_run: true, accept_older: false };
const CAREFUL: RepairOptions = RepairOptions { dry_run: false, accept_older: false };
const OLDER: RepairOptions = RepairOptions { dry_run: false, accept_older: true };

fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn mend(disk: &SimDisk, how: RepairOptions) -> Result<RepairReport, StoreError> {
    // Names of new files differ from run to run.
    static RUNS: AtomicU64 = AtomicU64::new(1000);
    let seed = RUNS.fetch_add(1, Ordering::Relaxed);
    repair(shared(disk), options(seed, TINY), &how, &mut |_, _| true)
}

fn open(disk: &SimDisk) -> Result<FileStore, StoreError> {
    FileStore::open(shared(disk), options(6, TINY))
}

/// A vault with several packs and log segments, closed cleanly: its blocks and the value of its cell.
fn filled(seed: u64) -> (SimDisk, Vec<Block>, Vec<u8>) {
    let disk = SimDisk::new(seed);
    let mut rng = Rng(seed);
    let store = FileStore::create(shared(&disk), options(seed, TINY)).expect("create");
    let (mut all, mut value) = (Vec::new(), Vec::new());
    for round in 0..12 {
        let put = blocks(&mut rng, 4, 1200);
        let inline = blocks(&mut rng, 2, 500);
        let expected = (round > 0).then(|| hash(&value));
        value = rng.bytes(60);
        store.put_many(put.clone()).expect("put");
        store.commit(inline.clone(), CellId(0), expected, &value, PLAIN).expect("commit");
        if round % 4 == 3 {
            store.sync().expect("sync");
        }
        all.extend(put);
        all.extend(inline);
    }
    drop(store);
    (disk, all, value)
}

fn paths(disk: &SimDisk, folder: &str) -> Vec<String> {
    let mut paths: Vec<String> = disk.paths().into_iter().filter(|path| path.starts_with(folder)).collect();
    paths.sort();
    paths
}

/// Which blocks are there and whole.
fn whole(store: &FileStore, all: &[Block]) -> BTreeSet<Cid> {
    let get = |block: &&Block| store.get_many(&[block.cid]) == Ok(vec![Some(block.bytes.clone())]);
    all.iter().filter(get).map(|block| block.cid).collect()
}

/// After a repair: each block is whole or named as lost, and the store is in order.
fn check(disk: &SimDisk, report: &RepairReport, all: &[Block], value: &[u8], what: &str) {
    assert!(report.opens, "{what}");
    let store = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(store.notices(), Vec::<String>::new(), "{what}");
    let there = whole(&store, all);
    if report.is_whole() {
        assert_eq!(there.len(), all.len(), "{what}: {report:?}");
    }
    for block in all {
        let lost = report.lost.contains(&block.cid);
        assert!(!(lost && there.contains(&block.cid)), "{what}: {} is not lost", block.cid);
        let told = lost || !report.ranges.is_empty() || there.contains(&block.cid);
        assert!(told, "{what}: {} is lost, and nothing is said", block.cid);
    }
    let listed = all_ids(&store).expect("iterate");
    assert_eq!(
        listed.keys().filter(|id| there.contains(id)).count(),
        there.len(),
        "{what}: the list is short"
    );
    let cell = store.cell_load(CellId(0)).expect("load");
    if report.cells != Cells::Older {
        assert_eq!(cell.as_deref(), Some(value), "{what}: {report:?}");
    }
    let expected = cell.as_deref().map(hash);
    store.commit(vec![block(b"after".to_vec())], CellId(0), expected, b"after", PLAIN).expect("goes on");
    drop(store);
    let again = mend(disk, DRY).expect("look again");
    assert!(again.is_whole() && again.indexes == 0 && again.damaged.is_empty(), "{what}: {again:?}");
}

#[test]
fn a_sound_store_is_left_alone() {
    let (disk, all, value) = filled(1);
    let before: Vec<_> = disk.paths().into_iter().map(|path| (disk.read(&path), path)).collect();
    for how in [DRY, CAREFUL, OLDER] {
        let report = mend(&disk, how).expect("repair");
        assert!(report.is_whole() && report.indexes == 0 && report.damaged.is_empty(), "{report:?}");
        assert_eq!(report.blocks, all.len() as u64);
        let after: Vec<_> = disk.paths().into_iter().map(|path| (disk.read(&path), path)).collect();
        assert!(after == before, "nothing changed");
    }
    let report = mend(&disk, CAREFUL).expect("repair");
    check(&disk, &report, &all, &value, "sound");
}

#[test]
fn lost_indexes_are_made_anew() {
    let (disk, all, value) = filled(2);
    let indexes = paths(&disk, "index/");
    for (number, path) in indexes.iter().enumerate() {
        if number % 2 == 0 {
            disk.uproot(path);
        } else {
            let mut bytes = disk.read(path).expect("there");
            bytes[40] ^= 4;
            disk.plant(path, &bytes);
        }
    }
    let report = mend(&disk, CAREFUL).expect("repair");
    assert!(report.is_whole(), "{report:?}");
    check(&disk, &report, &all, &value, "no index");
}

#[test]
fn every_flipped_bit_is_repaired_or_named() {
    let (disk, all, value) = filled(3);
    let step = if full() { 31 } else { 611 };
    for path in disk.paths().into_iter().filter(|path| !path.starts_with("lock")) {
        let bytes = disk.read(&path).expect("there");
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        for bit in (0..used * 8).step_by(step) {
            let copy = disk.fork(1);
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            copy.plant(&path, &bytes);
            let what = format!("{path} bit {bit}");
            let before: Vec<_> = copy.paths().into_iter().map(|path| (copy.read(&path), path)).collect();
            let planned = match mend(&copy, DRY) {
                // The digit of the version: what a newer one means by the rest is not for us to say.
                Err(error) if path == "format" && error.kind == StoreErrorKind::Unsupported => continue,
                other => other.unwrap_or_else(|error| panic!("{what}: {error}")),
            };
            let after: Vec<_> = copy.paths().into_iter().map(|path| (copy.read(&path), path)).collect();
            assert!(before == after, "{what}: a dry run changes nothing");
            let report = match mend(&copy, CAREFUL).expect("repair") {
                report if report.opens => report,
                refused => {
                    assert_eq!(refused.cells, Cells::Older, "{what}");
                    assert!(copy.paths().len() == before.len(), "{what}: nothing changed");
                    mend(&copy, OLDER).unwrap_or_else(|error| panic!("{what}: {error}"))
                }
            };
            assert_eq!(planned.cells, report.cells, "{what}");
            assert!(report.lost.len() <= 1, "{what}: {report:?}");
            check(&copy, &report, &all, &value, &what);
        }
    }
}

#[test]
fn files_cut_short_and_lost_are_named() {
    let (disk, all, value) = filled(4);
    for path in [paths(&disk, "packs/"), paths(&disk, "log/")].concat() {
        let bytes = disk.read(&path).expect("there");
        for keep in [None, Some(0), Some(50), Some(bytes.len() / 2), Some(bytes.len() * 9 / 10)] {
            let copy = disk.fork(1);
            match keep {
                Some(keep) => copy.plant(&path, &bytes[..keep]),
                None => copy.uproot(&path),
            }
            let what = format!("{path} cut to {keep:?}");
            if path.starts_with("log/") && paths(&copy, "log/").is_empty() {
                assert_eq!(mend(&copy, OLDER).map_err(|error| error.kind), Err(StoreErrorKind::Corrupt));
                continue;
            }
            let report = mend(&copy, OLDER).unwrap_or_else(|error| panic!("{what}: {error}"));
            if path.starts_with("packs/") {
                assert!(!report.is_whole(), "{what}");
                check(&copy, &report, &all, &value, &what);
            } else {
                drop(open(&copy).unwrap_or_else(|error| panic!("{what}: {error}")));
            }
        }
    }
}

#[test]
fn the_file_format_and_the_lock_are_made_anew() {
    let (disk, all, value) = filled(5);
    for garbage in [None, Some(&b"not a vault"[..])] {
        let copy = disk.fork(1);
        copy.uproot("lock");
        match garbage {
            None => copy.uproot("format"),
            Some(bytes) => copy.plant("format", bytes),
        }
        let report = mend(&copy, CAREFUL).expect("repair");
        check(&copy, &report, &all, &value, "no format");
    }
    assert_eq!(mend(&SimDisk::new(1), CAREFUL).map_err(|error| error.kind), Err(StoreErrorKind::Absent));
}

#[test]
fn originals_are_kept_and_others_are_not_disturbed() {
    let (disk, _, _) = filled(6);
    let pack = paths(&disk, "packs/").remove(0);
    let mut bytes = disk.read(&pack).expect("there");
    bytes[150] ^= 1;
    disk.plant(&pack, &bytes);
    let writer = open(&disk).expect("open");
    writer.put_many(vec![block(vec![9; 800])]).expect("put");
    let report = mend(&disk, CAREFUL).expect("repair");
    assert_eq!(report.left.len(), 1, "a pack that is being written is left alone: {report:?}");
    assert_eq!(report.damaged, std::slice::from_ref(&pack));
    assert_eq!(disk.read(&format!("damaged/{}", pack.replace('/', "-"))), Some(bytes));
    assert_eq!(disk.read(&pack), None);
    let expected = writer.cell_load(CellId(0)).expect("load").map(|value| hash(&value));
    writer.commit(vec![], CellId(0), expected, b"more", PLAIN).expect("commit");
    drop(writer);
    let store = open(&disk).expect("open");
    assert!(store.has_many(&[block(vec![9; 800]).cid]).expect("has")[0]);
}

#[test]
fn newer_segments_are_refused_and_left_alone() {
    let (disk, _, _) = filled(7);
    for path in [paths(&disk, "packs/"), paths(&disk, "log/")].concat() {
        let copy = disk.fork(1);
        let mut bytes = copy.read(&path).expect("there");
        bytes[8] = 2;
        let check: [u8; 8] = hash(&bytes[..88])[..8].try_into().expect("eight");
        bytes[88..96].copy_from_slice(&check);
        copy.plant(&path, &bytes);
        let refused = open(&copy).err().expect("newer");
        assert_eq!(refused.kind, StoreErrorKind::Unsupported);
        assert!(refused.detail.contains(&path), "{refused}");
        for how in [DRY, OLDER] {
            assert_eq!(mend(&copy, how).map_err(|error| error.kind), Err(StoreErrorKind::Unsupported));
        }
        assert_eq!(copy.read(&path), Some(bytes));
    }
}

/// A store with damage in a pack and in the log, and what a repair of it that nothing hinders leaves.
fn hurt(seed: u64) -> (SimDisk, Model) {
    let (disk, all, _) = filled(seed);
    for (folder, at) in [("packs/", 150), ("log/", 1600)] {
        let path = paths(&disk, folder).pop().expect("a file");
        let mut bytes = disk.read(&path).expect("there");
        bytes[at] ^= 1;
        disk.plant(&path, &bytes);
    }
    let after = disk.fork(9);
    let report = mend(&after, OLDER).expect("repair");
    assert!(report.opens && report.damaged.len() == 2, "{report:?}");
    let store = open(&after).expect("open");
    let there = whole(&store, &all);
    let mut model = Model::default();
    model.cells.extend(store.cell_load(CellId(0)).expect("load").map(|value| (0, value)));
    model.blocks.extend(
        all.into_iter().filter(|block| there.contains(&block.cid)).map(|block| (block.cid, block.bytes)),
    );
    (disk, model)
}

#[test]
fn a_cut_anywhere_in_a_repair_loses_nothing_more() {
    for seed in 0..if full() { 8 } else { 2 } {
        let (base, model) = hurt(seed + 20);
        for cut in 1.. {
            let disk = base.fork(cut);
            disk.cut_at(Some(disk.calls() + cut));
            drop(mend(&disk, OLDER));
            let done = !disk.is_off();
            for coin in 0..if full() { 6 } else { 3 } {
                let disk = disk.fork(cut * 100 + coin);
                disk.reboot();
                let what = format!("seed {seed} cut {cut} coin {coin}");
                let report = mend(&disk, OLDER).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(report.opens, "{what}");
                check_after(&disk, &model).unwrap_or_else(|text| panic!("{what}: {text}"));
            }
            if done {
                break;
            }
        }
    }
}

#[test]
fn any_call_of_a_repair_may_fail() {
    let (base, model) = hurt(30);
    for fault in [Fault::Io, Fault::NoSpace] {
        for call in 1.. {
            let disk = base.fork(call);
            let calls = disk.calls() + call;
            disk.fail_at(Some(calls), fault);
            drop(mend(&disk, OLDER));
            let done = disk.calls() < calls;
            disk.fail_at(None, fault);
            disk.reboot();
            mend(&disk, OLDER).unwrap_or_else(|error| panic!("{fault:?} {call}: {error}"));
            check_after(&disk, &model).unwrap_or_else(|text| panic!("{fault:?} {call}: {text}"));
            if done {
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_stops_a_repair_and_nothing_else() {
    let (base, model) = hurt(40);
    let (mut stopped, mut went) = (0, 0);
    for extra in (0..60_000).step_by(if full() { 97 } else { 991 }) {
        let disk = base.fork(extra);
        disk.set_capacity(Some(disk.used() + extra));
        match mend(&disk, OLDER) {
            Ok(report) => {
                assert!(report.opens);
                went += 1;
            }
            Err(error) => {
                assert_eq!(error.kind, StoreErrorKind::NoSpace, "{extra}: {error}");
                stopped += 1;
            }
        }
        disk.set_capacity(None);
        if extra % 2 == 0 {
            disk.cut();
            disk.reboot();
        }
        let report = mend(&disk, OLDER).unwrap_or_else(|error| panic!("{extra}: {error}"));
        assert!(report.opens, "{extra}");
        check_after(&disk, &model).unwrap_or_else(|text| panic!("{extra}: {text}"));
    }
    assert!(stopped > 3 && went > 3, "{stopped} stopped, {went} went");
}
