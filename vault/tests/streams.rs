//! Values in parts: what destroying, collecting and other processes do to those being written and read.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use common::disk::{create_store, host, open_store};
use common::{Host, Random, cheap, item, key_file};
use dagvault_api::{Answer, Error, PutItem, Request, Response, Select};
use dagvault_core::arena::Regions;
use dagvault_core::limits::CHUNK_BYTES;
use dagvault_dag::disk::SimDisk;

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

/// Two processes that have a vault over files open, in which a third has put `value` at `a` and, in the same
/// packs, at `b`.
fn two_processes(value: &[u8]) -> (Host, Host) {
    let disk = SimDisk::new(1);
    let mut maker = host(create_store(&disk, 1).unwrap(), 1, &Regions::allocate());
    maker.call(&Request::Create { protect: cheap(key_file()), paranoid: false }).unwrap();
    let handles = ["a", "b"].map(|path| begin(&mut maker, item(path, b"")));
    for bytes in value.chunks(CHUNK_BYTES) {
        for handle in handles {
            maker.call(&Request::WriteChunk { handle, bytes: bytes.into() }).unwrap();
        }
    }
    for handle in handles {
        maker.call(&Request::WriteEnd { handle }).unwrap();
    }
    drop(maker);
    let open = |seed| {
        let mut host = host(open_store(&disk, seed).unwrap(), seed, &Regions::allocate());
        host.call(&Request::Open { unlock: key_file() }).unwrap();
        host
    };
    (open(2), open(3))
}

#[test]
fn another_process_spares_what_is_being_written() {
    let value = Random(3).bytes(30 * CHUNK_BYTES);
    let (mut first, mut second) = two_processes(b"small");
    let handle = begin(&mut first, item("a", b""));
    for (number, bytes) in value.chunks(4 * CHUNK_BYTES).enumerate() {
        first.call(&Request::WriteChunk { handle, bytes: bytes.into() }).unwrap();
        // Commits in between fill several packs.
        first.put(&format!("c/{number}"), b"small");
        second.gc();
    }
    first.call(&Request::WriteEnd { handle }).unwrap();
    second.gc();
    assert!(second.read_stream("a", 8 << 20) == value);
    second.verify().unwrap();
    // One that is given up is garbage after the next commit.
    let handle = begin(&mut first, item("d", b""));
    first.call(&Request::WriteChunk { handle, bytes: value[..].into() }).unwrap();
    first.put("c/again", b"small");
    assert!(second.gc().dead_blocks < 10, "nodes that were replaced, no chunk");
    first.call(&Request::Close { handle }).unwrap();
    first.put("c/once more", b"small");
    assert!(second.gc().dead_blocks > 20);
}

#[test]
fn a_value_destroyed_while_it_is_read_is_not_called_damaged() {
    for own in [true, false] {
        let (mut first, mut second) = two_processes(&Random(3).bytes(20 * CHUNK_BYTES));
        let request = Request::ReadBegin { path: "a".into(), select: Select::Latest {} };
        let Response::Handle { handle, .. } = first.call(&request).unwrap() else { panic!("no handle") };
        first.call(&Request::ReadNext { handle, bytes_max: CHUNK_BYTES as u64 }).unwrap();
        let destroyer = if own { &mut first } else { &mut second };
        destroyer.call(&Request::Destroy { path: "a".into(), numbers: vec![1] }).unwrap();
        let answer = first.call(&Request::ReadNext { handle, bytes_max: 8 << 20 });
        assert_eq!(answer, Err(Error::Destroyed { path: "a".into() }));
    }
}

#[test]
fn a_verification_goes_on_when_what_it_reads_is_collected() {
    let (mut first, mut second) = two_processes(&Random(3).bytes(200 * CHUNK_BYTES));
    let Response::Handle { handle, .. } = first.call(&Request::VerifyBegin {}).unwrap() else {
        panic!("no handle")
    };
    first.call(&Request::VerifyNext { handle }).unwrap();
    second.put("c", b"small");
    second.call(&Request::Destroy { path: "a".into(), numbers: vec![] }).unwrap();
    let mut steps = 0;
    let step = loop {
        steps += 1;
        match first.call(&Request::VerifyNext { handle }).unwrap() {
            Response::Verify { step } if step.done => break step,
            Response::Verify { .. } => assert!(steps < 10),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((step.paths, step.commits), (2, 5), "the state of the newest head");
}
