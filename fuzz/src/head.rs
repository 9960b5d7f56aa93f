//! Head cells: what decodes, encodes to the same bytes.

use std::borrow::Cow;
use std::sync::Arc;

use dagvault_api::{KdfParams, Protect, Request, Unlock};
use dagvault_core::arena::Regions;
use dagvault_core::ids::CellId;
use dagvault_dag::memory::MemoryStore;
use dagvault_dag::store::Store as _;
use dagvault_dag::system::FixedSystem;
use dagvault_vault::{Vault, fuzzing};

/// The oracle.
///
/// # Panics
/// If a head has a second encoding.
pub fn check(input: &[u8]) {
    fuzzing::head(input);
}

/// The heads of a vault with one and with two key slots.
///
/// # Panics
/// If a vault can't be made.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let store = Arc::new(MemoryStore::new());
    let mut vault = Vault::new(store.clone(), Arc::new(FixedSystem::new(1)), Regions::allocate());
    let protect = |byte| Protect {
        unlock: Unlock::KeyFile { bytes: Cow::Owned(vec![byte; 32]) },
        kdf: KdfParams::default(),
    };
    let mut heads = Vec::new();
    for request in [
        Request::Create { protect: protect(1), paranoid: false },
        Request::SlotAdd { protect: protect(2), remove: None },
    ] {
        vault.call(&request).expect("the vault serves");
        heads.extend(store.cell_load(CellId::HEAD).expect("memory does not fail"));
    }
    heads
}
