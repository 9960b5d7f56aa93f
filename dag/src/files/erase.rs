//! Erasing blocks and old cells: announced in the log, done, and declared done, so that a crash in between
//! is made good by the next writer.

use super::FileStore;
use super::base::{Name, by_segment, corrupt, io_error};
use super::chain::{Deed, Place, WHOLE};
use super::pack::Writer;
use super::segment::{Owner, Segment, overwrite};
use super::state::State;
use super::table::Entry;
use super::walk::Window;
use crate::store::Block;
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// How many places one announcement names.
const PLACES_MAX: usize = 32 << 10;
/// How many blocks are deleted at a time, so that memory stays bounded.
const DELETED_MAX: usize = 1 << 20;
/// A segment of which less than one part in so many stays alive is rewritten.
const SPARSE: u64 = 4;
/// Payloads from this length on have whole pages to give back.
const PUNCH_BYTES_MIN: u64 = 8 << 10;
/// How many bytes of blocks are moved at a time.
const MOVE_BYTES: u64 = 4 << 20;

/// All records of the blocks named.
fn find_dead(segment: &Segment, ids: &BTreeSet<Cid>) -> io::Result<Vec<Entry>> {
    let mut dead = Vec::new();
    for id in ids {
        dead.extend(segment.find_all(id)?);
    }
    Ok(dead)
}

impl FileStore {
    /// Removes blocks; the lock is held and the log prepared.
    pub(super) fn delete(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        ids.chunks(DELETED_MAX).map(|ids| self.delete_part(ids)).sum()
    }

    fn delete_part(&self, ids: &[Cid]) -> Result<u64, StoreError> {
        let ids: BTreeSet<Cid> = ids.iter().copied().collect();
        let mut removed = BTreeSet::new();
        let (mut places, mut moves, mut left) = (Vec::new(), Vec::new(), Vec::new());
        {
            let mut state = self.state();
            state.refresh_packs(&self.base)?;
            let active = Name::Log(state.log.number);
            // Of the log only what is oldest may be removed, see `State::refresh`.
            let mut oldest = true;
            for at in state.by_name() {
                if state.segments[at].owner == Owner::Others {
                    continue;
                }
                let dead = state.on_index(&self.base, at, |segment| find_dead(segment, &ids))?;
                let live = state.on_index(&self.base, at, Segment::live)?;
                let segment = &state.segments[at];
                removed.extend(dead.iter().map(|entry| Cid(entry.digest)));
                let dead_bytes: u64 = dead.iter().map(|entry| u64::from(entry.len)).sum();
                let dead_blocks = dead.len() as u64;
                let live = (live.0.saturating_sub(dead_blocks), live.1.saturating_sub(dead_bytes));
                let id = segment.tag.segment;
                let size = segment.file.size().map_err(|error| io_error(&segment.name.path(), &error))?;
                let is_log = matches!(segment.name, Name::Log(_));
                let fixed = segment.owner == Owner::Us || segment.name == active || is_log && !oldest;
                // A segment of the log that was not the oldest when its last block died goes with the next deletion.
                if !fixed && live.0 == 0 {
                    places.push(Place { segment: id, offset: WHOLE });
                    continue;
                }
                oldest &= !is_log;
                if !fixed && !dead.is_empty() && live.1 * SPARSE <= size {
                    moves.push((segment.name, dead));
                } else if !dead.is_empty() {
                    places.extend(dead.iter().map(|entry| Place { segment: id, offset: entry.offset }));
                    left.push((segment.name, live));
                }
            }
        }
        self.evacuate(&ids, moves, &mut places)?;
        self.erase(&places)?;
        let mut state = self.state();
        for (name, (blocks, bytes)) in left {
            if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == name) {
                segment.set_live(blocks, bytes);
            }
        }
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

    /// Copies the blocks of a segment, without those named, into the packs of `writer`.
    pub(super) fn copy_out(
        &self,
        writer: &mut Writer,
        name: Name,
        but: &BTreeSet<Cid>,
    ) -> Result<(), StoreError> {
        let (file, tag, mut live) = {
            let mut state = self.state();
            let Some(at) = state.segments.iter().position(|segment| segment.name == name) else {
                return Ok(());
            };
            let live = state.on_index(&self.base, at, |segment| segment.entries())?;
            (Arc::clone(&state.segments[at].file), state.segments[at].tag, live)
        };
        live.retain(|entry| but.is_empty() || !but.contains(&Cid(entry.digest)));
        self.copy_entries(writer, &name.path(), Window::new(&*file, tag), live)
    }

