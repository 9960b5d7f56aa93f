//! Repair: finds out what of a store can be read, makes of it one that opens, and says what is lost.
//!
//! Nothing is overwritten. What can be read of a damaged file is made durable in new files first; then the damaged one
//! is moved into the folder `damaged`, where nothing looks any more. A cut at any point leaves a store of which another
//! repair makes the same.

use super::FileStore;
use super::base::{Base, Name, OpenOptions, Sizes, by_segment, io_error};
use super::chain::{Place, WHOLE};
use super::create::write_synced;
use super::examine::{Examined, examine};
use super::format::{Header, RECORD_BYTES, Tag, format_text, parse_format};
use super::index::IndexFile;
use super::load::{newer, read_header};
use super::pack::Writer;
use super::report::{Cells, Range, RepairOptions, RepairReport};
use super::salvage::{Broken, LogFound, look_at_log};
use super::segment::is_locked;
use super::table::Entry;
use super::walk::Window;
use crate::disk::{Disk, DiskFile, Open};
use dagvault_core::error::{StoreError, StoreErrorKind};
use dagvault_core::ids::Cid;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};

/// Told bytes read and bytes in all; answers whether to go on.
type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

struct Repair<'a> {
    base: Base,
    how: RepairOptions,
    report: RepairReport,
    /// Names of blocks that may be lost.
    missed: BTreeSet<Cid>,
    /// Segments shorter than their indexes say, and how long they were.
    short: BTreeMap<Name, u64>,
    /// What a damaged log had announced as erased.
    erased: Vec<Place>,
    progress: Progress<'a>,
    total: u64,
}

/// Looks at every byte of a store, and unless told otherwise makes of it one that opens.
///
/// `progress` is told bytes read and bytes in all, and answers whether to go on; what was repaired before stays so.
///
/// # Errors
/// `Absent` if there is nothing of a store, `Unsupported` if a part is of a newer format, `Corrupt` if no cell can be
/// read, `Busy` if another process writes; what the system reports. Nothing is lost by a failure.
pub fn repair(
    disk: Arc<dyn Disk>,
    options: OpenOptions,
    how: &RepairOptions,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<RepairReport, StoreError> {
    let (store, format_is_whole) = store_id(&*disk)?;
    let fail = |error: io::Error| io_error("lock", &error);
    if !how.dry_run && !disk.exists("lock").map_err(fail)? {
        drop(disk.open("lock", Open::New).map_err(fail)?);
    }
    let probe = match disk.open("lock", Open::Read) {
        Err(error) if how.dry_run && error.kind() == ErrorKind::NotFound => disk.open("format", Open::Read),
        other => other,
    };
    let probe = probe.map_err(fail)?;
    let (lock_wait_ms, sizes) = (options.lock_wait_ms, options.sizes);
    let base = Base {
        disk: Arc::clone(&disk),
        store,
        read_only: how.dry_run,
        lock_wait_ms,
        sizes,
        random: Mutex::new(options.random),
        probe: Arc::clone(&probe),
    };
    let mut work = Repair {
        base,
        how: *how,
        report: RepairReport::default(),
        missed: BTreeSet::new(),
        short: BTreeMap::new(),
        erased: Vec::new(),
        progress,
        total: 0,
    };
    if !probe.try_lock(true).map_err(fail)? {
        return Err(StoreError::new(StoreErrorKind::Busy, "another process is writing"));
    }
    let log = look_at_log(&work.base)?;
    work.shortened(&log)?;
    work.decide(&log);
    if !work.how.dry_run {
        work.open_again(&store, format_is_whole, log)?;
    } else if matches!(log, LogFound::Whole(_)) {
        work.report.opens = true;
    }
    probe.unlock().map_err(fail)?;
    work.run(disk)
}

/// The store's id and whether the file `format` tells it; else it is what most segments say.
fn store_id(disk: &dyn Disk) -> Result<([u8; 16], bool), StoreError> {
    let damage = match read_format(disk) {
        Ok(Some(bytes)) => match parse_format(&bytes) {
            Ok(store) => return Ok((store, true)),
            Err(error) if error.kind == StoreErrorKind::Unsupported => return Err(error),
            Err(error) => error,
        },
        Ok(None) => StoreError::new(StoreErrorKind::Absent, ""),
        Err(error) => return Err(io_error("format", &error)),
    };
    let mut votes: BTreeMap<[u8; 16], u32> = BTreeMap::new();
    for folder in ["log", "packs"] {
        for name in disk.list(folder).unwrap_or_default() {
            let path = format!("{folder}/{name}");
            let file = disk.open(&path, Open::Read).map_err(|error| io_error(&path, &error))?;
            match read_header(&*file).map_err(|error| io_error(&path, &error))? {
                Header::Newer(version) => return Err(newer(&path, version)),
                Header::Ours(header) => *votes.entry(header.tag.store).or_default() += 1,
                Header::Damaged => {}
            }
        }
    }
    let most = votes.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(store, _)| (store, false)).ok_or(damage)
}

