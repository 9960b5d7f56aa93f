//! Several handles, as several processes have them; and how many syncs things cost.
#![cfg(feature = "std")]

mod store_common;

use dagvault_core::error::StoreErrorKind;
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::{Disk, DiskFile, Fault, Open, RealDisk, SimDisk};
use dagvault_dag::files::{FileStore, Sizes};
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Store};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use store_common::{Rng, TINY, all_ids, block, blocks, hash, options};

const PLAIN: CommitOptions = CommitOptions { erase_old_cells: false, more_to_come: false };
const ERASE: CommitOptions = CommitOptions { erase_old_cells: true, more_to_come: false };

fn open(disk: &Arc<dyn Disk>, seed: u64, sizes: Sizes) -> FileStore {
    FileStore::open(Arc::clone(disk), options(seed, sizes)).expect("open")
}

fn with_both(test: impl Fn(Arc<dyn Disk>)) {
    test(Arc::new(SimDisk::new(1)));
    let path = std::env::temp_dir().join(format!(
        "dagvault-many-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    drop(std::fs::remove_dir_all(&path));
    test(Arc::new(RealDisk::new(path.clone())));
    drop(std::fs::remove_dir_all(&path));
}

#[test]
fn handles_see_each_others_commits() {
    with_both(|disk| {
        let first = FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create");
        let second = open(&disk, 2, TINY);
        let mut rng = Rng(5);
        let mut value: Option<Vec<u8>> = None;
        let mut all: Vec<Block> = Vec::new();
        for round in 0..120_u64 {
            let (one, two) = if rng.below(2) == 0 { (&first, &second) } else { (&second, &first) };
            let count = rng.below(4);
            let new_blocks = blocks(&mut rng, count, 900);
            let new = rng.bytes(30);
            let stale = one.commit(vec![], CellId(0), Some([0; 32]), b"no", PLAIN);
            assert_eq!(stale.expect_err("conflict").kind, StoreErrorKind::Conflict);
            let expected = value.as_ref().map(|value| hash(value));
            let options = if round % 9 == 0 { ERASE } else { PLAIN };
            one.commit(new_blocks.clone(), CellId(0), expected, &new, options).expect("commit");
            all.extend(new_blocks);
            assert_eq!(two.cell_load(CellId(0)), Ok(Some(new.clone())));
            value = Some(new);
            if round % 10 == 9 {
                let dead: Vec<Cid> = all.iter().step_by(2).map(|block| block.cid).collect();
                first.sync().expect("sync");
                second.sync().expect("sync");
                assert_eq!(one.delete_many(&dead), Ok(dead.len() as u64));
                assert!(!two.has_many(&dead).expect("has").contains(&true));
                assert!(two.get_many(&dead).expect("get").iter().all(Option::is_none));
                all = all.iter().skip(1).step_by(2).cloned().collect();
            }
            let ids: Vec<Cid> = all.iter().map(|block| block.cid).collect();
            let bytes: Vec<Option<Vec<u8>>> = all.iter().map(|block| Some(block.bytes.clone())).collect();
            assert_eq!(two.get_many(&ids).expect("get"), bytes);
        }
        assert!(first.stats().expect("stats").log_segments >= 1);
        assert_eq!(first.notices(), Vec::<String>::new());
    });
}

/// The numbers of the log's segments.
fn log_numbers(disk: &dyn Disk) -> Vec<u64> {
    let names = disk.list("log").expect("list");
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|name| name.strip_suffix(".log")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_handle_that_slept_while_segments_came_and_went_goes_on_at_the_newest() {
    with_both(|disk| {
        let awake = FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create");
        let mut rng = Rng(8);
        for round in 0..12_u64 {
            let asleep = open(&disk, 100 + round, TINY);
            let before = asleep.cell_load(CellId(0)).expect("cell");
            let began = *log_numbers(&*disk).last().expect("a segment");
            // The log rolls several times; what lies behind it, or in the middle of it, loses its blocks.
            let (mut dead, mut value) = (Vec::new(), before.clone());
            while log_numbers(&*disk).last().is_some_and(|last| *last < began + 3) {
                let some = blocks(&mut rng, 3, 900);
                dead.extend(some.iter().map(|block| block.cid));
                let new = rng.bytes(30);
                let expected = value.as_ref().map(|value| hash(value));
                awake.commit(some, CellId(0), expected, &new, PLAIN).expect("commit");
                value = Some(new);
            }
            match round % 3 {
                0 => {}
                // One block keeps an older segment.
                1 => drop(dead.remove(0)),
                _ => drop(dead.drain(..dead.len() / 2)),
            }
            awake.delete_many(&dead).expect("delete");
            awake.compact(false, &mut |_, _| true).expect("compact");
            let numbers = log_numbers(&*disk);
            let last = *numbers.last().expect("a segment");
            assert!(
                numbers.iter().rev().zip((0..=last).rev()).all(|(there, number)| *there == number),
                "{numbers:?}"
            );
            assert_eq!(asleep.cell_load(CellId(0)), Ok(value.clone()), "round {round}");
            let stale = asleep.commit(vec![], CellId(0), before.map(|value| hash(&value)), b"no", PLAIN);
            assert_eq!(stale.expect_err("conflict").kind, StoreErrorKind::Conflict);
            let expected = value.as_ref().map(|value| hash(value));
            let new = rng.bytes(30);
            asleep.commit(blocks(&mut rng, 1, 500), CellId(0), expected, &new, PLAIN).expect("commit");
            assert_eq!(awake.cell_load(CellId(0)), Ok(Some(new.clone())), "what it committed is there");
            assert_eq!(open(&disk, 200 + round, TINY).cell_load(CellId(0)), Ok(Some(new)));
        }
    });
}

#[test]
fn a_pack_being_written_is_not_listed_elsewhere() {
    with_both(|disk| {
        let first = FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create");
        let second = open(&disk, 2, TINY);
        let blocks = blocks(&mut Rng(1), 5, 700);
        let ids: Vec<Cid> = blocks.iter().map(|block| block.cid).collect();
        first.put_many(blocks).expect("put");
        assert!(all_ids(&second).expect("iterate").is_empty());
        assert!(!second.has_many(&ids).expect("has").contains(&true), "nothing of it is durable");
        assert_eq!(second.delete_many(&ids), Ok(0), "and nobody else collects it");
        first.commit(vec![], CellId(0), None, b"x", PLAIN).expect("commit");
        assert!(second.get_many(&ids).expect("get").iter().all(Option::is_some));
        assert!(all_ids(&open(&disk, 3, TINY)).expect("iterate").is_empty());
        first.sync().expect("sync");
        assert_eq!(all_ids(&second).expect("iterate").len(), 5);
        assert_eq!(second.delete_many(&ids), Ok(5));
        assert!(!first.has_many(&ids).expect("has").contains(&true));
        assert!(first.get_many(&ids).expect("get").iter().all(Option::is_none));
        assert!(all_ids(&first).expect("iterate").is_empty());
    });
}

#[test]
fn blocks_of_a_later_commit_are_not_collected_elsewhere() {
    with_both(|disk| {
        let first = FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create");
        let second = open(&disk, 2, TINY);
        let blocks = blocks(&mut Rng(1), 30, 2500);
        let ids: Vec<Cid> = blocks.iter().map(|block| block.cid).collect();
        first.put_many(blocks).expect("put");
        let more = CommitOptions { more_to_come: true, ..PLAIN };
        first.commit(vec![], CellId(0), None, b"x", more).expect("commit");
        assert!(all_ids(&second).expect("iterate").is_empty());
        assert_eq!(second.delete_many(&ids), Ok(0));
        first.commit(vec![], CellId(0), Some(hash(b"x")), b"y", PLAIN).expect("commit");
        assert_ne!(second.delete_many(&ids), Ok(0), "full packs are everybody's now");
    });
}

/// A disk on which another process opens the store at the worst moment: between the creation of a pack's file and
/// the lock on it.
struct Intruded {
    disk: SimDisk,
    visits: AtomicU32,
}

impl Disk for Intruded {
    fn open(&self, path: &str, how: Open) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(path, how)?;
        let left = |visits: u32| visits.checked_sub(1);
        if how == Open::New
            && path.starts_with("packs/")
            && self.visits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
        {
            let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
            drop(FileStore::open(disk, options(9, TINY)).expect("open"));
        }
        Ok(file)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.disk.list(folder)
    }
    fn create_dir(&self, folder: &str) -> io::Result<()> {
        self.disk.create_dir(folder)
    }
    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_dir(folder)
    }
}

#[test]
fn a_pack_taken_for_an_orphan_is_begun_again() {
    let disk = SimDisk::new(1);
    let intruded = Arc::new(Intruded { disk: disk.clone(), visits: AtomicU32::new(3) });
    let store = FileStore::create(Arc::clone(&intruded) as _, options(1, TINY)).expect("create");
    let blocks = blocks(&mut Rng(1), 5, 700);
    let ids: Vec<Cid> = blocks.iter().map(|block| block.cid).collect();
    store.put_many(blocks).expect("put");
    assert_eq!(intruded.visits.load(Ordering::Relaxed), 0, "the other process came each time");
    store.commit(vec![], CellId(0), None, b"x", PLAIN).expect("commit");
    drop(store);
    let again = open(&(Arc::new(disk) as _), 2, TINY);
    assert!(again.get_many(&ids).expect("get").iter().all(Option::is_some));
}

#[test]
fn a_held_lock_is_reported_and_does_not_hinder_opening() {
    let sim = SimDisk::new(1);
    let disk: Arc<dyn Disk> = Arc::new(sim);
    let mut patience = options(1, TINY);
    patience.lock_wait_ms = 20;
    let store = FileStore::create(Arc::clone(&disk), patience).expect("create");
    let lock = disk.open("lock", Open::Write).expect("lock");
    assert!(lock.try_lock(true).expect("lock"));
    let error = store.commit(vec![], CellId(0), None, b"x", PLAIN).expect_err("busy");
    assert_eq!(error.kind, StoreErrorKind::Busy);
    assert!(error.detail.contains("ms"), "{error}");
    assert_eq!(open(&disk, 2, TINY).cell_load(CellId(0)), Ok(None));
    drop(lock);
    store.commit(vec![], CellId(0), None, b"x", PLAIN).expect("commit");
}

#[test]
fn a_commit_stays_in_sight_while_the_next_is_written() {
    for seed in 0..40 {
        let sim = SimDisk::new(seed);
        let disk: Arc<dyn Disk> = Arc::new(sim.clone());
        let store = FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create");
        store.commit(vec![], CellId(0), None, b"first", PLAIN).expect("commit");
        // The next batch has overwritten the mark of this one, in part or whole, and its writer is at work.
        sim.fail_at(Some(sim.calls() + 1), Fault::Io);
        let next = store.commit(vec![], CellId(0), Some(hash(b"first")), b"next", PLAIN);
        assert_eq!(next.expect_err("fails").kind, StoreErrorKind::Io);
        sim.fail_at(None, Fault::Io);
        let lock = disk.open("lock", Open::Write).expect("lock");
        assert!(lock.try_lock(true).expect("lock"));
        let found = open(&disk, 2, TINY).cell_load(CellId(0));
        assert_eq!(found, Ok(Some(b"first".to_vec())), "seed {seed}: acknowledged, and not hidden");
    }
}

/// Increments a counter in a cell until it has done its share.
fn count_up(store: &FileStore, worker: u64, rounds: u64) {
    let mut rng = Rng(worker);
    for _ in 0..rounds {
        loop {
            let old = store.cell_load(CellId(0)).expect("load");
            let count = old.as_ref().map_or(0, |old| u64::from_le_bytes(old[..8].try_into().expect("eight")));
            let new = [&(count + 1).to_le_bytes()[..], &rng.bytes(20)].concat();
            let blocks = blocks(&mut rng, 2, 900);
            let ids: Vec<Cid> = blocks.iter().map(|block| block.cid).collect();
            let expected = old.map(|old| hash(&old));
            match store.commit(
                blocks,
                CellId(0),
                expected,
                &new,
                if count.is_multiple_of(13) { ERASE } else { PLAIN },
            ) {
                Err(error) => assert_eq!(error.kind, StoreErrorKind::Conflict, "{error}"),
                Ok(()) => {
                    assert!(store.get_many(&ids).expect("get").iter().all(Option::is_some));
                    if count.is_multiple_of(7) {
                        assert!(store.delete_many(&ids[..1]).expect("delete") <= 1);
                    }
                    break;
                }
            }
        }
    }
}

#[test]
fn eight_threads_with_handles_of_their_own_lose_no_update() {
    with_both(|disk| {
        drop(FileStore::create(Arc::clone(&disk), options(1, TINY)).expect("create"));
        let rounds = 25;
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let disk = &disk;
                scope.spawn(move || {
                    let mut options = options(worker + 10, TINY);
                    options.lock_wait_ms = 60_000;
                    let store = FileStore::open(Arc::clone(disk), options).expect("open");
                    count_up(&store, worker + 10, rounds);
                });
            }
        });
        let value = open(&disk, 3, TINY).cell_load(CellId(0)).expect("load").expect("set");
        assert_eq!(u64::from_le_bytes(value[..8].try_into().expect("eight")), 8 * rounds);
    });
}

