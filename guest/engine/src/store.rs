//! The host's store through the imports.

use alloc::vec::Vec;

use dagvault_core::abi::{
    ABSENT_LENGTH, BLOCK_ROW_BYTES, COMMIT_ERASE_OLD_CELLS, COMMIT_MORE_TO_COME, CURSOR_END, IDS_MAX,
    ITERATE_ROW_BYTES, ITERATE_ROWS_MAX,
};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid, DIGEST_BYTES};
use dagvault_core::limits::{BATCH_BLOCKS_MAX, BLOCK_BYTES_MAX, HEAD_BYTES_MAX};
use dagvault_core::parallel;
use dagvault_dag::store::{Block, BlockStore, CommitOptions, Cursor, Page, Store, Visitor};

use crate::imports::{self, address};

/// Blocks for which one reading call has room at least, whatever their size.
const READ_BLOCKS: usize = 16;
/// Bytes before each block in the answer of `block_get_many`.
const LENGTH_BYTES: usize = 4;
/// Longest value of a cell that is read at all.
const CELL_BYTES_MAX: usize = 64 * HEAD_BYTES_MAX;

/// The host's store.
pub(crate) struct HostStore;

/// What an import answered, or the failure that it stands for; the host keeps the words.
pub(crate) fn checked(answer: i64) -> Result<u64, StoreError> {
    u64::try_from(answer).map_err(|_| {
        let kind = answer.checked_neg().and_then(|code| u8::try_from(code).ok());
        StoreError::new(kind.and_then(StoreErrorKind::from_code).unwrap_or(StoreErrorKind::Io), "")
    })
}

fn misuse(detail: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Misuse, detail)
}

/// Room for `bytes` bytes, or `Memory`: the memory's maximum is the user's to set.
fn room(bytes: usize) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::new();
    out.try_reserve_exact(bytes).map_err(|_| StoreError::new(StoreErrorKind::Memory, ""))?;
    Ok(out)
}

/// The digests one behind the other. `Cid` is a tuple struct around its bytes, without a promise on layout.
fn digests(ids: &[Cid]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.0).collect()
}

fn table(blocks: &[Block]) -> Vec<u8> {
    let mut rows = Vec::with_capacity(blocks.len() * BLOCK_ROW_BYTES);
    for block in blocks {
        rows.extend_from_slice(&block.cid.0);
        rows.extend_from_slice(&address(block.bytes.as_ptr()).to_le_bytes());
        rows.extend_from_slice(&(block.bytes.len() as u32).to_le_bytes());
    }
    rows
}

fn take<'a>(from: &mut &'a [u8], bytes: usize) -> Result<&'a [u8], StoreError> {
    let (head, tail) =
        from.split_at_checked(bytes).ok_or_else(|| misuse("the host's answer is too short"))?;
    *from = tail;
    Ok(head)
}

fn take_u32(from: &mut &[u8]) -> Result<u32, StoreError> {
    let bytes = take(from, LENGTH_BYTES)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// Reads the first blocks of `ids`, at least one, and hands them on with their length in all; answers how many.
fn get_some(ids: &[Cid], each: impl FnOnce(&[Option<&[u8]>], usize)) -> Result<usize, StoreError> {
    let names = digests(ids);
    let bytes = |blocks: usize| ids.len().min(blocks) * (LENGTH_BYTES + BLOCK_BYTES_MAX);
    // Where memory is short one at a time does as well.
    let mut buffer = room(bytes(READ_BLOCKS)).or_else(|_| room(bytes(1)))?;
    let capacity = buffer.capacity();
    let place = buffer.as_mut_ptr();
    // SAFETY: `names` and `buffer` are alive during the call; the host writes within `capacity` bytes, which
    // `buffer` has reserved.
    let answer = unsafe {
        imports::block_get_many(address(names.as_ptr()), ids.len() as u32, address(place), capacity as u32)
    };
    let count = checked(answer)? as usize;
    if count == 0 || count > ids.len() {
        return Err(misuse("the host read another number of blocks"));
    }
    let written = |at: usize, bytes: usize| -> Result<&[u8], StoreError> {
        if at.checked_add(bytes).is_none_or(|end| end > capacity) {
            return Err(misuse("the host's answer is too short"));
        }
        // SAFETY: within what was reserved, and initialised by the host, which wrote `count` lengths with as many
        // bytes behind each.
        Ok(unsafe { core::slice::from_raw_parts(place.add(at), bytes) })
    };
    let mut at = 0;
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        let length = take_u32(&mut written(at, LENGTH_BYTES)?)?;
        at += LENGTH_BYTES;
        let bytes = if length == ABSENT_LENGTH { None } else { Some(written(at, length as usize)?) };
        at += bytes.map_or(0, <[u8]>::len);
        blocks.push(bytes);
    }
    each(&blocks, at);
    Ok(count)
}

impl BlockStore for HostStore {
    fn get_many(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut out = Vec::with_capacity(ids.len());
        let mut done = 0;
        while done < ids.len() {
            let end = ids.len().min(done + BATCH_BLOCKS_MAX);
            done += get_some(&ids[done..end], |blocks, bytes| {
                let copy = |at: usize| blocks[at].map(<[u8]>::to_vec);
                out.extend(parallel::map_moving(blocks.len(), bytes, copy));
            })?;
        }
        Ok(out)
    }

