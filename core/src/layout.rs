//! The fixed regions of the engine's memory: the same in the guest's shared linear memory and in the
//! native engine's own arena. Offsets live only here, each derived from the one before.

use crate::limits::WORKERS_MAX;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes of one page of WebAssembly memory.
pub const WASM_PAGE_BYTES: usize = 64 * KIB;

/// Core region: stack of the main instance, then static data.
pub const CORE_OFFSET: usize = 0;
/// Bytes of the Core region.
pub const CORE_BYTES: usize = 2 * MIB;
/// Bytes of the main instance's stack, at the start of the Core region, growing down to its canary.
pub const MAIN_STACK_BYTES: usize = MIB;
/// Static data starts here (`--global-base`).
pub const STATIC_OFFSET: usize = CORE_OFFSET + MAIN_STACK_BYTES;

/// Crypto region: scratch slots, one for each worker, zeroed on release.
pub const CRYPTO_OFFSET: usize = CORE_OFFSET + CORE_BYTES;
/// Bytes of the Crypto region.
pub const CRYPTO_BYTES: usize = 4 * MIB;
/// Bytes of one worker's scratch slot.
pub const SCRATCH_BYTES: usize = CRYPTO_BYTES / WORKERS_MAX;

/// DAG region: slots of the node table.
pub const DAG_OFFSET: usize = CRYPTO_OFFSET + CRYPTO_BYTES;
/// Bytes of the DAG region.
pub const DAG_BYTES: usize = 8 * MIB;
/// Bytes of one slot of the node table.
pub const NODE_SLOT_BYTES: usize = 32;

/// Vault region: unlocked keys, zeroed on lock.
pub const VAULT_OFFSET: usize = DAG_OFFSET + DAG_BYTES;
/// Bytes of the Vault region.
pub const VAULT_BYTES: usize = 2 * MIB;
/// Bytes of one key slot in the Vault region.
pub const KEYRING_BYTES: usize = 32 * KIB;
/// Key slots in the Vault region.
pub const KEYRINGS: usize = VAULT_BYTES / KEYRING_BYTES;

/// Dynamic region: worker stacks with their thread-local storage, then the heap.
pub const DYNAMIC_OFFSET: usize = VAULT_OFFSET + VAULT_BYTES;
/// Bytes set aside for one worker's canary, stack and thread-local storage.
pub const WORKER_BYTES: usize = 512 * KIB;
/// Bytes of a canary under a stack.
pub const CANARY_BYTES: usize = 64;
/// Bytes of thread-local storage at the upper end of a worker's part.
pub const TLS_BYTES_MAX: usize = 4 * KIB;
/// Workers beside the main instance have a stack each.
pub const WORKER_STACKS: usize = WORKERS_MAX - 1;
/// The heap starts behind the worker stacks.
pub const HEAP_OFFSET: usize = DYNAMIC_OFFSET + WORKER_STACKS * WORKER_BYTES;

/// Pages that the memory starts with.
pub const MEMORY_PAGES_MIN: u32 = 512;
/// Pages that the module declares as its maximum (1 GiB); a host may allow fewer.
pub const MEMORY_PAGES_MAX: u32 = 16_384;

const _: () = assert!(CRYPTO_OFFSET == 0x20_0000);
const _: () = assert!(DAG_OFFSET == 0x60_0000);
const _: () = assert!(VAULT_OFFSET == 0xE0_0000);
const _: () = assert!(DYNAMIC_OFFSET == 0x100_0000);
const _: () = assert!(DAG_BYTES / NODE_SLOT_BYTES == 262_144);
const _: () = assert!(STATIC_OFFSET < CRYPTO_OFFSET && SCRATCH_BYTES >= crate::limits::BLOCK_BYTES_MAX);
const _: () = assert!(HEAP_OFFSET.is_multiple_of(WASM_PAGE_BYTES));
const _: () = assert!(HEAP_OFFSET + MIB <= MEMORY_PAGES_MIN as usize * WASM_PAGE_BYTES);
const _: () = assert!(MEMORY_PAGES_MIN < MEMORY_PAGES_MAX);

/// Where worker `index` (1 is the first beside the main instance) has its part: canary, stack, TLS.
///
/// # Panics
/// If there is no such worker.
#[must_use]
pub const fn worker_offset(index: usize) -> usize {
    assert!(index >= 1 && index <= WORKER_STACKS);
    DYNAMIC_OFFSET + (index - 1) * WORKER_BYTES
}

/// A named region, for statistics and for the host's assertion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// Its name.
    pub name: &'static str,
    /// Its first byte.
    pub offset: usize,
    /// Its length.
    pub bytes: usize,
}

/// The fixed regions in order.
pub const REGIONS: [Region; 4] = [
    Region { name: "core", offset: CORE_OFFSET, bytes: CORE_BYTES },
    Region { name: "crypto", offset: CRYPTO_OFFSET, bytes: CRYPTO_BYTES },
    Region { name: "dag", offset: DAG_OFFSET, bytes: DAG_BYTES },
    Region { name: "vault", offset: VAULT_OFFSET, bytes: VAULT_BYTES },
];
