//! Requests and heads that make no sense: each has its error, and changes nothing.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{Host, KEY_FILE, cheap, item, key_file, passphrase, vault_over};
use dagvault_api::{
    BatchAnswer, Error, KdfParams, MetaChange, Protect, PutItem, Request, Response, Select, Unlock,
};
use dagvault_core::cbor::Bytes;
use dagvault_core::ids::CellId;
use dagvault_core::limits::{HANDLES_MAX, KEY_SLOTS_MAX, MESSAGE_BYTES_MAX, PAGE_ITEMS_MAX, PATH_BYTES_MAX};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{Block, BlockStore as _, CommitOptions, Store};
use dagvault_dag::system::FixedSystem;
use dagvault_vault::Head;

fn is_bad(error: &Error) -> bool {
    matches!(error, Error::BadRequest { .. })
}

fn is_limit(error: &Error) -> bool {
    matches!(error, Error::Limit { .. })
}

/// Refused by the check, and nothing is changed.
fn refused(host: &mut Host, request: &Request<'_>, check: impl Fn(&Error) -> bool) {
    let before = host.store.dump().cells;
    match host.call(request) {
        Err(error) if check(&error) => {}
        other => panic!("{request:?}: {other:?}"),
    }
    assert!(host.store.dump().cells == before, "{request:?} changed the head");
}

#[test]
fn wrong_paths_are_refused_by_every_request() {
    let mut host = Host::new(1);
    host.put("a", b"v");
    let long = "x".repeat(PATH_BYTES_MAX + 1);
    let deep = "x/".repeat(10_000) + "x";
    let paths = [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/..",
        "../a",
        "a/./b",
        "a\0b",
        "\0",
        long.as_str(),
        deep.as_str(),
    ];
    for path in paths {
        let at = || path.into();
        let requests = [
            Request::Put { items: vec![item(path, b"v")] },
            Request::WriteBegin { item: item(path, b"") },
            Request::Get { path: at(), select: Select::Latest {} },
            Request::ReadBegin { path: at(), select: Select::Latest {} },
            Request::Info { path: at() },
            Request::History { path: at(), before: None, limit: 1 },
            Request::Delete { paths: vec![at()] },
            Request::Undelete { path: at(), select: Select::Latest {} },
            Request::Destroy { path: at(), numbers: vec![] },
            Request::Move { from: at(), to: "b".into() },
            Request::Move { from: "a".into(), to: at() },
            Request::Copy { from: at(), to: "b".into() },
            Request::Copy { from: "a".into(), to: at() },
            Request::SetMeta { path: at(), change: MetaChange::new() },
        ];
        for request in &requests {
            refused(&mut host, request, is_bad);
        }
        if !path.is_empty() {
            let request = Request::List { prefix: at(), after: None, limit: 1, meta: false, deleted: false };
            refused(&mut host, &request, is_bad);
        }
    }
    // The longest path is good, and may not grow by a move.
    let longest = "y/".repeat(PATH_BYTES_MAX / 2 - 1) + "yy";
    assert_eq!(longest.len(), PATH_BYTES_MAX);
    host.put(&longest, b"v");
    refused(&mut host, &Request::Move { from: "y".into(), to: "zz".into() }, is_bad);
    assert_eq!(host.latest(&longest).unwrap(), b"v");
    refused(&mut host, &Request::Move { from: "a".into(), to: "a/b".into() }, is_bad);
    refused(&mut host, &Request::Copy { from: "a".into(), to: "a".into() }, is_bad);
}

