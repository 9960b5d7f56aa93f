//! The one table of what guest and host call of each other.
//!
//! [`abi_imports!`](crate::abi_imports) is expanded by the guest into its `extern` block, by the host into a
//! trait and a linker, by the loader into its allow-list. Every argument is an `i32` or `i64` of WebAssembly;
//! pointers are offsets into the shared memory; all numbers in memory are little-endian. An import answers a number
//! of its own (zero or more), or a `StoreErrorKind` negated.

/// Version of the table; a host refuses a guest of another one.
pub const ABI_VERSION: u32 = 2;

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

/// Bit of `accelerators`: the host seals and opens by AES-256-GCM.
pub const ACCEL_AES_256_GCM: u32 = 1;
/// Bit of `accelerators`: the host seals and opens by XChaCha20-Poly1305.
pub const ACCEL_XCHACHA20_POLY1305: u32 = 1 << 1;
/// Bit of `accelerators`: the host computes SHA-256.
pub const ACCEL_SHA_256: u32 = 1 << 2;
/// Bit of `accelerators`: the host computes BLAKE3, plain and keyed.
pub const ACCEL_BLAKE3: u32 = 1 << 3;
/// Bit of `accelerators`: the host computes Argon2id.
pub const ACCEL_ARGON2ID: u32 = 1 << 4;
/// Every algorithm of `accelerators`.
pub const ACCEL_ALGORITHMS: u32 =
    ACCEL_AES_256_GCM | ACCEL_XCHACHA20_POLY1305 | ACCEL_SHA_256 | ACCEL_BLAKE3 | ACCEL_ARGON2ID;
/// Bit of `accelerators`: the host wants messages of every length, also those that the guest is faster with.
pub const ACCEL_EVERY_LENGTH: u32 = 1 << 31;
/// Answer of an accelerator: it is done.
pub const ACCEL_DONE: i64 = 0;
/// Answer of `accel_open`: not authentic; the message is as it was.
pub const ACCEL_NOT_AUTHENTIC: i64 = 1;
/// Answer of an accelerator: nothing was done, the guest computes it itself.
pub const ACCEL_DECLINED: i64 = 2;
/// Most bytes of a message and its associated data together.
pub const ACCEL_MESSAGE_BYTES_MAX: u32 = 256 * 1024;
/// Most bytes of data that one call hashes, and of the inputs of one derivation.
pub const ACCEL_DATA_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Bytes of one row of a table of parts: pointer 4, length 4.
pub const ACCEL_PART_BYTES: usize = 8;
/// Most parts of the data that one call hashes.
pub const ACCEL_PARTS_MAX: u32 = 16;
/// Parts of `accel_seal` and `accel_open`.
pub const ACCEL_CIPHER_PARTS: usize = 5;
/// Parts of `accel_argon2id`.
pub const ACCEL_DERIVATION_PARTS: usize = 5;

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
            /// Which algorithms the host computes for the guest: bits `ACCEL_*`. It lends what the processor has and
            /// WebAssembly has not; each answers as the guest would, byte for byte, or `ACCEL_DECLINED`. A host
            /// without any answers 0.
            fn accelerators() -> i64;
            /// Encrypts in place by the `aead::Suite` of that number. `parts` is a table (rows of `ACCEL_PART_BYTES`)
            /// of `ACCEL_CIPHER_PARTS`: key, nonce, associated data, message, and the tag, which is written.
            fn accel_seal(suite: u32, parts: u32) -> i64;
            /// Checks the tag and decrypts in place; or `ACCEL_NOT_AUTHENTIC`, the message as it was. The table is
            /// that of `accel_seal`.
            fn accel_open(suite: u32, parts: u32) -> i64;
            /// Writes the digest of the `count` parts of a table, one behind the other, at `out`: 32 bytes.
            fn accel_sha256(parts: u32, count: u32, out: u32) -> i64;
            /// Writes the hash of the `count` parts of a table, one behind the other, at `out`: 32 bytes; keyed by
            /// the 32 bytes at `key`, unless that is 0.
            fn accel_blake3(key: u32, parts: u32, count: u32, out: u32) -> i64;
            /// Derives a key at a cost of `memory_kib` KiB, `passes` and `lanes`. `parts` is a table of
            /// `ACCEL_DERIVATION_PARTS`: password, salt, secret, associated data, and the key, which is written.
            fn accel_argon2id(parts: u32, memory_kib: u32, passes: u32, lanes: u32) -> i64;
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
    b"abi=2 suites=xchacha20-poly1305,aes-256-gcm hash=blake3 kdf=argon2id,hkdf-sha256 sign=ed25519";
/// Content of the section `dagvault.dag`.
pub const SECTION_DAG: &[u8] = b"block=1 node=1 cid=raw+blake3-256 codec=dag-cbor block-bytes-max=262144";
/// Content of the section `dagvault.vault`.
pub const SECTION_VAULT: &[u8] = b"head=1 layout=core:2M,crypto:4M,dag:8M,vault:2M workers-max=16";
