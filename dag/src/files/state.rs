//! What a handle knows of the vault, and how it catches up with other processes.

use super::base::{Base, Name, Offsets, by_segment, corrupt, io_error};
use super::chain::{Deed, Place, WHOLE};
use super::format::{HEADER_BYTES, Header, Tag};
use super::load::{newer, read_header};
use super::segment::{Owner, Report, Segment, View};
use super::walk::{Batch, LogWalk, Window, walk_log};
use crate::disk::DiskFile;
use dagvault_core::error::StoreError;
use dagvault_core::ids::Cid;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// How often a reader looks again, while nobody writes, before it calls something damaged.
const LOOKS_MAX: usize = 5;
/// How often while others write; it pauses before each look.
const LOOKS_BUSY_MAX: usize = 2000;
const PAUSE: Duration = Duration::from_millis(1);

/// Looks at what a writer may be changing, and may make no sense therefore.
#[derive(Default)]
struct Looks {
    calm: usize,
    busy: usize,
}

impl Looks {
    /// After a look in vain: whether to look again.
    fn again(&mut self, base: &Base, holding: bool) -> bool {
        if !holding && base.writer_active().unwrap_or(false) {
            std::thread::sleep(PAUSE);
            self.busy += 1;
            // Whoever was writing may have been at it until now.
            self.calm = 0;
            return self.busy < LOOKS_BUSY_MAX;
        }
        self.calm += 1;
        self.calm < LOOKS_MAX
    }
}

/// The end of the log.
pub(super) struct LogTip {
    pub(super) number: u64,
    pub(super) tag: Tag,
    pub(super) file: Arc<dyn DiskFile>,
    /// Where the next batch goes.
    pub(super) end: u64,
    /// The id of the last link.
    pub(super) chain: [u8; 32],
    /// Where the last batch begins.
    pub(super) last_start: u64,
    /// Where the segment's opening batch ends.
    pub(super) floor: u64,
    /// Whether the last link has its mark.
    pub(super) marked: bool,
    /// Whether what lies behind the end is known to be zeros.
    pub(super) tail_checked: bool,
    /// Whether the segment's name is known to be durable.
    pub(super) named: bool,
    /// Whether this handle has appended to it.
    pub(super) ours: bool,
    /// The file's length as last seen, at most what it is; 0: not seen.
    pub(super) size: u64,
}

/// What an iteration walks.
pub(super) type Snapshot = Arc<Vec<View>>;

pub(super) struct State {
    pub(super) segments: Vec<Segment>,
    pub(super) log: LogTip,
    pub(super) cells: BTreeMap<u32, Vec<u8>>,
    /// An erasure that has been announced and not completed.
    pub(super) pending: Option<([u8; 32], Vec<Place>)>,
    pub(super) report: Report,
    pub(super) iterations: VecDeque<(u64, Snapshot)>,
    pub(super) iteration_last: u64,
    /// The segment where a block was found last.
    hint: usize,
    forgotten: Offsets,
}

pub(super) fn list(base: &Base, folder: &str) -> Result<Vec<String>, StoreError> {
    base.disk.list(folder).map_err(|error| io_error(folder, &error))
}

pub(super) fn log_numbers(base: &Base) -> Result<BTreeSet<u64>, StoreError> {
    Ok(list(base, "log")?.iter().filter_map(|name| Name::parse_log(name)).collect())
}

fn open_tip(base: &Base, number: u64) -> Result<LogTip, StoreError> {
    let path = Name::Log(number).path();
    let fail = |error: std::io::Error| io_error(&path, &error);
    let file = base.disk.open(&path, base.how()).map_err(fail)?;
    let header = match read_header(&*file).map_err(fail)? {
        Header::Newer(version) => return Err(newer(&path, version)),
        Header::Damaged => return Err(corrupt(format!("{path}: the header is damaged"))),
        Header::Ours(header) => header,
    };
    if !header.fits(Name::Log(number), &base.store) {
        return Err(corrupt(format!("{path}: another file is in its place")));
    }
    Ok(LogTip {
        number,
        tag: header.tag,
        file,
        end: HEADER_BYTES,
        chain: header.chain,
        last_start: HEADER_BYTES,
        floor: 0,
        marked: false,
        tail_checked: false,
        named: false,
        ours: false,
        size: 0,
    })
}

impl State {
    /// Reads the vault. `old` gives the packs that this handle is writing, and its iterations.
    pub(super) fn load(base: &Base, mut old: Option<&mut Self>, holding: bool) -> Result<Self, StoreError> {
        let mut looks = Looks::default();
        loop {
            match Self::load_once(base, old.as_deref_mut(), holding) {
                // A writer may have rolled or removed a segment between listing and opening.
                Err(_) if looks.again(base, holding) => {}
                other => return other,
            }
        }
    }

