//! Blocks as they are stored, without any key.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use dagvault_api::{BlockInfo, Error, RawBlock, Response};
use dagvault_core::cbor::Bytes;
use dagvault_core::error::StoreErrorKind;
use dagvault_core::ids::{CellId, Cid};
use dagvault_core::limits::{BLOCK_BYTES_MAX, RAW_BLOCKS_MAX};
use dagvault_core::parallel;
use dagvault_crypto::hash;
use dagvault_dag::store::{Block, CommitOptions, Cursor, Store};

/// How often a commit that changes nothing is tried again while others change the head.
const TRIES_MAX: usize = 64;

fn check_count(count: usize) -> Result<(), Error> {
    if count > RAW_BLOCKS_MAX { Err(Error::limit("a request has at most 64 blocks")) } else { Ok(()) }
}

/// Reads blocks.
pub(crate) fn get(store: &dyn Store, cids: &[Cid]) -> Result<Response, Error> {
    check_count(cids.len())?;
    let blocks = store.get_many(cids)?;
    Ok(Response::Blocks { blocks: blocks.into_iter().map(|block| block.map(Bytes)).collect() })
}

/// Which blocks are there and whole. A damaged one is removed, so that no reader finds it before the bytes that are
/// about to take its place.
fn whole(store: &dyn Store, cids: &[Cid]) -> Vec<bool> {
    if let Ok(blocks) = store.get_many(cids) {
        return blocks.iter().map(Option::is_some).collect();
    }
    let one = |cid: &Cid| match store.get_many(&[*cid]) {
        Ok(found) => matches!(found[..], [Some(_)]),
        Err(_) => {
            // Where that fails, the put tells why, or helps all the same.
            let _ = store.delete_many(&[*cid]);
            false
        }
    };
    cids.iter().map(one).collect()
}

/// Writes blocks that are not there; `streams` tells whether values are being written too.
pub(crate) fn put(
    store: &dyn Store,
    blocks: &[RawBlock<'_>],
    commit: bool,
    streams: bool,
) -> Result<Response, Error> {
    check_count(blocks.len())?;
    if let Some(wrong) = blocks.iter().find(|block| !(1..=BLOCK_BYTES_MAX).contains(&block.bytes.len())) {
        return Err(Error::limit(format!("a block has 1 to 262144 bytes, not {}", wrong.bytes.len())));
    }
    let cids = parallel::map(blocks.len(), |index| Cid(hash::hash(&blocks[index].bytes)));
    for (block, cid) in blocks.iter().zip(&cids) {
        if let Some(named) = block.cid.filter(|named| named != cid) {
            return Err(Error::bad_request(format!("the bytes given for block {named} hash to {cid}")));
        }
    }
    let there = whole(store, &cids);
    let mut taken = BTreeSet::new();
    let fresh: Vec<Block> = blocks
        .iter()
        .zip(&cids)
        .zip(there)
        .filter(|((_, cid), there)| !there && taken.insert(**cid))
        .map(|((block, cid), _)| Block { cid: *cid, bytes: block.bytes.to_vec() })
        .collect();
    let count = fresh.len() as u64;
    if !fresh.is_empty() {
        store.put_many(fresh)?;
    }
    if commit {
        keep(store, streams)?;
    }
    Ok(Response::BlocksPut { cids, fresh: count })
}

/// Makes what was put durable by a commit that leaves the head as it is.
fn keep(store: &dyn Store, streams: bool) -> Result<(), Error> {
    let options = CommitOptions { more_to_come: streams, ..CommitOptions::default() };
    for _ in 0..TRIES_MAX {
        let head = store.cell_load(CellId::HEAD)?;
        let head = head.ok_or_else(|| Error::Absent { detail: "the store has no head".into() })?;
        match store.commit(Vec::new(), CellId::HEAD, Some(hash::hash(&head)), &head, options) {
            Err(error) if error.kind == StoreErrorKind::Conflict => {}
            other => return Ok(other?),
        }
    }
    Err(Error::Busy { detail: "other writers kept changing the vault".into() })
}

/// Lists a page.
pub(crate) fn list(store: &dyn Store, cursor: Option<u64>) -> Result<Response, Error> {
    let (page, next) = store.iterate(cursor.map_or(Cursor::START, Cursor))?;
    let blocks = page.into_iter().map(|(cid, bytes)| BlockInfo { cid, bytes: bytes.into() });
    Ok(Response::BlockList { blocks: blocks.collect(), next: next.map(|cursor| cursor.0) })
}