    /// Copies blocks of a file into the packs of `writer`, in the order of their places.
    pub(super) fn copy_entries(
        &self,
        writer: &mut Writer,
        path: &str,
        mut window: Window<'_>,
        mut entries: Vec<Entry>,
    ) -> Result<(), StoreError> {
        entries.sort_unstable_by_key(|entry| entry.offset);
        let mut blocks = Vec::new();
        let mut bytes = 0;
        for entry in &entries {
            let block = window.block(entry).map_err(|error| io_error(path, &error))?;
            let block = block.ok_or_else(|| corrupt(format!("{path} at {}", entry.offset)))?;
            blocks.push(Block { cid: Cid(entry.digest), bytes: block.to_vec() });
            bytes += u64::from(entry.len);
            if bytes >= MOVE_BYTES {
                self.put_once(writer, std::mem::take(&mut blocks))?;
                bytes = 0;
            }
        }
        self.put_once(writer, blocks)
    }

    /// Appends blocks that the packs of `writer` do not have yet, whoever else has them.
    fn put_once(&self, writer: &mut Writer, mut blocks: Vec<Block>) -> Result<(), StoreError> {
        let names = writer.names();
        let mut known = self.have(&blocks, |segment| names.contains(&segment.name))?.into_iter();
        let mut seen = BTreeSet::new();
        blocks.retain(|block| !known.next().unwrap_or_default() && seen.insert(block.cid));
        self.put(writer, &blocks, true)
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

    pub(super) fn erase(&self, places: &[Place]) -> Result<(), StoreError> {
        for places in places.chunks(PLACES_MAX) {
            let (id, _) = self.append(&[], Deed::Erase { places: places.to_vec() })?;
            self.finish_erasure(id, places)?;
        }
        Ok(())
    }

    /// Does what an announcement says, and declares it done.
    pub(super) fn finish_erasure(&self, id: [u8; 32], places: &[Place]) -> Result<(), StoreError> {
        let mut folders = BTreeSet::new();
        // By name: the oldest segment of the log goes first.
        let named: BTreeMap<Name, BTreeSet<u64>> = {
            let offsets = by_segment(places);
            let state = self.state();
            let known = state.segments.iter();
            known.filter_map(|known| Some((known.name, offsets.get(&known.tag.segment)?.clone()))).collect()
        };
        for (name, offsets) in named {
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
        let Some(file) = self.segment(name, |segment| Arc::clone(&segment.file)) else {
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
            let frozen = segment.indexed || segment.owner == Owner::Shared && name != active;
            // Writing a large index anew for each few blocks would cost more than all else.
            if frozen && !(segment.index_is_stale() && segment.freeze(&self.base).is_ok()) {
                segment.indexed = false;
                drop(state);
                self.unlink(&name.index_path())?;
            }
        }
        Ok(())
    }

    /// Writes the indexes that erasures have taken away. Whoever may be erasing now does it himself.
    pub(super) fn reindex(&self) -> Result<(), StoreError> {
        let missing = |state: &State| {
            let active = Name::Log(state.log.number);
            let closed = |segment: &&Segment| segment.owner == Owner::Shared && segment.name != active;
            let gone = |segment: &&Segment| !segment.indexed && !segment.view.gone.is_empty();
            let segments = state.segments.iter().filter(closed).filter(gone);
            segments.map(|segment| segment.name).collect::<Vec<Name>>()
        };
        if self.base.read_only || missing(&self.state()).is_empty() {
            return Ok(());
        }
        let Some(_held) = self.try_hold()? else { return Ok(()) };
        let mut state = self.state();
        state.refresh(&self.base, true)?;
        for name in missing(&state) {
            if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == name) {
                // The next handle makes it.
                drop(segment.freeze(&self.base));
            }
        }
        Ok(())
    }
}
