//! The power is cut at every call that changes the disk, and again during every call of the recovery.
#![cfg(feature = "std")]

mod store_common;

use dagvault_dag::disk::{Disk, SimDisk};
use dagvault_dag::files::FileStore;
use std::sync::Arc;
use store_common::{Model, Op, TINY, check_after, full, options, run, script};

/// Cuts at every call; answers what went wrong, at most `most` of it.
fn cuts(script: &[Op], coins: u64, second: bool, ignored: Option<&str>, most: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for cut in 1.. {
        let disk = SimDisk::new(cut);
        disk.ignore_sync(ignored);
        disk.cut_at(Some(cut));
        let mut model = Model::default();
        let result = run(&disk, script, &mut model);
        let done = !disk.is_off();
        if done && let Err(error) = result {
            wrong.push(format!("without a cut: {error}"));
        }
        disk.cut();
        for coin in 0..coins {
            let disk = disk.fork(cut * 1000 + coin);
            disk.reboot();
            if second && coin == 0 {
                wrong.extend(second_cuts(&disk, &model).map(|text| format!("cut {cut}, {text}")));
            }
            if let Err(text) = check_after(&disk, &model) {
                wrong.push(format!("cut {cut} coin {coin}: {text}"));
            }
        }
        if done || wrong.len() >= most {
            return wrong;
        }
    }
    wrong
}

fn second_cuts(disk: &SimDisk, model: &Model) -> Option<String> {
    for cut in 1.. {
        let again = disk.fork(cut);
        again.cut_at(Some(cut));
        let shared: Arc<dyn Disk> = Arc::new(again.clone());
        drop(FileStore::open(shared, options(7, TINY)));
        let done = !again.is_off();
        again.reboot();
        if let Err(text) = check_after(&again, model) {
            return Some(format!("again at {cut}: {text}"));
        }
        if done {
            return None;
        }
    }
    None
}

#[test]
fn nothing_acknowledged_is_lost() {
    let (seeds, length, coins) = if full() { (8, 300, 6) } else { (3, 60, 4) };
    for seed in 0..seeds {
        let script = script(seed, length);
        let wrong = cuts(&script, coins, true, None, 5);
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}

#[test]
fn a_missing_sync_is_found() {
    for class in ["log", "packs", "dir:packs", "dir:log"] {
        let mut found = 0;
        for seed in 0..6 {
            found += cuts(&script(seed, 50), 3, false, Some(class), 1).len();
            if found > 0 {
                break;
            }
        }
        assert!(found > 0, "without the sync of {class} nothing was lost");
    }
}
