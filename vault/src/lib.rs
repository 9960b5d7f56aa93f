//! x
#![cfg_attr(not(any(test, feature = "std")), no_std)]
extern crate alloc;
use alloc::sync::Arc;
use dagvault_api::{Answer, Error, Request, Response};
use dagvault_core::arena::Regions;
use dagvault_dag::store::Store;

/// Randomness and time, from the host.
pub trait System: Send + Sync {
    /// Fills `out` with random bytes fit for keys.
    ///
    /// # Errors
    /// `Io` if the source fails.
    fn random(&self, out: &mut [u8]) -> Result<(), Error>;

    /// Milliseconds since 1970 UTC.
    fn now_ms(&self) -> u64;
}

/// A vault over a store: serves one request at a time.
pub struct Vault {
    _store: Arc<dyn Store>,
    _system: Arc<dyn System>,
    _regions: Arc<Regions>,
}

impl Vault {
    /// A locked vault.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, system: Arc<dyn System>, regions: Arc<Regions>) -> Self {
        Self { _store: store, _system: system, _regions: regions }
    }

    /// Serves one request.
    ///
    /// # Errors
    /// As the request says.
    pub fn call(&mut self, request: &Request<'_>) -> Answer {
        match request { Request::Version {} => Ok(Response::Text { text: "x".into() }), _ => Err(Error::Locked {}) }
    }
}