#[test]
fn absent_paths_and_versions_are_not_found() {
    let mut host = Host::new(1);
    host.put("a", b"1");
    host.put("a", b"2");
    let absent = |path: &'static str| move |error: &Error| *error == Error::NotFound { path: path.into() };
    let at = || "b".into();
    for request in [
        Request::Get { path: at(), select: Select::Latest {} },
        Request::ReadBegin { path: at(), select: Select::Latest {} },
        Request::Info { path: at() },
        Request::History { path: at(), before: None, limit: 1 },
        Request::Delete { paths: vec!["a".into(), at()] },
        Request::Undelete { path: at(), select: Select::Latest {} },
        Request::Destroy { path: at(), numbers: vec![] },
        Request::Destroy { path: at(), numbers: vec![1] },
        Request::Move { from: at(), to: "c".into() },
        Request::Copy { from: at(), to: "c".into() },
        Request::SetMeta { path: at(), change: MetaChange::new() },
    ] {
        refused(&mut host, &request, absent("b"));
    }
    for number in [0, 3, u64::MAX] {
        let select = Select::Number { number };
        refused(&mut host, &Request::Get { path: "a".into(), select }, absent("a"));
        refused(&mut host, &Request::Undelete { path: "a".into(), select }, absent("a"));
        refused(&mut host, &Request::Destroy { path: "a".into(), numbers: vec![1, number] }, absent("a"));
    }
    assert_eq!(host.get("a", Select::Number { number: 1 }).unwrap(), b"1");
    let request = Request::GetMany { paths: vec!["b".into(), "a".into()] };
    let Ok(Response::Values { values }) = host.call(&request) else { panic!("values") };
    assert_eq!(values, [None, Some(Bytes(b"2".to_vec()))]);
    let none = Request::List { prefix: "b".into(), after: None, limit: 9, meta: false, deleted: true };
    assert_eq!(host.call(&none).unwrap(), Response::List { entries: vec![], more: false });
}

#[test]
fn what_is_deleted_or_destroyed_says_so() {
    let mut host = Host::new(1);
    host.put("a", b"1");
    host.put("a", b"2");
    host.call(&Request::Destroy { path: "a".into(), numbers: vec![1] }).unwrap();
    host.call(&Request::Delete { paths: vec!["a".into()] }).unwrap();
    let deleted = Err(Error::Deleted { path: "a".into() });
    let destroyed = Err(Error::Destroyed { path: "a".into() });
    assert_eq!(host.latest("a"), deleted);
    assert_eq!(host.get("a", Select::Number { number: 2 }), deleted);
    assert_eq!(host.get("a", Select::Number { number: 1 }), destroyed);
    let begin = |number| Request::ReadBegin { path: "a".into(), select: Select::Number { number } };
    refused(&mut host, &begin(1), |error| matches!(error, Error::Destroyed { .. }));
    refused(&mut host, &begin(2), |error| matches!(error, Error::Deleted { .. }));
    let undelete = Request::Undelete { path: "a".into(), select: Select::Number { number: 1 } };
    refused(&mut host, &undelete, |error| matches!(error, Error::Destroyed { .. }));
    // A deletion of what is deleted, and a copy of it, find nothing live.
    let absent = |error: &Error| matches!(error, Error::NotFound { .. });
    refused(&mut host, &Request::Delete { paths: vec!["a".into()] }, absent);
    refused(&mut host, &Request::Copy { from: "a".into(), to: "b".into() }, absent);
    // The number goes on.
    assert_eq!(host.put("a", b"3").version.number, 3);
    host.call(&Request::Destroy { path: "a".into(), numbers: vec![3] }).unwrap();
    assert_eq!(host.latest("a"), destroyed);
    let skip = PutItem { skip_equal: true, ..item("a", b"3") };
    assert_eq!(host.try_put(skip).unwrap().version.number, 4);
}

