//! Reads the files of an import ahead of the engine: what is unchanged is left out, small files go in
//! batches, large ones in pieces.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::vec;

use dagvault_api::{Codec, EntryInfo, MetaChange, PutItem};
use dagvault_core::cbor::Bytes;
use dagvault_core::wipe::Wiped;
use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, readlinkat, statat};

use super::walk::{Event, Found, Walk, why};
use crate::attrs::{Attrs, KEY, Kind};
use crate::commands::listing::Listing;
use crate::engine::now_ms;
use crate::failure::{Failure, Outcome};
use crate::input::{PIECE_BYTES, SMALL_BYTES_MAX};
use crate::signal::Stop;

/// Bytes and files of one batch: one request, one commit.
const BATCH_BYTES: usize = SMALL_BYTES_MAX;
const BATCH_FILES: usize = 1024;
/// Bytes that an item costs besides its value.
const ITEM_BYTES: usize = 256;

/// What the reader has for the engine.
pub(super) enum Work {
    /// Items for one put.
    Batch(Vec<PutItem<'static>>),
    /// A large file begins.
    Begin(PutItem<'static>),
    /// A piece of it.
    Piece(Wiped),
    /// It ends, whole.
    End,
    /// It ends because it changed while it was read.
    Abort,
    /// A path whose file is gone.
    Gone(String),
    /// A path that is left out: why, and whether by mistake.
    Problem(String, String, bool),
    /// A path that would be read, of a dry run.
    Would(String, u64),
    /// The reader can't go on.
    Failed(Failure),
}

/// What was counted, readable while it goes on.
#[derive(Default)]
pub(super) struct Counts {
    /// Files, folders and links seen.
    pub(super) seen: [AtomicU64; 3],
    /// Of these, unchanged by the rule.
    pub(super) unchanged: AtomicU64,
    /// Bytes of files done or passed over.
    pub(super) bytes: AtomicU64,
    /// Bytes read.
    pub(super) read: AtomicU64,
}

/// How to read.
pub(super) struct Reader<'a> {
    /// Where the files are.
    pub(super) walk: Walk,
    /// What the vault has.
    pub(super) stored: Stored<'a>,
    /// Whether to read even what is unchanged by the rule.
    pub(super) rehash: bool,
    /// Whether to read nothing.
    pub(super) dry_run: bool,
    /// How values are compressed.
    pub(super) codec: Codec,
    /// Counts.
    pub(super) counts: &'a Counts,
    /// Ctrl-C.
    pub(super) stop: &'a Stop,
    /// To the engine.
    pub(super) to: SyncSender<Work>,
    /// Pieces that it is done with, to be filled again: cheaper than wiping each.
    pub(super) back: Receiver<Wiped>,
    /// The batch that is being filled.
    pub(super) batch: Vec<PutItem<'static>>,
    /// Its bytes.
    pub(super) batch_bytes: usize,
}

/// The receiver is gone: it has failed and needs no more work.
struct Gone;

/// Why a file can't be taken.
enum Trouble {
    Changed,
    Because(String),
    Receiver,
}

impl From<Gone> for Trouble {
    fn from(_: Gone) -> Self {
        Self::Receiver
    }
}

impl From<rustix::io::Errno> for Trouble {
    fn from(error: rustix::io::Errno) -> Self {
        match error {
            rustix::io::Errno::NOENT => Self::Because("it vanished meanwhile".into()),
            rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR => Self::Changed,
            error => Self::Because(why(error)),
        }
    }
}

/// The vault's entries below the prefix, in the order of the walk.
pub(super) struct Stored<'a> {
    listing: Listing<'a>,
    page: std::iter::Peekable<vec::IntoIter<EntryInfo>>,
}

impl<'a> Stored<'a> {
    /// From the first on.
    pub(super) fn new(listing: Listing<'a>) -> Self {
        Self { listing, page: Vec::new().into_iter().peekable() }
    }

    fn peek(&mut self) -> Outcome<Option<&EntryInfo>> {
        if self.page.peek().is_none() {
            self.page = self.listing.page()?.into_iter().peekable();
        }
        Ok(self.page.peek())
    }

