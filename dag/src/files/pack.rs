//! Packs: files for many blocks at once, each written by one handle, which holds a lock on it meanwhile.

use super::FileStore;
use super::base::{Name, io_error};
use super::format::{HEADER_BYTES, Kind, SegmentHeader, Tag, len32, push_record};
use super::segment::{Owner, Segment, mark};
use super::table::Entry;
use crate::disk::{DiskFile, Open};
use crate::store::Block;
use dagvault_core::error::StoreError;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// How much is gathered for one write.
const WRITE_BYTES: usize = 1 << 20;
/// How often a new pack is begun again when another handle got hold of it first.
const NEW_PACK_TRIES: u32 = 16;

/// A pack that this handle is writing.
pub(super) struct OpenPack {
    name: Name,
    tag: Tag,
    file: Arc<dyn DiskFile>,
    end: u64,
    synced: bool,
    named: bool,
}

/// What only one writing thread at a time uses.
#[derive(Default)]
pub(super) struct Writer {
    packs: Vec<OpenPack>,
}

impl Writer {
    pub(super) fn names(&self) -> BTreeSet<Name> {
        self.packs.iter().map(|pack| pack.name).collect()
    }
}

impl FileStore {
    /// Appends blocks to the open pack, or to a new one.
    pub(super) fn put(&self, writer: &mut Writer, blocks: &[Block], again: bool) -> Result<(), StoreError> {
        let (mut bytes, mut entries) = (Vec::new(), Vec::new());
        let known = if again { Vec::new() } else { self.have(blocks, |segment| segment.owner == Owner::Us)? };
        for (number, block) in blocks.iter().enumerate() {
            if known.get(number) == Some(&true) {
                continue;
            }
            let full = |pack: &OpenPack| pack.end + bytes.len() as u64 >= self.base.sizes.pack_bytes;
            if bytes.len() >= WRITE_BYTES || writer.packs.last().is_some_and(full) {
                self.flush(writer, &mut bytes, &mut entries)?;
            }
            let roomy = writer.packs.last().is_some_and(|pack| pack.end < self.base.sizes.pack_bytes);
            if !roomy {
                self.finish_full(writer)?;
                writer.packs.push(self.new_pack()?);
            }
            let Some(pack) = writer.packs.last() else { continue };
            entries.push(Entry {
                digest: block.cid.0,
                offset: pack.end + bytes.len() as u64,
                len: len32(block.bytes.len()),
            });
            push_record(&mut bytes, &pack.tag, pack.end, Kind::Block, block.cid.0, &block.bytes);
        }
        self.flush(writer, &mut bytes, &mut entries)
    }

    /// Which blocks are in one of the segments that `within` chooses.
    pub(super) fn have(
        &self,
        blocks: &[Block],
        within: impl Fn(&Segment) -> bool,
    ) -> Result<Vec<bool>, StoreError> {
        let mut state = self.state();
        let chosen: Vec<usize> =
            (0..state.segments.len()).filter(|at| within(&state.segments[*at])).collect();
        let mut known = vec![false; if chosen.is_empty() { 0 } else { blocks.len() }];
        for (known, block) in known.iter_mut().zip(blocks) {
            for at in &chosen {
                *known =
                    *known || state.on_index(&self.base, *at, |segment| segment.find(&block.cid))?.is_some();
            }
        }
        Ok(known)
    }

    /// A full pack is made durable and gets its index at once, so that memory holds the blocks of one pack only. Its
    /// lock stays until the commit.
    fn finish_full(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.sync_packs(writer)?;
        if let Some(pack) = writer.packs.last() {
            self.freeze(pack.name);
        }
        Ok(())
    }

