//! Durable puts of 200 bytes, one a commit: dagvault by both engines, alone and from 8 threads, beside bare redb and
//! beside the bare sync of a preallocated file. In turns in one process; prints JSON.
//!
//! Usage: `durable_puts FOLDER ROUNDS [NAME]`; the folder is on the disk to be measured, and made anew; with NAME only
//! contenders in whose name it stands take part.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use dagvault_api::Engine;
use dagvault_benches::{Contender as Vault, median, plain_engines, put_one, start_ms, vault_in};
use redb::{Database, TableDefinition};
use serde_json::json;

const VALUE: [u8; 200] = [0x5a; 200];
/// How long one turn of a contender lasts.
const TURN: Duration = Duration::from_millis(400);
const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("values");
const FLOOR_BYTES: u64 = 4 << 20;

/// What is measured: a put of the number given, by any of its threads.
struct Contender {
    name: String,
    threads: usize,
    put: Box<dyn Fn(u64) -> Result<()> + Sync>,
    rates: Vec<f64>,
    micros: Vec<f64>,
    next: AtomicU64,
}

fn contender(name: String, threads: usize, put: Box<dyn Fn(u64) -> Result<()> + Sync>) -> Contender {
    Contender { name, threads, put, rates: vec![], micros: vec![], next: AtomicU64::new(0) }
}

impl Contender {
    /// One turn: as many puts as fit.
    fn turn(&mut self) -> Result<()> {
        let began = Instant::now();
        let worker = || -> Result<Vec<f64>> {
            let mut micros = Vec::new();
            while began.elapsed() < TURN {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let start = Instant::now();
                (self.put)(number)?;
                micros.push(start.elapsed().as_secs_f64() * 1e6);
            }
            Ok(micros)
        };
        let results: Vec<Result<Vec<f64>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(worker)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no put panics")).collect()
        });
        let seconds = began.elapsed().as_secs_f64();
        let micros = results.into_iter().collect::<Result<Vec<_>>>()?.concat();
        ensure!(!micros.is_empty(), "{} put nothing", self.name);
        #[expect(clippy::cast_precision_loss, reason = "a count of puts")]
        self.rates.push(micros.len() as f64 / seconds);
        self.micros.push(median(micros));
        Ok(())
    }
}

fn redb_put(folder: &Path) -> Result<Box<dyn Fn(u64) -> Result<()> + Sync>> {
    let database = Database::create(folder.join("redb"))?;
    Ok(Box::new(move |number| {
        let transaction = database.begin_write()?;
        transaction.open_table(TABLE)?.insert(number, &VALUE[..])?;
        Ok(transaction.commit()?)
    }))
}

/// The least that any durable put costs: one write and one `fdatasync` in a file whose length does not change.
fn floor_put(folder: &Path) -> Result<Box<dyn Fn(u64) -> Result<()> + Sync>> {
    let file = File::create(folder.join("floor"))?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..FLOOR_BYTES).step_by(1 << 20) {
        file.write_all_at(&zeros, offset)?;
    }
    file.sync_all()?;
    Ok(Box::new(move |number| {
        file.write_all_at(&[VALUE, VALUE].concat(), number * 512 % FLOOR_BYTES)?;
        Ok(file.sync_data()?)
    }))
}

fn dagvault_put(vault: &Vault, folder: PathBuf) -> Result<Box<dyn Fn(u64) -> Result<()> + Sync>> {
    let engine: Box<dyn Engine> = vault_in(vault, &folder, 2)?;
    Ok(Box::new(move |number| put_one(&*engine, &format!("secrets/{number:08}"), &VALUE)))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ([folder, rounds, rest @ ..], true) = (arguments.as_slice(), arguments.len() <= 3) else {
        anyhow::bail!("usage: durable_puts FOLDER ROUNDS [NAME]")
    };
    let (folder, rounds) = (PathBuf::from(folder), rounds.parse::<u32>().context("ROUNDS")?);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let mut contenders = vec![
        contender("fdatasync, 1 thread".into(), 1, floor_put(&folder)?),
        contender("redb, 1 thread".into(), 1, redb_put(&folder)?),
    ];
    for vault in plain_engines() {
        for threads in [1, 8] {
            let name = vault.name;
            let put = dagvault_put(vault, folder.join(format!("{name}-{threads}")))?;
            let plural = if threads == 1 { "thread" } else { "threads" };
            contenders.push(contender(format!("dagvault {name}, {threads} {plural}"), threads, put));
        }
    }
    contenders.retain(|contender| rest.iter().all(|name| contender.name.contains(name.as_str())));
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            contenders[index].turn()?;
        }
    }
    let rows: Vec<_> = contenders
        .into_iter()
        .map(|contender| {
            let (rate, micros) = (median(contender.rates), median(contender.micros));
            json!({ "name": contender.name, "per_second": rate, "micros": micros })
        })
        .collect();
    println!("{}", json!({ "rows": rows, "start_ms": start_ms(20)? }));
    Ok(())
}
