//! Appending to the log: the lock, recovery, one write and one sync a batch, and the next segment.

use super::FileStore;
use super::base::{Base, Name, corrupt, io_error};
use super::chain::{Deed, Link};
use super::format::{
    ALIGN, HEADER_BYTES, Kind, RECORD_BYTES, RECORD_LEN, SegmentHeader, Tag, hash, index, push_record,
};
use super::segment::{Owner, Segment, mark, rewrite};
use super::state::{LogTip, State};
use super::table::Entry;
use super::walk::{Batch, Window};
use crate::disk::{DiskFile, Open};
use crate::store::Block;
use dagvault_core::error::{StoreError, StoreErrorKind};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const WAIT_MIN: Duration = Duration::from_micros(50);
const WAIT_MAX: Duration = Duration::from_millis(10);

/// The vault's lock, held until dropped.
pub(super) struct Held<'a>(&'a dyn DiskFile);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Closing the file releases it at the latest.
        drop(self.0.unlock());
    }
}

/// A batch ready to be written.
struct Draft {
    bytes: Vec<u8>,
    batch: Batch,
}

fn draft(tag: &Tag, start: u64, previous: [u8; 32], blocks: &[Block], deed: Deed) -> Draft {
    let most = |len: usize| RECORD_LEN + len.next_multiple_of(index(ALIGN));
    let room: usize = blocks.iter().map(|block| most(block.bytes.len())).sum();
    let mut bytes = Vec::with_capacity(room + most(deed.payload_len()));
    let mut heads = blake3::Hasher::new();
    let mut entries = Vec::with_capacity(blocks.len());
    for block in blocks {
        let offset = start + bytes.len() as u64;
        heads.update(&push_record(&mut bytes, tag, start, Kind::Block, block.cid.0, &block.bytes));
        entries.push(Entry { digest: block.cid.0, offset, len: super::format::len32(block.bytes.len()) });
    }
    let link = Link { previous, batch: *heads.finalize().as_bytes(), deed };
    let payload = link.encode();
    let (id, offset, kind) = (hash(&payload), start + bytes.len() as u64, link.kind());
    push_record(&mut bytes, tag, start, kind, id, &payload);
    let end = start + bytes.len() as u64;
    Draft { bytes, batch: Batch { start, end, blocks: entries, id, offset, kind, link: Some(link) } }
}

/// The bytes of a new segment, which opens with all cells and is as good as marked.
pub(super) fn first_bytes(
    header: &SegmentHeader,
    cells: std::collections::BTreeMap<u32, Vec<u8>>,
) -> Vec<u8> {
    let opening = Deed::Commit { expected: None, cells };
    let draft = draft(&header.tag, HEADER_BYTES, header.chain, &[], opening);
    let mut bytes = header.encode();
    bytes.extend_from_slice(&draft.bytes);
    bytes.extend_from_slice(&mark(&header.tag, draft.batch.end, draft.batch.id));
    bytes
}

/// Why there is no new segment.
pub(super) enum Unwritten {
    Failed(StoreError),
    /// The sync of its name failed.
    Unnamed(io::Error),
}

impl From<Unwritten> for StoreError {
    fn from(unwritten: Unwritten) -> Self {
        match unwritten {
            Unwritten::Failed(error) => error,
            Unwritten::Unnamed(error) => io_error("log", &error),
        }
    }
}

/// Writes the next log segment, durably: it follows the link `chain` and opens with all cells.
pub(super) fn write_segment(
    base: &Base,
    number: u64,
    chain: [u8; 32],
    cells: std::collections::BTreeMap<u32, Vec<u8>>,
) -> Result<Tag, Unwritten> {
    let name = Name::Log(number);
    let (path, temporary) = (name.path(), name.temporary());
    let failed = |place: &str, error: &io::Error| Unwritten::Failed(io_error(place, error));
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    id[8..].copy_from_slice(&base.random::<8>());
    let tag = Tag { store: base.store, segment: id };
    let mut bytes = first_bytes(&SegmentHeader { tag, is_log: true, number, chain }, cells);
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    match base.disk.remove(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&temporary, &error)),
        _ => {}
    }
    base.write_new(&temporary, &path, &bytes, true).map_err(|error| failed(&path, &error))?;
    base.disk.sync_dir("log").map_err(|error| {
        drop(base.disk.remove(&path));
        Unwritten::Unnamed(error)
    })?;
    Ok(tag)
}