fn read_format(disk: &dyn Disk) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open("format", Open::Read) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = vec![0; 256];
    let count = file.read_at(&mut bytes, 0)?;
    bytes.truncate(count);
    Ok(Some(bytes))
}

impl Repair<'_> {
    /// Notes what indexes say of packs that are not there, or shorter than they were: opening the store would make
    /// these indexes anew.
    fn shortened(&mut self, log: &LogFound) -> Result<(), StoreError> {
        let there: BTreeSet<Name> = self.names()?.into_iter().collect();
        for name in &there {
            let file = self.base.disk.open(&name.path(), Open::Read);
            let size = file.and_then(|file| file.size()).map_err(|error| io_error(&name.path(), &error))?;
            let Name::Pack(segment) = *name else { continue };
            let Some(index) = self.index(*name, &Tag { store: self.base.store, segment })? else { continue };
            if index.summary.covered > size {
                self.short.insert(*name, index.summary.covered);
                self.note_missed(&index, |entry| entry.offset + RECORD_BYTES + u64::from(entry.len) > size);
            }
        }
        let pending = by_segment(match log {
            LogFound::Whole(state) => state.pending.as_ref().map_or(&[], |pending| &pending.1[..]),
            LogFound::Broken(broken) => &broken.pending,
        });
        for file in super::state::list(&self.base, "index").unwrap_or_default() {
            let stem = file.strip_suffix(".idx").unwrap_or_default();
            let Some(id) = super::format::unhex::<16>(stem) else { continue };
            if there.contains(&Name::Pack(id)) || pending.contains_key(&id) {
                continue;
            }
            let tag = Tag { store: self.base.store, segment: id };
            let Some(index) = self.index(Name::Pack(id), &tag)? else { continue };
            self.report.damaged.push(Name::Pack(id).path());
            self.report.ranges.push(Range {
                path: Name::Pack(id).path(),
                from: 0,
                to: index.summary.covered,
            });
            self.note_missed(&index, |_| true);
        }
        Ok(())
    }

    /// The index file of a segment as it is, whatever the segment's length.
    fn index(&self, name: Name, tag: &Tag) -> Result<Option<IndexFile>, StoreError> {
        let path = name.index_path();
        let fail = |error: io::Error| io_error(&path, &error);
        let file = match self.base.disk.open(&path, Open::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(fail)?,
        };
        let bytes = self.base.sizes.pack_bytes.max(Sizes::default().pack_bytes).saturating_mul(2);
        IndexFile::open(file, &tag.store, &tag.segment, bytes).map_err(fail)
    }

    /// Takes the names of blocks from an index; pages that can't be read name nothing.
    fn note_missed(&mut self, index: &IndexFile, gone: impl Fn(&Entry) -> bool) {
        for entry in index.readable() {
            if gone(&entry) {
                self.missed.insert(Cid(entry.digest));
            }
        }
    }

    /// Without leave to go back to older cells nothing is changed.
    fn decide(&mut self, log: &LogFound) {
        let LogFound::Broken(broken) = log else { return };
        self.report.cells = if broken.exact { Cells::Saved } else { Cells::Older };
        self.report.opens = broken.exact || self.how.accept_older;
        self.how.dry_run |= !self.report.opens;
    }

    /// Makes the store one that opens: a whole `format`, and behind a damaged log a new segment with all cells.
    fn open_again(&mut self, store: &[u8; 16], has_format: bool, log: LogFound) -> Result<(), StoreError> {
        let disk = &self.base.disk;
        if !has_format {
            let fail = |error: io::Error| io_error("format", &error);
            match disk.remove("format.tmp") {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(fail(error)),
                _ => {}
            }
            write_synced(&**disk, "format.tmp", "format", format_text(store).as_bytes()).map_err(fail)?;
            disk.sync_dir("").map_err(fail)?;
            self.report.damaged.push("format".into());
        }
        if let LogFound::Broken(broken) = log {
            broken.write_next(&self.base)?;
            self.erased = broken.pending;
        }
        self.report.opens = true;
        Ok(())
    }

    fn names(&self) -> Result<Vec<Name>, StoreError> {
        let logs = super::state::log_numbers(&self.base)?.into_iter().map(Name::Log);
        let packs = super::state::list(&self.base, "packs")?;
        Ok(logs.chain(packs.iter().filter_map(|name| Name::parse_pack(name)).map(Name::Pack)).collect())
    }

    fn run(mut self, disk: Arc<dyn Disk>) -> Result<RepairReport, StoreError> {
        let names = self.names()?;
        for name in &names {
            let file = disk.open(&name.path(), Open::Read);
            self.total +=
                file.and_then(|file| file.size()).map_err(|error| io_error(&name.path(), &error))?;
        }
        // Names of new files come from the same source as before.
        let random = std::mem::replace(
            self.base.random.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner),
            Box::new(|_| {}),
        );
        let mut options = OpenOptions::new(random);
        (options.read_only, options.lock_wait_ms, options.sizes) =
            (self.how.dry_run, self.base.lock_wait_ms, self.base.sizes);
        let store = match FileStore::open(disk, options) {
            Err(_) if self.how.dry_run => None,
            other => Some(other?),
        };
        let _held = match &store {
            Some(store) if !self.how.dry_run => {
                let held = store.hold()?;
                store.prepare()?;
                store.erase(&self.erased)?;
                Some(held)
            }
            _ => None,
        };
        for name in names {
            if !self.segment(store.as_ref(), name)? {
                self.report.left.push("the repair was interrupted".into());
                break;
            }
        }
        for cid in std::mem::take(&mut self.missed) {
            let copy = store.as_ref().is_some_and(|store| store.has_whole(&cid).unwrap_or(false));
            if !copy {
                self.report.lost.push(cid);
            }
        }
        Ok(self.report)
    }

    /// Looks at one segment; answers whether to go on.
    fn segment(&mut self, store: Option<&FileStore>, name: Name) -> Result<bool, StoreError> {
        let path = name.path();
        let fail = |error: io::Error| io_error(&path, &error);
        let file = match self.base.disk.open(&path, Open::Read) {
            // What an erasure had announced has been completed.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            other => other.map_err(fail)?,
        };
        if matches!(name, Name::Pack(_)) && is_locked(&*file).map_err(fail)? {
            self.report.left.push(format!("{path} is being written by another process"));
            return Ok(true);
        }
        let header = match read_header(&*file).map_err(fail)? {
            Header::Newer(version) => return Err(newer(&path, version)),
            Header::Ours(header) if header.fits(name, &self.base.store) => Some(header),
            _ => None,
        };
        let tag = match name {
            Name::Pack(segment) => Some(Tag { store: self.base.store, segment }),
            Name::Log(_) => header.map(|header| header.tag),
        };
        let (before, total) = (self.report.bytes, self.total);
        let mut on = true;
        let progress = &mut *self.progress;
        let found =
            examine(&*file, name, tag, &mut |at| on = progress(before + at, total) && on).map_err(fail)?;
        let size = file.size().map_err(fail)?;
        self.report.segments += 1;
        self.report.bytes += size;
        self.report.blocks += found.good.len() as u64;
        self.judge(store, name, &*file, tag, header.is_some(), found)?;
        Ok(on)
    }

    /// Compares what can be read of a segment with what should be there, and acts on it.
    fn judge(
        &mut self,
        store: Option<&FileStore>,
        name: Name,
        file: &dyn DiskFile,
        tag: Option<Tag>,
        has_header: bool,
        found: Examined,
    ) -> Result<(), StoreError> {
        let path = name.path();
        let index = match tag {
            Some(tag) => self.index(name, &tag)?,
            None => None,
        };
        let covered = index.as_ref().map_or(0, |index| index.summary.covered);
        let covered = self.short.get(&name).copied().unwrap_or(covered);
        let active = store.is_some_and(|store| Name::Log(store.state().log.number) == name);
        let limit = match store {
            Some(store) if active => store.state().log.end,
            _ => found.proven.0.max(covered),
        };
        let mut gaps: Vec<(u64, u64)> = found.gaps.iter().filter(|gap| gap.0 < limit).copied().collect();
        if found.end < limit {
            gaps.push((found.end, limit));
        }
        let bad: Vec<&Entry> = found.bad.iter().filter(|entry| entry.offset < limit).collect();
        self.missed.extend(bad.iter().map(|entry| Cid(entry.digest)));
        if let Some(index) = &index {
            self.note_missed(index, |entry| gaps.iter().any(|gap| (gap.0..gap.1).contains(&entry.offset)));
        }
        let nothing =
            !has_header && found.good.is_empty() && gaps.is_empty() && bad.is_empty() && index.is_none();
        let damaged = !gaps.is_empty() || !bad.is_empty() || !has_header && !nothing;
        let range = |(from, to): (u64, u64)| Range { path: path.clone(), from, to };
        self.report.ranges.extend(gaps.into_iter().map(range));
        if damaged {
            self.report.damaged.push(path);
        }
        let Some(store) = store.filter(|_| !self.how.dry_run) else {
            self.report.indexes += u64::from(!damaged && !active && !nothing && index.is_none());
            return Ok(());
        };
        if damaged {
            if active {
                store.roll()?;
            }
            self.replace(store, name, file, tag, found.good)
        } else if active || nothing {
            Ok(())
        } else {
            self.report.indexes += u64::from(store.check_index(name, found)?);
            Ok(())
        }
    }

    /// Copies what is whole of a damaged segment, and moves that out of the way.
    fn replace(
        &self,
        store: &FileStore,
        name: Name,
        file: &dyn DiskFile,
        tag: Option<Tag>,
        mut good: Vec<Entry>,
    ) -> Result<(), StoreError> {
        if let Some(tag) = tag {
            let erased = by_segment(&self.erased).remove(&tag.segment).unwrap_or_default();
            good.retain(|entry| !erased.contains(&entry.offset) && !erased.contains(&WHOLE));
        }
        let any = Tag { store: self.base.store, segment: [0; 16] };
        let window = Window::new(file, tag.unwrap_or(any));
        let mut writer = Writer::default();
        let copied = store
            .copy_entries(&mut writer, &name.path(), window, good)
            .and_then(|()| store.sync_packs(&mut writer));
        if let Err(error) = copied {
            store.discard(&mut writer);
            return Err(error);
        }
        store.seal(&mut writer, true);
        store.put_aside(name)
    }
}

impl Broken {
    /// Writes a log segment that opens with the cells found; the damaged one is then no longer the newest.
    fn write_next(&self, base: &Base) -> Result<(), StoreError> {
        Ok(super::log::write_segment(base, self.next, self.chain, self.cells.clone()).map(drop)?)
    }
}
