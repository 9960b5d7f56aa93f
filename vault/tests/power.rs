//! The power is cut at every call that changes the disk, and again during the recovery: the vault opens, verifies, and
//! holds every acknowledged change, and the one in flight wholly or not at all.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use std::sync::Arc;

use common::disk::{View, create_store, full, host, open_store, view};
use common::{Host, KEY_FILE, Random, cheap, item, key_file};
use dagvault_api::{Error, MetaChange, PutItem, Request, Response, Select, Unlock};
use dagvault_core::arena::Regions;
use dagvault_core::cbor::Bytes;
use dagvault_core::error::StoreErrorKind;
use dagvault_dag::disk::SimDisk;
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::Store;

/// One step of a script. Requests that cannot be served (no such path) are part of it: they must fail alike.
#[derive(Clone, Debug)]
enum Op {
    Put(Vec<(String, Vec<u8>)>),
    Stream(String, Vec<u8>),
    Batch(Vec<(String, Vec<u8>)>, String),
    Delete(String),
    Undelete(String, u64),
    Destroy(String, Vec<u64>),
    Move(String, String),
    Copy(String, String),
    Meta(String, u8),
    Gc,
    /// Adds a slot and removes the one before it.
    SlotTurn(u8, u32),
    SlotAdd(u8),
    SlotRemove(u32),
    Lock,
    /// Closes the store and opens it again.
    Reopen,
}

fn fast_bytes(random: &mut Random, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn script(seed: u64, length: usize) -> Vec<Op> {
    let mut random = Random(seed);
    let random = &mut random;
    let path = |random: &mut Random| {
        let number = random.below(6);
        format!("{}/{number}", number % 2)
    };
    let small = |random: &mut Random| {
        let size = if random.below(6) == 0 { 3000 + random.below(3000) } else { random.below(200) };
        fast_bytes(random, size as usize)
    };
    let mut slots = 1;
    let mut ops = Vec::new();
    while ops.len() < length {
        let number = ops.len();
        ops.push(match random.below(24) {
            // One value of over a MiB in a short script.
            _ if number == 5 => Op::Put(vec![(path(random), fast_bytes(random, 1_100_000))]),
            _ if number % 9 == 8 => Op::Reopen,
            0..=5 => Op::Put(vec![(path(random), small(random))]),
            6 => {
                let size = 33_000 + random.below(20_000) as usize;
                Op::Put(vec![(path(random), fast_bytes(random, size))])
            }
            7 | 8 => Op::Put((0..3).map(|at| (format!("many/{at}"), small(random))).collect()),
            9 | 10 => {
                let size = 1 + random.below(280_000) as usize;
                Op::Stream(path(random), fast_bytes(random, size))
            }
            11 => Op::Batch(vec![(path(random), small(random)), (path(random), small(random))], path(random)),
            12 | 13 => Op::Delete(path(random)),
            14 => Op::Undelete(path(random), 1 + random.below(3)),
            15 | 16 => {
                let numbers = if random.below(2) == 0 { vec![] } else { vec![1 + random.below(2)] };
                Op::Destroy(path(random), numbers)
            }
            17 => Op::Move(path(random), path(random)),
            18 => Op::Copy(path(random), path(random)),
            19 => Op::Meta(path(random), random.below(256) as u8),
            20 => Op::Gc,
            21 => {
                slots += 1;
                match random.below(3) {
                    0 => Op::SlotAdd(slots),
                    1 => Op::SlotRemove(u32::from(slots) - 1),
                    // Slot 0 stays: the tests open with it.
                    _ => Op::SlotTurn(slots, u32::from(slots).saturating_sub(2).max(1)),
                }
            }
            22 => Op::Lock,
            _ => Op::Reopen,
        });
    }
    ops
}

/// What failed below the vault, as opposed to an answer of the vault.
fn is_failure(error: &Error) -> bool {
    matches!(
        error,
        Error::Io { .. }
            | Error::NoSpace { .. }
            | Error::Corrupt { .. }
            | Error::Absent { .. }
            | Error::Locked {}
    )
}

fn protect(slot: u8) -> dagvault_api::Protect<'static> {
    let mut bytes = KEY_FILE.to_vec();
    bytes[0] = slot;
    cheap(Unlock::KeyFile { bytes: bytes.into() })
}

