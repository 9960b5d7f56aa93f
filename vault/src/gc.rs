//! Collection of what the head does not reach.

use alloc::vec::Vec;

use dagvault_api::{Error, GcDone};
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use dagvault_dag::link::Link;
use dagvault_dag::store::Cursor;
use dagvault_dag::table::NodeTable;
use dagvault_dag::walk::{MET, Walk};

use crate::check::mark;
use crate::nodes::Nodes;
use crate::session::Session;

/// Stands for the length of what is not a block of the list.
const NOT_LISTED: u32 = u32::MAX;

/// Collects, or counts only.
///
/// The blocks are listed before the head is read: what another writer commits later is not in the list, and what
/// it committed before is reached from the head. A link that leads to nothing ends the collection before anything
/// is removed. `held` are links to chunks (`None`) and index nodes of a depth, of values that are being written.
pub(crate) fn collect(
    nodes: &Nodes,
    session: &mut Session,
    held: Vec<(Option<u32>, Link)>,
    dry_run: bool,
) -> Result<GcDone, Error> {
    let table = nodes.table()?;
    let lengths = list(nodes, &table)?;
    session.refresh(nodes)?;
    let mut walk = Walk::new(table);
    mark(nodes, session, held, &mut walk)?;
    let mut done = GcDone::default();
    let mut dead: Vec<Cid> = Vec::new();
    let table = walk.table();
    for node in table.nodes(0..table.numbers()) {
        let bytes = lengths.get(node.index()).copied().unwrap_or(NOT_LISTED);
        if bytes == NOT_LISTED {
            continue;
        }
        if table.is_set(node, MET) {
            done.live_blocks += 1;
            done.live_bytes += u64::from(bytes);
        } else {
            done.dead_blocks += 1;
            done.dead_bytes += u64::from(bytes);
            dead.try_reserve(1).map_err(|_| Error::Memory {})?;
            dead.push(table.cid(node));
        }
    }
    drop(walk);
    if !dry_run && !dead.is_empty() {
        nodes.store.delete_many(&dead)?;
    }
    Ok(done)
}

/// Enters all blocks into the table; answers their lengths by the numbers of their nodes.
fn list(nodes: &Nodes, table: &NodeTable) -> Result<Vec<u32>, Error> {
    let mut lengths: Vec<u32> = Vec::new();
    let mut worker = table.worker();
    let mut cursor = Some(Cursor::START);
    while let Some(at) = cursor {
        let (page, next) = nodes.store.iterate(at)?;
        let cids: Vec<Cid> = page.iter().map(|(cid, _)| *cid).collect();
        let mut numbers = Vec::with_capacity(cids.len());
        worker.insert_many(&cids, |node, _| numbers.push(node.index())).map_err(StoreError::from)?;
        let end = numbers.iter().max().map_or(0, |last| last + 1);
        lengths.try_reserve(end.saturating_sub(lengths.len())).map_err(|_| Error::Memory {})?;
        lengths.resize(lengths.len().max(end), NOT_LISTED);
        numbers.into_iter().zip(page).for_each(|(number, (_, bytes))| lengths[number] = bytes);
        cursor = next;
    }
    Ok(lengths)
}
