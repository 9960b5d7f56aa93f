//! The file store beside bare redb with many small blocks: loading in bulk, random gets one by one and in batches,
//! opening, deleting, compacting, repairing. Prints JSON.
//!
//! Usage: `store_scale FOLDER BLOCKS [ROUNDS]`; the folder is on the disk to be measured, and made anew. Both are
//! measured in one process; gets go in turns. With no rounds redb takes no part, so that memory is our own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::disk::RealDisk;
use dagvault_dag::files::{FileStore, OpenOptions, RepairOptions, repair};
use dagvault_dag::store::{Block, BlockStore as _, CommitOptions, Store as _};
use dagvault_dag::system::{OsSystem, System as _};
use redb::{Database, ReadableDatabase as _, TableDefinition};
use serde_json::{Value, json};

const BLOCK_BYTES: usize = 256;
/// Blocks handed over in one call, or in one transaction.
const BATCH: u64 = 4096;
const TRANSACTION: u64 = 262_144;
/// How long one turn of gets lasts.
const TURN: Duration = Duration::from_millis(250);
const SAMPLE: u64 = 1 << 20;
const TABLE: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("blocks");

/// `SplitMix64`.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

fn block(number: u64) -> Block {
    let mut numbers = Numbers(number << 8);
    let bytes: Vec<u8> = (0..BLOCK_BYTES / 8).flat_map(|_| numbers.next().to_le_bytes()).collect();
    Block { cid: Cid(dagvault_crypto::hash::hash(&bytes)), bytes }
}

/// Memory of this process in MiB: now, and at most so far.
fn memory() -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or_default() / 1024
    };
    json!({ "now_mib": kib("VmRSS:"), "peak_mib": kib("VmHWM:"), "anonymous_mib": kib("RssAnon:") })
}

fn options() -> OpenOptions {
    OpenOptions::new(|out| OsSystem.random(out).expect("the system has random bytes"))
}

fn timed<T>(what: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let began = Instant::now();
    let value = what()?;
    Ok((value, began.elapsed().as_secs_f64()))
}