#[test]
fn what_is_over_a_limit_is_refused() {
    let mut host = Host::new(1);
    host.put("a", b"v");
    let much = vec![0; MESSAGE_BYTES_MAX + 1];
    refused(&mut host, &Request::Put { items: vec![item("b", &much)] }, is_limit);
    let half = &much[..MESSAGE_BYTES_MAX / 2 + 1];
    refused(&mut host, &Request::Put { items: vec![item("b", half), item("c", half)] }, is_limit);
    let names: Vec<String> = (0..=PAGE_ITEMS_MAX).map(|at| format!("n{at}")).collect();
    let items = names.iter().map(|name| item(name, b"")).collect();
    refused(&mut host, &Request::Put { items }, is_limit);
    let paths: Vec<_> = names.iter().map(|name| name.as_str().into()).collect();
    refused(&mut host, &Request::GetMany { paths }, is_limit);
    let paths = names.iter().map(|name| name.as_str().into()).collect();
    refused(&mut host, &Request::Delete { paths }, is_limit);
    let numbers = (0..=PAGE_ITEMS_MAX as u64).collect();
    refused(&mut host, &Request::Destroy { path: "a".into(), numbers }, is_limit);
    // A value of exactly the most is read in one piece; one more is streamed.
    let all = &much[..MESSAGE_BYTES_MAX];
    host.put("most", all);
    assert!(host.latest("most").unwrap() == all);
    host.stream(item("more", b""), &much, 1 << 20);
    let get = Request::Get { path: "more".into(), select: Select::Latest {} };
    refused(&mut host, &get, is_limit);
    assert!(host.read_stream("more", 4 << 20) == much);
    // A limit of zero or without end is taken as one that works.
    for (limit, count) in [(0, 1), (u64::MAX, 3)] {
        let list = Request::List { prefix: "".into(), after: None, limit, meta: false, deleted: false };
        let Ok(Response::List { entries, more }) = host.call(&list) else { panic!("a list") };
        assert_eq!((entries.len(), more), (count, count < 3));
    }
}

#[test]
fn a_listing_that_goes_on_behind_its_prefix_is_empty() {
    let mut host = Host::new(1);
    let names: Vec<String> = (0..500).map(|at| format!("d{}/{at:03}", at % 5)).collect();
    host.call(&Request::Put { items: names.iter().map(|name| item(name, b"v")).collect() }).unwrap();
    for after in ["d1/999", "d1z", "d2", "d3/003", "z", "d10", "../no path", ""] {
        let list = Request::List {
            prefix: "d1".into(),
            after: Some(after.into()),
            limit: 200,
            meta: false,
            deleted: false,
        };
        let Ok(Response::List { entries, more }) = host.call(&list) else { panic!("{after}") };
        let before = after < "d1/";
        assert_eq!((entries.len(), more), (if before { 100 } else { 0 }, false), "{after}");
    }
}

#[test]
fn metadata_has_its_limits() {
    let mut host = Host::new(1);
    host.put("a", b"v");
    let set = |key: String, size: usize| Request::SetMeta {
        path: "a".into(),
        change: MetaChange::from([(key, Some(Bytes(vec![1; size])))]),
    };
    refused(&mut host, &set(String::new(), 1), is_limit);
    refused(&mut host, &set("k".repeat(129), 1), is_limit);
    refused(&mut host, &set("k".into(), 16 * 1024), is_limit);
    host.call(&set("k".into(), 16 * 1024 - 9)).unwrap();
    refused(&mut host, &set("l".into(), 1), is_limit);
    let meta = MetaChange::from([("l".into(), Some(Bytes(vec![1; 20_000])))]);
    refused(&mut host, &Request::Put { items: vec![PutItem { meta, ..item("b", b"v") }] }, is_limit);
    // Removing what is not there is nothing; removing makes room.
    let change = MetaChange::from([("k".into(), None), ("none".into(), None)]);
    host.call(&Request::SetMeta { path: "a".into(), change }).unwrap();
    host.call(&set("l".into(), 1)).unwrap();
    let meta = host.list("a").remove(0).meta.unwrap();
    assert_eq!(meta.into_iter().collect::<Vec<_>>(), [("l".to_string(), Bytes(vec![1]))]);
}