#[test]
fn threads_share_one_handle() {
    with_both(|disk| {
        let store = FileStore::create(disk, options(1, TINY)).expect("create");
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let store = &store;
                scope.spawn(move || count_up(store, worker, 20));
            }
        });
        let value = store.cell_load(CellId(0)).expect("load").expect("set");
        assert_eq!(u64::from_le_bytes(value[..8].try_into().expect("eight")), 160);
    });
}

#[test]
fn a_small_commit_costs_one_sync() {
    let disk = SimDisk::new(1);
    let total = |disk: &SimDisk| disk.syncs().values().sum::<u64>();
    let store = FileStore::create(Arc::new(disk.clone()), options(1, Sizes::default())).expect("create");
    assert_eq!(total(&disk), 6, "creation: {:?}", disk.syncs());
    let mut rng = Rng(1);
    let mut value = Vec::new();
    for round in 0..100 {
        let before = total(&disk);
        let expected = (round > 0).then(|| hash(&value));
        value = rng.bytes(200);
        store.commit(blocks(&mut rng, 3, 6000), CellId(0), expected, &value, PLAIN).expect("commit");
        assert_eq!(total(&disk), before + 1);
    }
    let bulk = |store: &FileStore, value: &[u8], new: &[u8]| {
        let before = total(&disk);
        store.put_many(vec![block(vec![new[0]; 200_000])]).expect("put");
        store.commit(vec![], CellId(0), Some(hash(value)), new, PLAIN).expect("commit");
        total(&disk) - before
    };
    assert_eq!(bulk(&store, &value, b"2"), 3, "a new pack: its bytes, its name, the log");
    assert_eq!(bulk(&store, b"2", b"3"), 2, "the same pack: its bytes, the log");
    let before = total(&disk);
    store.commit(vec![], CellId(0), Some(hash(b"3")), b"4", ERASE).expect("commit");
    assert_eq!(total(&disk), before + 5, "commit, announcement, overwriting, index folder, completion");
    let before = total(&disk);
    drop(store);
    drop(FileStore::open(Arc::new(disk.clone()), options(2, Sizes::default())).expect("open"));
    assert_eq!(total(&disk), before, "closing and opening a clean vault");
}
