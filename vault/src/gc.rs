//! Collection of what the head does not reach.

use alloc::vec::Vec;

use dagvault_api::{Error, GcDone};
use dagvault_core::ids::Cid;
use dagvault_dag::link::Link;
use dagvault_dag::store::Cursor;

use crate::check::mark;
use crate::nodes::Nodes;
use crate::session::Session;

/// A block that is there, and whether the head reaches it.
type Candidate = (Cid, u32, bool);

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
    let mut blocks: Vec<Candidate> = Vec::new();
    let mut cursor = Some(Cursor::START);
    while let Some(at) = cursor {
        let (page, next) = nodes.store.iterate(at)?;
        blocks.extend(page.into_iter().map(|(cid, bytes)| (cid, bytes, false)));
        cursor = next;
    }
    blocks.sort_unstable();
    blocks.dedup_by_key(|(cid, ..)| *cid);
    session.refresh(nodes)?;
    mark(nodes, session, held, &mut |cid| {
        if let Ok(at) = blocks.binary_search_by_key(&cid, |(cid, ..)| *cid) {
            blocks[at].2 = true;
        }
    })?;
    let mut done = GcDone::default();
    let mut dead = Vec::new();
    for (cid, bytes, live) in blocks {
        if live {
            done.live_blocks += 1;
            done.live_bytes += u64::from(bytes);
        } else {
            done.dead_blocks += 1;
            done.dead_bytes += u64::from(bytes);
            dead.push(cid);
        }
    }
    if !dry_run && !dead.is_empty() {
        nodes.store.delete_many(&dead)?;
    }
    Ok(done)
}
