//! Each bit of each file of a small vault is flipped in turn, and files are lost, cut, exchanged and replaced: what is
//! read is right, or there is an error. Never a wrong value, never older data without a word, never a panic.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use std::sync::Arc;

use common::disk::{View, create_store, full, host, open_store, view};
use common::{Random, cheap, item, key_file, passphrase};
use dagvault_api::{MetaChange, PutItem, Request};
use dagvault_core::arena::Regions;
use dagvault_core::cbor::Bytes;
use dagvault_dag::disk::SimDisk;

/// A bit in every so many is flipped by default.
const STRIDE: usize = 7;

struct Small {
    disk: SimDisk,
    view: View,
    /// What could be seen after each change on the way.
    older: Vec<View>,
    regions: Arc<Regions>,
}

/// What reading gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Error,
    Right,
    /// All of an earlier state.
    Older,
}

/// Some secrets, a chunked value, history in nodes of its own, metadata, a destroyed version; closed cleanly.
fn small(seed: u64, regions: &Arc<Regions>) -> Small {
    let disk = SimDisk::new(seed);
    let mut host = host(create_store(&disk, seed).unwrap(), seed, regions);
    host.call(&Request::Create { protect: cheap(passphrase("words")), paranoid: false }).unwrap();
    host.call(&Request::SlotAdd { protect: cheap(key_file()), remove: None }).unwrap();
    let mut older = vec![view(&mut host).unwrap()];
    let mut random = Random(seed);
    for number in 0..5 {
        let meta = MetaChange::from([("kind".into(), Some(Bytes(vec![number])))]);
        let (path, value) = (format!("secret/{number}"), random.bytes(20));
        host.try_put(PutItem { meta, ..item(&path, &value) }).unwrap();
        older.push(view(&mut host).unwrap());
    }
    let chunked: Vec<u8> = (0..40_000).map(|at| (at / 200) as u8 ^ seed as u8).collect();
    host.put("file", &chunked);
    older.push(view(&mut host).unwrap());
    for number in 0..10_u8 {
        host.put("old", &[number; 9]);
        older.push(view(&mut host).unwrap());
    }
    host.call(&Request::Delete { paths: vec!["secret/1".into()] }).unwrap();
    older.push(view(&mut host).unwrap());
    host.call(&Request::Destroy { path: "old".into(), numbers: vec![2] }).unwrap();
    older.push(view(&mut host).unwrap());
    host.put("last", b"word");
    let view = view(&mut host).unwrap();
    drop(host);
    Small { disk, view, older, regions: Arc::clone(regions) }
}

impl Small {
    /// Opens and reads everything.
    fn look(&self, disk: &SimDisk, what: &str) -> Outcome {
        let Ok(store) = open_store(disk, 5) else { return Outcome::Error };
        let mut host = host(store, 6, &self.regions);
        if host.call(&Request::Open { unlock: key_file() }).is_err() {
            return Outcome::Error;
        }
        match view(&mut host) {
            Ok(found) if found == self.view => Outcome::Right,
            Ok(found) if self.older.contains(&found) => Outcome::Older,
            Ok(_) => panic!("{what}: wrong data, and no error"),
            Err(_) => Outcome::Error,
        }
    }

    /// The same; older data is wrong too.
    fn read(&self, disk: &SimDisk, what: &str) -> bool {
        let outcome = self.look(disk, what);
        assert_ne!(outcome, Outcome::Older, "{what}");
        outcome == Outcome::Right
    }
}

#[test]
fn every_flipped_bit_is_found_or_harmless() {
    let small = small(1, &Regions::allocate());
    assert!(small.read(&small.disk.fork(1), "unchanged"));
    let stride = if full() { 1 } else { STRIDE };
    let (mut flipped, mut harmless, mut bits) = (0, 0, 0);
    for (place, path) in small.disk.paths().iter().enumerate() {
        let bytes = small.disk.read(path).unwrap();
        bits += bytes.len() * 8;
        // The stride has no factor in common with 8: every bit of a byte has its turn.
        for bit in (place % stride..bytes.len() * 8).step_by(stride) {
            let disk = small.disk.fork(1);
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            disk.plant(path, &bytes);
            flipped += 1;
            harmless += usize::from(small.read(&disk, &format!("{path} bit {bit}")));
        }
    }
    println!("{flipped} of {bits} bits flipped: {harmless} harmless");
    assert!(flipped > 1000 && harmless < flipped);
}

#[test]
fn lost_cut_and_exchanged_files_are_found() {
    let regions = Regions::allocate();
    let small = small(1, &regions);
    let foreign = self::small(2, &regions);
    let paths = small.disk.paths();
    let mut unneeded = Vec::new();
    for path in &paths {
        let folder = path.split('/').next().unwrap();
        let bytes = small.disk.read(path).unwrap();
        let lost = small.disk.fork(1);
        lost.uproot(path);
        let reads = small.read(&lost, &format!("{path} lost"));
        match folder {
            "index" => assert!(reads, "{path} is an index, which is made anew"),
            // Of a segment of the log nothing may be alive: it goes with the next deletion.
            "log" if reads => unneeded.push(path),
            "log" | "packs" | "format" => assert!(!reads, "{path} is lost, and nobody noticed"),
            _ => {}
        }
        for cut in [0, 1, 8, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
            let disk = small.disk.fork(1);
            disk.plant(path, &bytes[..cut.min(bytes.len())]);
            let what = format!("{path} cut at {cut}");
            // A shorter log is what the disk held earlier: nothing on it can tell. But then it is a whole state.
            match small.look(&disk, &what) {
                Outcome::Older => assert!(folder == "log" && cut > 0, "{what}"),
                Outcome::Error | Outcome::Right => {}
            }
        }
        let longer = small.disk.fork(1);
        longer.plant(path, &[&bytes[..], &[0; 512]].concat());
        small.read(&longer, &format!("{path} longer"));
        // Every other file of the same kind, our own and those of another vault.
        for (other, whose) in [(&small, "own"), (&foreign, "foreign")] {
            for theirs in other.disk.paths().iter().filter(|theirs| theirs.starts_with(folder)) {
                let disk = small.disk.fork(1);
                disk.plant(path, &other.disk.read(theirs).unwrap());
                small.read(&disk, &format!("{path} is {whose} {theirs}"));
            }
        }
    }
    // All logs, all packs, everything but `format` from the other vault.
    for folders in [&["log"][..], &["packs"], &["log", "packs", "index"], &["format"]] {
        let disk = small.disk.fork(1);
        let ours = |path: &&String| folders.iter().any(|folder| path.starts_with(folder));
        small.disk.paths().iter().filter(ours).for_each(|path| disk.uproot(path));
        for path in foreign.disk.paths().iter().filter(ours) {
            disk.plant(path, &foreign.disk.read(path).unwrap());
        }
        assert!(!small.read(&disk, &format!("foreign {folders:?}")), "{folders:?}");
    }
    // All indexes lost at once.
    let disk = small.disk.fork(1);
    paths.iter().filter(|path| path.starts_with("index")).for_each(|path| disk.uproot(path));
    assert!(small.read(&disk, "no index"));
    let newest = paths.iter().filter(|path| path.starts_with("log/")).max();
    assert!(unneeded.len() < 2 && !unneeded.contains(&newest.unwrap()), "{unneeded:?} of {paths:?}");
}
