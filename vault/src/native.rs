//! The native engine: the vault with the machine's own threads.

use std::sync::Arc;

use dagvault_api::group::{Grouped, Serial};
use dagvault_api::{Answer, Engine, Error, Request};
use dagvault_core::arena::Regions;
use dagvault_core::limits::WORKERS_MAX;
use dagvault_core::parallel::Workers;
use dagvault_dag::store::Store;
use dagvault_dag::system::System;

use crate::vault::Vault;

struct Native {
    vault: Vault,
    workers: Workers,
}

impl Serial for Native {
    fn call(&mut self, request: &Request<'_>) -> Answer {
        self.workers.scope(|| self.vault.call(request))
    }
}

/// The vault on the machine's own threads; changes that wait at the same time share a commit.
pub struct NativeEngine(Grouped<Native>);

impl core::fmt::Debug for NativeEngine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("NativeEngine(..)")
    }
}

impl NativeEngine {
    /// An engine over a store, with `workers` threads for what can be spread.
    ///
    /// # Errors
    /// `Limit` unless there are 1 to `WORKERS_MAX` workers; `Io` if threads can't be started.
    pub fn new(store: Arc<dyn Store>, system: Arc<dyn System>, workers: usize) -> Result<Self, Error> {
        if !(1..=WORKERS_MAX).contains(&workers) {
            return Err(Error::limit("an engine has 1 to 16 workers"));
        }
        let workers = Workers::new(workers).map_err(|error| Error::Io { detail: error.to_string() })?;
        let vault = Vault::new(store, system, Regions::allocate());
        Ok(Self(Grouped::new(Native { vault, workers })))
    }
}

impl Engine for NativeEngine {
    fn call(&self, request: &Request<'_>) -> Answer {
        self.0.call(request)
    }
}
