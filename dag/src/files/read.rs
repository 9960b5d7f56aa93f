//! Reading: blocks in few large reads, and the list of all blocks.

use super::FileStore;
use super::base::{Name, corrupt, io_error};
use super::format::{RECORD_BYTES, hash, index};
use super::segment::Owner;
use super::state::State;
use super::table::Entry;
use crate::disk::DiskFile;
use crate::store::{Cursor, Page};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use std::sync::Arc;

/// Blocks nearer to each other than this are read together.
const GAP_BYTES: u64 = 64 << 10;
/// The most that is read together.
const RUN_BYTES: u64 = 1 << 20;
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

fn spot(state: &mut State, slot: usize, id: &Cid) -> Option<Spot> {
    let (segment, offset, len) = state.find(id)?;
    let found = &state.segments[segment];
    let file = Arc::clone(&found.file);
    Some(Spot { slot, segment, offset: offset + RECORD_BYTES, len, file, name: found.name })
}

impl FileStore {
    /// Finds blocks; looks at the disk again if some seem absent.
    fn spots(&self, ids: &[Cid], slots: &[usize]) -> Result<Vec<Spot>, StoreError> {
        let mut state = self.state();
        let mut spots: Vec<Spot> =
            slots.iter().filter_map(|slot| spot(&mut state, *slot, &ids[*slot])).collect();
        if spots.len() == slots.len() {
            return Ok(spots);
        }
        state.refresh(&self.base, false)?;
        state.refresh_packs(&self.base)?;
        spots = slots.iter().filter_map(|slot| spot(&mut state, *slot, &ids[*slot])).collect();
        match state.report.damage.first() {
            Some(damage) if spots.len() < slots.len() => Err(corrupt(damage.clone())),
            _ => Ok(spots),
        }
    }

    pub(super) fn fetch(&self, ids: &[Cid]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.check_usable()?;
        let mut out = vec![None; ids.len()];
        let all: Vec<usize> = (0..ids.len()).collect();
        let bad = read_spots(self.spots(ids, &all)?, ids, &mut out)?;
        if bad.is_empty() {
            return Ok(out);
        }
        // Perhaps another process has erased them since: then the log says so.
        let slots: Vec<usize> = bad.iter().map(|(slot, _)| *slot).collect();
        self.state().refresh(&self.base, false)?;
        match read_spots(self.spots(ids, &slots)?, ids, &mut out)?.first() {
            None => Ok(out),
            Some((_, place)) => Err(corrupt(place.clone())),
        }
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

    /// Reads one block of a segment.
    pub(super) fn read_entry(&self, name: Name, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        let file = self.segment(name, |segment| Arc::clone(&segment.file));
        let mut bytes = vec![0; entry.len as usize];
        let count = match file {
            Some(file) => file.read_at(&mut bytes, entry.offset + RECORD_BYTES),
            None => Ok(0),
        };
        let count = count.map_err(|error| io_error(&name.path(), &error))?;
        if count < bytes.len() || hash(&bytes) != entry.digest {
            return Err(corrupt(format!("{} at {}", name.path(), entry.offset)));
        }
        Ok(bytes)
    }

    pub(super) fn page(&self, cursor: Cursor) -> Result<Page, StoreError> {
        self.check_usable()?;
        let (number, position) = (cursor.0 >> POSITION_BITS, cursor.0 & ((1 << POSITION_BITS) - 1));
        let (number, tables) = {
            let mut state = self.state();
            if cursor == Cursor::START {
                state.refresh(&self.base, false)?;
                state.refresh_packs(&self.base)?;
                state.begin_iteration()
            } else {
                let known = state.iterations.iter().find(|known| known.0 == number);
                let known = known.ok_or_else(|| StoreError::new(StoreErrorKind::Misuse, "an old cursor"))?;
                (number, Arc::clone(&known.1))
            }
        };
        let (mut page, mut passed, mut at) = (Vec::new(), 0, index(position));
        for (place, table) in tables.iter().enumerate() {
            let entries = table.entries();
            while at < passed + entries.len() && page.len() < PAGE_BLOCKS {
                let entry = &entries[at - passed];
                let id = Cid(entry.digest);
                let again = at > passed && entries[at - passed - 1].digest == entry.digest;
                if !again && !tables[place + 1..].iter().any(|later| !later.find(&id).is_empty()) {
                    page.push((id, entry.len));
                }
                at += 1;
            }
            passed += entries.len();
        }
        if at < passed {
            return Ok((page, Some(Cursor(number << POSITION_BITS | at as u64))));
        }
        self.state().iterations.retain(|known| known.0 != number);
        Ok((page, None))
    }
}

impl State {
    fn begin_iteration(&mut self) -> (u64, super::state::Snapshot) {
        let ours = self.segments.iter().filter(|segment| segment.owner != Owner::Others);
        let tables = Arc::new(ours.map(super::segment::Segment::snapshot).collect());
        self.iteration_last = self.iteration_last % ((1 << (64 - POSITION_BITS)) - 1) + 1;
        self.iterations.push_back((self.iteration_last, Arc::clone(&tables)));
        if self.iterations.len() > ITERATIONS_MAX {
            self.iterations.pop_front();
        }
        (self.iteration_last, tables)
    }
}

/// Reads blocks into their slots; answers those whose bytes are not right, and where they are.
fn read_spots(
    mut spots: Vec<Spot>,
    ids: &[Cid],
    out: &mut [Option<Vec<u8>>],
) -> Result<Vec<(usize, String)>, StoreError> {
    spots.sort_unstable_by_key(|spot| (spot.segment, spot.offset));
    let mut bad = Vec::new();
    let mut buffer = Vec::new();
    let mut rest = &spots[..];
    while let Some(first) = rest.first() {
        let mut end = first.offset + u64::from(first.len);
        let mut count = 1;
        for next in &rest[1..] {
            let next_end = end.max(next.offset + u64::from(next.len));
            let near = next.segment == first.segment && next.offset <= end + GAP_BYTES;
            if !near || next_end - first.offset > RUN_BYTES {
                break;
            }
            (end, count) = (next_end, count + 1);
        }
        let run_len = index(end - first.offset);
        if buffer.len() < run_len {
            buffer.resize(run_len, 0);
        }
        let read = first.file.read_at(&mut buffer[..run_len], first.offset);
        let got = read.map_err(|error| io_error(&first.name.path(), &error))?;
        for spot in &rest[..count] {
            let from = index(spot.offset - first.offset);
            let bytes = buffer[..got].get(from..from + spot.len as usize).unwrap_or_default();
            if bytes.len() == spot.len as usize && hash(bytes) == ids[spot.slot].0 {
                out[spot.slot] = Some(bytes.to_vec());
            } else {
                out[spot.slot] = None;
                bad.push((spot.slot, format!("{} at {}", spot.name.path(), spot.offset)));
            }
        }
        rest = &rest[count..];
    }
    Ok(bad)
}
