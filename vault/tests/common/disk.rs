//! A vault over the file store over a simulated disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dagvault_api::{Error, Request, Response, Select, VersionState};
use dagvault_core::arena::Regions;
use dagvault_core::error::StoreError;
use dagvault_dag::disk::{Disk, SimDisk};
use dagvault_dag::files::{FileStore, OpenOptions, Sizes};
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::{BlockStore, Cursor, Store};
use dagvault_dag::system::{FixedSystem, System};
use dagvault_vault::Vault;

use super::{Host, Random};

/// Small files, so that short scripts roll segments and fill packs.
pub const SMALL: Sizes = Sizes {
    log_segment_bytes: 24 << 10,
    pack_bytes: 600 << 10,
    inline_bytes: 4 << 10,
    log_step_bytes_min: 2 << 10,
    log_step_bytes_max: 8 << 10,
};

pub fn full() -> bool {
    std::env::var_os("DAGVAULT_FULL").is_some()
}

pub fn options(seed: u64, sizes: Sizes) -> OpenOptions {
    let mut random = Random(seed);
    let mut options = OpenOptions::new(move |buffer| {
        buffer.iter_mut().for_each(|byte| *byte = random.next() as u8);
    });
    options.sizes = sizes;
    options.lock_wait_ms = 2000;
    options
}

pub fn shared(disk: &SimDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

pub fn create_store(disk: &SimDisk, seed: u64) -> Result<Arc<FileStore>, StoreError> {
    FileStore::create(shared(disk), options(seed, SMALL)).map(Arc::new)
}

pub fn open_store(disk: &SimDisk, seed: u64) -> Result<Arc<FileStore>, StoreError> {
    FileStore::open(shared(disk), options(seed, SMALL)).map(Arc::new)
}

/// A system that keeps everything it drew.
pub struct Recorder {
    inner: FixedSystem,
    pub drawn: Mutex<Vec<Vec<u8>>>,
}

impl Recorder {
    pub fn new(seed: u64) -> Self {
        Self { inner: FixedSystem::new(seed), drawn: Mutex::default() }
    }
}

impl System for Recorder {
    fn random(&self, out: &mut [u8]) -> Result<(), StoreError> {
        self.inner.random(out)?;
        self.drawn.lock().unwrap().push(out.to_vec());
        Ok(())
    }
    fn now_ms(&self) -> u64 {
        self.inner.now_ms()
    }
}

/// A host whose vault is over any store.
pub fn host(store: Arc<dyn Store>, seed: u64, regions: &Arc<Regions>) -> Host {
    let vault = Vault::new(store, Arc::new(FixedSystem::new(seed)), Arc::clone(regions));
    Host { store: Arc::new(MemoryStore::new()), vault }
}

/// Every block of a store with its bytes.
pub fn all_blocks(store: &dyn BlockStore) -> BTreeMap<dagvault_core::ids::Cid, Vec<u8>> {
    let (mut ids, mut cursor) = (Vec::new(), Some(Cursor::START));
    while let Some(at) = cursor {
        let (page, next) = store.iterate(at).unwrap();
        ids.extend(page.into_iter().map(|(id, _)| id));
        cursor = next;
    }
    let blocks = store.get_many(&ids).unwrap();
    ids.into_iter().zip(blocks.into_iter().flatten()).collect()
}

/// What can be seen of a version; a value by its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub number: u64,
    pub state: VersionState,
    pub value: Option<Vec<u8>>,
}

/// What can be seen of a path: its versions, newest first, and its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPath {
    pub versions: Vec<Seen>,
    pub meta: BTreeMap<String, Vec<u8>>,
}

/// All that can be seen of a vault: paths, and numbers of the key slots.
pub type View = (BTreeMap<String, SeenPath>, Vec<u32>);

fn read(host: &mut Host, path: &str, number: u64) -> Result<Vec<u8>, Error> {
    let request = Request::Get { path: path.into(), select: Select::Number { number } };
    match host.call(&request)? {
        Response::Value { value, .. } => Ok(value.0),
        other => panic!("{other:?}"),
    }
}

/// Reads everything.
pub fn view(host: &mut Host) -> Result<View, Error> {
    let request = Request::List { prefix: "".into(), after: None, limit: 4096, meta: true, deleted: true };
    let Response::List { entries, more: false } = host.call(&request)? else { panic!("a list") };
    let mut paths = BTreeMap::new();
    for entry in entries {
        let request = Request::History { path: entry.path.as_str().into(), before: None, limit: 4096 };
        let Response::History { versions, more: false } = host.call(&request)? else { panic!("a history") };
        let mut seen = Vec::new();
        for info in versions {
            let value = match read(host, &entry.path, info.number) {
                Ok(value) => Some(value),
                Err(Error::Deleted { .. } | Error::Destroyed { .. }) => None,
                Err(error) => return Err(error),
            };
            seen.push(Seen { number: info.number, state: info.state, value });
        }
        let meta = entry.meta.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
        paths.insert(entry.path, SeenPath { versions: seen, meta });
    }
    let Response::KeySlots { slots } = host.call(&Request::Slots {})? else { panic!("slots") };
    Ok((paths, slots.into_iter().map(|slot| slot.id).collect()))
}

/// Whether `bytes` stands anywhere in a file of the disk; answers the file.
pub fn find_in_files(files: &[(String, Vec<u8>)], bytes: &[u8]) -> Option<String> {
    let finder = |file: &Vec<u8>| {
        let first = bytes[0];
        let mut from = 0;
        while let Some(at) = file[from..].iter().position(|byte| *byte == first) {
            let at = from + at;
            if file.len() - at < bytes.len() {
                return false;
            }
            if &file[at..at + bytes.len()] == bytes {
                return true;
            }
            from = at + 1;
        }
        false
    };
    files.iter().find(|(_, file)| finder(file)).map(|(name, _)| name.clone())
}

pub fn files(disk: &SimDisk) -> Vec<(String, Vec<u8>)> {
    disk.paths().into_iter().map(|path| (path.clone(), disk.read(&path).unwrap())).collect()
}
