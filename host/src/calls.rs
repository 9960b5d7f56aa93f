//! What each import does: the only way from the guest to the store and the system. No number is trusted.

use std::sync::Arc;

use dagvault_core::abi::{
    ABSENT_LENGTH, BLOCK_ROW_BYTES, COMMIT_ERASE_OLD_CELLS, COMMIT_MORE_TO_COME, CURSOR_END, IDS_MAX,
    ITERATE_ROW_BYTES, ITERATE_ROWS_MAX, JOBS_MAX, LOG_BYTES_MAX, LOG_NO_MEMORY, LOG_PANIC,
};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::{CellId, Cid, DIGEST_BYTES};
use dagvault_core::limits::{BATCH_BLOCKS_MAX, BLOCK_BYTES_MAX, HEAD_BYTES_MAX};
use dagvault_core::parallel;
use dagvault_core::wipe::Wiped;
use dagvault_crypto::argon2id::Params;
use dagvault_dag::store::{Block, CommitOptions, Cursor};
use wasmtime::Caller;

use crate::accel::Accelerators;
use crate::failure::Failure;
use crate::imports::Imports;
use crate::instance::{Shared, State, run_here};
use crate::pool::Job;

/// Bytes before each block in the answer of `block_get_many`.
const LENGTH_BYTES: usize = 4;
/// Blocks from which on it is worth it to read by several threads.
const SPREAD_BLOCKS: usize = 4;
/// Most bytes of randomness that one call draws.
const RANDOM_BYTES_MAX: usize = 1024 * 1024;

/// An import that is being served.
pub(crate) struct Call<'a>(pub(crate) Caller<'a, State>);

/// Whether `count` is within `max`; a guest of ours asks for no more.
fn bounded(what: &str, count: u32, max: usize) -> Result<usize, Failure> {
    let count = count as usize;
    if count > max { Err(Failure::misbehaved(format!("{count} {what}, over {max}"))) } else { Ok(count) }
}

fn length(bytes: usize) -> Result<u32, Failure> {
    u32::try_from(bytes).map_err(|_| Failure::misbehaved("a length over 32 bits"))
}

/// The number of a count that is certainly small.
fn number(count: usize) -> Result<i64, Failure> {
    length(count).map(i64::from)
}

/// `base + bytes`, in 32 bits.
fn plus(base: u32, bytes: usize) -> Result<u32, Failure> {
    length(bytes)?.checked_add(base).ok_or_else(|| Failure::misbehaved("an address over 32 bits"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

impl Call<'_> {
    fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.0.data().shared)
    }

    /// What the imports of stores and randomness need; a job may not use them.
    fn outside_jobs(&self, name: &str) -> Result<Arc<Shared>, Failure> {
        if self.0.data().in_job {
            return Err(Failure::misbehaved(format!("a job calls '{name}'")));
        }
        Ok(self.shared())
    }

    fn lent(&mut self) -> Accelerators<'_> {
        let State { shared, scratch, .. } = self.0.data_mut();
        Accelerators { offer: shared.offer, memory: &shared.memory, scratch }
    }
}

impl Shared {
    /// The number for the guest; the words of a failure are kept for the error that the caller gets.
    fn answer(&self, result: Result<i64, StoreError>) -> i64 {
        result.unwrap_or_else(|error| {
            let code = -i64::from(error.kind as u8);
            self.notes().store_error = Some(error);
            code
        })
    }

    fn ids(&self, at: u32, count: usize) -> Result<Vec<Cid>, Failure> {
        let bytes = self.memory.read_vec(at, count * DIGEST_BYTES)?;
        Ok(bytes.as_chunks().0.iter().map(|digest| Cid(*digest)).collect())
    }

    /// The blocks of a table. Every length is checked before anything is copied.
    fn blocks(&self, table: u32, count: u32) -> Result<Vec<Block>, Failure> {
        let count = bounded("blocks", count, BATCH_BLOCKS_MAX)?;
        let table = self.memory.read_vec(table, count * BLOCK_ROW_BYTES)?;
        let (rows, _) = table.as_chunks::<BLOCK_ROW_BYTES>();
        let blocks = rows.iter().map(|row| {
            let mut cid = Cid([0; DIGEST_BYTES]);
            cid.0.copy_from_slice(&row[..DIGEST_BYTES]);
            let bytes = bounded("bytes of a block", u32_at(row, DIGEST_BYTES + 4), BLOCK_BYTES_MAX)?;
            Ok(Block { cid, bytes: self.memory.read_vec(u32_at(row, DIGEST_BYTES), bytes)? })
        });
        blocks.collect()
    }

