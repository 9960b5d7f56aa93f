//! What can be asked of a vault.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use dagvault_core::ids::Cid;
use dagvault_core::wire_enum;

use crate::graph::RawBlock;
use crate::types::{MetaChange, Protect, PutItem, Select, Unlock};

/// What can be asked of a vault. Each change is one commit, all or nothing.
///
/// A path is one to `PATH_BYTES_MAX` bytes of UTF-8 without NUL, of components separated by `/`, none
/// empty, `.` or `..`; a prefix is empty or a path, and covers the path itself and all below it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// Makes a new vault in an empty store and opens it. Answers `Done`.
    Create {
        /// The first key slot.
        protect: Protect<'a>,
        /// Whether every sealed block is opened again on another backend before it is acknowledged, so that a
        /// computation gone wrong is caught. Kept in the vault.
        paranoid: bool,
    },
    /// Opens the vault. Answers `Done`.
    Open {
        /// Tried on every key slot of its kind.
        unlock: Unlock<'a>,
    },
    /// Forgets the keys. Answers `Done`.
    Lock {},
    /// Puts values in one commit: all or none. Answers `Put`.
    Put {
        /// At most `PAGE_ITEMS_MAX`, of `MESSAGE_BYTES_MAX` bytes together; no path twice.
        items: Vec<PutItem<'a>>,
    },
    /// Begins a value of any size. Answers `Handle`.
    WriteBegin {
        /// As in a put, with the value left empty.
        item: PutItem<'a>,
    },
    /// Appends to a value begun. Answers `Done`.
    WriteChunk {
        /// From `WriteBegin`.
        handle: u64,
        /// At most `MESSAGE_BYTES_MAX`; any split gives the same blocks.
        bytes: Cow<'a, [u8]>,
    },
    /// Ends a value begun and commits it. Answers `Put` with one item.
    WriteEnd {
        /// From `WriteBegin`.
        handle: u64,
    },
    /// Reads a value of at most `MESSAGE_BYTES_MAX` bytes. Answers `Value`.
    Get {
        /// Whose.
        path: Cow<'a, str>,
        /// Which version.
        select: Select,
    },
    /// Reads the newest values of several paths; stops before the answer grows over `MESSAGE_BYTES_MAX`, and
    /// answers at least one. A value over that size, or not readable, has none. Answers `Values`.
    GetMany {
        /// At most `PAGE_ITEMS_MAX`.
        paths: Vec<Cow<'a, str>>,
    },
    /// Begins to read a value of any size. Answers `Handle` with the version.
    ReadBegin {
        /// Whose.
        path: Cow<'a, str>,
        /// Which version.
        select: Select,
    },
    /// Reads on. Answers `Bytes`: empty at the end, which also closes the handle.
    ReadNext {
        /// From `ReadBegin`.
        handle: u64,
        /// At most `MESSAGE_BYTES_MAX`.
        bytes_max: u64,
    },
    /// Gives up a read or write handle. Answers `Done`.
    Close {
        /// From a request that answered one.
        handle: u64,
    },
    /// Lists paths in byte order. Answers `List`.
    List {
        /// Where below.
        prefix: Cow<'a, str>,
        /// Only paths behind this one.
        after: Option<Cow<'a, str>>,
        /// At most `PAGE_ITEMS_MAX`.
        limit: u64,
        /// Whether to answer metadata too.
        meta: bool,
        /// Whether to list paths whose newest version is deleted or destroyed, too.
        deleted: bool,
    },
    /// One path with its metadata. Answers `List` with one entry.
    Info {
        /// Which.
        path: Cow<'a, str>,
    },
    /// Versions of a path, newest first. Answers `History`.
    History {
        /// Whose.
        path: Cow<'a, str>,
        /// Only versions with a lower number.
        before: Option<u64>,
        /// At most `PAGE_ITEMS_MAX`.
        limit: u64,
    },
    /// Marks the newest version as deleted (every path, or none). Answers `Done`.
    Delete {
        /// At most `PAGE_ITEMS_MAX`.
        paths: Vec<Cow<'a, str>>,
    },
    /// Takes back a deletion. Answers `Done`.
    Undelete {
        /// Whose.
        path: Cow<'a, str>,
        /// Which version.
        select: Select,
    },
    /// Destroys versions for good: keys, content hash, size and bytes, before it answers `Gc`.
    Destroy {
        /// Whose.
        path: Cow<'a, str>,
        /// Numbers of versions; empty for all, and the path itself with its metadata.
        numbers: Vec<u64>,
    },
    /// Moves paths with their versions and metadata. Answers `Moved`.
    Move {
        /// A path, or a prefix: then all below it.
        from: Cow<'a, str>,
        /// Takes its place; nothing may be there.
        to: Cow<'a, str>,
    },
    /// Copies newest versions with metadata; each copy's history begins anew. Answers `Moved`.
    Copy {
        /// A path, or a prefix: then all below it.
        from: Cow<'a, str>,
        /// Takes its place; nothing may be there.
        to: Cow<'a, str>,
    },
    /// Changes metadata. Answers `Done`.
    SetMeta {
        /// Whose; the path must exist.
        path: Cow<'a, str>,
        /// Keys to set or remove.
        change: MetaChange,
    },
    /// Begins a verification of everything that the head reaches: every block's hash, tag and form, every
    /// digest, every value's content hash, the commits' chain and signatures. Answers `Handle`.
    VerifyBegin {},
    /// Verifies on for a bounded number of bytes. Answers `Verify`.
    VerifyNext {
        /// From `VerifyBegin`.
        handle: u64,
    },
    /// Collects what the head does not reach. Answers `Gc`.
    Gc {
        /// Whether to count only.
        dry_run: bool,
    },
    /// Figures of the vault. Answers `Stat`.
    Stat {},
    /// Figures of the engine's memory; works on a locked vault too. Answers `Memory`.
    Memory {},
    /// Adds a key slot, and removes one in the same step if asked; answers `KeySlots`.
    SlotAdd {
        /// The new slot.
        protect: Protect<'a>,
        /// A slot to remove; its wrapped key is overwritten on disk.
        remove: Option<u32>,
    },
    /// Removes a key slot, never the last; its wrapped key is overwritten on disk. Answers `KeySlots`.
    SlotRemove {
        /// Which.
        id: u32,
    },
    /// Lists the key slots. Answers `KeySlots`.
    Slots {},
    /// Serves several changes (`Put`, `Delete`, `Undelete`, `SetMeta`, `Move`, `Copy`) in one commit and one
    /// flush. Each succeeds or fails alone. Answers `Batch`.
    Batch {
        /// In order.
        requests: Vec<Request<'a>>,
    },
    /// Checks the engine's algorithms against known answers; works on a locked vault. Answers `Text`.
    SelfTest {},
    /// One case of a test vector against an algorithm of the engine. Answers `Bytes`.
    CryptoCase {
        /// Which operation, as `dagvault_crypto::selftest::case` counts them.
        operation: u32,
        /// Its encoded input.
        input: Cow<'a, [u8]>,
    },
    /// Work on a node table of made-up nodes, to measure it; works on a locked vault. Answers `Count`.
    TableCase {
        /// What is done, as `dagvault_dag::table::case::Work` counts it. The table stays until the vault is locked.
        work: u32,
        /// Nodes of the table that the first such request makes, at most 2^24.
        nodes: u32,
        /// Workers among which the work is divided.
        workers: u32,
    },
    /// The engine's name and version; works on a locked vault. Answers `Text`.
    Version {},
    /// Reads blocks as they are stored; works on a locked vault. Answers `Blocks`.
    BlockGet {
        /// At most `RAW_BLOCKS_MAX`.
        cids: Vec<Cid>,
    },
    /// Writes blocks as they are; works on a locked vault. What the head does not reach stays garbage, for the next
    /// collection to remove. Answers `BlocksPut`.
    BlockPut {
        /// At most `RAW_BLOCKS_MAX`.
        blocks: Vec<RawBlock<'a>>,
        /// Whether all blocks put so far become durable before it answers; those of a process that ends without it
        /// may be lost.
        commit: bool,
    },
    /// Lists a page of the blocks in the store, in no particular order; works on a locked vault. Answers `BlockList`.
    BlockList {
        /// From the page before; none begins.
        cursor: Option<u64>,
    },
    /// Begins a walk over what a block reaches, each block once and parents before their children. Answers `Handle`.
    WalkBegin {
        /// The head, a commit, or a block that the head reaches; none: the head.
        root: Option<Cid>,
        /// Whether to read the parts of values too, for their sizes.
        sizes: bool,
    },
    /// Walks on. Answers `Walk`; its last page closes the handle.
    WalkNext {
        /// From `WalkBegin`.
        handle: u64,
    },
    /// Commits, children before parents. Answers `Log`.
    Log {
        /// Where from; none: the head.
        from: Vec<Cid>,
        /// At most `PAGE_ITEMS_MAX`.
        limit: u64,
    },
    /// The commits that all of some commits stand on and that no other such commit stands on. Answers `Log`.
    MergeBases {
        /// Of which commits: at most 8.
        commits: Vec<Cid>,
    },
    /// A proof that the newest commit holds a path. Answers `Bytes`.
    ProofMake {
        /// Which path.
        path: Cow<'a, str>,
    },
    /// Checks a proof; works on a locked vault, and needs none. Answers `Proven`.
    ProofCheck {
        /// The proof.
        proof: Cow<'a, [u8]>,
        /// The commit that it must be of.
        commit: Cid,
    },
    /// Signs a receipt of an execution by the owner's key, as `RECEIPT_DOMAIN` before its bytes. Answers `Signature`.
    SignReceipt {
        /// At most `RECEIPT_BYTES_MAX`; the vault does not look into it.
        receipt: Cow<'a, [u8]>,
    },
}