    /// Writes a pack's index. Without the file the next handle makes one.
    fn freeze(&self, name: Name) {
        let mut state = self.state();
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == name)
            && !segment.indexed
        {
            drop(segment.freeze(&self.base));
        }
    }

    fn new_pack(&self) -> Result<OpenPack, StoreError> {
        // A handle that is being opened may take the file for an orphan before it is locked, and remove it.
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_new_pack() {
                Err(error)
                    if tries < NEW_PACK_TRIES
                        && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WouldBlock) => {}
                other => return other.map_err(|error| io_error("packs", &error)),
            }
        }
    }

    fn try_new_pack(&self) -> io::Result<OpenPack> {
        let id = self.base.random();
        let name = Name::Pack(id);
        let tag = Tag { store: self.base.store, segment: id };
        let (path, temporary) = (name.path(), name.temporary());
        let header = SegmentHeader { tag, is_log: false, number: 0, chain: [0; 32] }.encode();
        let create = || -> io::Result<Arc<dyn DiskFile>> {
            let file = self.base.disk.open(&temporary, Open::New)?;
            if !file.try_lock(true)? {
                return Err(io::Error::from(ErrorKind::WouldBlock));
            }
            file.write_at(&header, 0)?;
            self.base.disk.rename(&temporary, &path)?;
            Ok(file)
        };
        let file = create().inspect_err(|_: &io::Error| drop(self.base.disk.remove(&temporary)))?;
        self.state().segments.push(Segment::new(name, tag, Arc::clone(&file), Owner::Us));
        Ok(OpenPack { name, tag, file, end: HEADER_BYTES, synced: true, named: false })
    }

    fn flush(
        &self,
        writer: &mut Writer,
        bytes: &mut Vec<u8>,
        entries: &mut Vec<Entry>,
    ) -> Result<(), StoreError> {
        let Some(pack) = writer.packs.last_mut().filter(|_| !bytes.is_empty()) else { return Ok(()) };
        if let Err(error) = pack.file.write_at(bytes, pack.end) {
            // What was not written whole is cut off, or overwritten by the next block.
            drop(pack.file.set_len(pack.end));
            return Err(io_error(&pack.name.path(), &error));
        }
        pack.end += bytes.len() as u64;
        pack.synced = false;
        self.note(pack, entries);
        bytes.clear();
        entries.clear();
        Ok(())
    }

    fn note(&self, pack: &OpenPack, entries: &[Entry]) {
        let mut state = self.state();
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == pack.name) {
            segment.insert(entries);
            segment.walked = pack.end;
        }
    }

    /// Makes all packs durable, and says so in them by a mark.
    pub(super) fn sync_packs(&self, writer: &mut Writer) -> Result<(), StoreError> {
        for pack in writer.packs.iter_mut().filter(|pack| !pack.synced) {
            pack.file.sync_data().map_err(|error| self.fatal(&pack.name.path(), &error))?;
        }
        if writer.packs.iter().any(|pack| !pack.named && !pack.synced) {
            self.base.disk.sync_dir("packs").map_err(|error| self.fatal("packs", &error))?;
        }
        for pack in writer.packs.iter_mut().filter(|pack| !pack.synced) {
            let mark = mark(&pack.tag, pack.end, [0; 32]);
            pack.file.write_at(&mark, pack.end).map_err(|error| io_error(&pack.name.path(), &error))?;
            pack.end += mark.len() as u64;
            (pack.synced, pack.named) = (true, true);
            self.note(pack, &[]);
        }
        Ok(())
    }

    /// Closes packs that are durable: all, or all but the one being filled.
    pub(super) fn seal(&self, writer: &mut Writer, all: bool) {
        let keep = usize::from(!all);
        while writer.packs.len() > keep && writer.packs[0].synced {
            let pack = writer.packs.remove(0);
            self.freeze(pack.name);
            let mut state = self.state();
            if let Some(segment) = state.segments.iter_mut().find(|segment| segment.name == pack.name) {
                segment.owner = Owner::Shared;
            }
            // Closing releases the lock too, but the state keeps the file open for reading.
            drop(pack.file.unlock());
        }
    }

    /// Removes packs whose blocks are elsewhere too.
    pub(super) fn discard(&self, writer: &mut Writer) {
        for pack in writer.packs.drain(..) {
            let mut state = self.state();
            state.segments.retain(|segment| segment.name != pack.name);
            // What can't be removed is a pack of copies.
            drop(self.base.disk.remove(&pack.name.index_path()));
            drop(self.base.disk.remove(&pack.name.path()));
            drop(pack.file.unlock());
        }
    }

    /// Lets go of packs without making them durable.
    pub(super) fn abandon(&self, writer: &mut Writer) {
        for pack in writer.packs.drain(..) {
            drop(pack.file.unlock());
        }
    }
}
