//! A vault in memory, and short ways to ask it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod disk;

use std::sync::Arc;

use dagvault_api::{
    Answer, Codec, EntryInfo, KdfParams, MetaChange, Protect, PutItem, PutOutcome, Request, Response, Select,
    Unlock, VersionInfo,
};
use dagvault_core::arena::Regions;
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::Store;
use dagvault_dag::system::FixedSystem;
use dagvault_vault::Vault;

pub const KEY_FILE: [u8; 32] = [9; 32];

pub fn key_file() -> Unlock<'static> {
    Unlock::KeyFile { bytes: KEY_FILE.as_slice().into() }
}

pub fn passphrase(text: &'static str) -> Unlock<'static> {
    Unlock::Passphrase { bytes: text.as_bytes().into() }
}

pub fn cheap(unlock: Unlock<'_>) -> Protect<'_> {
    Protect { unlock, kdf: KdfParams { memory_kib: 32, passes: 1, lanes: 1 } }
}

pub struct Host {
    pub store: Arc<MemoryStore>,
    pub vault: Vault,
}

pub fn vault_over(store: Arc<dyn Store>, seed: u64) -> Vault {
    Vault::new(store, Arc::new(FixedSystem::new(seed)), Regions::allocate())
}

impl Host {
    pub fn new(seed: u64) -> Self {
        let store = Arc::new(MemoryStore::new());
        let vault = vault_over(Arc::clone(&store) as Arc<dyn Store>, seed);
        let mut host = Self { store, vault };
        host.call(&Request::Create { protect: cheap(key_file()), paranoid: false }).unwrap();
        host
    }

    /// Another process on the same store.
    pub fn reopen(&self, seed: u64) -> Self {
        let store = Arc::clone(&self.store);
        let vault = vault_over(Arc::clone(&store) as Arc<dyn Store>, seed);
        let mut host = Self { store, vault };
        host.call(&Request::Open { unlock: key_file() }).unwrap();
        host
    }

    pub fn call(&mut self, request: &Request<'_>) -> Answer {
        self.vault.call(request)
    }

    pub fn try_put(&mut self, item: PutItem<'_>) -> Result<PutOutcome, dagvault_api::Error> {
        match self.call(&Request::Put { items: vec![item] })? {
            Response::Put { mut outcomes } => Ok(outcomes.remove(0)),
            other => panic!("{other:?}"),
        }
    }

    pub fn put(&mut self, path: &str, value: &[u8]) -> PutOutcome {
        self.try_put(item(path, value)).unwrap()
    }

    pub fn get(&mut self, path: &str, select: Select) -> Result<Vec<u8>, dagvault_api::Error> {
        match self.call(&Request::Get { path: path.into(), select })? {
            Response::Value { version, value } => {
                assert_eq!(version.size, value.0.len() as u64);
                Ok(value.0)
            }
            other => panic!("{other:?}"),
        }
    }

    pub fn latest(&mut self, path: &str) -> Result<Vec<u8>, dagvault_api::Error> {
        self.get(path, Select::Latest {})
    }

    pub fn list(&mut self, prefix: &str) -> Vec<EntryInfo> {
        let mut all: Vec<EntryInfo> = Vec::new();
        loop {
            let after = all.last().map(|entry| entry.path.clone().into());
            let request = Request::List { prefix: prefix.into(), after, limit: 7, meta: true, deleted: true };
            match self.call(&request).unwrap() {
                Response::List { entries, more } => {
                    all.extend(entries);
                    if !more {
                        return all;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn history(&mut self, path: &str) -> Vec<VersionInfo> {
        let request = Request::History { path: path.into(), before: None, limit: 4096 };
        match self.call(&request).unwrap() {
            Response::History { versions, more: false } => versions,
            other => panic!("{other:?}"),
        }
    }

    pub fn stream(&mut self, item: PutItem<'_>, value: &[u8], part: usize) -> PutOutcome {
        let Response::Handle { handle, .. } = self.call(&Request::WriteBegin { item }).unwrap() else {
            panic!("no handle")
        };
        for bytes in value.chunks(part) {
            self.call(&Request::WriteChunk { handle, bytes: bytes.into() }).unwrap();
        }
        match self.call(&Request::WriteEnd { handle }).unwrap() {
            Response::Put { mut outcomes } => outcomes.remove(0),
            other => panic!("{other:?}"),
        }
    }

    pub fn read_stream(&mut self, path: &str, part: u64) -> Vec<u8> {
        let request = Request::ReadBegin { path: path.into(), select: Select::Latest {} };
        let Response::Handle { handle, .. } = self.call(&request).unwrap() else { panic!("no handle") };
        let mut all = Vec::new();
        loop {
            match self.call(&Request::ReadNext { handle, bytes_max: part }).unwrap() {
                Response::Bytes { bytes } if bytes.0.is_empty() => return all,
                Response::Bytes { bytes } => {
                    assert!(bytes.0.len() as u64 <= part);
                    all.extend(bytes.0);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn verify(&mut self) -> Result<dagvault_api::VerifyStep, dagvault_api::Error> {
        let Response::Handle { handle, .. } = self.call(&Request::VerifyBegin {})? else {
            panic!("no handle")
        };
        loop {
            match self.call(&Request::VerifyNext { handle })? {
                Response::Verify { step } if step.done => return Ok(step),
                Response::Verify { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn gc(&mut self) -> dagvault_api::GcDone {
        match self.call(&Request::Gc { dry_run: false }).unwrap() {
            Response::Gc { done } => done,
            other => panic!("{other:?}"),
        }
    }
}

pub fn item<'a>(path: &'a str, value: &'a [u8]) -> PutItem<'a> {
    PutItem {
        path: path.into(),
        value: value.into(),
        meta: MetaChange::new(),
        expected: None,
        skip_equal: false,
        codec: Codec::Lz4 {},
    }
}

/// A small generator for tests: SplitMix64 (Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}