/// Writes zeros from one offset to another.
fn write_zeros(file: &dyn DiskFile, mut from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    while from < to {
        let zeros = &ZEROS[..ZEROS.len().min(index(to - from))];
        file.write_at(zeros, from)?;
        from += zeros.len() as u64;
    }
    Ok(())
}

impl FileStore {
    /// Remembers that a sync failed: what this handle knows is no longer to be trusted.
    pub(super) fn fatal(&self, place: &str, error: &io::Error) -> StoreError {
        self.poisoned.store(true, Ordering::Release);
        let detail = format!("{place}: {error}; open the store again to learn what was kept");
        StoreError::new(StoreErrorKind::Io, detail)
    }

    pub(super) fn check_usable(&self) -> Result<(), StoreError> {
        if self.poisoned.load(Ordering::Acquire) {
            return Err(StoreError::new(StoreErrorKind::Io, "a sync failed before: open the store again"));
        }
        Ok(())
    }

    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        if self.base.read_only {
            return Err(StoreError::new(StoreErrorKind::ReadOnly, "opened for reading"));
        }
        self.check_usable()
    }

    /// Takes the vault's lock if it is free.
    pub(super) fn try_hold(&self) -> Result<Option<Held<'_>>, StoreError> {
        let free = self.lock.try_lock(true).map_err(|error| io_error("lock", &error))?;
        Ok(free.then(|| Held(&*self.lock)))
    }

    /// Takes the vault's lock, waiting for other processes as long as the options allow.
    pub(super) fn hold(&self) -> Result<Held<'_>, StoreError> {
        let begin = Instant::now();
        let patience = Duration::from_millis(self.base.lock_wait_ms);
        let mut pause = WAIT_MIN;
        loop {
            if let Some(held) = self.try_hold()? {
                return Ok(held);
            }
            let waited = begin.elapsed();
            if waited >= patience {
                let detail = format!("waited {} ms for the lock", waited.as_millis());
                return Err(StoreError::new(StoreErrorKind::Busy, detail));
            }
            std::thread::sleep(pause.min(patience - waited));
            pause = (pause * 2).min(WAIT_MAX);
        }
    }

    /// With the lock held: catches up and completes what a crashed or failed writer has left.
    pub(super) fn prepare(&self) -> Result<(), StoreError> {
        let pending = {
            let mut state = self.state();
            state.refresh(&self.base, true)?;
            let path = Name::Log(state.log.number).path();
            if !state.log.named && state.log.end == state.log.floor {
                self.base.disk.sync_dir("log").map_err(|error| self.fatal("log", &error))?;
            }
            state.log.named = true;
            if !state.log.marked {
                let log = &mut state.log;
                rewrite(&*log.file, log.last_start, log.end).map_err(|error| io_error(&path, &error))?;
                log.file.sync_data().map_err(|error| self.fatal(&path, &error))?;
                log.marked = log.file.write_at(&mark(&log.tag, log.end, log.chain), log.end).is_ok();
            }
            if !state.log.tail_checked {
                self.clear_tail(&state.log, &path)?;
                state.log.tail_checked = true;
            }
            state.pending.clone()
        };
        if let Some((id, places)) = pending {
            self.state().refresh_packs(&self.base)?;
            self.finish_erasure(id, &places)?;
        }
        Ok(())
    }

    /// Overwrites what a torn batch has left behind the end of the log.
    fn clear_tail(&self, log: &LogTip, path: &str) -> Result<(), StoreError> {
        let fail = |error: io::Error| io_error(path, &error);
        let behind = if log.marked { log.end + RECORD_BYTES } else { log.end };
        let mut window = Window::new(&*log.file, log.tag);
        let Some(end) = window.used_end(behind).map_err(fail)? else { return Ok(()) };
        write_zeros(&*log.file, behind, end).map_err(fail)?;
        log.file.sync_data().map_err(|error| self.fatal(path, &error))
    }

    /// With the lock held and [`FileStore::prepare`] done: appends a batch, durably. Answers the id of its
    /// link and where that begins.
    pub(super) fn append(&self, blocks: &[Block], deed: Deed) -> Result<([u8; 32], u64), StoreError> {
        let (mut tip, mut position) = self.tip();
        let mut draft = draft(&tip.1, position, tip.2, blocks, deed);
        // The completion of an erasure stays in the segment of its announcement, where recovery looks.
        let full = draft.batch.end + RECORD_BYTES > self.base.sizes.log_segment_bytes;
        if full && draft.batch.kind != Kind::Erased && position > tip.3 {
            self.roll()?;
            (tip, position) = self.tip();
            let deed = draft.batch.link.map(|link| link.deed).ok_or_else(|| corrupt("log"))?;
            draft = self::draft(&tip.1, position, tip.2, blocks, deed);
        }
        let (file, tag, _, _) = tip;
        let path = Name::Log(self.state().log.number).path();
        if let Err(error) = self.write_batch(&*file, position, &draft.bytes) {
            self.state().log.tail_checked = false;
            return Err(io_error(&path, &error));
        }
        file.sync_data().map_err(|error| self.fatal(&path, &error))?;
        let Batch { id, offset, end, .. } = draft.batch;
        let marked = file.write_at(&mark(&tag, end, id), end).is_ok();
        let mut state = self.state();
        if state.log.end == position {
            state.apply(draft.batch);
            state.settle();
        }
        (state.log.marked, state.log.ours) = (marked, true);
        Ok((id, offset))
    }

    #[expect(clippy::type_complexity, reason = "a private tuple that is taken apart at once")]
    fn tip(&self) -> ((Arc<dyn DiskFile>, Tag, [u8; 32], u64), u64) {
        let state = self.state();
        let log = &state.log;
        ((Arc::clone(&log.file), log.tag, log.chain, log.floor), log.end)
    }

    /// Writes a batch, and zeros ahead of it when the file must grow: later syncs then need no journal.
    fn write_batch(&self, file: &dyn DiskFile, position: u64, bytes: &[u8]) -> io::Result<()> {
        let end = position + bytes.len() as u64;
        file.write_at(bytes, position)?;
        if end + RECORD_BYTES <= self.state().log.size {
            return Ok(());
        }
        let (size, sizes) = (file.size()?, &self.base.sizes);
        self.state().log.size = size;
        if end + RECORD_BYTES > size {
            let step = size.clamp(sizes.log_step_bytes_min, sizes.log_step_bytes_max);
            let target = (end + RECORD_BYTES).max(size + step).next_multiple_of(4096);
            match write_zeros(file, end, target) {
                Err(error) if error.kind() == ErrorKind::StorageFull => {}
                other => other?,
            }
            self.state().log.size = target;
        }
        Ok(())
    }

    /// Begins the next log segment, which opens with all cells.
    pub(super) fn roll(&self) -> Result<(), StoreError> {
        let (number, chain, cells) = {
            let state = self.state();
            (state.log.number + 1, state.log.chain, state.cells.clone())
        };
        let name = Name::Log(number);
        let path = name.path();
        let tag = match write_segment(&self.base, number, chain, cells) {
            // Nobody may go on in a segment whose name may not last.
            Err(Unwritten::Unnamed(error)) => return Err(self.fatal("log", &error)),
            Err(Unwritten::Failed(error)) => return Err(error),
            Ok(tag) => tag,
        };
        let file = self.base.disk.open(&path, Open::Write).map_err(|error| io_error(&path, &error))?;
        let mut state = self.state();
        let old = Name::Log(number - 1);
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == old)
            && segment.freeze(&self.base).is_err()
        {
            state.report.notice(format!("the index of {} could not be written", old.path()));
        }
        Self::enter(&mut state, name, tag, chain, file);
        state.refresh(&self.base, true)
    }

    fn enter(state: &mut State, name: Name, tag: Tag, chain: [u8; 32], file: Arc<dyn DiskFile>) {
        let Name::Log(number) = name else { return };
        state.segments.push(Segment::new(name, tag, Arc::clone(&file), Owner::Shared));
        state.log = LogTip {
            number,
            tag,
            file,
            end: HEADER_BYTES,
            chain,
            last_start: HEADER_BYTES,
            floor: 0,
            marked: false,
            tail_checked: true,
            named: true,
            ours: true,
            size: 0,
        };
    }
}
