//! Reading: blocks in few large reads, and the list of all blocks.

use super::FileStore;
use super::base::{Base, Name, corrupt, io_error};
use super::format::{RECORD_BYTES, hash, index};
use super::segment::{Owner, View};
use super::state::State;
use super::table::Entry;
use crate::disk::DiskFile;
use crate::store::{Cursor, Page, Visitor};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use dagvault_core::parallel;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks nearer to each other than this are read together.
const GAP_BYTES: u64 = 4 << 10;
/// The most that is read together.
const RUN_BYTES: u64 = 1 << 20;
/// Blocks of this size are read each for itself, straight to where they stay.
const ALONE_BYTES: u32 = 32 << 10;
/// Bytes of blocks that one worker reads at a time.
const PART_BYTES: u32 = 256 << 10;
/// How many blocks a page of an iteration lists.
const PAGE_BLOCKS: usize = 4096;
/// How many iterations a handle remembers.
const ITERATIONS_MAX: usize = 8;
/// Bits of a cursor that hold the position; the rest holds the iteration's number.
const POSITION_BITS: u32 = 40;

/// Where one of the blocks asked for is.
struct Spot {
    /// Its place in the answer.
    slot: usize,
    segment: usize,
    /// Of its payload.
    offset: u64,
    len: u32,
    file: Arc<dyn DiskFile>,
    name: Name,
}

impl Spot {
    fn place(&self) -> String {
        format!("{} at {}", self.name.path(), self.offset)
    }
}

fn spots(state: &mut State, base: &Base, ids: &[Cid], slots: &[usize]) -> Result<Vec<Spot>, StoreError> {
    let mut spots = Vec::with_capacity(slots.len());
    for slot in slots {
        if let Some((segment, offset, len)) = state.find(base, &ids[*slot])? {
            let found = &state.segments[segment];
            let file = Arc::clone(&found.file);
            spots.push(Spot {
                slot: *slot,
                segment,
                offset: offset + RECORD_BYTES,
                len,
                file,
                name: found.name,
            });
        }
    }
    Ok(spots)
}

impl FileStore {
    /// Finds blocks; looks at the disk again if some seem absent.
    fn spots(&self, ids: &[Cid], slots: &[usize]) -> Result<Vec<Spot>, StoreError> {
        let mut state = self.state();
        let mut spots = self::spots(&mut state, &self.base, ids, slots)?;
        if spots.len() == slots.len() {
            return Ok(spots);
        }
        state.refresh(&self.base, false)?;
        state.refresh_packs(&self.base)?;
        spots = self::spots(&mut state, &self.base, ids, slots)?;
        match state.report.damage.first() {
            Some(damage) if spots.len() < slots.len() => Err(corrupt(damage.clone())),
            _ => Ok(spots),
        }
    }

