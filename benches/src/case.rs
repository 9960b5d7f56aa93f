//! A case: one thing to be timed, opened when its turn comes and run as often as asked.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use criterion::{BenchmarkId, Criterion, Throughput};
use dagvault_crypto::backend::{Backend, choose};

/// Lengths of messages and values, in bytes.
pub const SIZES: [usize; 5] = [64, 1024, 16 * 1024, 1 << 20, 64 << 20];

/// Runs a case so many times; answers how long that took, without what had to be prepared.
pub type Run = Box<dyn FnMut(u64) -> Result<Duration>>;

/// One thing to be timed.
pub struct Case {
    /// `crypto`, `dag` or `vault`.
    pub group: &'static str,
    /// What is done; who does the same is compared.
    pub what: String,
    /// `native` or `wasmtime`.
    pub engine: &'static str,
    /// The module and the backend, or what else tells contenders of one engine apart.
    pub who: String,
    /// Length of a message, value or block, in bytes.
    pub bytes: usize,
    /// Threads that compute.
    pub workers: usize,
    /// Bytes that one run goes through, those of all workers.
    pub amount: usize,
    /// Prepares it.
    pub open: Box<dyn Fn() -> Result<Run>>,
}

/// Times a closure that is called `times` times.
///
/// # Errors
/// Its first one.
pub fn timed(times: u64, mut once: impl FnMut() -> Result<()>) -> Result<Duration> {
    let began = Instant::now();
    for _ in 0..times {
        once()?;
    }
    Ok(began.elapsed())
}

/// A run on whose account `backend` computes natively.
#[must_use]
pub fn on_backend(backend: Backend, mut run: Run) -> Run {
    Box::new(move |times| {
        choose(backend);
        let took = run(times);
        choose(Backend::RustCrypto);
        took
    })
}

/// What one worker does `times` times.
pub type Work = Box<dyn FnMut(u64) -> Result<()> + Send>;

/// Threads that wait for their next turn; one does without.
struct Crew {
    orders: Vec<Sender<u64>>,
    answers: Receiver<Result<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Crew {
    fn new(works: Vec<Work>) -> Self {
        let (answer, answers) = channel();
        let (mut orders, mut threads) = (Vec::new(), Vec::new());
        for mut work in works {
            let (order, ordered) = channel::<u64>();
            let answer = answer.clone();
            orders.push(order);
            threads.push(std::thread::spawn(move || {
                while let Ok(times) = ordered.recv() {
                    if answer.send(work(times)).is_err() {
                        break;
                    }
                }
            }));
        }
        Self { orders, answers, threads }
    }

    fn run(&self, times: u64) -> Result<()> {
        self.orders.iter().try_for_each(|order| order.send(times).context("a worker is gone"))?;
        self.orders.iter().try_for_each(|_| self.answers.recv().context("a worker is gone")?)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.orders.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Runs the work of several workers at the same time, each with a message of its own.
#[must_use]
pub fn together(mut works: Vec<Work>) -> Run {
    if works.len() == 1
        && let Some(mut work) = works.pop()
    {
        return Box::new(move |times| {
            let began = Instant::now();
            work(times)?;
            Ok(began.elapsed())
        });
    }
    let crew = Crew::new(works);
    Box::new(move |times| {
        let began = Instant::now();
        crew.run(times)?;
        Ok(began.elapsed())
    })
}

/// Gives the cases to criterion, for `cargo bench`.
///
/// # Panics
/// If a case fails.
pub fn criterion(cases: &[Case]) {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    for case in cases {
        let mut group = criterion.benchmark_group(format!("{}/{}", case.group, case.what));
        group.throughput(Throughput::Bytes(case.amount as u64));
        let who = format!("{} {}, {} at once", case.engine, case.who, case.workers);
        let mut opened = None;
        group.bench_function(BenchmarkId::new(who, case.bytes), |bencher| {
            let run = opened.get_or_insert_with(|| (case.open)().expect("the case opens"));
            bencher.iter_custom(|times| run(times).expect("the case runs"));
        });
    }
    criterion.final_summary();
}