wire_enum!(Request<'a> {
    0 => Create { protect, paranoid },
    1 => Open { unlock },
    2 => Lock {},
    3 => Put { items },
    4 => WriteBegin { item },
    5 => WriteChunk { handle, bytes },
    6 => WriteEnd { handle },
    7 => Get { path, select },
    8 => GetMany { paths },
    9 => ReadBegin { path, select },
    10 => ReadNext { handle, bytes_max },
    11 => Close { handle },
    12 => List { prefix, after, limit, meta, deleted },
    13 => Info { path },
    14 => History { path, before, limit },
    15 => Delete { paths },
    16 => Undelete { path, select },
    17 => Destroy { path, numbers },
    18 => Move { from, to },
    19 => Copy { from, to },
    20 => SetMeta { path, change },
    21 => VerifyBegin {},
    22 => VerifyNext { handle },
    23 => Gc { dry_run },
    24 => Stat {},
    25 => Memory {},
    26 => SlotAdd { protect, remove },
    27 => SlotRemove { id },
    28 => Slots {},
    29 => Batch { requests },
    30 => SelfTest {},
    31 => CryptoCase { operation, input },
    32 => Version {},
    33 => BlockGet { cids },
    34 => BlockPut { blocks, commit },
    35 => BlockList { cursor },
    36 => WalkBegin { root, sizes },
    37 => WalkNext { handle },
    38 => Log { from, limit },
    39 => ProofMake { path },
    40 => ProofCheck { proof, commit },
    41 => TableCase { work, nodes, workers },
    42 => MergeBases { commits },
    43 => SignReceipt { receipt },
});

impl Request<'_> {
    /// Whether the request may join others in one commit.
    #[must_use]
    pub fn joins_batch(&self) -> bool {
        matches!(
            self,
            Self::Put { .. }
                | Self::Delete { .. }
                | Self::Undelete { .. }
                | Self::SetMeta { .. }
                | Self::Move { .. }
                | Self::Copy { .. }
        )
    }
}

/// Whether `path` is a path as [`Request`] says; the error says what is wrong with it.
///
/// # Errors
/// A sentence for the user.
pub fn check_path(path: &str) -> Result<(), String> {
    use dagvault_core::limits::PATH_BYTES_MAX;
    let wrong = if path.is_empty() {
        "a path may not be empty"
    } else if path.len() > PATH_BYTES_MAX {
        "a path has at most 4096 bytes"
    } else if path.contains('\0') {
        "a path may not contain NUL"
    } else if path.split('/').any(str::is_empty) {
        "a path may not begin or end with '/' or contain '//'"
    } else if path.split('/').any(|part| part == "." || part == "..") {
        "a path may not contain '.' or '..' as a component"
    } else {
        return Ok(());
    };
    Err(wrong.into())
}
