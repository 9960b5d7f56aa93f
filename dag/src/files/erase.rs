//! Erasing blocks and old cells: announced in the log, done, and declared done, so that a crash in between
//! is made good by the next writer.

use super::FileStore;
use super::base::{Name, by_segment, io_error};
use super::chain::{Deed, Place, WHOLE};
use super::pack::Writer;
use super::segment::{Owner, overwrite};
use super::table::Entry;
use crate::store::Block;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

/// How many places one announcement names.
const PLACES_MAX: usize = 32 << 10;
/// A segment of which less than one part in so many stays alive is rewritten.
const SPARSE: u64 = 4;
/// Payloads from this length on have whole pages to give back.
const PUNCH_BYTES_MIN: u64 = 8 << 10;
/// How many bytes of blocks are moved at a time.
const MOVE_BYTES: u64 = 4 << 20;

impl FileStore {
    /// Removes blocks; the lock is held and the log prepared.
    pub(super) fn delete(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        let ids: BTreeSet<Cid> = ids.iter().copied().collect();
        let mut removed = BTreeSet::new();
        let (mut places, mut moves) = (Vec::new(), Vec::new());
        {
            let mut state = self.state();
            state.refresh_packs(&self.base)?;
            let active = Name::Log(state.log.number);
            for segment in state.segments.iter().filter(|segment| segment.owner != Owner::Others) {
                let dead: Vec<Entry> = ids.iter().flat_map(|id| segment.find_all(id)).collect();
                removed.extend(dead.iter().map(|entry| Cid(entry.digest)));
                let live = segment.live().1 - dead.iter().map(|entry| u64::from(entry.len)).sum::<u64>();
                let id = segment.tag.segment;
                let size = segment.file.size().map_err(|error| io_error(&segment.name.path(), &error))?;
                let fixed = segment.owner == Owner::Us || segment.name == active;
                if !fixed && live == 0 && (!dead.is_empty() || matches!(segment.name, Name::Pack(_))) {
                    places.push(Place { segment: id, offset: WHOLE });
                } else if !fixed && !dead.is_empty() && live * SPARSE <= size {
                    moves.push((segment.name, dead));
                } else {
                    places.extend(dead.iter().map(|entry| Place { segment: id, offset: entry.offset }));
                }
            }
        }
        self.evacuate(&ids, moves, &mut places)?;
        self.erase(&places)?;
        Ok(removed.len() as u64)
    }

    /// Moves what stays alive out of sparse segments, so that they can be removed as a whole.
    fn evacuate(
        &self,
        ids: &BTreeSet<Cid>,
        moves: Vec<(Name, Vec<Entry>)>,
        places: &mut Vec<Place>,
    ) -> Result<(), StoreError> {
        let mut writer = Writer::default();
        for (name, dead) in moves {
            let Some(id) = self.segment(name, |segment| segment.tag.segment) else { continue };
            match self.copy_out(&mut writer, name, ids) {
                Ok(()) => places.push(Place { segment: id, offset: WHOLE }),
                Err(error) if matches!(error.kind, StoreErrorKind::NoSpace | StoreErrorKind::Corrupt) => {
                    places.extend(dead.iter().map(|entry| Place { segment: id, offset: entry.offset }));
                }
                Err(error) => {
                    self.abandon(&mut writer);
                    return Err(error);
                }
            }
        }
        let synced = self.sync_packs(&mut writer);
        self.seal(&mut writer, true);
        self.abandon(&mut writer);
        synced
    }

    fn copy_out(&self, writer: &mut Writer, name: Name, ids: &BTreeSet<Cid>) -> Result<(), StoreError> {
        let Some(table) = self.segment(name, super::segment::Segment::snapshot) else { return Ok(()) };
        let mut live: Vec<&Entry> =
            table.entries().iter().filter(|entry| !ids.contains(&Cid(entry.digest))).collect();
        live.sort_unstable_by_key(|entry| entry.offset);
        let mut rest = &live[..];
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |entry: &&&Entry| {
                bytes += u64::from(entry.len);
                bytes <= MOVE_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let mut blocks = Vec::with_capacity(count);
            for entry in &rest[..count] {
                let bytes = self.read_entry(name, entry)?;
                blocks.push(Block { cid: Cid(entry.digest), bytes });
            }
            self.put(writer, &blocks, true)?;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Overwrites every commit but the newest; that one carries all cells.
    pub(super) fn erase_cells(&self, newest: u64) -> Result<(), StoreError> {
        let places: Vec<Place> = {
            let state = self.state();
            let tip = state.log.tag.segment;
            let all = state.segments.iter().flat_map(|segment| {
                let id = segment.tag.segment;
                segment.commits.iter().map(move |offset| Place { segment: id, offset: *offset })
            });
            all.filter(|place| *place != Place { segment: tip, offset: newest }).collect()
        };
        self.erase(&places)
    }

    fn erase(&self, places: &[Place]) -> Result<(), StoreError> {
        for places in places.chunks(PLACES_MAX) {
            let (id, _) = self.append(&[], Deed::Erase { places: places.to_vec() })?;
            self.finish_erasure(id, places)?;
        }
        Ok(())
    }

    /// Does what an announcement says, and declares it done.
    pub(super) fn finish_erasure(&self, id: [u8; 32], places: &[Place]) -> Result<(), StoreError> {
        let mut folders = BTreeSet::new();
        for (segment, offsets) in by_segment(places) {
            let name = {
                let state = self.state();
                let found = state.segments.iter().find(|known| known.tag.segment == segment);
                found.map(|known| known.name)
            };
            let Some(name) = name else { continue };
            if offsets.contains(&WHOLE) {
                self.unlink(&name.index_path())?;
                self.unlink(&name.path())?;
                folders.insert(name.folder());
            } else {
                self.overwrite_all(name, &offsets)?;
            }
            folders.insert("index");
        }
        for folder in folders {
            self.base.disk.sync_dir(folder).map_err(|error| io_error(folder, &error))?;
        }
        self.append(&[], Deed::Erased { erase: id })?;
        Ok(())
    }

    fn unlink(&self, path: &str) -> Result<(), StoreError> {
        match self.base.disk.remove(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error(path, &error)),
            _ => Ok(()),
        }
    }

    fn overwrite_all(&self, name: Name, offsets: &BTreeSet<u64>) -> Result<(), StoreError> {
        let path = name.path();
        let Some(file) = self.segment(name, |segment| std::sync::Arc::clone(&segment.file)) else {
            return Ok(());
        };
        let tag = self.segment(name, |segment| segment.tag);
        if matches!(name, Name::Pack(_)) {
            // The mark must be there before what it proves is gone, or recovery takes this for a torn tail.
            file.sync_data().map_err(|error| self.fatal(&path, &error))?;
        }
        let mut ranges = BTreeMap::new();
        for offset in offsets {
            let range = tag.map_or(Ok(None), |tag| overwrite(&*file, &tag, &path, *offset))?;
            ranges.extend(range.filter(|range| range.1 >= PUNCH_BYTES_MIN));
        }
        file.sync_data().map_err(|error| self.fatal(&path, &error))?;
        for (offset, len) in ranges {
            file.punch(offset, len).map_err(|error| io_error(&path, &error))?;
        }
        let mut state = self.state();
        let active = Name::Log(state.log.number);
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == name) {
            segment.forget(offsets);
            let indexed = segment.owner == Owner::Shared && name != active;
            if indexed && segment.write_index(&self.base).is_err() {
                drop(state);
                self.unlink(&name.index_path())?;
            }
        }
        Ok(())
    }
}