    /// Writes blocks at `out` one behind the other, as many as fit into `room` bytes.
    fn write_blocks(&self, blocks: &[Option<Vec<u8>>], out: u32, room: usize) -> Result<i64, Failure> {
        let mut used = 0;
        let mut places = Vec::with_capacity(blocks.len());
        for block in blocks {
            let end = used + LENGTH_BYTES + block.as_ref().map_or(0, Vec::len);
            if end > room {
                break;
            }
            places.push(plus(out, used)?);
            used = end;
        }
        let written = parallel::map_moving(places.len(), used, |at| {
            let bytes = blocks[at].as_deref();
            let head = bytes.map_or(Ok(ABSENT_LENGTH), |bytes| length(bytes.len()))?;
            self.memory.write(places[at], &head.to_le_bytes())?;
            self.memory.write(plus(places[at], LENGTH_BYTES)?, bytes.unwrap_or_default())
        });
        written.into_iter().collect::<Result<Vec<()>, Failure>>()?;
        number(places.len())
    }
}

impl Imports for Call<'_> {
    fn block_get_many(&mut self, ids: u32, count: u32, out: u32, out_bytes: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("block_get_many")?;
        let count = bounded("blocks", count, BATCH_BLOCKS_MAX)?;
        let room = out_bytes as usize;
        // Checked before the store works; a first block that does not fit would repeat for ever.
        shared.memory.check(out, room)?;
        if room < LENGTH_BYTES + BLOCK_BYTES_MAX {
            return Err(Failure::misbehaved("no room for a block"));
        }
        // Only blocks that fit whatever their size: nothing is read twice.
        let count = count.min(room / (LENGTH_BYTES + BLOCK_BYTES_MAX));
        let ids = shared.ids(ids, count)?;
        let read = || match shared.store.get_many(&ids) {
            Ok(blocks)
                if blocks.len() == count && blocks.iter().flatten().all(|b| b.len() <= BLOCK_BYTES_MAX) =>
            {
                shared.write_blocks(&blocks, out, room)
            }
            Ok(_) => {
                Ok(shared.answer(Err(StoreError::new(StoreErrorKind::Io, "the store read other blocks"))))
            }
            Err(error) => Ok(shared.answer(Err(error))),
        };
        if count < SPREAD_BLOCKS { read() } else { shared.spread(read) }
    }

    fn block_put_many(&mut self, table: u32, count: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("block_put_many")?;
        let blocks = shared.blocks(table, count)?;
        Ok(shared.answer(shared.store.put_many(blocks).map(|()| 0)))
    }

    fn block_has_many(&mut self, ids: u32, count: u32, out: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("block_has_many")?;
        let count = bounded("digests", count, IDS_MAX as usize)?;
        shared.memory.check(out, count)?;
        let ids = shared.ids(ids, count)?;
        match shared.store.has_many(&ids) {
            Ok(found) if found.len() == count => {
                let flags: Vec<u8> = found.into_iter().map(u8::from).collect();
                shared.memory.write(out, &flags)?;
                Ok(0)
            }
            Ok(_) => {
                Ok(shared.answer(Err(StoreError::new(StoreErrorKind::Io, "the store knows other blocks"))))
            }
            Err(error) => Ok(shared.answer(Err(error))),
        }
    }

    fn block_delete_many(&mut self, ids: u32, count: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("block_delete_many")?;
        let count = bounded("digests", count, IDS_MAX as usize)?;
        let ids = shared.ids(ids, count)?;
        let deleted = shared.store.delete_many(&ids);
        Ok(shared.answer(deleted.map(|count| i64::try_from(count).unwrap_or(i64::MAX))))
    }

    fn block_iterate(&mut self, cursor: u64, out: u32, rows: u32, next: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("block_iterate")?;
        let rows = bounded("rows", rows, ITERATE_ROWS_MAX as usize)?;
        shared.memory.check(out, rows * ITERATE_ROW_BYTES)?;
        let (page, following) = match shared.store.iterate(Cursor(cursor)) {
            Ok((page, _)) if page.len() > rows => {
                let detail = format!("a page of {} blocks, over {rows}", page.len());
                return Ok(shared.answer(Err(StoreError::new(StoreErrorKind::Limit, detail))));
            }
            Ok((page, following)) => (page, following.map_or(CURSOR_END, |cursor| cursor.0)),
            Err(error) => return Ok(shared.answer(Err(error))),
        };
        let mut bytes = Vec::with_capacity(page.len() * ITERATE_ROW_BYTES);
        for (cid, length) in &page {
            bytes.extend_from_slice(&cid.0);
            bytes.extend_from_slice(&length.to_le_bytes());
        }
        shared.memory.write(out, &bytes)?;
        shared.memory.write(next, &following.to_le_bytes())?;
        number(page.len())
    }

    fn cell_load(&mut self, cell: u32, out: u32, out_bytes: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("cell_load")?;
        shared.memory.check(out, out_bytes as usize)?;
        match shared.store.cell_load(CellId(cell)) {
            Ok(Some(value)) => {
                if value.len() <= out_bytes as usize {
                    shared.memory.write(out, &value)?;
                }
                number(value.len())
            }
            // Not a failure of the store, and no words go with it.
            Ok(None) => Ok(-i64::from(StoreErrorKind::Absent as u8)),
            Err(error) => Ok(shared.answer(Err(error))),
        }
    }

    fn commit(
        &mut self,
        table: u32,
        count: u32,
        cell: u32,
        expected: u32,
        new: u32,
        new_bytes: u32,
        flags: u32,
    ) -> Result<i64, Failure> {
        let shared = self.outside_jobs("commit")?;
        if flags & !(COMMIT_ERASE_OLD_CELLS | COMMIT_MORE_TO_COME) != 0 {
            return Err(Failure::misbehaved(format!("unknown flags {flags:#x}")));
        }
        let new_bytes = bounded("bytes of a cell", new_bytes, HEAD_BYTES_MAX)?;
        let new = shared.memory.read_vec(new, new_bytes)?;
        let mut digest = [0; DIGEST_BYTES];
        if expected != 0 {
            shared.memory.read(expected, &mut digest)?;
        }
        let expected = (expected != 0).then_some(digest);
        let blocks = shared.blocks(table, count)?;
        let options = CommitOptions {
            erase_old_cells: flags & COMMIT_ERASE_OLD_CELLS != 0,
            more_to_come: flags & COMMIT_MORE_TO_COME != 0,
        };
        let done = shared.store.commit(blocks, CellId(cell), expected, &new, options);
        Ok(shared.answer(done.map(|()| 0)))
    }

    fn sync(&mut self) -> Result<i64, Failure> {
        let shared = self.outside_jobs("sync")?;
        Ok(shared.answer(shared.store.sync().map(|()| 0)))
    }

    fn random(&mut self, out: u32, bytes: u32) -> Result<i64, Failure> {
        let shared = self.outside_jobs("random")?;
        let bytes = bounded("random bytes", bytes, RANDOM_BYTES_MAX)?;
        shared.memory.check(out, bytes)?;
        let mut drawn = Wiped(vec![0; bytes]);
        match shared.system.random(&mut drawn) {
            Ok(()) => {
                shared.memory.write(out, &drawn)?;
                Ok(0)
            }
            Err(error) => Ok(shared.answer(Err(error))),
        }
    }

    fn now_ms(&mut self) -> Result<i64, Failure> {
        Ok(i64::try_from(self.shared().system.now_ms()).unwrap_or(i64::MAX))
    }

    fn parallel_for(&mut self, job: u32, ctx: u32, count: u32) -> Result<i64, Failure> {
        bounded("jobs", count, JOBS_MAX as usize)?;
        let shared = self.shared();
        let helpers = (shared.workers - 1).min((count as usize).saturating_sub(1));
        // A job that spreads work itself runs it where it is: every worker has its hands full.
        if self.0.data().in_job || helpers == 0 {
            let outer = std::mem::replace(&mut self.0.data_mut().in_job, true);
            let done = (0..count).try_for_each(|index| run_here(&mut self.0, job, ctx, index));
            self.0.data_mut().in_job = outer;
            return done.map(|()| 0);
        }
        self.0.data_mut().in_job = true;
        let caller = &mut self.0;
        let done = shared.pool.run(&shared, Job { job, context: ctx, count }, helpers, |batch| {
            while let Some(index) = batch.ticket() {
                if let Err(failure) = run_here(caller, job, ctx, index) {
                    batch.fail(failure);
                    shared.deadline.interrupt();
                }
            }
        });
        self.0.data_mut().in_job = false;
        done?;
        shared.check_canaries()?;
        Ok(0)
    }

    fn log(&mut self, level: u32, text: u32, bytes: u32) -> Result<i64, Failure> {
        let shared = self.shared();
        let bytes = bounded("bytes of a log line", bytes, LOG_BYTES_MAX as usize)?;
        let text = shared.memory.read_vec(text, bytes)?;
        // The guest's text may reach a terminal.
        let text: String = String::from_utf8_lossy(&text)
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .collect();
        match level {
            LOG_NO_MEMORY => shared.notes().no_memory = true,
            LOG_PANIC => shared.notes().panic = Some(text.clone()),
            _ => {}
        }
        if let Some(log) = &shared.log {
            log(level, &text);
        }
        Ok(0)
    }

    fn accelerators(&mut self) -> Result<i64, Failure> {
        Ok(self.0.data().shared.offer.features.into())
    }

    fn accel_seal(&mut self, suite: u32, parts: u32) -> Result<i64, Failure> {
        self.lent().seal(suite, parts)
    }

    fn accel_open(&mut self, suite: u32, parts: u32) -> Result<i64, Failure> {
        self.lent().open(suite, parts)
    }

    fn accel_sha256(&mut self, parts: u32, count: u32, out: u32) -> Result<i64, Failure> {
        self.lent().sha256(parts, count, out)
    }

    fn accel_blake3(&mut self, key: u32, parts: u32, count: u32, out: u32) -> Result<i64, Failure> {
        self.lent().blake3(key, parts, count, out)
    }

    fn accel_argon2id(
        &mut self,
        parts: u32,
        memory_kib: u32,
        passes: u32,
        lanes: u32,
    ) -> Result<i64, Failure> {
        // One at a time: each has memory of its own.
        self.outside_jobs("accel_argon2id")?;
        self.lent().argon2id(parts, &Params { memory_kib, passes, lanes })
    }
}
