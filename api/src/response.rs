//! What a vault answers.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use dagvault_core::cbor::Bytes;
use dagvault_core::ids::Cid;
use dagvault_core::{wire_enum, wire_struct};

use crate::error::Error;
use crate::graph::{BlockInfo, CommitInfo, Proven, WalkStep};
use crate::types::{EntryInfo, KeySlotInfo, PutOutcome, VersionInfo};

/// What a vault answers; which variant belongs to which request stands there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Response {
    /// Nothing to say.
    Done {},
    /// One outcome for each item.
    Put {
        /// In the order of the items.
        outcomes: Vec<PutOutcome>,
    },
    /// A handle, with the version that it reads.
    Handle {
        /// For the requests that follow.
        handle: u64,
        /// What it reads, for `ReadBegin`.
        version: Option<VersionInfo>,
    },
    /// A value.
    Value {
        /// Its version.
        version: VersionInfo,
        /// The value.
        value: Bytes,
    },
    /// Values of the first paths asked for.
    Values {
        /// A value, or none where it is too large or not readable.
        values: Vec<Option<Bytes>>,
    },
    /// Plain bytes.
    Bytes {
        /// The bytes.
        bytes: Bytes,
    },
    /// Paths in byte order.
    List {
        /// The paths.
        entries: Vec<EntryInfo>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// Versions, newest first.
    History {
        /// The versions.
        versions: Vec<VersionInfo>,
        /// Whether there are older ones.
        more: bool,
    },
    /// What was moved or copied.
    Moved {
        /// Counts.
        moved: Moved,
    },
    /// A step of a verification.
    Verify {
        /// So far.
        step: VerifyStep,
    },
    /// What was collected.
    Gc {
        /// Counts.
        done: GcDone,
    },
    /// Figures of the vault.
    Stat {
        /// The figures.
        stats: VaultStats,
    },
    /// Figures of the engine's memory.
    Memory {
        /// The figures.
        stats: MemoryStats,
    },
    /// The key slots.
    KeySlots {
        /// In order of their numbers.
        slots: Vec<KeySlotInfo>,
    },
    /// One answer for each request.
    Batch {
        /// In order.
        answers: Vec<BatchAnswer>,
    },
    /// A line of text.
    Text {
        /// The text.
        text: String,
    },
    /// Blocks as they are stored.
    Blocks {
        /// In the order asked for; none where there is no such block.
        blocks: Vec<Option<Bytes>>,
    },
    /// What was put.
    BlocksPut {
        /// The blocks' names, in order.
        cids: Vec<Cid>,
        /// How many of them were not there before.
        fresh: u64,
    },
    /// A page of the store's blocks.
    BlockList {
        /// Names, with lengths in bytes.
        blocks: Vec<BlockInfo>,
        /// Where to go on; none at the end.
        next: Option<u64>,
    },
    /// A page of a walk.
    Walk {
        /// Blocks, parents before children.
        steps: Vec<WalkStep>,
        /// The tree of the commit at which the walk begins, left out where nobody keeps its key: that of an older one.
        sealed: Option<Cid>,
        /// Whether this is the last page.
        done: bool,
    },
    /// Commits.
    Log {
        /// Children before parents.
        commits: Vec<CommitInfo>,
        /// Where to go on; empty at the end.
        next: Vec<Cid>,
    },
    /// What a proof proves.
    Proven {
        /// The path and what is there.
        proven: Box<Proven>,
    },
    /// How many.
    Count {
        /// The number.
        count: u64,
    },
    /// A signature of the owner's, Ed25519.
    Signature {
        /// The public key.
        signer: [u8; 32],
        /// The signature.
        signature: [u8; 64],
    },
}

wire_enum!(Response {
    0 => Done {},
    1 => Put { outcomes },
    2 => Handle { handle, version },
    3 => Value { version, value },
    4 => Values { values },
    5 => Bytes { bytes },
    6 => List { entries, more },
    7 => History { versions, more },
    8 => Moved { moved },
    9 => Verify { step },
    10 => Gc { done },
    11 => Stat { stats },
    12 => Memory { stats },
    13 => KeySlots { slots },
    14 => Batch { answers },
    15 => Text { text },
    16 => Blocks { blocks },
    17 => BlocksPut { cids, fresh },
    18 => BlockList { blocks, next },
    19 => Walk { steps, sealed, done },
    20 => Log { commits, next },
    21 => Proven { proven },
    22 => Count { count },
    23 => Signature { signer, signature },
});