#[test]
fn a_path_is_put_once_a_request() {
    let mut host = Host::new(1);
    refused(&mut host, &Request::Put { items: vec![item("a", b"1"), item("a", b"2")] }, is_bad);
    // All or none: one conflict refuses the whole request.
    let items = vec![item("b", b"1"), PutItem { expected: Some(4), ..item("c", b"2") }];
    refused(&mut host, &Request::Put { items }, |error| matches!(error, Error::Conflict { .. }));
    assert!(host.list("").is_empty());
}

#[test]
fn only_changes_that_may_join_are_served_in_a_batch() {
    let mut host = Host::new(1);
    host.put("a", b"1");
    host.put("a", b"2");
    let nested = || Request::Batch { requests: vec![Request::Put { items: vec![item("x", b"1")] }] };
    let strangers = [
        nested(),
        Request::Destroy { path: "a".into(), numbers: vec![1] },
        Request::Destroy { path: "a".into(), numbers: vec![] },
        Request::Get { path: "a".into(), select: Select::Latest {} },
        Request::Gc { dry_run: false },
        Request::Lock {},
        Request::SlotRemove { id: 0 },
        Request::WriteBegin { item: item("w", b"") },
    ];
    for stranger in strangers {
        let requests = vec![
            stranger.clone(),
            Request::Put { items: vec![item("good", b"1")] },
            Request::SetMeta { path: "absent".into(), change: MetaChange::new() },
        ];
        let Ok(Response::Batch { answers }) = host.call(&Request::Batch { requests }) else {
            panic!("a batch")
        };
        let [first, second, third] = &answers[..] else { panic!("three answers") };
        assert!(matches!(first, BatchAnswer::Err { error } if is_bad(error)), "{stranger:?}: {first:?}");
        assert!(matches!(second, BatchAnswer::Ok { .. }));
        assert!(matches!(third, BatchAnswer::Err { error: Error::NotFound { .. } }));
        assert_eq!(host.get("a", Select::Number { number: 1 }).unwrap(), b"1", "{stranger:?} was served");
        assert_eq!(host.list("").len(), 2, "{stranger:?} was served");
    }
}

#[test]
fn handles_are_few_and_known() {
    let mut host = Host::new(1);
    host.put("a", b"v");
    for handle in [0, 1, 77, u64::MAX] {
        for request in [
            Request::WriteChunk { handle, bytes: b"x".as_slice().into() },
            Request::WriteEnd { handle },
            Request::ReadNext { handle, bytes_max: 1 },
            Request::VerifyNext { handle },
            Request::Close { handle },
        ] {
            refused(&mut host, &request, is_bad);
        }
    }
    let read = Request::ReadBegin { path: "a".into(), select: Select::Latest {} };
    let handles: Vec<u64> = (0..HANDLES_MAX)
        .map(|_| match host.call(&read).unwrap() {
            Response::Handle { handle, .. } => handle,
            other => panic!("{other:?}"),
        })
        .collect();
    refused(&mut host, &read, is_limit);
    refused(&mut host, &Request::VerifyBegin {}, is_limit);
    refused(&mut host, &Request::WriteBegin { item: item("b", b"") }, is_limit);
    // A handle of one kind is none of another.
    refused(&mut host, &Request::WriteEnd { handle: handles[0] }, is_bad);
    refused(&mut host, &Request::VerifyNext { handle: handles[0] }, is_bad);
    // Zero bytes at most are taken as one.
    let next = Request::ReadNext { handle: handles[0], bytes_max: 0 };
    assert_eq!(host.call(&next).unwrap(), Response::Bytes { bytes: Bytes(b"v".to_vec()) });
    host.call(&Request::Close { handle: handles[0] }).unwrap();
    refused(&mut host, &Request::Close { handle: handles[0] }, is_bad);
    host.call(&read).unwrap();
    // Locking closes all; a number is never used again.
    host.call(&Request::Lock {}).unwrap();
    host.call(&Request::Open { unlock: key_file() }).unwrap();
    refused(&mut host, &Request::ReadNext { handle: handles[1], bytes_max: 1 }, is_bad);
    let Response::Handle { handle, .. } = host.call(&read).unwrap() else { panic!("a handle") };
    assert!(!handles.contains(&handle));
    // A value that is begun comes in parts, of a bounded size.
    refused(&mut host, &Request::WriteBegin { item: item("b", b"x") }, is_bad);
    let Ok(Response::Handle { handle, .. }) = host.call(&Request::WriteBegin { item: item("b", b"") }) else {
        panic!("a handle")
    };
    let much = vec![0; MESSAGE_BYTES_MAX + 1];
    refused(&mut host, &Request::WriteChunk { handle, bytes: much.into() }, is_limit);
}

