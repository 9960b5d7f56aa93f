//! Parallel traversal: follows links from roots, many blocks at a time, on all workers, and visits each block once.
//!
//! A node table remembers which blocks were met and how they are linked; a stack holds what is still to be visited, so
//! that blocks on their way take memory by the depth and not by the width of the graph.

use alloc::format;
use alloc::vec::Vec;

use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use spin::Mutex;

use crate::store::Store;
use crate::table::{Flag, Node, NodeTable, TableError};

/// Set on every node that a walk has met: a root, or linked to by what was visited.
pub const MET: Flag = Flag::new(0);

/// What a link says of its block besides the name, in short: two links that say the same have the same promise, others
/// differ in all likelihood, whoever made them up.
pub type Promise = u128;

/// What to do with one link of a traversal.
pub trait Task: Sized + Send + Sync {
    /// Why a block is refused.
    type Error: From<StoreError> + Send;

    /// What is learnt from a block besides further links.
    type Found: Send;

    /// What every visit needs.
    type Context<'c>: Sync;

    /// Which block the link names.
    fn cid(&self) -> Cid;

    /// What the link says of it. A block is visited again for a link that says something else.
    fn promise(&self) -> Promise;

    /// Checks and reads the block; tells what it links to. Runs on any worker: it only computes.
    ///
    /// # Errors
    /// If the block is not what the link promised.
    fn visit(
        self,
        context: &Self::Context<'_>,
        block: Vec<u8>,
        links: &mut Links<Self>,
    ) -> Result<Self::Found, Self::Error>;
}

/// What a block links to.
#[derive(Debug)]
pub struct Links<T> {
    /// Links to be followed: the last is followed first.
    pub next: Vec<T>,
    /// Blocks that are linked to and need no visit.
    pub leaves: Vec<Cid>,
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self { next: Vec::new(), leaves: Vec::new() }
    }
}

/// A block that was visited.
#[derive(Debug)]
pub struct Visited<F> {
    /// The block.
    pub node: Node,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it had been visited before, for a link that said something else of it.
    pub again: bool,
    /// What was found in it.
    pub found: F,
    /// Links in it.
    pub links: u64,
    /// Links in it that lead to what had been met before.
    pub shared: u64,
    /// Leaves that had not been met before.
    pub leaves: Vec<Node>,
}

/// One link to visit.
#[derive(Debug)]
struct Pending<T> {
    node: Node,
    again: bool,
    task: T,
}

/// What a worker brings back from a visit: what was found, and the links with their nodes.
type Brought<T> = (u64, <T as Task>::Found, Vec<(Node, T)>, Vec<Node>);

/// What becomes of a link: it waits, then a worker has visited its block.
type Place<T> = Mutex<(Option<Pending<T>>, Option<Result<(Node, bool, Brought<T>), <T as Task>::Error>>)>;

/// A traversal under way.
#[derive(Debug)]
pub struct Walk<T> {
    table: NodeTable,
    stack: Vec<Pending<T>>,
    /// By the number of the node.
    promises: Vec<Promise>,
}

impl<T: Task> Walk<T> {
    /// A traversal that remembers what it met in `table`, which may know blocks already.
    #[must_use]
    pub fn new(table: NodeTable) -> Self {
        Self { table, stack: Vec::new(), promises: Vec::new() }
    }

    /// Begins at a block, too; answers whether it was met for the first time.
    ///
    /// # Errors
    /// If the table has no place for it.
    pub fn begin(&mut self, root: T) -> Result<bool, StoreError> {
        let (node, _) = self.table.worker().insert(&root.cid())?;
        self.meet(node, root)
    }

    /// Meets a block that needs no visit; answers whether it was for the first time.
    ///
    /// # Errors
    /// If the table has no place for it.
    pub fn leaf(&mut self, cid: &Cid) -> Result<bool, StoreError> {
        let (node, _) = self.table.worker().insert(cid)?;
        Ok(self.table.set(node, MET))
    }

