//! Every maximum that dagvault keeps, with its unit in its name.

/// Largest stored block, envelope and padding included.
pub const BLOCK_BYTES_MAX: usize = 256 * 1024;
/// Plaintext bytes of a value that go into one chunk block; the last chunk of a value may be shorter.
///
/// The most whose worst-case LZ4 output still fits into a worker's scratch slot of 256 KiB.
pub const CHUNK_BYTES: usize = 232 * 1024;
/// Largest value kept inside its tree node, before compression.
pub const INLINE_BYTES_MAX: usize = 32 * 1024;
/// Smallest value that is compressed by default; smaller ones may hold a secret beside chosen text.
pub const COMPRESS_BYTES_MIN: usize = 4 * 1024;
/// Smallest file that is compressed on import.
pub const COMPRESS_FILE_BYTES_MIN: usize = 256;
/// Largest value: chunk links are counted by 32 bits.
pub const VALUE_BYTES_MAX: u64 = 1 << 46;
/// Longest path, in bytes of UTF-8.
pub const PATH_BYTES_MAX: usize = 4096;
/// Longest name of a metadata key, in bytes of UTF-8.
pub const META_KEY_BYTES_MAX: usize = 128;
/// Largest metadata of a path, keys and values together.
pub const META_BYTES_MAX: usize = 16 * 1024;
/// Versions kept inside a path's own tree entry; older ones spill into linked history nodes.
pub const ENTRY_VERSIONS_MAX: usize = 8;
/// Bytes of one tree entry above which its older versions spill, whatever their count.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Plaintext bytes of a tree node at which it is closed even without a boundary of its own.
pub const NODE_BYTES_SOFT: usize = 160 * 1024;
/// Largest plaintext of any node.
pub const NODE_BYTES_MAX: usize = 255 * 1024;
/// Depth of the state tree, levels of nodes.
pub const TREE_DEPTH_MAX: usize = 32;
/// Key slots of one vault.
pub const KEY_SLOTS_MAX: usize = 8;
/// Largest head cell.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Longest passphrase or key file, in bytes.
pub const PASSPHRASE_BYTES_MAX: usize = 64 * 1024;
/// Most memory that a key slot may ask of Argon2id, in KiB.
pub const KDF_MEMORY_KIB_MAX: u32 = 512 * 1024;
/// Worker instances or threads of one engine, the calling one included.
pub const WORKERS_MAX: usize = 16;
/// Items of one list, history or batch request.
pub const PAGE_ITEMS_MAX: usize = 4096;
/// Bytes of values that one request or answer carries; larger values stream.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Open read, write and verify handles of one engine.
pub const HANDLES_MAX: usize = 64;
/// Blocks read or written by one call of a store.
pub const BATCH_BLOCKS_MAX: usize = 256;
/// Blocks that one request reads or writes as they are stored.
pub const RAW_BLOCKS_MAX: usize = 64;
/// Largest proof of inclusion: a commit and a node for each level of the tree, with what stands around them.
pub const PROOF_BYTES_MAX: usize = (TREE_DEPTH_MAX + 2) * (BLOCK_BYTES_MAX + 16) + 2 * PATH_BYTES_MAX;
/// Decrypted tree nodes that are kept, in bytes of memory.
pub const NODE_CACHE_BYTES: usize = 96 * 1024 * 1024;
/// Longest receipt of an execution.
pub const RECEIPT_BYTES_MAX: usize = 4096;
/// Executions of untrusted modules that run at once.
pub const EXECUTIONS_MAX: u32 = 100;
/// Executions that wait for one of these to end; further ones are refused.
pub const EXECUTIONS_WAITING_MAX: usize = 400;
/// Longest that an execution waits before it is refused, milliseconds.
pub const EXECUTION_WAIT_MS_MAX: u64 = 10_000;
/// Modules that run inside one another, the first included.
pub const MODULE_CALL_DEPTH_MAX: u32 = 4;
/// Largest input of a module, bytes.
pub const MODULE_INPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest output of a module, bytes.
pub const MODULE_OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Depth of arrays and maps in what a module hands out.
pub const MODULE_VALUE_DEPTH_MAX: usize = 64;
/// Lines that one execution logs; the rest are only counted.
pub const MODULE_LOG_LINES_MAX: usize = 256;
/// Bytes of a module's own that one line of its log shows.
pub const MODULE_LOG_LINE_BYTES_MAX: usize = 1024;
/// Bytes of all lines of one execution's log, escaped.
pub const MODULE_LOG_BYTES_MAX: usize = 64 * 1024;
/// Effects of one execution.
pub const MODULE_EFFECTS_MAX: usize = 1024;
/// Bytes of all effects, and likewise of all keys and values that one execution writes.
pub const MODULE_EFFECTS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest key of a module's state, bytes.
pub const MODULE_KEY_BYTES_MAX: usize = 1024;
/// Functions that a module names.
pub const MODULE_FUNCTIONS_MAX: usize = 256;
/// Compiled modules that are kept in files.
pub const MODULE_FILES_MAX: usize = 1024;