#[test]
fn a_locked_vault_serves_nothing() {
    let mut host = Host::new(1);
    host.call(&Request::Lock {}).unwrap();
    host.call(&Request::Lock {}).unwrap();
    for request in [
        Request::Get { path: "a".into(), select: Select::Latest {} },
        Request::Put { items: vec![item("a", b"v")] },
        Request::Slots {},
        Request::Stat {},
        Request::Gc { dry_run: true },
        Request::VerifyBegin {},
        Request::Batch { requests: vec![] },
        Request::Destroy { path: "a".into(), numbers: vec![] },
        Request::ReadNext { handle: 1, bytes_max: 1 },
    ] {
        refused(&mut host, &request, |error| *error == Error::Locked {});
    }
    host.call(&Request::Version {}).unwrap();
    host.call(&Request::Memory {}).unwrap();
    // A second creation is refused, and leaves nothing open.
    refused(&mut host, &Request::Create { protect: cheap(key_file()), paranoid: false }, |error| {
        matches!(error, Error::Exists { .. })
    });
    refused(&mut host, &Request::Stat {}, |error| *error == Error::Locked {});
}

#[test]
fn wrong_keys_open_nothing() {
    let store = Arc::new(MemoryStore::new());
    let vault = vault_over(Arc::clone(&store) as Arc<dyn Store>, 1);
    let mut host = Host { store, vault };
    let absent = |error: &Error| matches!(error, Error::Absent { .. });
    refused(&mut host, &Request::Open { unlock: key_file() }, absent);
    // What can't be a key makes no vault.
    let short = || Unlock::KeyFile { bytes: KEY_FILE[..31].into() };
    let long = || Unlock::KeyFile { bytes: vec![0; 65 * 1024].into() };
    refused(&mut host, &Request::Create { protect: cheap(passphrase("")), paranoid: false }, is_bad);
    refused(&mut host, &Request::Create { protect: cheap(short()), paranoid: false }, is_bad);
    refused(&mut host, &Request::Create { protect: cheap(long()), paranoid: false }, is_limit);
    let costs =
        [(1 << 30, 1, 1), (u32::MAX, 1, 1), (32, 0, 1), (32, 17, 1), (32, 1, 0), (1024, 1, 17), (7, 1, 1)];
    for (memory_kib, passes, lanes) in costs {
        let kdf = KdfParams { memory_kib, passes, lanes };
        refused(
            &mut host,
            &Request::Create { protect: Protect { unlock: passphrase("words"), kdf }, paranoid: false },
            is_limit,
        );
    }
    assert!(host.store.dump().blocks.is_empty());
    host.call(&Request::Create { protect: cheap(passphrase("words")), paranoid: false }).unwrap();
    host.put("a", b"v");
    let wrong = |error: &Error| *error == Error::WrongKey {};
    refused(&mut host, &Request::Open { unlock: passphrase("word") }, wrong);
    // The failed opening has locked it.
    refused(&mut host, &Request::Stat {}, |error| *error == Error::Locked {});
    refused(&mut host, &Request::Open { unlock: key_file() }, wrong);
    refused(&mut host, &Request::Open { unlock: passphrase("") }, is_bad);
    refused(&mut host, &Request::Open { unlock: short() }, is_bad);
    host.call(&Request::Open { unlock: passphrase("words") }).unwrap();
    assert_eq!(host.latest("a").unwrap(), b"v");
}