    /// Puts a link ahead unless its block was met by one that said the same; answers whether it was met first.
    fn meet(&mut self, node: Node, task: T) -> Result<bool, StoreError> {
        let first = self.table.set(node, MET);
        let promise = task.promise();
        if self.promises.len() <= node.index() {
            let more = node.index() + 1 - self.promises.len();
            self.promises.try_reserve(more).map_err(|_| TableError::Memory)?;
            self.promises.resize(node.index() + 1, 0);
        }
        if first || self.promises[node.index()] != promise {
            self.promises[node.index()] = promise;
            self.stack.try_reserve(1).map_err(|_| TableError::Memory)?;
            self.stack.push(Pending { node, again: !first, task });
        }
        Ok(first)
    }

    /// Links that are known and not yet followed.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.stack.len()
    }

    /// Takes a link out that is not yet followed.
    pub fn take(&mut self, cid: &Cid) -> Option<T> {
        let node = self.table.find(cid)?;
        let at = self.stack.iter().position(|pending| pending.node == node)?;
        Some(self.stack.remove(at).task)
    }

    /// What was met, and how it is linked.
    #[must_use]
    pub fn table(&self) -> &NodeTable {
        &self.table
    }

    /// Follows up to `count` links; answers what was found, empty at the end.
    ///
    /// # Errors
    /// `Corrupt` naming a block that is missing, the first failure of a visit, or a full table.
    pub fn step(
        &mut self,
        store: &dyn Store,
        context: &T::Context<'_>,
        count: usize,
    ) -> Result<Vec<Visited<T::Found>>, T::Error> {
        let now = self.stack.split_off(self.stack.len().saturating_sub(count));
        let ids: Vec<_> = now.iter().map(|pending| pending.task.cid()).collect();
        let places: Vec<Place<T>> =
            now.into_iter().map(|pending| Mutex::new((Some(pending), None))).collect();
        let table = &self.table;
        store.get_each(&ids, &|at, block| {
            let Some(Pending { node, again, task }) = places[at].lock().0.take() else { return };
            let brought = match block {
                None => Err(missing(ids[at]).into()),
                Some(block) => visit(table, node, task, context, block),
            };
            places[at].lock().1 = Some(brought.map(|brought| (node, again, brought)));
        })?;
        let results = places
            .into_iter()
            .zip(&ids)
            .map(|(place, cid)| place.into_inner().1.unwrap_or_else(|| Err(missing(*cid).into())));
        let mut visited = Vec::with_capacity(results.len());
        for result in results {
            let (node, again, (bytes, found, next, mut leaves)) = result?;
            let links = (next.len() + leaves.len()) as u64;
            let mut first = 0;
            for (child, task) in next {
                first += u64::from(self.meet(child, task)?);
            }
            leaves.retain(|leaf| self.table.set(*leaf, MET));
            let shared = links - first - leaves.len() as u64;
            visited.push(Visited { node, bytes, again, found, links, shared, leaves });
        }
        Ok(visited)
    }
}

/// Visits one block and enters its links into the table.
fn visit<T: Task>(
    table: &NodeTable,
    node: Node,
    task: T,
    context: &T::Context<'_>,
    block: Vec<u8>,
) -> Result<Brought<T>, T::Error> {
    let bytes = block.len() as u64;
    let mut links = Links::default();
    let found = task.visit(context, block, &mut links)?;
    let Links { next, leaves } = links;
    let cids: Vec<Cid> = next.iter().map(Task::cid).chain(leaves).collect();
    let mut children = Vec::with_capacity(cids.len());
    let mut worker = table.worker();
    worker.insert_many(&cids, |child, _| children.push(child)).map_err(StoreError::from)?;
    worker.link(node, &children).map_err(StoreError::from)?;
    let leaves = children.split_off(next.len());
    Ok((bytes, found, children.into_iter().zip(next).collect(), leaves))
}

/// The failure to find a block that a link names.
#[must_use]
pub fn missing(cid: Cid) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("block {cid} is missing"))
}