/// Serves a step; an error is a failure of the disk.
fn serve(host: &mut Host, op: &Op) -> Result<(), Error> {
    let items = |list: &[(String, Vec<u8>)]| {
        list.iter()
            .map(|(path, value)| PutItem {
                path: path.clone().into(),
                value: value.clone().into(),
                ..item("", b"")
            })
            .collect::<Vec<PutItem<'static>>>()
    };
    let answer = match op {
        Op::Put(list) => host.call(&Request::Put { items: items(list) }),
        Op::Batch(list, delete) => {
            let mut requests: Vec<Request<'_>> =
                items(list).into_iter().map(|item| Request::Put { items: vec![item] }).collect();
            requests.push(Request::Delete { paths: vec![delete.into()] });
            host.call(&Request::Batch { requests })
        }
        Op::Stream(path, value) => {
            let begun = host.call(&Request::WriteBegin { item: item(path, b"") });
            begun.and_then(|begun| {
                let Response::Handle { handle, .. } = begun else { panic!("a handle") };
                for bytes in value.chunks(100_000) {
                    host.call(&Request::WriteChunk { handle, bytes: bytes.into() })?;
                }
                host.call(&Request::WriteEnd { handle })
            })
        }
        Op::Delete(path) => host.call(&Request::Delete { paths: vec![path.into()] }),
        Op::Undelete(path, number) => {
            host.call(&Request::Undelete { path: path.into(), select: Select::Number { number: *number } })
        }
        Op::Destroy(path, numbers) => {
            host.call(&Request::Destroy { path: path.into(), numbers: numbers.clone() })
        }
        Op::Move(from, to) => host.call(&Request::Move { from: from.into(), to: to.into() }),
        Op::Copy(from, to) => host.call(&Request::Copy { from: from.into(), to: to.into() }),
        Op::Meta(path, byte) => {
            let change = MetaChange::from([("key".into(), Some(Bytes(vec![*byte])))]);
            host.call(&Request::SetMeta { path: path.into(), change })
        }
        Op::Gc => host.call(&Request::Gc { dry_run: false }),
        Op::SlotAdd(slot) => host.call(&Request::SlotAdd { protect: protect(*slot), remove: None }),
        Op::SlotTurn(slot, old) => {
            host.call(&Request::SlotAdd { protect: protect(*slot), remove: Some(*old) })
        }
        Op::SlotRemove(id) => host.call(&Request::SlotRemove { id: *id }),
        Op::Lock => {
            host.call(&Request::Lock {})?;
            host.call(&Request::Open { unlock: key_file() })
        }
        Op::Reopen => unreachable!("by the runner"),
    };
    match answer {
        Err(error) if is_failure(&error) => Err(error),
        _ => Ok(()),
    }
}

/// The views after creation and after each step, by a vault in memory.
fn expected(script: &[Op], regions: &Arc<Regions>) -> Vec<View> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut host = host(store, 1, regions);
    host.call(&Request::Create { protect: cheap(key_file()), paranoid: false }).unwrap();
    let mut views = vec![view(&mut host).unwrap()];
    for op in script {
        if !matches!(op, Op::Reopen) {
            serve(&mut host, op).unwrap();
        }
        views.push(view(&mut host).unwrap());
    }
    views
}

/// A script on a disk, and where it is cut.
struct Run<'s> {
    script: &'s [Op],
    views: &'s [View],
    regions: Arc<Regions>,
    seed: u64,
}

/// How far a run came: how many steps (creation is the first) are acknowledged.
struct Reached {
    done: usize,
    failure: Option<String>,
}

