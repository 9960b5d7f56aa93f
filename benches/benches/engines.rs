//! Single requests by both engines over a store in memory: what the engines cost, without a disk.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dagvault_api::{Engine, Request, Select};
use dagvault_benches::{ENGINES, put_one, vault_in_memory};

/// Values put before the reading begins.
const VALUES: u32 = 1000;
/// Most bytes of values in one vault.
const VAULT_BYTES_MAX: usize = 64 << 20;
const SIZES: [usize; 3] = [200, 16 * 1024, 4 * 1024 * 1024];

fn filled(name: &str, bytes: usize, count: u32) -> Box<dyn Engine> {
    let engine = vault_in_memory(name, 2).expect("an engine");
    let value = vec![0x5a; bytes];
    for number in 0..count {
        put_one(&*engine, &format!("values/{number:04}"), &value).expect("a put");
    }
    engine
}

/// The time of `count` puts. A vault keeps every version, so each gets only so many before the next is made.
fn timed_puts(name: &str, bytes: usize, count: u64) -> Duration {
    let value = vec![0x5a; bytes];
    let batch = ((VAULT_BYTES_MAX / bytes) as u64).min(u64::from(VALUES));
    let mut took = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let engine = vault_in_memory(name, 2).expect("an engine");
        let began = Instant::now();
        for number in 0..left.min(batch) {
            put_one(&*engine, &format!("values/{number:04}"), &value).expect("a put");
        }
        took += began.elapsed();
        left = left.saturating_sub(batch);
    }
    took
}

fn puts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("put");
    for bytes in SIZES {
        group.throughput(Throughput::Bytes(bytes as u64));
        for name in ENGINES {
            group.bench_function(BenchmarkId::new(name, bytes), |bencher| {
                bencher.iter_custom(|count| timed_puts(name, bytes, count));
            });
        }
    }
}

fn gets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("get");
    for bytes in SIZES {
        group.throughput(Throughput::Bytes(bytes as u64));
        for name in ENGINES {
            let engine = filled(name, bytes, if bytes > 1 << 20 { 2 } else { VALUES });
            group.bench_function(BenchmarkId::new(name, bytes), |bencher| {
                let request = Request::Get { path: "values/0001".into(), select: Select::Latest {} };
                bencher.iter(|| black_box(engine.call(&request).expect("a value")));
            });
        }
    }
}

fn lists(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("list");
    group.throughput(Throughput::Elements(u64::from(VALUES)));
    for name in ENGINES {
        let engine = filled(name, 200, VALUES);
        group.bench_function(name, |bencher| {
            let limit = u64::from(VALUES);
            let request =
                Request::List { prefix: "values".into(), after: None, limit, meta: false, deleted: false };
            bencher.iter(|| black_box(engine.call(&request).expect("a list")));
        });
    }
}

fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

criterion_group! { name = benches; config = short(); targets = puts, gets, lists }
criterion_main!(benches);
