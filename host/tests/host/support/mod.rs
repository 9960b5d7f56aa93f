//! What the tests share: a store in memory, configurations, and guests made to misbehave.

pub(crate) mod guest;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid};
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store};
use dagvault_dag::system::FixedSystem;
use dagvault_host::{Config, ModuleSource};

/// A store of the least kind; `failing` makes each call of it fail, `panicking` makes it panic.
#[derive(Default)]
pub(crate) struct MapStore {
    pub(crate) blocks: Mutex<BTreeMap<[u8; 32], Vec<u8>>>,
    pub(crate) cells: Mutex<BTreeMap<u32, Vec<u8>>>,
    pub(crate) failing: Mutex<Option<StoreError>>,
    pub(crate) panicking: AtomicBool,
}

impl MapStore {
    fn check(&self) -> Result<(), StoreError> {
        assert!(!self.panicking.load(Ordering::Relaxed), "as the test wishes");
        self.failing.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl BlockStore for MapStore {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.check()?;
        let blocks = self.blocks.lock().unwrap();
        Ok(ids.iter().map(|id| blocks.get(&id.0).cloned()).collect())
    }

    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        self.check()?;
        self.blocks.lock().unwrap().extend(blocks.into_iter().map(|block| (block.cid.0, block.bytes)));
        Ok(())
    }

    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.check()?;
        let blocks = self.blocks.lock().unwrap();
        Ok(ids.iter().map(|id| blocks.contains_key(&id.0)).collect())
    }

    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        self.check()?;
        let mut blocks = self.blocks.lock().unwrap();
        Ok(ids.iter().filter(|id| blocks.remove(&id.0).is_some()).count() as u64)
    }

    fn iterate(&self, _: Cursor) -> Result<Page, StoreError> {
        self.check()?;
        let blocks = self.blocks.lock().unwrap();
        Ok((blocks.iter().map(|(id, bytes)| (Cid(*id), u32::try_from(bytes.len()).unwrap())).collect(), None))
    }
}

impl Store for MapStore {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        self.check()?;
        Ok(self.cells.lock().unwrap().get(&cell.0).cloned())
    }

    fn commit(
        &self,
        blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        _: CommitOptions,
    ) -> Result<(), StoreError> {
        self.check()?;
        let mut cells = self.cells.lock().unwrap();
        let found = cells.get(&cell.0).map(|value| *blake3::hash(value).as_bytes());
        if found != expected {
            return Err(StoreError::new(StoreErrorKind::Conflict, "the cell"));
        }
        cells.insert(cell.0, new.to_vec());
        drop(cells);
        self.put_many(blocks)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.check()
    }
}

/// A folder for compiled code that the tests of one build share: the real module is compiled once.
pub(crate) fn shared_cache() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("dagvault-engine-cache")
}

/// The real engine over `store`.
pub(crate) fn config(store: Arc<dyn Store>) -> Config {
    let mut config = Config::new(store, Arc::new(FixedSystem::new(1)));
    config.workers = 2;
    config.cache_dir = Some(shared_cache());
    config
}

/// An engine of another module.
pub(crate) fn config_of(module: Vec<u8>) -> Config {
    let mut config = config(Arc::new(MapStore::default()));
    config.module = ModuleSource::Bytes(module.into());
    config.cache_dir = None;
    config.max_memory_bytes = 64 << 20;
    config
}

/// A deadline that tests wait for.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