impl Run<'_> {
    /// Runs steps from `from` (0 is creation) up to `to`; opens first unless it creates.
    fn go(&self, disk: &SimDisk, from: usize, to: usize) -> Reached {
        let seed = self.seed * 10_000 + from as u64;
        let fail = |done, failure: String| Reached { done, failure: Some(failure) };
        let mut current = from;
        let opened = if from == 0 { create_store(disk, seed) } else { open_store(disk, seed) };
        let store = match opened {
            Ok(store) => store,
            Err(error) => return fail(current, format!("store: {error}")),
        };
        let mut vault = host(store, seed, &self.regions);
        let first = match from {
            0 => Request::Create { protect: cheap(key_file()), paranoid: false },
            _ => Request::Open { unlock: key_file() },
        };
        if let Err(error) = vault.call(&first) {
            return fail(current, format!("first: {error}"));
        }
        if from == 0 {
            current = 1;
        }
        while current < to {
            let op = &self.script[current - 1];
            if !matches!(op, Op::Reopen)
                && let Err(error) = serve(&mut vault, op)
            {
                return fail(current, format!("step {current} {op:.40?}: {error}"));
            }
            current += 1;
        }
        Reached { done: current, failure: None }
    }

    /// Opens after a crash: the acknowledged is there, the next step wholly or not; and a further put works.
    fn check(&self, disk: &SimDisk, done: usize) -> Result<(), String> {
        let store = match open_store(disk, 7) {
            Err(error) if done == 0 && error.kind == StoreErrorKind::Absent => return Ok(()),
            other => other.map_err(|error| format!("store: {error}"))?,
        };
        let mut vault = host(store, 900_000 + self.seed, &self.regions);
        match vault.call(&Request::Open { unlock: key_file() }) {
            Err(Error::Absent { .. }) if done == 0 => return Ok(()),
            other => other.map_err(|error| format!("open: {error}"))?,
        };
        vault.verify().map_err(|error| format!("verify: {error}"))?;
        let found = view(&mut vault).map_err(|error| format!("read: {error}"))?;
        let allowed = &self.views[done.saturating_sub(1)..self.views.len().min(done + 1)];
        if !allowed.contains(&found) {
            return Err(format!("the content is neither from before nor from behind step {done}"));
        }
        let put = vault.try_put(item("one/more", b"value")).map_err(|error| format!("put: {error}"))?;
        drop(vault);
        let store = open_store(disk, 8).map_err(|error| format!("store: {error}"))?;
        let mut vault = host(store, 900_001 + self.seed, &self.regions);
        vault.call(&Request::Open { unlock: key_file() }).map_err(|error| format!("open: {error}"))?;
        match vault.get("one/more", Select::Number { number: put.version.number }) {
            Ok(value) if value == b"value" => Ok(()),
            other => Err(format!("the further put: {other:?}")),
        }
    }

    /// The power is cut again at each call of the recovery.
    fn second_cuts(&self, disk: &SimDisk, done: usize) -> Result<u64, String> {
        for cut in 1.. {
            let again = disk.fork(cut);
            again.cut_at(Some(cut));
            drop(open_store(&again, 7));
            let over = !again.is_off();
            again.reboot();
            self.check(&again, done).map_err(|text| format!("again at {cut}: {text}"))?;
            if over {
                return Ok(cut - 1);
            }
        }
        unreachable!("the recovery ends")
    }
}

/// Cuts at every call; answers how many cuts there were (first and second), and what went wrong.
fn cuts(
    seed: u64,
    length: usize,
    coins: u64,
    second: u64,
    ignored: Option<&str>,
    most: usize,
) -> (u64, u64, Vec<String>) {
    let script = script(seed, length);
    let regions = Regions::allocate();
    let views = expected(&script, &regions);
    let run = Run { script: &script, views: &views, regions, seed };
    // Parts between reopenings: all that matters is on the disk there.
    let mut begins = vec![0];
    begins.extend((1..=script.len()).filter(|step| matches!(script[step - 1], Op::Reopen)));
    begins.push(script.len() + 1);
    let mut wrong = Vec::new();
    let (mut firsts, mut seconds) = (0, 0);
    let mut base = SimDisk::new(seed);
    base.ignore_sync(ignored);
    for part in begins.windows(2) {
        let (from, to) = (part[0], part[1]);
        let before = base.calls();
        let whole = base.fork(seed);
        let reached = run.go(&whole, from, to);
        assert_eq!(reached.failure, None, "without a cut");
        for cut in before + 1..=whole.calls() {
            firsts += 1;
            let disk = base.fork(cut);
            disk.cut_at(Some(cut));
            let reached = run.go(&disk, from, to);
            disk.cut();
            for coin in 0..coins {
                let disk = disk.fork(cut * 1000 + coin);
                disk.reboot();
                if coin == 0 && second > 0 && cut % second == 0 {
                    match run.second_cuts(&disk, reached.done) {
                        Ok(count) => seconds += count,
                        Err(text) => wrong.push(format!("cut {cut} {text}")),
                    }
                }
                if let Err(text) = run.check(&disk, reached.done) {
                    wrong.push(format!("cut {cut} coin {coin} ({:?}): {text}", reached.failure));
                }
            }
            if wrong.len() >= most {
                return (firsts, seconds, wrong);
            }
        }
        base = whole;
    }
    (firsts, seconds, wrong)
}

#[test]
fn nothing_acknowledged_is_lost() {
    let runs: &[(u64, usize, u64, u64)] =
        if full() { &[(1, 300, 4, 1), (2, 300, 4, 1)] } else { &[(1, 40, 2, 7)] };
    for (seed, length, coins, second) in runs.iter().copied() {
        let (firsts, seconds, wrong) = cuts(seed, length, coins, second, None, 5);
        println!("seed {seed}: {length} steps, {firsts} cuts by {coins} coins, {seconds} second cuts");
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
        assert!(firsts as usize > length * 2 && seconds > 0);
    }
}

#[test]
fn a_missing_sync_is_found() {
    for class in ["log", "packs", "dir:packs", "dir:log"] {
        let found = (1..6).any(|seed| !cuts(seed, 40, 2, 0, Some(class), 1).2.is_empty());
        assert!(found, "without the sync of {class} nothing was lost");
    }
}
