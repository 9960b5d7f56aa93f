//! `graph_scaling ROUNDS FOLDER`: the node table, and verification of values on disk, in both engines by one and by two
//! workers, in turns; best of all rounds, as rows of a table. A computation that shares nothing stands beside them: two
//! threads are twice as fast at it while nobody else is using the machine.

mod blocks;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use blocks::Blocks;
use dagvault_api::{Engine, Request, Response};
use dagvault_benches::{Contender, PART_BYTES, begin, item, plain_engines, send, vault_in};

/// Nodes of the table: the DAG region holds a quarter of them.
const NODES: u32 = 1 << 20;
/// Bytes that are verified.
const VALUE_BYTES: usize = 256 << 20;
/// Steps of the computation that shares nothing.
const STEPS: u64 = 60_000_000;
/// What is measured of the table, by the numbers of the requests.
const WORKS: [(&str, u32); 4] = [("insert", 1), ("find", 2), ("link", 3), ("reach", 4)];

/// An engine with one or two workers.
struct Subject {
    engine: Box<dyn Engine>,
    workers: u32,
    /// Best milliseconds, by the number of the row.
    best: Vec<f64>,
}

impl Subject {
    fn new(contender: &Contender, workers: u32, folder: &Path) -> Result<Self> {
        let folder = folder.join(format!("{}-{workers}", contender.engine));
        let engine = vault_in(contender, &folder, workers as usize)?;
        let handle = begin(&*engine, item("value", &[]))?;
        let mut state = 1_u64;
        for _ in 0..VALUE_BYTES / PART_BYTES {
            let mut part = vec![0; PART_BYTES];
            for word in part.chunks_exact_mut(8) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                word.copy_from_slice(&state.to_le_bytes());
            }
            send(&*engine, handle, &part)?;
        }
        engine.call(&Request::WriteEnd { handle })?;
        Ok(Self { engine, workers, best: vec![f64::MAX; WORKS.len() + 1] })
    }

    fn work(&self, work: u32) -> Result<u64> {
        let request = Request::TableCase { work, nodes: NODES, workers: self.workers };
        match self.engine.call(&request)? {
            Response::Count { count } => Ok(count),
            _ => bail!("no count"),
        }
    }

    fn verify(&self) -> Result<()> {
        let Response::Handle { handle, .. } = self.engine.call(&Request::VerifyBegin {})? else {
            bail!("no handle");
        };
        loop {
            match self.engine.call(&Request::VerifyNext { handle })? {
                Response::Verify { step } if step.done => return Ok(()),
                Response::Verify { .. } => {}
                _ => bail!("no step"),
            }
        }
    }

    fn round(&mut self) -> Result<()> {
        self.work(0)?;
        for (row, (name, work)) in WORKS.iter().enumerate() {
            let began = Instant::now();
            let count = self.work(*work)?;
            self.note(row, began);
            ensure!(count > u64::from(NODES) / 2, "{name}: {count} nodes only");
        }
        let began = Instant::now();
        self.verify()?;
        self.note(WORKS.len(), began);
        Ok(())
    }

    fn note(&mut self, row: usize, began: Instant) {
        self.best[row] = self.best[row].min(began.elapsed().as_secs_f64() * 1000.0);
    }
}

/// Milliseconds of a computation that is divided among threads and shares nothing.
fn control(threads: u64) -> f64 {
    let compute = move || {
        let mut state = 1_u64;
        for step in 0..STEPS / threads {
            state = std::hint::black_box(state.wrapping_mul(6_364_136_223_846_793_005) ^ step);
        }
    };
    let began = Instant::now();
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(compute))));
    began.elapsed().as_secs_f64() * 1000.0
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rounds, folder] = arguments.as_slice() else { bail!("usage: graph_scaling ROUNDS FOLDER") };
    let rounds: u32 = rounds.parse().context("ROUNDS is a number")?;
    let engines: Vec<&Contender> = plain_engines().collect();
    let mut subjects = Vec::new();
    for contender in &engines {
        for workers in [1, 2] {
            subjects.push(Subject::new(contender, workers, folder.as_ref())?);
        }
    }
    let blocks = Blocks::new(folder.as_ref())?;
    let [mut quiet, mut verified, mut hashed] = [[f64::MAX; 2]; 3];
    for _ in 0..rounds {
        for workers in [1, 2] {
            verified[workers - 1] = verified[workers - 1].min(blocks.verify(workers)?);
            hashed[workers - 1] = hashed[workers - 1].min(blocks.hash(workers)?);
        }
        for subject in &mut subjects {
            subject.round()?;
            for (best, threads) in quiet.iter_mut().zip([1, 2]) {
                *best = best.min(control(threads));
            }
        }
    }
    let cells = |[one, two]: [f64; 2]| format!("{one:.1} | {two:.1} | {:.2}", one / two);
    println!("graph/a computation that shares nothing | native | {} | –", cells(quiet));
    let names = WORKS.iter().map(|(name, _)| format!("{name} {NODES} nodes"));
    for (row, name) in names.chain([format!("verify {} MiB", VALUE_BYTES >> 20)]).enumerate() {
        let native = subjects[0].best[row];
        for (engine, pair) in engines.iter().zip(subjects.chunks(2)) {
            let [one, two] = [pair[0].best[row], pair[1].best[row]];
            println!("graph/{name} | {} | {} | {:.2}", engine.name, cells([one, two]), native / one);
        }
    }
    let name = format!("1 GiB in {} blocks", blocks::BLOCKS);
    println!("graph/read and hash {name} | native | {} | 1.00", cells(hashed));
    println!("graph/verify {name} | native | {} | {:.2}", cells(verified), hashed[1] / verified[1]);
    Ok(())
}
