//! Insertion and lookup of names: the node table beside concurrent maps from 16-byte keys to 32-byte records.
//!
//! Usage: `node_table ROUNDS [COUNT]… [-NAME]`, counts of names, 100,000, 1 and 5 million without; with NAME only those
//! in whose name it stands take part. Each round everybody fills
//! an empty table, which grows meanwhile, and looks for every name in another order; in turns, the best of all rounds
//! counts. Prints nanoseconds an operation: processor time of the thread that took
//! longest, by the names of all threads.

mod maps;

use std::sync::Barrier;

use anyhow::{Context as _, Result, ensure};
use dagvault_core::ids::Cid;
use rustix::time::{ClockId, clock_gettime};

use maps::{CONTENDERS, Table};

/// Names as hashes are: no bit of them can be told from another.
fn names(count: usize) -> Vec<Cid> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut word = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31).to_le_bytes()
    };
    let mut names = Vec::with_capacity(count);
    names.resize_with(count, || {
        let mut cid = Cid([0; 32]);
        cid.0.chunks_exact_mut(8).for_each(|part| part.copy_from_slice(&word()));
        cid
    });
    names
}

/// Nanoseconds that this thread had a processor: on a shared machine the clock on the wall counts others too.
fn on_processor() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Runs `work` on the parts of `names`, one a thread; answers the nanoseconds of the thread that took longest.
fn timed(names: &[Cid], threads: usize, work: &(dyn Fn(&[Cid]) -> usize + Sync)) -> Result<f64> {
    let start = Barrier::new(threads);
    let one = |part: &[Cid]| -> Result<f64> {
        start.wait();
        let began = on_processor();
        ensure!(work(part) == part.len(), "some were not there, or were there before");
        Ok(on_processor() - began)
    };
    std::thread::scope(|scope| {
        let parts = names.chunks(names.len().div_ceil(threads));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| one(part))).collect();
        let took = running.into_iter().map(|thread| thread.join().expect("no work panics"));
        Ok(took.collect::<Result<Vec<f64>>>()?.into_iter().fold(0.0, f64::max))
    })
}

/// Whether two numbers share no factor.
fn coprime(mut first: usize, mut second: usize) -> bool {
    while second > 0 {
        (first, second) = (second, first % second);
    }
    first == 1
}

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .filter(|text| !text.starts_with('-'))
        .map(|text| text.parse().context("a number"))
        .collect::<Result<_>>()?;
    let Some((rounds, counts)) = numbers.split_first() else {
        anyhow::bail!("usage: node_table ROUNDS [COUNT]…");
    };
    let counts = if counts.is_empty() { &[100_000, 1_000_000, 5_000_000] } else { counts };
    println!("| names | threads | who | insert ns | lookup ns |\n|-|-|-|-|-|");
    let only =
        std::env::args().find_map(|text| text.strip_prefix('-').map(str::to_owned)).unwrap_or_default();
    let contenders: Vec<_> = CONTENDERS.iter().filter(|(name, _)| name.contains(&only)).collect();
    for count in counts {
        let names = names(*count);
        // Another order: by a stride that shares no factor with the count.
        let stride = (count * 5 / 8..).find(|stride| coprime(*stride, *count)).context("a stride")?;
        let shuffled: Vec<Cid> = (0..*count).map(|turn| names[turn * stride % count]).collect();
        for threads in [1, 2] {
            let mut best = vec![(f64::MAX, f64::MAX); contenders.len()];
            for round in 0..*rounds {
                for turn in 0..contenders.len() {
                    let who = (turn + round) % contenders.len();
                    let table: Box<dyn Table> = (contenders[who].1)()?;
                    let inserted = timed(&names, threads, &|part| table.insert(part))?;
                    let found = timed(&shuffled, threads, &|part| table.find(part))?;
                    best[who] = (best[who].0.min(inserted), best[who].1.min(found));
                }
            }
            for ((name, _), (inserted, found)) in contenders.iter().zip(best) {
                let [inserted, found] = [inserted, found].map(|nanos| nanos / *count as f64);
                println!("| {count} | {threads} | {name} | {inserted:.1} | {found:.1} |");
            }
        }
    }
    Ok(())
}