    fn get_each(&self, ids: &[Cid], visit: Visitor<'_>) -> Result<(), StoreError> {
        let mut done = 0;
        while done < ids.len() {
            let end = ids.len().min(done + BATCH_BLOCKS_MAX);
            done += get_some(&ids[done..end], |blocks, _| {
                parallel::for_each(blocks.len(), &|at| visit(done + at, blocks[at].map(<[u8]>::to_vec)));
            })?;
        }
        Ok(())
    }

    fn put_many(&self, blocks: Vec<Block>) -> Result<(), StoreError> {
        for batch in blocks.chunks(BATCH_BLOCKS_MAX) {
            let rows = table(batch);
            // SAFETY: the rows and the blocks that they name are alive during the call; the host only reads.
            checked(unsafe { imports::block_put_many(address(rows.as_ptr()), batch.len() as u32) })?;
        }
        Ok(())
    }

    fn has_many(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        let mut out = Vec::with_capacity(ids.len());
        for batch in ids.chunks(IDS_MAX as usize) {
            let names = digests(batch);
            let mut flags = alloc::vec![0_u8; batch.len()];
            let (from, to) = (address(names.as_ptr()), address(flags.as_mut_ptr()));
            // SAFETY: both are alive during the call, and the host writes a byte for each digest at `flags`.
            checked(unsafe { imports::block_has_many(from, batch.len() as u32, to) })?;
            out.extend(flags.iter().map(|flag| *flag != 0));
        }
        Ok(out)
    }

    fn delete_many(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        for batch in ids.chunks(IDS_MAX as usize) {
            let names = digests(batch);
            // SAFETY: the digests are alive during the call; the host only reads.
            let answer = unsafe { imports::block_delete_many(address(names.as_ptr()), batch.len() as u32) };
            deleted = deleted.saturating_add(checked(answer)?);
        }
        Ok(deleted)
    }

    fn iterate(&self, cursor: Cursor) -> Result<Page, StoreError> {
        let mut rows = alloc::vec![0_u8; ITERATE_ROWS_MAX as usize * ITERATE_ROW_BYTES];
        let mut next = [0_u8; 8];
        let (to, to_next) = (address(rows.as_mut_ptr()), address(next.as_mut_ptr()));
        // SAFETY: both are borrowed exclusively for the call and as long as it says.
        let count =
            checked(unsafe { imports::block_iterate(cursor.0, to, ITERATE_ROWS_MAX, to_next) })? as usize;
        let bytes = count.checked_mul(ITERATE_ROW_BYTES).and_then(|bytes| rows.get(..bytes));
        let bytes = bytes.ok_or_else(|| misuse("the host listed too many blocks"))?;
        let page = bytes.chunks_exact(ITERATE_ROW_BYTES).map(|mut row| {
            let mut cid = Cid([0; DIGEST_BYTES]);
            cid.0.copy_from_slice(take(&mut row, DIGEST_BYTES)?);
            Ok((cid, take_u32(&mut row)?))
        });
        let next = u64::from_le_bytes(next);
        Ok((page.collect::<Result<_, StoreError>>()?, (next != CURSOR_END).then_some(Cursor(next))))
    }
}

impl Store for HostStore {
    fn cell_load(&self, cell: CellId) -> Result<Option<Vec<u8>>, StoreError> {
        let mut capacity = HEAD_BYTES_MAX;
        loop {
            let mut value = room(capacity)?;
            value.resize(capacity, 0);
            // SAFETY: `value` is borrowed exclusively for the call and `capacity` bytes long.
            let answer = unsafe { imports::cell_load(cell.0, address(value.as_mut_ptr()), capacity as u32) };
            let length = match checked(answer) {
                Ok(length) => length as usize,
                Err(error) if error.kind == StoreErrorKind::Absent => return Ok(None),
                Err(error) => return Err(error),
            };
            if length <= capacity {
                value.truncate(length);
                return Ok(Some(value));
            }
            if length > CELL_BYTES_MAX {
                return Err(StoreError::new(StoreErrorKind::Limit, "cell"));
            }
            // Another process may make it longer meanwhile; the next turn sees that.
            capacity = length;
        }
    }

    fn commit(
        &self,
        mut blocks: Vec<Block>,
        cell: CellId,
        expected: Option<[u8; 32]>,
        new: &[u8],
        options: CommitOptions,
    ) -> Result<(), StoreError> {
        // What goes beyond one call goes ahead: a commit makes durable what was put before it.
        if blocks.len() > BATCH_BLOCKS_MAX {
            let last = blocks.split_off(blocks.len() - BATCH_BLOCKS_MAX);
            self.put_many(core::mem::replace(&mut blocks, last))?;
        }
        let rows = table(&blocks);
        let expected_at = expected.as_ref().map_or(0, |digest| address(digest.as_ptr()));
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let flags = flag(options.erase_old_cells, COMMIT_ERASE_OLD_CELLS)
            | flag(options.more_to_come, COMMIT_MORE_TO_COME);
        // SAFETY: the rows, their blocks, the digest and the new value are alive during the call; the host
        // only reads.
        let answer = unsafe {
            imports::commit(
                address(rows.as_ptr()),
                blocks.len() as u32,
                cell.0,
                expected_at,
                address(new.as_ptr()),
                new.len() as u32,
                flags,
            )
        };
        checked(answer).map(drop)
    }

    fn sync(&self) -> Result<(), StoreError> {
        // SAFETY: the call has no pointers.
        checked(unsafe { imports::sync() }).map(drop)
    }
}