    /// Nothing but the newest log segment, of which nothing is read yet.
    pub(super) fn before_log(base: &Base, newest: u64) -> Result<Self, StoreError> {
        let log = open_tip(base, newest)?;
        let tip = Segment::new(Name::Log(newest), log.tag, Arc::clone(&log.file), Owner::Shared);
        Ok(Self {
            segments: vec![tip],
            log,
            cells: BTreeMap::new(),
            pending: None,
            report: Report::default(),
            iterations: VecDeque::new(),
            iteration_last: 0,
            hint: 0,
            forgotten: Offsets::new(),
        })
    }

    fn load_once(base: &Base, old: Option<&mut Self>, holding: bool) -> Result<Self, StoreError> {
        let numbers = log_numbers(base)?;
        let newest = *numbers.last().ok_or_else(|| corrupt("log: no segment is there"))?;
        let mut state = Self::before_log(base, newest)?;
        if let Some(old) = &old {
            state.report = old.report.clone();
        }
        for number in numbers.range(..newest) {
            state.segments.extend(Segment::open(base, Name::Log(*number), &mut state.report)?);
        }
        let own: BTreeSet<Name> = old.as_ref().map_or_else(BTreeSet::new, |old| old.own());
        for id in list(base, "packs")?.iter().filter_map(|name| Name::parse_pack(name)) {
            if !own.contains(&Name::Pack(id)) {
                state.segments.extend(Segment::open(base, Name::Pack(id), &mut state.report)?);
            }
        }
        if !state.advance(base, holding, true)? {
            return Err(corrupt(format!("{}: near {}", Name::Log(newest).path(), state.log.end)));
        }
        if let Some(old) = old {
            let segments = std::mem::take(&mut old.segments);
            let (ours, others) = segments.into_iter().partition(|segment| segment.owner == Owner::Us);
            old.segments = others;
            state.segments.extend::<Vec<Segment>>(ours);
            state.iterations = std::mem::take(&mut old.iterations);
            state.iteration_last = old.iteration_last;
        }
        Ok(state)
    }

