//! A vault that opens what it sealed again on another backend.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]
#![cfg(feature = "std")]

mod common;

use std::sync::Arc;

use common::{Host, cheap, key_file, vault_over};
use dagvault_api::{Request, Response};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{BlockStore as _, Cursor, Store};

fn made(paranoid: bool) -> Host {
    let store = Arc::new(MemoryStore::new());
    let vault = vault_over(Arc::clone(&store) as Arc<dyn Store>, 5);
    let mut host = Host { store, vault };
    host.call(&Request::Create { protect: cheap(key_file()), paranoid }).unwrap();
    host
}

fn is_paranoid(host: &mut Host) -> bool {
    match host.call(&Request::Stat {}).unwrap() {
        Response::Stat { stats } => stats.paranoid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_setting_stays_with_the_vault() {
    for paranoid in [true, false] {
        let mut host = made(paranoid);
        host.put("a", b"value");
        host.call(&Request::Destroy { path: "a".into(), numbers: Vec::new() }).unwrap();
        assert_eq!(is_paranoid(&mut host), paranoid);
        assert_eq!(is_paranoid(&mut host.reopen(6)), paranoid);
    }
}

#[test]
fn checking_changes_no_block() {
    let (mut plain, mut checked) = (made(false), made(true));
    let long = vec![0x33; 700_000];
    for host in [&mut plain, &mut checked] {
        for number in 0..200_u32 {
            host.put(&format!("many/{number}"), &number.to_le_bytes().repeat(50));
        }
        host.put("long", &long);
        assert_eq!(host.latest("long").unwrap(), long);
    }
    let blocks = |host: &Host| host.store.iterate(Cursor::START).unwrap().0;
    assert_eq!(blocks(&plain), blocks(&checked));
}