#[test]
fn key_slots_are_one_to_eight() {
    let mut host = Host::new(1);
    refused(&mut host, &Request::SlotRemove { id: 0 }, is_bad);
    refused(&mut host, &Request::SlotRemove { id: 5 }, is_bad);
    let add = |remove| Request::SlotAdd { protect: cheap(passphrase("words")), remove };
    refused(&mut host, &add(Some(9)), is_bad);
    for _ in 1..KEY_SLOTS_MAX {
        host.call(&add(None)).unwrap();
    }
    refused(&mut host, &add(None), is_limit);
    // With one removed in the same step there is room.
    let Ok(Response::KeySlots { slots }) = host.call(&add(Some(3))) else { panic!("slots") };
    let ids: Vec<u32> = slots.iter().map(|slot| slot.id).collect();
    assert_eq!(ids, [0, 1, 2, 4, 5, 6, 7, 8]);
    assert!(slots[0].current && slots[1].kdf.is_some() && slots[0].kdf.is_none());
    // A number is not used again, and a removed slot opens nothing.
    for id in [1, 2, 4, 5, 6, 7, 8] {
        host.call(&Request::SlotRemove { id }).unwrap();
    }
    refused(&mut host, &Request::Open { unlock: passphrase("words") }, |error| *error == Error::WrongKey {});
    host.call(&Request::Open { unlock: key_file() }).unwrap();
    let Ok(Response::KeySlots { slots }) = host.call(&add(Some(0))) else { panic!("slots") };
    assert_eq!(slots.iter().map(|slot| (slot.id, slot.current)).collect::<Vec<_>>(), [(9, true)]);
    host.put("a", b"still works");
}

/// A store whose head is `head`, with the blocks of another.
fn with_head(from: &MemoryStore, head: &[u8]) -> Host {
    let dump = from.dump();
    let store = Arc::new(MemoryStore::new());
    let blocks = dump.blocks.into_iter().map(|(cid, bytes)| dagvault_dag::store::Block { cid, bytes });
    store.put_many(blocks.collect()).unwrap();
    store.commit(vec![], CellId::HEAD, None, head, CommitOptions::default()).unwrap();
    let vault = vault_over(Arc::clone(&store) as Arc<dyn Store>, 5);
    Host { store, vault }
}

fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let at = bytes.windows(what.len()).position(|window| window == what).expect("it is there");
    [&bytes[..at], with, &bytes[at + what.len()..]].concat()
}