    /// The segments in the order of their names: the log from its oldest on, then the packs.
    pub(super) fn by_name(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.segments.len()).collect();
        order.sort_unstable_by_key(|at| self.segments[*at].name);
        order
    }

    fn own(&self) -> BTreeSet<Name> {
        self.segments
            .iter()
            .filter(|segment| segment.owner == Owner::Us)
            .map(|segment| segment.name)
            .collect()
    }

    /// Catches up with the log. `holding`: this handle holds the lock, so nobody else is writing.
    pub(super) fn refresh(&mut self, base: &Base, holding: bool) -> Result<(), StoreError> {
        let mut looks = Looks::default();
        loop {
            // Segments are numbered without gaps, the oldest is removed first and the newest never: so two looks are
            // enough, where listing the folder would cost several calls with each change. If the next one is gone
            // again, then this one is.
            let next = Name::Log(self.log.number + 1).path();
            let fail = |error: io::Error| io_error(&next, &error);
            if base.disk.exists(&next).map_err(fail)? || !self.log.file.is_named().map_err(fail)? {
                let state = Self::load(base, Some(self), holding)?;
                *self = state;
                return Ok(());
            }
            if self.advance(base, holding, false)? {
                return Ok(());
            }
            if !looks.again(base, holding) {
                let path = Name::Log(self.log.number).path();
                return Err(corrupt(format!("{path}: the record at {} is damaged", self.log.end)));
            }
        }
    }

    /// Walks on from the known end; false if what is there makes no sense (yet).
    pub(super) fn advance(&mut self, base: &Base, holding: bool, whole: bool) -> Result<bool, StoreError> {
        let path = Name::Log(self.log.number).path();
        let fail = |error: std::io::Error| io_error(&path, &error);
        let file = Arc::clone(&self.log.file);
        let mut window = Window::new(&*file, self.log.tag);
        let mut walk = walk_log(&mut window, self.log.end, self.log.chain, whole).map_err(fail)?;
        if walk.damaged.is_some() {
            return Ok(false);
        }
        // Whoever writes behind a batch has made it durable before, and overwrites its mark.
        let unfinished = !walk.batches.is_empty() && !walk.marked && !walk.stale && !holding;
        // The opening batch of a segment is durable before the segment has its name.
        let opening = self.log.end == HEADER_BYTES && walk.batches.len() == 1;
        if unfinished && !opening && base.writer_active().map_err(fail)? {
            walk.pop(self.log.chain);
        }
        if self.log.end == HEADER_BYTES && walk.batches.is_empty() || !self.plausible(&walk) {
            return Ok(false);
        }
        if holding {
            self.log.tail_checked &= !walk.stale;
        }
        for batch in walk.batches {
            self.apply(batch);
        }
        self.log.marked = walk.marked;
        self.settle();
        Ok(true)
    }

    /// Whether every link that cannot be read has been erased by a later one.
    fn plausible(&self, walk: &LogWalk) -> bool {
        let segment = self.log.tag.segment;
        let mut unread: BTreeSet<u64> =
            walk.batches.iter().filter(|batch| batch.link.is_none()).map(|batch| batch.offset).collect();
        for batch in &walk.batches {
            if let Some(Deed::Erase { places }) = batch.link.as_ref().map(|link| &link.deed) {
                for place in places.iter().filter(|place| place.segment == segment) {
                    unread.remove(&place.offset);
                }
            }
        }
        unread.is_empty()
    }

    /// Takes a batch of the log over; [`State::settle`] must follow.
    pub(super) fn apply(&mut self, batch: Batch) {
        let name = Name::Log(self.log.number);
        if let Some(segment) = self.segments.iter_mut().find(|segment| segment.name == name) {
            segment.insert(&batch.blocks);
            segment.walked = batch.end;
            if matches!(batch.link.as_ref().map(|link| &link.deed), Some(Deed::Commit { .. })) {
                segment.commits.push(batch.offset);
            }
        }
        match batch.link.map(|link| link.deed) {
            Some(Deed::Commit { cells, .. }) => self.cells.extend(cells),
            Some(Deed::Erase { places }) => {
                for (segment, offsets) in by_segment(&places) {
                    self.forgotten.entry(segment).or_default().extend(offsets);
                }
                self.pending = Some((batch.id, places));
            }
            Some(Deed::Erased { erase }) => {
                if let Some((_, places)) = self.pending.take_if(|pending| pending.0 == erase) {
                    for place in places.into_iter().filter(|place| place.offset == WHOLE) {
                        self.forgotten.entry(place.segment).or_default().insert(WHOLE);
                    }
                }
            }
            None => {}
        }
        if self.log.end == HEADER_BYTES {
            self.log.floor = batch.end;
        }
        self.log.last_start = batch.start;
        self.log.end = batch.end;
        self.log.chain = batch.id;
    }

    /// Forgets what the batches applied have erased.
    pub(super) fn settle(&mut self) {
        for (id, offsets) in std::mem::take(&mut self.forgotten) {
            let Some(at) = self.segments.iter().position(|segment| segment.tag.segment == id) else {
                continue;
            };
            if !offsets.contains(&WHOLE) {
                self.segments[at].forget(&offsets);
            } else if self.pending.is_none() {
                self.segments.remove(at);
            } else {
                // The file is still needed for completing the erasure; its blocks are gone already.
                self.segments[at].forget_all();
            }
        }
    }

    /// Finds packs that have come, grown or gone.
    pub(super) fn refresh_packs(&mut self, base: &Base) -> Result<(), StoreError> {
        let there: BTreeSet<Name> =
            list(base, "packs")?.iter().filter_map(|name| Name::parse_pack(name)).map(Name::Pack).collect();
        self.segments.retain(|segment| {
            !matches!(segment.name, Name::Pack(_))
                || segment.owner == Owner::Us
                || there.contains(&segment.name)
        });
        let mut finished = Vec::new();
        for segment in self.segments.iter_mut().filter(|segment| segment.owner == Owner::Others) {
            let path = segment.name.path();
            if segment.follow(&mut self.report).map_err(|error| io_error(&path, &error))? {
                finished.push(segment.name);
            }
        }
        self.segments.retain(|segment| !finished.contains(&segment.name));
        let known: BTreeSet<Name> = self.segments.iter().map(|segment| segment.name).collect();
        for name in there.difference(&known) {
            self.segments.extend(Segment::open(base, *name, &mut self.report)?);
        }
        Ok(())
    }

    /// Looks into the index of a segment; one that turns out to be damaged is built anew first.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn on_index<T>(
        &mut self,
        base: &Base,
        at: usize,
        look: impl Fn(&mut Segment) -> io::Result<T>,
    ) -> Result<T, StoreError> {
        let segment = &mut self.segments[at];
        let mut found = look(segment);
        if found.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidData) {
            found = segment.rebuild(base, "damaged", &mut self.report).and_then(|()| look(segment));
        }
        found.map_err(|error| io_error(&segment.name.path(), &error))
    }

    /// Where a block is: its segment, where its record begins, and its length.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn find(&mut self, base: &Base, id: &Cid) -> Result<Option<(usize, u64, u32)>, StoreError> {
        let hint = self.hint;
        let others = (0..self.segments.len()).rev().filter(|at| *at != hint);
        for at in (hint < self.segments.len()).then_some(hint).into_iter().chain(others) {
            if let Some((offset, len)) = self.on_index(base, at, |segment| segment.find(id))? {
                self.hint = at;
                return Ok(Some((at, offset, len)));
            }
        }
        Ok(None)
    }
}