    /// The entry at `path`, and before it the paths that the walk did not come by.
    fn find(&mut self, path: Option<&str>, mut passed: impl FnMut(String)) -> Outcome<Option<EntryInfo>> {
        loop {
            match (self.peek()?, path) {
                (None, _) => return Ok(None),
                (Some(entry), Some(path)) if entry.path.as_str() > path => return Ok(None),
                (Some(entry), Some(path)) if entry.path == path => return Ok(self.page.next()),
                _ => passed(self.page.next().map_or_else(String::new, |entry| entry.path)),
            }
        }
    }
}

impl Reader<'_> {
    /// Reads to the end, or until nobody takes the work any more.
    pub(super) fn run(mut self) {
        if let Err(failure) = self.all() {
            // Without a receiver there is nobody to tell.
            let _ = self.to.send(Work::Failed(failure));
        }
    }

    fn all(&mut self) -> Outcome<()> {
        while let Some(event) = self.walk.next() {
            if self.stop.asked() {
                return Ok(());
            }
            let alive = match event {
                Event::Found(found) => self.found(&found)?,
                Event::Problem { path, why, failed } => {
                    self.pass(Some(&path))?;
                    self.send(Work::Problem(path, why, failed))
                }
                Event::Twin(path) => {
                    let why = "its name is not UTF-8, and escaped it is the name of another file";
                    self.send(Work::Problem(path, why.into(), true))
                }
            };
            if alive.is_err() {
                return Ok(());
            }
        }
        if !self.stop.asked() {
            self.pass(None)?;
            let _ = self.flush();
        }
        Ok(())
    }

    fn send(&self, work: Work) -> Result<(), Gone> {
        self.to.send(work).map_err(|_| Gone)
    }

    /// Reports stored paths before `path` as gone; answers what is stored at `path`.
    fn pass(&mut self, path: Option<&str>) -> Outcome<Option<EntryInfo>> {
        let Self { stored, to, .. } = self;
        // A receiver that is gone is noticed with the next work.
        stored.find(path, |gone| drop(to.send(Work::Gone(gone))))
    }

    fn found(&mut self, found: &Found) -> Outcome<Result<(), Gone>> {
        let stored = self.pass(Some(&found.path))?;
        let is_top = found.name.is_empty();
        let before = stored.as_ref().and_then(|entry| Attrs::from_meta(entry.meta.as_ref()));
        if is_top && stored.is_some() && before.as_ref().is_none_or(|attrs| attrs.kind != Kind::Dir) {
            let why = "skipped: a value is there, which the imported folder itself does not replace".into();
            return Ok(self.send(Work::Problem(found.path.clone(), why, false)));
        }
        let kind = found.attrs.kind;
        self.counts.seen[kind as usize].fetch_add(1, Ordering::Relaxed);
        let same = before.as_ref() == Some(&found.attrs);
        if same && (kind == Kind::Dir || !self.rehash) {
            self.counts.unchanged.fetch_add(1, Ordering::Relaxed);
            self.counts.bytes.fetch_add(found.attrs.size, Ordering::Relaxed);
            return Ok(Ok(()));
        }
        if self.dry_run {
            return Ok(self.send(Work::Would(found.path.clone(), found.attrs.size)));
        }
        Ok(self.take(found))
    }

    /// Reads a file, link or folder; one that changes meanwhile is tried a second time.
    fn take(&mut self, found: &Found) -> Result<(), Gone> {
        let mut attrs = found.attrs.clone();
        for _ in 0..2 {
            let why = match self.take_once(found, attrs) {
                Ok(()) => return Ok(()),
                Err(Trouble::Receiver) => return Err(Gone),
                Err(Trouble::Changed) => None,
                Err(Trouble::Because(why)) => Some(why),
            };
            if let Some(why) = why {
                return self.send(Work::Problem(found.path.clone(), why, true));
            }
            let again = statat(&*found.folder, &found.name, AtFlags::SYMLINK_NOFOLLOW);
            attrs = match again.map(|stat| Attrs::of(&stat)) {
                Ok(Some(mut attrs)) if attrs.kind == found.attrs.kind => {
                    attrs.raw_name.clone_from(&found.attrs.raw_name);
                    attrs
                }
                Ok(_) => break,
                Err(_) => {
                    let why = "it vanished meanwhile".into();
                    return self.send(Work::Problem(found.path.clone(), why, true));
                }
            };
        }
        self.send(Work::Problem(found.path.clone(), "it changed while it was read".into(), true))
    }

    fn take_once(&mut self, found: &Found, mut attrs: Attrs) -> Result<(), Trouble> {
        match attrs.kind {
            Kind::Dir => Ok(self.push(item(found, &attrs, Vec::new(), Codec::Raw {}))?),
            Kind::Link => {
                let target = readlinkat(&*found.folder, &found.name, Vec::new())?.into_bytes();
                attrs.settle(now_ms());
                Ok(self.push(item(found, &attrs, target, Codec::Raw {}))?)
            }
            Kind::File => self.take_file(found, attrs),
        }
    }

    fn take_file(&mut self, found: &Found, mut attrs: Attrs) -> Result<(), Trouble> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let begun_ms = now_ms();
        let mut file = File::from(openat(&*found.folder, &found.name, flags, Mode::empty())?);
        let size = usize::try_from(attrs.size).unwrap_or(usize::MAX);
        if size > SMALL_BYTES_MAX {
            return self.take_large(found, &mut file, attrs, begun_ms);
        }
        let mut bytes = Vec::with_capacity(size + 1);
        (&mut file)
            .take(attrs.size + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Trouble::Because(crate::failure::reason(&error)))?;
        if bytes.len() != size || !unchanged(&file, &attrs)? {
            return Err(Trouble::Changed);
        }
        attrs.settle(begun_ms);
        self.counts.read.fetch_add(attrs.size, Ordering::Relaxed);
        Ok(self.push(item(found, &attrs, bytes, self.codec))?)
    }

    /// Hands a large file on in pieces.
    fn take_large(
        &mut self,
        found: &Found,
        file: &mut File,
        attrs: Attrs,
        begun_ms: u64,
    ) -> Result<(), Trouble> {
        self.flush()?;
        let mut settled = attrs.clone();
        settled.settle(begun_ms);
        self.send(Work::Begin(item(found, &settled, Vec::new(), self.codec)))?;
        let mut left = attrs.size;
        let trouble = loop {
            if self.stop.asked() {
                self.send(Work::Abort)?;
                return Err(Trouble::Receiver);
            }
            let mut piece = self.back.try_recv().unwrap_or_else(|_| Wiped(Vec::with_capacity(PIECE_BYTES)));
            piece.clear();
            let wanted = (left + 1).min(PIECE_BYTES as u64);
            if let Err(error) = file.take(wanted).read_to_end(&mut piece) {
                break Trouble::Because(crate::failure::reason(&error));
            }
            let count = piece.len() as u64;
            let Some(rest) = left.checked_sub(count) else { break Trouble::Changed };
            left = rest;
            if count > 0 {
                self.counts.read.fetch_add(count, Ordering::Relaxed);
                self.send(Work::Piece(piece))?;
            }
            if count < wanted {
                match unchanged(file, &attrs) {
                    Ok(true) if left == 0 => return Ok(self.send(Work::End)?),
                    Ok(_) => break Trouble::Changed,
                    Err(trouble) => break trouble,
                }
            }
        };
        self.send(Work::Abort)?;
        Err(trouble)
    }

    fn push(&mut self, item: PutItem<'static>) -> Result<(), Gone> {
        let bytes = item.value.len() + item.path.len() + ITEM_BYTES;
        if !self.batch.is_empty() && self.batch_bytes + bytes > BATCH_BYTES {
            self.flush()?;
        }
        self.batch.push(item);
        self.batch_bytes += bytes;
        if self.batch.len() >= BATCH_FILES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Gone> {
        self.batch_bytes = 0;
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.send(Work::Batch(batch))
    }
}

/// Whether the open file is still what the walk came by.
fn unchanged(file: &File, attrs: &Attrs) -> Result<bool, Trouble> {
    let now = Attrs::of(&fstat(file)?);
    Ok(now.is_some_and(|now| Attrs { raw_name: attrs.raw_name.clone(), ..now } == *attrs))
}

fn item(found: &Found, attrs: &Attrs, value: Vec<u8>, codec: Codec) -> PutItem<'static> {
    PutItem {
        path: Cow::Owned(found.path.clone()),
        value: Cow::Owned(value),
        meta: MetaChange::from([(KEY.to_owned(), Some(Bytes(attrs.to_bytes())))]),
        expected: None,
        skip_equal: true,
        codec,
    }
}