#[test]
fn heads_that_no_version_wrote_are_refused() {
    let mut host = Host::new(1);
    host.call(&Request::SlotAdd { protect: cheap(passphrase("words")), remove: None }).unwrap();
    host.put("a", b"v");
    let head = host.store.dump().cells[&CellId::HEAD].clone();
    let open = |head: &[u8], unlock: Unlock<'_>| with_head(&host.store, head).call(&Request::Open { unlock });
    open(&head, key_file()).unwrap();
    open(&head, passphrase("words")).unwrap();
    // [memory 32 KiB, 1 pass, 1 lane] becomes 1 TiB: refused before a byte of it is asked for.
    let greedy = replaced(&head, &[0x83, 0x18, 32, 1, 1], &[0x83, 0x1a, 0x40, 0, 0, 0, 1, 1]);
    assert!(matches!(open(&greedy, passphrase("words")), Err(Error::Limit { .. })));
    // So are more passes and lanes than anyone needs.
    for cost in [[0x83, 0x18, 32, 17, 1], [0x83, 0x18, 32, 1, 17], [0x83, 0x18, 32, 0, 1]] {
        let head = replaced(&head, &[0x83, 0x18, 32, 1, 1], &cost);
        assert!(matches!(open(&head, passphrase("words")), Err(Error::Limit { .. })));
    }
    // A newer form.
    let mut newer = head.clone();
    newer[1] = 2;
    assert!(matches!(open(&newer, key_file()), Err(Error::Unsupported { .. })));
    newer[1] = 0;
    assert!(matches!(open(&newer, key_file()), Err(Error::Corrupt { .. })));
    // A longer head of a newer form, of which this version knows nothing else.
    assert!(matches!(
        open(&[0x87, 2, 0xf6, 0xf6, 0xf6, 0xf6, 0xf6, 0xf6], key_file()),
        Err(Error::Unsupported { .. })
    ));
    // More slots than there may be, none, and slots twice.
    let sound = Head::decode(&head).unwrap();
    assert_eq!(sound.encode(), head);
    let mut many = sound.clone();
    many.slots = vec![sound.slots[0].clone(); 9];
    let mut none = sound.clone();
    none.slots.clear();
    let mut twice = sound.clone();
    twice.slots[1] = sound.slots[0].clone();
    let mut early = sound.clone();
    early.next_slot = 1;
    for wrong in [many, none, twice, early] {
        assert!(matches!(open(&wrong.encode(), key_file()), Err(Error::Corrupt { .. })));
    }
    // Everything outside the sealed body is bound to it.
    let mut vault = sound.clone();
    vault.vault.0[0] ^= 1;
    assert_eq!(open(&vault.encode(), key_file()).err(), Some(Error::WrongKey {}));
    for change in [
        |head: &mut Head| head.sequence += 1,
        |head: &mut Head| head.next_slot += 1,
        |head: &mut Head| drop(head.slots.pop()),
    ] {
        let mut wrong = sound.clone();
        change(&mut wrong);
        assert!(matches!(open(&wrong.encode(), key_file()), Err(Error::Corrupt { .. })));
    }
    // Cut, longer, too large, empty.
    for cut in 0..head.len() {
        assert!(matches!(open(&head[..cut], key_file()), Err(Error::Corrupt { .. })), "{cut}");
    }
    let longer = [&head[..], &[0]].concat();
    assert!(matches!(open(&longer, key_file()), Err(Error::Corrupt { .. })));
    assert!(matches!(open(&[0x86; 70_000], key_file()), Err(Error::Corrupt { .. })));
}

#[test]
fn a_head_of_another_vault_or_an_older_one_is_refused() {
    let mut host = Host::new(1);
    host.put("a", b"v");
    let older = host.store.dump().cells[&CellId::HEAD].clone();
    host.put("a", b"w");
    let set = |store: &MemoryStore, head: &[u8]| {
        let now = store.cell_load(CellId::HEAD).unwrap().unwrap();
        let expected = Some(dagvault_crypto::hash::hash(&now));
        store.commit(vec![], CellId::HEAD, expected, head, CommitOptions::default()).unwrap();
        now
    };
    let corrupt = |error: &Error| matches!(error, Error::Corrupt { .. });
    let get = Request::Get { path: "a".into(), select: Select::Latest {} };
    let newest = set(&host.store, &older);
    refused(&mut host, &get, corrupt);
    refused(&mut host, &Request::Put { items: vec![item("a", b"x")] }, corrupt);
    let other = Host::new(2);
    set(&host.store, &other.store.dump().cells[&CellId::HEAD]);
    refused(&mut host, &get, corrupt);
    // Opened anew, its blocks are missing: the error says what.
    let mut host2 = host.reopen(3);
    assert!(host2.latest("a").is_err());
    refused(&mut host2, &Request::VerifyBegin {}, corrupt);
    set(&host.store, &newest);
    assert_eq!(host.latest("a").unwrap(), b"w");
}

