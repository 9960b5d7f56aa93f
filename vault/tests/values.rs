//! Values of every size, in one piece and in parts.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

mod common;

use common::{Host, Random, item};
use dagvault_api::{Answer, Error, PutItem, Request, Response, Select};
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

fn begin(host: &mut Host, item: PutItem<'_>) -> u64 {
    match host.call(&Request::WriteBegin { item }).unwrap() {
        Response::Handle { handle, .. } => handle,
        other => panic!("{other:?}"),
    }
}

/// Writes a value in parts, with another request after every part.
fn interrupted(host: &mut Host, item: PutItem<'_>, value: &[u8], between: &Request<'_>) -> Answer {
    let handle = begin(host, item);
    for bytes in value.chunks(50 * CHUNK_BYTES) {
        host.call(&Request::WriteChunk { handle, bytes: bytes.into() }).unwrap();
        host.call(between).unwrap();
    }
    host.call(&Request::WriteEnd { handle })
}

#[test]
fn a_collection_spares_values_that_are_being_written() {
    let mut host = Host::new(1);
    // So long that an index node is full on the way.
    let value: Vec<u8> = (0..1100 * CHUNK_BYTES).map(|at| (at >> 10) as u8).collect();
    interrupted(&mut host, item("a", b""), &value, &Request::Gc { dry_run: false }).unwrap();
    assert!(host.read_stream("a", 8 << 20) == value);
    let value = &value[..20 * CHUNK_BYTES];
    for number in 0..5 {
        host.put(&format!("b/{number}"), b"small");
    }
    let destroy = Request::Destroy { path: "b/3".into(), numbers: vec![] };
    interrupted(&mut host, item("c", b""), value, &destroy).unwrap();
    assert!(host.read_stream("c", 8 << 20) == value);
    // One that is given up is garbage.
    host.gc();
    let handle = begin(&mut host, item("d", b""));
    host.call(&Request::WriteChunk { handle, bytes: value[..3 * CHUNK_BYTES].into() }).unwrap();
    assert_eq!(host.gc().dead_blocks, 0);
    host.call(&Request::Close { handle }).unwrap();
    assert_eq!(host.gc().dead_blocks, 3);
    host.verify().unwrap();
}

#[test]
fn a_value_whose_chunks_are_destroyed_while_they_are_linked_to_again_is_refused() {
    let value: Vec<u8> = (0..20 * CHUNK_BYTES).map(|at| (at >> 10) as u8).collect();
    let again = |path| PutItem { skip_equal: true, ..item(path, b"") };
    for small in [true, false] {
        let value = if small { &value[..5 * CHUNK_BYTES] } else { &value[..] };
        for destroy_first in [true, false] {
            let mut host = Host::new(1);
            host.stream(item("a", b""), value, 3 << 20);
            let handle = begin(&mut host, again("a"));
            let destroy = Request::Destroy { path: "a".into(), numbers: vec![1] };
            if destroy_first {
                host.call(&destroy).unwrap();
            }
            host.call(&Request::WriteChunk { handle, bytes: value.into() }).unwrap();
            if !destroy_first {
                host.call(&destroy).unwrap();
            }
            match host.call(&Request::WriteEnd { handle }) {
                // Nothing was linked to again.
                Ok(_) => assert!(host.read_stream("a", 8 << 20) == value),
                Err(error) => {
                    assert!(matches!(error, Error::Conflict { found: 1, .. }), "{error}");
                    assert_eq!(host.latest("a"), Err(Error::Destroyed { path: "a".into() }));
                }
            }
            host.verify().unwrap();
        }
        // A version that is only deleted, or was followed by others, still has its chunks.
        let mut host = Host::new(1);
        host.stream(item("a", b""), value, 3 << 20);
        let handle = begin(&mut host, again("a"));
        host.call(&Request::WriteChunk { handle, bytes: value.into() }).unwrap();
        host.call(&Request::Delete { paths: vec!["a".into()] }).unwrap();
        for number in 0..20 {
            host.put("a", &[number]);
        }
        host.gc();
        host.call(&Request::WriteEnd { handle }).unwrap();
        assert!(host.read_stream("a", 8 << 20) == value);
        host.verify().unwrap();
    }
}

#[test]
fn a_value_that_another_process_has_collected_is_not_named() {
    let mut first = Host::new(1);
    let mut second = first.reopen(2);
    let value: Vec<u8> = (0..20 * CHUNK_BYTES).map(|at| (at >> 10) as u8).collect();
    let handle = begin(&mut first, item("a", b""));
    first.call(&Request::WriteChunk { handle, bytes: value[..].into() }).unwrap();
    // A store in memory does not know whose blocks are still being written.
    assert_ne!(second.gc().dead_blocks, 0);
    let answer = first.call(&Request::WriteEnd { handle });
    assert!(matches!(answer, Err(Error::Busy { .. })), "{answer:?}");
    first.verify().unwrap();
    assert!(first.list("").is_empty());
}