/// Calls per second of one turn.
fn turn(mut get: impl FnMut() -> Result<u64>) -> Result<f64> {
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        count += get()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of gets")]
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

fn best_and_median(mut rates: Vec<f64>) -> Value {
    rates.sort_by(f64::total_cmp);
    json!({ "best": rates.last(), "median": rates.get(rates.len() / 2) })
}

struct Scale {
    folder: PathBuf,
    blocks: u64,
    /// Names that are looked up.
    sample: Vec<Cid>,
}

impl Scale {
    fn open(&self) -> Result<FileStore> {
        FileStore::open(Arc::new(RealDisk::new(self.folder.join("dagvault"))), options()).context("opening")
    }

    /// Writes all blocks; answers seconds inside the store, without making the blocks.
    fn load(&self) -> Result<f64> {
        let disk = Arc::new(RealDisk::new(self.folder.join("dagvault")));
        let store = FileStore::create(disk, options()).context("creating")?;
        let mut seconds = 0.0;
        for first in (0..self.blocks).step_by(4096) {
            let batch: Vec<Block> = (first..(first + BATCH).min(self.blocks)).map(block).collect();
            seconds += timed(|| Ok(store.put_many(batch)?))?.1;
        }
        let commit = || Ok(store.commit(vec![], CellId::HEAD, None, b"loaded", CommitOptions::default())?);
        seconds += timed(commit)?.1;
        let began = Instant::now();
        store.sync()?;
        drop(store);
        Ok(seconds + began.elapsed().as_secs_f64())
    }

    fn load_redb(&self) -> Result<f64> {
        let database = Database::create(self.folder.join("redb"))?;
        let mut seconds = 0.0;
        for first in (0..self.blocks).step_by(262_144) {
            let (transaction, took) = timed(|| Ok(database.begin_write()?))?;
            seconds += took;
            {
                let mut table = transaction.open_table(TABLE)?;
                let last = (first + TRANSACTION).min(self.blocks);
                for first in (first..last).step_by(4096) {
                    let batch: Vec<Block> = (first..(first + BATCH).min(last)).map(block).collect();
                    let insert = || -> Result<()> {
                        for block in &batch {
                            table.insert(&block.cid.0, &block.bytes[..])?;
                        }
                        Ok(())
                    };
                    seconds += timed(insert)?.1;
                }
            }
            seconds += timed(|| Ok(transaction.commit()?))?.1;
        }
        let began = Instant::now();
        drop(database);
        Ok(seconds + began.elapsed().as_secs_f64())
    }

    fn gets(&self, rounds: u32) -> Result<Value> {
        let (store, reopen) = timed(|| self.open())?;
        let (database, reopen_redb) = timed(|| Ok(Database::open(self.folder.join("redb"))?))?;
        let mut numbers = Numbers(7);
        let mut pick = || {
            let at = usize::try_from(numbers.next()).unwrap_or(usize::MAX) % self.sample.len();
            self.sample[at]
        };
        let (mut ours, mut theirs, mut batches) = (Vec::new(), Vec::new(), Vec::new());
        // Both from the page cache, as far as it reaches.
        for _ in 0..self.blocks.min(4_000_000) / 256 {
            let ids: Vec<Cid> = (0..256).map(|_| pick()).collect();
            ensure!(store.get_many(&ids)?.iter().all(Option::is_some), "a block is lost");
            let transaction = database.begin_read()?;
            let table = transaction.open_table(TABLE)?;
            for id in ids {
                ensure!(table.get(&id.0)?.is_some(), "a block is lost");
            }
        }
        for _ in 0..rounds {
            ours.push(turn(|| {
                let found = store.get_many(&[pick()])?;
                ensure!(found[0].as_ref().is_some_and(|bytes| bytes.len() == BLOCK_BYTES), "a block is lost");
                Ok(1)
            })?);
            let transaction = database.begin_read()?;
            let table = transaction.open_table(TABLE)?;
            theirs.push(turn(|| {
                let found = table.get(&pick().0)?.context("a block is lost")?.value().to_vec();
                ensure!(found.len() == BLOCK_BYTES, "a block is not whole");
                Ok(1)
            })?);
            batches.push(turn(|| {
                let ids: Vec<Cid> = (0..256).map(|_| pick()).collect();
                ensure!(store.get_many(&ids)?.iter().all(Option::is_some), "a block is lost");
                Ok(256)
            })?);
        }
        // As a traversal reads a graph that was written in its order: neighbours together, or one by one.
        let ordered: Vec<Cid> = (0..self.blocks.min(SAMPLE)).map(|number| block(number).cid).collect();
        let mut order = Vec::new();
        for (name, step) in [("one_by_one", 1), ("together", 256)] {
            let mut at = 0;
            let rates: Result<Vec<f64>> = (0..rounds)
                .map(|_| {
                    turn(|| {
                        at = (at + 256) % (ordered.len() - 256);
                        for ids in ordered[at..at + 256].chunks(step) {
                            ensure!(store.get_many(ids)?.iter().all(Option::is_some), "a block is lost");
                        }
                        Ok(256)
                    })
                })
                .collect();
            order.push(json!({ "how": name, "per_second": best_and_median(rates?) }));
        }
        Ok(json!({
            "reopen_ms": reopen * 1e3, "reopen_redb_ms": reopen_redb * 1e3,
            "gets": best_and_median(ours), "gets_redb": best_and_median(theirs),
            "gets_in_batches_of_256": best_and_median(batches), "in_order_of_writing": order,
        }))
    }

    /// Memory after an opening and many gets, before the peer has taken any.
    fn memory_in_use(&self) -> Result<Value> {
        let store = self.open()?;
        for ids in self.sample.chunks(256).step_by(16) {
            ensure!(store.get_many(ids)?.iter().all(Option::is_some), "a block is lost");
        }
        Ok(memory())
    }

    /// Deletes three fifths, compacts, opens.
    fn compact(&self) -> Result<Value> {
        let store = self.open()?;
        let dead: Vec<Cid> = (0..self.blocks * 6 / 10).map(|number| block(number).cid).collect();
        let (removed, delete) = timed(|| Ok(store.delete_many(&dead)?))?;
        let before = store.stats()?;
        let (done, compact) = timed(|| Ok(store.compact(false, &mut |_, _| true)?))?;
        let after = store.stats()?;
        let live: Vec<Cid> =
            (self.blocks * 6 / 10..self.blocks).step_by(97).map(|number| block(number).cid).collect();
        ensure!(store.has_many(&live)?.iter().all(|has| *has), "a block is lost");
        drop(store);
        Ok(json!({
            "deleted": removed, "delete_s": delete, "compact_s": compact, "rewritten": done.segments,
            "file_mib_before": before.file_bytes >> 20, "file_mib_after": after.file_bytes >> 20,
            "reopen_ms": timed(|| self.open())?.1 * 1e3, "memory": memory(),
        }))
    }

    fn repair(&self) -> Result<Value> {
        let root = self.folder.join("dagvault");
        std::fs::remove_dir_all(root.join("index"))?;
        std::fs::create_dir(root.join("index"))?;
        let disk: Arc<RealDisk> = Arc::new(RealDisk::new(root));
        let how = RepairOptions::default();
        let (report, seconds) = timed(|| Ok(repair(disk, options(), &how, &mut |_, _| true)?))?;
        ensure!(report.lost.is_empty() && report.ranges.is_empty(), "something is lost");
        Ok(json!({
            "repair_s": seconds, "blocks": report.blocks, "reopen_ms": timed(|| self.open())?.1 * 1e3,
            "memory": memory(),
        }))
    }
}

fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return folder.metadata().map_or(0, |data| data.len());
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, blocks, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: store_scale FOLDER BLOCKS [ROUNDS]")
    };
    let (folder, blocks) = (PathBuf::from(folder), blocks.parse::<u64>().context("BLOCKS")?);
    let rounds = rest.first().map_or(Ok(8), |rounds| rounds.parse::<u32>()).context("ROUNDS")?;
    ensure!(blocks >= 10_000, "10,000 blocks at least");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let sample = (0..blocks.min(SAMPLE)).map(|at| block(blocks * at / blocks.min(SAMPLE)).cid).collect();
    let scale = Scale { folder: folder.clone(), blocks, sample };
    let load = scale.load()?;
    let loaded = memory();
    let reopened = scale.memory_in_use()?;
    let (load_redb, gets) = match rounds {
        0 => (None, Value::Null),
        rounds => (Some(scale.load_redb()?), scale.gets(rounds)?),
    };
    let bytes = json!({
        "packs_mib": size(&folder.join("dagvault/packs")) >> 20,
        "index_mib": size(&folder.join("dagvault/index")) >> 20,
        "redb_mib": size(&folder.join("redb")) >> 20,
    });
    if rounds > 0 {
        std::fs::remove_file(folder.join("redb"))?;
    }
    let compact = scale.compact()?;
    let repair = scale.repair()?;
    std::fs::remove_dir_all(&folder)?;
    println!(
        "{}",
        json!({
            "blocks": blocks, "block_bytes": BLOCK_BYTES, "load_s": load, "load_redb_s": load_redb,
            "memory_after_load": loaded,
            "memory_after_gets": reopened, "files": bytes, "gets": gets, "compaction": compact, "repair": repair,
        })
    );
    Ok(())
}