/// A store that answers one block for another.
struct Swapped(Arc<MemoryStore>, dagvault_core::ids::Cid, dagvault_core::ids::Cid);
impl dagvault_dag::store::BlockStore for Swapped {
    fn get_many(
        &self,
        ids: &[dagvault_core::ids::Cid],
    ) -> Result<Vec<Option<Vec<u8>>>, dagvault_core::error::StoreError> {
        let ids: Vec<_> = ids
            .iter()
            .map(|id| {
                if *id == self.1 {
                    self.2
                } else if *id == self.2 {
                    self.1
                } else {
                    *id
                }
            })
            .collect();
        self.0.get_many(&ids)
    }
    fn put_many(
        &self,
        blocks: Vec<dagvault_dag::store::Block>,
    ) -> Result<(), dagvault_core::error::StoreError> {
        self.0.put_many(blocks)
    }
    fn has_many(
        &self,
        ids: &[dagvault_core::ids::Cid],
    ) -> Result<Vec<bool>, dagvault_core::error::StoreError> {
        self.0.has_many(ids)
    }
    fn delete_many(&self, ids: &[dagvault_core::ids::Cid]) -> Result<u64, dagvault_core::error::StoreError> {
        self.0.delete_many(ids)
    }
    fn iterate(
        &self,
        cursor: dagvault_dag::store::Cursor,
    ) -> Result<dagvault_dag::store::Page, dagvault_core::error::StoreError> {
        self.0.iterate(cursor)
    }
}
impl Store for Swapped {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, dagvault_core::error::StoreError> {
        self.0.cell_load(cell)
    }
    fn commit(
        &self,
        blocks: Vec<dagvault_dag::store::Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), dagvault_core::error::StoreError> {
        self.0.commit(blocks, cell, expected, new, options)
    }
    fn sync(&self) -> Result<(), dagvault_core::error::StoreError> {
        self.0.sync()
    }
}

#[test]
fn missing_and_exchanged_blocks_are_found() {
    let mut host = Host::new(1);
    host.put("large", &vec![7; 600_000]);
    for number in 0..12_u8 {
        host.put("old", &[number; 5]);
    }
    host.gc();
    let dump = host.store.dump();
    let cids: Vec<_> = dump.blocks.keys().copied().collect();
    for cid in &cids {
        // A cache would hide it.
        let mut broken = with_head(&host.store, &dump.cells[&CellId::HEAD]);
        broken.store.delete_many(&[*cid]).unwrap();
        broken.call(&Request::Open { unlock: key_file() }).unwrap();
        assert!(matches!(broken.verify(), Err(Error::Corrupt { .. })), "{cid} is missing");
        // And nothing is collected on the way.
        assert!(matches!(broken.call(&Request::Gc { dry_run: false }), Err(Error::Corrupt { .. }) | Ok(_)));
    }
    for pair in cids.windows(2) {
        let store = Swapped(Arc::clone(&host.store), pair[0], pair[1]);
        let system = Arc::new(FixedSystem::new(1));
        let regions = dagvault_core::arena::Regions::allocate();
        let vault = dagvault_vault::Vault::new(Arc::new(store), system, regions);
        let mut swapped = Host { store: Arc::clone(&host.store), vault };
        swapped.call(&Request::Open { unlock: key_file() }).unwrap();
        let found = swapped.verify();
        assert!(matches!(found, Err(Error::Corrupt { .. })), "{found:?}");
    }
}

#[test]
fn another_history_of_the_same_length_is_refused() {
    // One vault, and a copy of it that goes on otherwise.
    let (mut host, mut copy) = (Host::new(1), Host::new(1));
    host.put("a", b"one");
    copy.put("a", b"another");
    let cell = |host: &Host| host.store.cell_load(CellId::HEAD).unwrap().unwrap();
    let blocks = copy.store.dump().blocks.into_iter().map(|(cid, bytes)| Block { cid, bytes }).collect();
    let expected = dagvault_crypto::hash::hash(&cell(&host));
    let options = CommitOptions::default();
    host.store.commit(blocks, CellId::HEAD, Some(expected), &cell(&copy), options).unwrap();
    assert!(matches!(host.latest("a"), Err(Error::Corrupt { .. })));
    assert_eq!(host.reopen(2).latest("a").unwrap(), b"another", "who knows nothing newer can't tell");
}
