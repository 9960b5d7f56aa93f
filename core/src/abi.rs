//! The one table of what guest and host call of each other.
//!
//! [`abi_imports!`](crate::abi_imports) is expanded by the guest into its `extern` block, by the host into a
//! trait and a linker, by the loader into its allow-list. Every argument is an `i32` or `i64` of WebAssembly;
//! pointers are offsets into the shared memory; all numbers in memory are little-endian. An import answers a number
//! of its own (zero or more), or a `StoreErrorKind` negated.

/// Version of the table; a host refuses a guest of another one.
pub const ABI_VERSION: u32 = 1;

/// The import module of every function of the table.
pub const IMPORT_MODULE: &str = "dagvault";

/// Bytes of one row of a block table in guest memory: digest 32, pointer 4, length 4.
pub const BLOCK_ROW_BYTES: usize = 40;
/// Bytes of one row of an iteration page: digest 32, length 4.
pub const ITERATE_ROW_BYTES: usize = 36;
/// Stands where a block's length would, if the block is absent.
pub const ABSENT_LENGTH: u32 = u32::MAX;
/// The cursor that ends an iteration.
pub const CURSOR_END: u64 = u64::MAX;
/// Flag of `commit`: overwrite superseded cell values before returning.
pub const COMMIT_ERASE_OLD_CELLS: u32 = 1;
/// Flag of `commit`: blocks put so far may belong to a later commit; nobody else may collect them until then.
pub const COMMIT_MORE_TO_COME: u32 = 2;
/// Most items that one `parallel_for` takes.
pub const JOBS_MAX: u32 = 1 << 20;
/// Most digests that one `block_has_many` or `block_delete_many` takes.
pub const IDS_MAX: u32 = 16 * 1024;
/// Most rows of one iteration page: a store answers no more at once.
pub const ITERATE_ROWS_MAX: u32 = 4096;
/// Most bytes of one answer.
pub const ANSWER_BYTES_MAX: u32 = 128 * 1024 * 1024;
/// Most bytes of one line of `log`.
pub const LOG_BYTES_MAX: u32 = 1024;

/// Level of `log`: memory ran out; the guest traps next.
pub const LOG_NO_MEMORY: u32 = 0;
/// Level of `log`: the guest panicked, at this place; it traps next.
pub const LOG_PANIC: u32 = 1;
/// Level of `log`: something to know.
pub const LOG_NOTICE: u32 = 2;

/// The figures of `dv_heap`, by index, as `HeapStats` of the API names them.
pub const HEAP_FIGURES: [&str; 5] = ["used", "peak", "claimed", "allocations", "fragmentation_permille"];

/// Hands the table of imports to the macro `$expand`, as `fn name(arg: type, …) -> i64;` with docs.
#[macro_export]
macro_rules! abi_imports {
    ($expand:path) => {
        $expand! {
            /// Reads `count` blocks named by the digests at `ids` into `out`: for each its length (`u32`,
            /// `ABSENT_LENGTH` if absent) and its bytes, as many blocks as fit; answers how many.
            fn block_get_many(ids: u32, count: u32, out: u32, out_bytes: u32) -> i64;
            /// Writes the `count` blocks of the table at `table` (rows of `BLOCK_ROW_BYTES`).
            fn block_put_many(table: u32, count: u32) -> i64;
            /// Writes a byte 0 or 1 at `out` for each of the `count` digests at `ids`.
            fn block_has_many(ids: u32, count: u32, out: u32) -> i64;
            /// Removes and overwrites blocks; answers how many there were.
            fn block_delete_many(ids: u32, count: u32) -> i64;
            /// Writes up to `rows` rows of `ITERATE_ROW_BYTES` at `out` and the next cursor (`u64`,
            /// `CURSOR_END` at the end) at `next`; answers how many rows.
            fn block_iterate(cursor: u64, out: u32, rows: u32, next: u32) -> i64;
            /// Writes the cell's value at `out` if it fits; answers its length, or `Absent` negated.
            fn cell_load(cell: u32, out: u32, out_bytes: u32) -> i64;
            /// Writes the blocks of a table and sets the cell to `new_bytes` bytes at `new` if it has the
            /// value whose digest is at `expected` (0: was never set).
            fn commit(table: u32, count: u32, cell: u32, expected: u32, new: u32, new_bytes: u32, flags: u32) -> i64;
            /// Makes all that was committed final.
            fn sync() -> i64;
            /// Fills `out` with `bytes` random bytes fit for keys.
            fn random(out: u32, bytes: u32) -> i64;
            /// Milliseconds since 1970 (UTC).
            fn now_ms() -> i64;
            /// Calls `dv_run_job(job, ctx, index)` for each index below `count`, on any workers in any
            /// order, the caller's among them; returns when all have returned.
            fn parallel_for(job: u32, ctx: u32, count: u32) -> i64;
            /// Hands the host a line of text; never a secret.
            fn log(level: u32, text: u32, bytes: u32) -> i64;
        }
    };
}

/// Functions that the guest exports.
pub mod exports {
    /// `() -> i32`: the guest's `ABI_VERSION`.
    pub const ABI_VERSION: &str = "dv_abi_version";
    /// `(len: i32) -> i32`: memory for a request; 0 if there is none.
    pub const ALLOC: &str = "dv_alloc";
    /// `(ptr: i32, len: i32)`: gives back memory of `dv_alloc` or of an answer, zeroing it.
    pub const FREE: &str = "dv_free";
    /// `(ptr: i32, len: i32) -> i64`: one request; answers `ptr << 32 | len` of the encoded answer.
    pub const CALL: &str = "dv_call";
    /// `(job: i32, ctx: i32, index: i32)`: one item of a `parallel_for`.
    pub const RUN_JOB: &str = "dv_run_job";
    /// `(index: i32) -> i64`: figure `index` of the allocator (see `HEAP_FIGURES`).
    pub const HEAP: &str = "dv_heap";
    /// `(addr: i32)`: initialises an instance's thread-local storage.
    pub const INIT_TLS: &str = "__wasm_init_tls";
    /// Mutable `i32` global.
    pub const STACK_POINTER: &str = "__stack_pointer";
    /// Immutable `i32` globals that the linker sets.
    pub const TLS_SIZE: &str = "__tls_size";
    /// Alignment of the thread-local storage.
    pub const TLS_ALIGN: &str = "__tls_align";
    /// Mutable `i32` global: this instance's thread-local storage.
    pub const TLS_BASE: &str = "__tls_base";
    /// End of the static data.
    pub const HEAP_BASE: &str = "__heap_base";
    /// End of the initialised data.
    pub const DATA_END: &str = "__data_end";
}

/// Content of the section `dagvault.crypto`.
pub const SECTION_CRYPTO: &[u8] =
    b"abi=1 suites=xchacha20-poly1305,aes-256-gcm hash=blake3 kdf=argon2id,hkdf-sha256 sign=ed25519";
/// Content of the section `dagvault.dag`.
pub const SECTION_DAG: &[u8] = b"block=1 node=1 cid=raw+blake3-256 codec=dag-cbor block-bytes-max=262144";
/// Content of the section `dagvault.vault`.
pub const SECTION_VAULT: &[u8] = b"head=1 layout=core:2M,crypto:4M,dag:8M,vault:2M workers-max=16";