/// The answer to one request of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchAnswer {
    /// It succeeded.
    Ok {
        /// Its answer.
        response: Response,
    },
    /// It failed and changed nothing.
    Err {
        /// Why.
        error: Error,
    },
}
wire_enum!(BatchAnswer { 0 => Ok { response }, 1 => Err { error } });

/// Counts of a move or copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Paths moved or copied.
    pub paths: u64,
}
wire_struct!(Moved { paths });

/// How far a verification is; the counts are totals so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VerifyStep {
    /// Whether all is verified.
    pub done: bool,
    /// Blocks verified.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Paths seen.
    pub paths: u64,
    /// Versions verified.
    pub versions: u64,
    /// Commits verified.
    pub commits: u64,
    /// Blocks known to be still ahead (a lower bound until `done`).
    pub pending: u64,
}
wire_struct!(VerifyStep { done, blocks, bytes, paths, versions, commits, pending });

/// What a collection found and removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GcDone {
    /// Blocks that the head reaches.
    pub live_blocks: u64,
    /// Their bytes.
    pub live_bytes: u64,
    /// Blocks removed, or that would be.
    pub dead_blocks: u64,
    /// Their bytes.
    pub dead_bytes: u64,
}
wire_struct!(GcDone { live_blocks, live_bytes, dead_blocks, dead_bytes });

/// Figures of a vault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VaultStats {
    /// The vault's id.
    pub vault: [u8; 16],
    /// Commits so far.
    pub sequence: u64,
    /// The newest commit, as CID text.
    pub commit: String,
    /// Time of the newest commit, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// Epoch of the space's keys: one more after each destroy.
    pub epoch: u64,
    /// Paths.
    pub paths: u64,
    /// Versions.
    pub versions: u64,
    /// Bytes of the newest live values.
    pub value_bytes: u64,
    /// Bytes that they take in the vault before padding.
    pub stored_bytes: u64,
    /// Blocks in the store, garbage included.
    pub blocks: u64,
    /// Their bytes.
    pub block_bytes: u64,
    /// Levels of the state tree.
    pub depth: u64,
    /// Key slots in use.
    pub key_slots: u64,
    /// Whether sealed blocks are opened again on another backend.
    pub paranoid: bool,
}
wire_struct!(VaultStats {
    vault,
    sequence,
    commit,
    time_ms,
    epoch,
    paths,
    versions,
    value_bytes,
    stored_bytes,
    blocks,
    block_bytes,
    depth,
    key_slots,
    paranoid,
});

/// Use of one memory region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegionUse {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Slots in it, 0 where it has none.
    pub slots: u64,
    /// Slots taken now.
    pub used: u64,
    /// Most slots taken at once.
    pub peak: u64,
    /// Most bytes used in one slot.
    pub bytes_peak: u64,
    /// Times that a slot was given back and zeroed.
    pub resets: u64,
}
wire_struct!(RegionUse { name, bytes, slots, used, peak, bytes_peak, resets });

/// Use of the heap; zero where the engine does not count it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeapStats {
    /// Bytes in use.
    pub used: u64,
    /// Most bytes in use at once.
    pub peak: u64,
    /// Bytes that the heap has claimed from the memory.
    pub claimed: u64,
    /// Allocations so far.
    pub allocations: u64,
    /// Free bytes inside the claimed part that are not in one piece, in thousandths of all free bytes.
    pub fragmentation_permille: u64,
}
wire_struct!(HeapStats { used, peak, claimed, allocations, fragmentation_permille });

/// Use of the engine's memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemoryStats {
    /// The fixed regions in order.
    pub regions: Vec<RegionUse>,
    /// The heap behind them.
    pub heap: HeapStats,
    /// Bytes of decrypted nodes in the cache.
    pub cache_bytes: u64,
    /// Nodes in the cache.
    pub cache_nodes: u64,
    /// The node tables of traversals.
    pub tables: TableUse,
}
wire_struct!(MemoryStats { regions, heap, cache_bytes, cache_nodes, tables });

/// How node tables were used so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TableUse {
    /// Tables made, one for each verification, collection or walk.
    pub tables: u64,
    /// Most nodes in one of them, with numbers that workers held.
    pub nodes: u64,
    /// Most bytes of one of them, slots in the DAG region not counted.
    pub bytes: u64,
}
wire_struct!(TableUse { tables, nodes, bytes });
