//! Values of every size, in one piece and in parts.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

mod common;

use common::{Host, Random, item};
use dagvault_api::{Error, PutItem, Select};
use dagvault_core::limits::{CHUNK_BYTES, INLINE_BYTES_MAX};

const SIZES: [usize; 14] = [
    0,
    1,
    4096,
    4097,
    INLINE_BYTES_MAX - 1,
    INLINE_BYTES_MAX,
    INLINE_BYTES_MAX + 1,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    8 * CHUNK_BYTES,
    8 * CHUNK_BYTES + 1,
    9 * CHUNK_BYTES,
    3_000_000,
];

fn sample(random: &mut Random, size: usize, compressible: bool) -> Vec<u8> {
    if compressible { (0..size).map(|at| (at / 100) as u8).collect() } else { random.bytes(size) }
}

#[test]
fn values_of_every_size_come_back() {
    let mut host = Host::new(1);
    let mut random = Random(7);
    for (at, size) in SIZES.into_iter().enumerate() {
        for compressible in [false, true] {
            let value = sample(&mut random, size, compressible);
            let (whole, parts) = (format!("whole/{at}/{compressible}"), format!("parts/{at}/{compressible}"));
            let put = host.put(&whole, &value);
            let streamed = host.stream(item(&parts, b""), &value, 100_000);
            assert_eq!(put.version.content, streamed.version.content, "{size}");
            assert_eq!(put.version.stored, streamed.version.stored, "{size}");
            assert!(put.version.stored <= size as u64);
            assert!(!compressible || size <= 4096 || put.version.stored < size as u64 / 10);
            assert!(host.latest(&whole).unwrap() == value && host.latest(&parts).unwrap() == value);
            assert!(host.read_stream(&parts, 70_000) == value, "{size}");
            assert!(host.read_stream(&whole, 4 << 20) == value, "{size}");
        }
    }
    let step = host.verify().unwrap();
    assert_eq!((step.paths, step.versions), (56, 56));
    let mut other = host.reopen(2);
    assert_eq!(other.latest("whole/13/false").unwrap().len(), 3_000_000);
}

#[test]
fn an_index_of_several_levels_reads_back() {
    let mut host = Host::new(1);
    let value: Vec<u8> = (0..1030 * CHUNK_BYTES + 5).map(|at| (at >> 12) as u8).collect();
    let put = host.stream(item("large", b""), &value, 4 << 20);
    assert_eq!(put.version.size, value.len() as u64);
    assert!(host.read_stream("large", 8 << 20) == value);
    let again = PutItem { skip_equal: true, ..item("large", b"") };
    let before = host.store.dump().blocks.len();
    assert!(!host.stream(again, &value, 3 << 20).written);
    // Equal chunks are linked to, not written: only index nodes are left over.
    let written = host.store.dump().blocks.len() - before;
    assert!(written < 5, "{written}");
    host.verify().unwrap();
    host.gc();
    assert!(host.read_stream("large", 8 << 20) == value);
}

#[test]
fn equal_values_make_no_version_when_asked() {
    let mut host = Host::new(1);
    let first = host.put("a", b"value");
    let same = host.try_put(PutItem { skip_equal: true, ..item("a", b"value") }).unwrap();
    assert!(!same.written && same.version == first.version);
    assert!(host.try_put(PutItem { skip_equal: true, ..item("a", b"other") }).unwrap().written);
    assert!(host.put("a", b"other").written);
    assert_eq!(host.history("a").len(), 3);
}

#[test]
fn check_and_set_refuses_another_version() {
    let mut host = Host::new(1);
    let put = |host: &mut Host, expected| host.try_put(PutItem { expected, ..item("a", b"v") });
    assert_eq!(put(&mut host, Some(1)), Err(Error::Conflict { path: "a".into(), found: 0 }));
    assert_eq!(put(&mut host, Some(0)).unwrap().version.number, 1);
    assert_eq!(put(&mut host, Some(0)), Err(Error::Conflict { path: "a".into(), found: 1 }));
    assert_eq!(put(&mut host, Some(1)).unwrap().version.number, 2);
    assert_eq!(host.get("a", Select::Number { number: 1 }).unwrap(), b"v");
    assert_eq!(host.get("a", Select::Number { number: 3 }), Err(Error::NotFound { path: "a".into() }));
}