    pub(super) fn fetch(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let out: Vec<Mutex<Option<Vec<u8>>>> = ids.iter().map(|_| Mutex::default()).collect();
        self.fetch_each(ids, &|at, block| *out[at].lock().unwrap_or_else(PoisonError::into_inner) = block)?;
        Ok(out.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
    }

    pub(super) fn fetch_each(&self, ids: &[Cid], visit: Visitor<'_>) -> Result<(), StoreError> {
        self.check_usable()?;
        let all: Vec<usize> = (0..ids.len()).collect();
        let bad = self.read(ids, &all, visit)?;
        if bad.is_empty() {
            return Ok(());
        }
        // Perhaps another process has erased them since: then the log says so.
        let slots: Vec<usize> = bad.into_iter().map(|(slot, _)| slot).collect();
        self.state().refresh(&self.base, false)?;
        self.read(ids, &slots, visit)?.pop().map_or(Ok(()), |(_, place)| Err(corrupt(place)))
    }

    /// Hands on the blocks of some slots; answers those whose bytes are not right, and where they are.
    fn read(&self, ids: &[Cid], slots: &[usize], visit: Visitor<'_>) -> Result<Bad, StoreError> {
        let mut spots = self.spots(ids, slots)?;
        if spots.len() < slots.len() {
            let there: HashSet<usize> = spots.iter().map(|spot| spot.slot).collect();
            slots.iter().filter(|slot| !there.contains(slot)).for_each(|slot| visit(*slot, None));
        }
        spots.sort_unstable_by_key(|spot| (spot.segment, spot.offset));
        let mut parts = Vec::new();
        let (mut from, mut bytes) = (0, 0);
        for (at, spot) in spots.iter().enumerate() {
            bytes += spot.len;
            if bytes >= PART_BYTES || at + 1 == spots.len() {
                parts.push(&spots[from..=at]);
                (from, bytes) = (at + 1, 0);
            }
        }
        let bad = parallel::try_map(parts.len(), |at| read_part(parts[at], ids, visit))?;
        Ok(bad.into_iter().flatten().collect())
    }

    pub(super) fn has(&self, ids: &[Cid]) -> Result<Vec<bool>, StoreError> {
        self.check_usable()?;
        self.state().refresh(&self.base, false)?;
        let all: Vec<usize> = (0..ids.len()).collect();
        let mut out = vec![false; ids.len()];
        for spot in self.spots(ids, &all)? {
            out[spot.slot] = true;
        }
        Ok(out)
    }

    pub(super) fn page(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.check_usable()?;
        let (number, position) = (cursor.0 >> POSITION_BITS, cursor.0 & ((1 << POSITION_BITS) - 1));
        let (number, views) = {
            let mut state = self.state();
            if cursor == Cursor::START {
                state.refresh(&self.base, false)?;
                state.refresh_packs(&self.base)?;
                state.begin_iteration(&self.base)?
            } else {
                let known = state.iterations.iter().find(|known| known.0 == number);
                let known = known.ok_or_else(|| StoreError::new(StoreErrorKind::Misuse, "an old cursor"))?;
                (number, Arc::clone(&known.1))
            }
        };
        let fail = |error: std::io::Error| io_error("index", &error);
        let (mut page, mut passed, mut at) = (Vec::new(), 0, index(position));
        for (place, view) in views.iter().enumerate() {
            let len = view.index.len();
            while at < passed + len && page.len() < PAGE_BLOCKS {
                let from = at - passed;
                let entries = view.index.range(from, from + PAGE_BLOCKS - page.len()).map_err(fail)?;
                for (number, entry) in entries.iter().enumerate() {
                    // Of several records of a block the first is listed; they are neighbours.
                    let first = number > 0 && entries[number - 1].digest != entry.digest;
                    if view.lists(entry, first).map_err(fail)? && !listed_later(&views[place + 1..], entry)? {
                        page.push((Cid(entry.digest), entry.len));
                    }
                }
                at += entries.len();
            }
            passed += len;
        }
        if at < passed {
            return Ok((page, Some(Cursor(number << POSITION_BITS | at as u64))));
        }
        self.state().iterations.retain(|known| known.0 != number);
        Ok((page, None))
    }
}

/// Whether a later segment has the block too.
fn listed_later(later: &[View], entry: &Entry) -> Result<bool, StoreError> {
    for view in later {
        if view.find(&Cid(entry.digest)).map_err(|error| io_error("index", &error))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl View {
    /// Whether this is the record under which a block is listed. `first`: it is known to be the block's first.
    fn lists(&self, entry: &Entry, first: bool) -> std::io::Result<bool> {
        let gone = self.gone.contains(&entry.offset);
        Ok(!gone && (first || self.find(&Cid(entry.digest))? == Some((entry.offset, entry.len))))
    }
}

impl State {
    fn begin_iteration(&mut self, base: &Base) -> Result<(u64, super::state::Snapshot), StoreError> {
        let mut views = Vec::new();
        for at in 0..self.segments.len() {
            if self.segments[at].owner != Owner::Others {
                // What is found whole now is whole for the whole iteration.
                views.push(self.on_index(base, at, |segment| {
                    segment.view.index.check().and_then(|()| segment.snapshot())
                })?);
            }
        }
        let views = Arc::new(views);
        self.iteration_last = self.iteration_last % ((1 << (64 - POSITION_BITS)) - 1) + 1;
        self.iterations.push_back((self.iteration_last, Arc::clone(&views)));
        if self.iterations.len() > ITERATIONS_MAX {
            self.iterations.pop_front();
        }
        Ok((self.iteration_last, views))
    }
}

/// Blocks whose bytes are not right: their slots, and where they are.
type Bad = Vec<(usize, String)>;

/// Reads blocks that follow one another, small neighbours together; answers those whose bytes are not right.
fn read_part(mut rest: &[Spot], ids: &[Cid], visit: Visitor<'_>) -> Result<Bad, StoreError> {
    let mut bad = Vec::new();
    let mut pass = |spot: &Spot, block: Option<Vec<u8>>| match block {
        Some(block) => visit(spot.slot, Some(block)),
        None => bad.push((spot.slot, spot.place())),
    };
    let is_right =
        |spot: &Spot, block: &[u8]| block.len() == spot.len as usize && hash(block) == ids[spot.slot].0;
    while let Some(first) = rest.first() {
        let mut end = first.offset + u64::from(first.len);
        let mut count = 1;
        for next in &rest[1..] {
            let near = next.segment == first.segment && next.offset <= end + GAP_BYTES;
            let next_end = end.max(next.offset + u64::from(next.len));
            let small = first.len.max(next.len) < ALONE_BYTES && next_end - first.offset <= RUN_BYTES;
            if !near || !small {
                break;
            }
            (end, count) = (next_end, count + 1);
        }
        let (run, behind) = rest.split_at(count);
        rest = behind;
        let bytes = first.file.read_vec(index(end - first.offset), first.offset);
        let bytes = bytes.map_err(|error| io_error(&first.name.path(), &error))?;
        if count == 1 {
            pass(first, Some(bytes).filter(|block| is_right(first, block)));
            continue;
        }
        for spot in run {
            let from = index(spot.offset - first.offset);
            let block = bytes.get(from..from + spot.len as usize).filter(|block| is_right(spot, block));
            pass(spot, block.map(<[u8]>::to_vec));
        }
    }
    Ok(bad)
}
