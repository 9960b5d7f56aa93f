//! Verification of a graph of plain blocks in files, beside hashing the same bytes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use dagvault_benches::store_in;
use dagvault_core::arena::Regions;
use dagvault_core::error::StoreError;
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::parallel::{self, Workers};
use dagvault_dag::files::FileStore;
use dagvault_dag::store::{Block, BlockStore as _, CommitOptions, Store as _};
use dagvault_dag::table::{Limits, NodeTable};
use dagvault_dag::walk::{Links, Promise, Task, Walk};

/// A gibibyte of leaves.
pub(crate) const BLOCKS: usize = 16 * 1024;
const BLOCK_BYTES: usize = 64 * 1024;
/// Leaves that a branch names.
const FAN_OUT: usize = 128;
/// Links followed at a time.
const STEP: usize = 256;
const LEAVES: u8 = 0;
const BRANCHES: u8 = 1;
const ROOT: u8 = 2;

/// A store with a graph of three levels: a root, branches, leaves without structure. Blocks are only named, not sealed.
pub(crate) struct Blocks {
    store: FileStore,
    root: Cid,
    /// The same leaves one behind the other.
    file: File,
    workers: [Workers; 2],
}

/// A link, which knows how far above the leaves it is.
struct Visit {
    cid: Cid,
    level: u8,
}

impl Task for Visit {
    type Error = StoreError;
    type Found = ();
    type Context<'c> = ();

    fn cid(&self) -> Cid {
        self.cid
    }

    fn promise(&self) -> Promise {
        self.level.into()
    }

    /// The store has compared the block with its name; what is left is to follow its links.
    fn visit(self, (): &(), block: Vec<u8>, links: &mut Links<Self>) -> Result<(), StoreError> {
        if self.level > LEAVES {
            let names = block.as_chunks().0.iter().rev();
            links.next.extend(names.map(|name| Self { cid: Cid(*name), level: self.level - 1 }));
        }
        Ok(())
    }
}

fn named(bytes: Vec<u8>) -> Block {
    Block { cid: Cid(dagvault_crypto::hash::hash(&bytes)), bytes }
}

impl Blocks {
    /// Plants the graph in a folder, which must be empty.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let store = store_in(&folder.join("store"))?;
        let path = folder.join("leaves");
        let file = File::create_new(&path)?;
        let (mut branches, mut state) = (Vec::new(), 1_u64);
        for branch in 0..BLOCKS / FAN_OUT {
            let mut leaves = Vec::with_capacity(FAN_OUT);
            for leaf in 0..FAN_OUT {
                let mut bytes = vec![0; BLOCK_BYTES];
                for word in bytes.chunks_exact_mut(8) {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    word.copy_from_slice(&state.to_le_bytes());
                }
                file.write_all_at(&bytes, ((branch * FAN_OUT + leaf) * BLOCK_BYTES) as u64)?;
                leaves.push(named(bytes));
            }
            branches.push(named(leaves.iter().flat_map(|leaf| leaf.cid.0).collect()));
            store.put_many(leaves)?;
        }
        let root = named(branches.iter().flat_map(|branch| branch.cid.0).collect());
        let name = root.cid;
        branches.push(root);
        store.commit(branches, CellId(1), None, b"graph", CommitOptions::default())?;
        let workers = [Workers::new(1)?, Workers::new(2)?];
        Ok(Self { store, root: name, file: File::open(path)?, workers })
    }

    /// Milliseconds to follow every link and compare every block with its name, by one or two workers.
    pub(crate) fn verify(&self, workers: usize) -> Result<f64> {
        let regions = Regions::allocate();
        let began = Instant::now();
        let mut walk = Walk::new(NodeTable::new(Some(&regions), 1, Limits::default())?);
        walk.begin(Visit { cid: self.root, level: ROOT })?;
        let (mut count, mut bytes) = (0, 0);
        self.workers[workers - 1].scope(|| -> Result<()> {
            while walk.pending() > 0 {
                for visited in walk.step(&self.store, &(), STEP)? {
                    count += 1;
                    bytes += visited.bytes;
                }
            }
            Ok(())
        })?;
        ensure!(count == BLOCKS + BLOCKS / FAN_OUT + 1, "{count} blocks");
        ensure!(bytes > (BLOCKS * BLOCK_BYTES) as u64, "{bytes} bytes");
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }

    /// Milliseconds to read and hash the leaves as parts of a plain file, by one or two workers.
    pub(crate) fn hash(&self, workers: usize) -> Result<f64> {
        let began = Instant::now();
        let part = |at: usize| -> std::io::Result<u8> {
            let (mut buffer, mut sum) = (vec![0; BLOCK_BYTES], 0);
            for block in (at * FAN_OUT)..((at + 1) * FAN_OUT) {
                self.file.read_exact_at(&mut buffer, (block * BLOCK_BYTES) as u64)?;
                sum ^= dagvault_crypto::hash::hash(&buffer)[0];
            }
            Ok(sum)
        };
        let sums = self.workers[workers - 1].scope(|| parallel::map(BLOCKS / FAN_OUT, part));
        std::hint::black_box(sums.into_iter().collect::<std::io::Result<Vec<u8>>>()?);
        Ok(began.elapsed().as_secs_f64() * 1000.0)
    }
}

const _: () = assert!(ROOT == BRANCHES + 1 && BRANCHES == LEAVES + 1);
