//! Puts, streams and collections by several handles at the same time; collections on a full disk.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::disk::{SMALL, create_store, full, host, open_store, options, view};
use common::{Host, Random, cheap, item, key_file};
use dagvault_api::{Error, Request};
use dagvault_core::arena::Regions;
use dagvault_dag::disk::{Disk, RealDisk, SimDisk};
use dagvault_dag::files::FileStore;
use dagvault_dag::store::Store;

/// A handle of its own, as another process has.
fn opened(disk: &Arc<dyn Disk>, seed: u64) -> (Arc<FileStore>, Host) {
    let mut options = options(seed, SMALL);
    // Everybody gets their turn, however many there are.
    options.lock_wait_ms = 60_000;
    let store = Arc::new(FileStore::open(Arc::clone(disk), options).unwrap());
    let mut vault = host(Arc::clone(&store) as Arc<dyn Store>, seed, &Regions::allocate());
    vault.call(&Request::Open { unlock: key_file() }).unwrap();
    (store, vault)
}

/// Puts values of every size under paths of its own; answers what must be there at the end. Its latest values are
/// looked at on the way.
fn write(disk: &Arc<dyn Disk>, writer: u64, rounds: u64) -> BTreeMap<String, Vec<u8>> {
    let (store, mut vault) = opened(disk, 100 + writer);
    let mut random = Random(writer);
    let mut kept = BTreeMap::new();
    for round in 0..rounds {
        let path = format!("writer {writer}/{}", random.below(6));
        let size = match random.below(4) {
            0 => 60_000 + random.below(200_000),
            _ => random.below(3000),
        };
        let value = random.bytes(size as usize);
        match random.below(3) {
            // Its chunks are in the store long before the head names them.
            0 => drop(vault.stream(item(&path, b""), &value, 50_000)),
            _ => drop(vault.put(&path, &value)),
        }
        kept.insert(path, value);
        if random.below(5) == 0 {
            store.sync().unwrap();
        }
        let (path, value) = kept.iter().nth(random.below(kept.len() as u64) as usize).unwrap();
        assert_eq!(vault.latest(path).as_ref(), Ok(value), "writer {writer}, round {round}");
        if random.below(6) == 0 && kept.len() > 2 {
            let path = kept.pop_first().unwrap().0;
            vault.call(&Request::Destroy { path: path.into(), numbers: vec![] }).unwrap();
        }
    }
    kept
}

#[test]
fn puts_and_collections_by_many_handles_lose_nothing() {
    let folder = std::env::temp_dir().join(format!("dagvault-together-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&folder));
    let rounds = if full() { 1500 } else { 40 };
    let disks: [Arc<dyn Disk>; 2] = [Arc::new(SimDisk::new(1)), Arc::new(RealDisk::new(folder.clone()))];
    for disk in disks {
        let store = Arc::new(FileStore::create(Arc::clone(&disk), options(1, SMALL)).unwrap());
        let mut made = host(store as Arc<dyn Store>, 1, &Regions::allocate());
        made.call(&Request::Create { protect: cheap(key_file()), paranoid: false }).unwrap();
        drop(made);
        let (busy, collected) = (AtomicU64::new(3), AtomicU64::new(0));
        let kept: Vec<BTreeMap<String, Vec<u8>>> = std::thread::scope(|scope| {
            let (disk, busy, collected) = (&disk, &busy, &collected);
            for collector in 0..2 {
                scope.spawn(move || {
                    let (store, mut vault) = opened(disk, 10 + collector);
                    while busy.load(Ordering::Relaxed) > 0 {
                        collected.fetch_add(vault.gc().dead_blocks, Ordering::Relaxed);
                        if collector == 0 {
                            store.compact(false, &mut |_, _| true).unwrap();
                        }
                        std::thread::yield_now();
                    }
                });
            }
            let writers: Vec<_> = (0..3)
                .map(|writer| {
                    scope.spawn(move || {
                        // Counted down by whoever fails, too, or the others would go on for ever.
                        struct Done<'a>(&'a AtomicU64);
                        impl Drop for Done<'_> {
                            fn drop(&mut self) {
                                self.0.fetch_sub(1, Ordering::Relaxed);
                            }
                        }
                        let _done = Done(busy);
                        write(disk, writer, rounds)
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert!(collected.load(Ordering::Relaxed) > rounds, "the collections had nothing to do");
        let (_, mut vault) = opened(&disk, 5);
        for (path, value) in kept.iter().flatten() {
            assert_eq!(vault.latest(path).as_ref(), Ok(value), "{path}");
        }
        assert_eq!(vault.list("").len(), kept.iter().map(BTreeMap::len).sum::<usize>());
        vault.verify().unwrap();
        vault.gc();
        assert_eq!(vault.gc().dead_blocks, 0);
        vault.verify().unwrap();
    }
    drop(std::fs::remove_dir_all(&folder));
}

#[test]
fn a_collection_on_a_full_disk_loses_nothing() {
    let base = SimDisk::new(3);
    let regions = Regions::allocate();
    let mut made = host(create_store(&base, 1).unwrap(), 1, &regions);
    made.call(&Request::Create { protect: cheap(key_file()), paranoid: false }).unwrap();
    let mut random = Random(3);
    for round in 0..60_u64 {
        let size = if round % 5 == 0 { 70_000 } else { 2000 };
        made.put(&format!("path {}", round % 9), &random.bytes(size));
        if round % 7 == 6 {
            let path = format!("path {}", random.below(9));
            drop(made.call(&Request::Destroy { path: path.into(), numbers: vec![] }));
        }
    }
    let before = view(&mut made).unwrap();
    drop(made);
    let (mut stopped, mut went) = (0, 0);
    for extra in (0..40_000).step_by(if full() { 331 } else { 1873 }) {
        let disk = base.fork(extra);
        disk.reboot();
        let mut vault = host(open_store(&disk, 50).unwrap(), 50, &regions);
        vault.call(&Request::Open { unlock: key_file() }).unwrap();
        disk.set_capacity(Some(disk.used() + extra));
        match vault.call(&Request::Gc { dry_run: false }) {
            Ok(_) => went += 1,
            Err(Error::NoSpace { .. }) => stopped += 1,
            Err(other) => panic!("{extra}: {other}"),
        }
        assert_eq!(view(&mut vault).unwrap(), before, "{extra}: by the same handle");
        // Opened again on the full disk, and after the power was cut on it.
        for cut in [false, true] {
            let disk = disk.fork(extra);
            if cut {
                disk.cut();
                disk.reboot();
            }
            let mut again = host(open_store(&disk, 51).unwrap(), 51, &regions);
            again.call(&Request::Open { unlock: key_file() }).unwrap();
            assert_eq!(view(&mut again).unwrap(), before, "{extra}: opened again, cut: {cut}");
        }
        disk.set_capacity(None);
        vault.gc();
        assert_eq!(vault.gc().dead_blocks, 0, "with room it goes on");
        vault.verify().unwrap();
        assert_eq!(view(&mut vault).unwrap(), before);
    }
    println!("{stopped} stopped, {went} went");
    assert!(went > 3, "{stopped} stopped, {went} went");
}
