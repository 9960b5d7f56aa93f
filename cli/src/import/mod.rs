//! `import`: stores a folder. One thread walks and reads, this one feeds the engine.

mod read;
mod walk;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;

use dagvault_api::{Codec, Error, PutItem, Request, Response};
use dagvault_core::wipe::Wiped;
use rustix::fs::{Mode, OFlags, open, stat};
use serde_json::json;

use crate::args::{Global, Import};
use crate::attrs::Kind;
use crate::commands::change::delete;
use crate::commands::listing::Listing;
use crate::commands::prefix;
use crate::commands::put::one;
use crate::engine::{Access, Session, vault_path};
use crate::failure::{Failure, Kind as FailureKind, Outcome};
use crate::glob::{self, Pattern};
use crate::output::Out;
use crate::progress::Unit;
use crate::show;
use crate::signal::Stop;
use read::{Counts, Reader, Stored, Work};
use walk::{Event, Walk};

/// Batches or pieces between the reader and the engine.
const AHEAD: usize = 1;
const RESUME: &str = "what was imported is kept; run the same command again to go on";

/// What the engine's side has done.
#[derive(Default)]
struct Done {
    /// Values that made a new version.
    written: u64,
    /// Values that were equal: only attributes were kept.
    equal: u64,
    deleted: u64,
    /// Paths left out by mistake.
    problems: u64,
    /// Paths skipped by nature.
    skipped: u64,
    would: u64,
    gone: Vec<String>,
}

/// Stores a folder.
pub(crate) fn run(global: &Global, options: &Import, out: &mut Out) -> Outcome<()> {
    let into = prefix(&options.into)?;
    let exclude: Vec<Pattern> = options.exclude.iter().map(|text| Pattern::new(text)).collect();
    let top = open_top(&options.dir)?;
    let access = if options.dry_run { Access::Read } else { Access::Write };
    let mut session = Session::open(global, access, out)?;
    let vault = stat(&vault_path(global)?).ok().map(|found| walk::id_of(&found));
    let begin = |top| Walk::new(top, into, exclude.clone(), vault);
    let failed = |error: rustix::io::Errno| Failure::io(&options.dir.display().to_string(), &error.into());
    let stop = Stop::watch();
    let counts = Counts::default();
    out.start_progress(Unit::Files);
    let ahead =
        if out.shows_progress() { Some(begin(open_top(&options.dir)?).map_err(failed)?) } else { None };
    let (to, from) = sync_channel(AHEAD);
    let (spare, back) = channel();
    let reader = Reader {
        walk: begin(top).map_err(failed)?,
        stored: Stored::new(Listing::new(&session, into)),
        rehash: options.rehash,
        dry_run: options.dry_run,
        codec: if options.no_compress { Codec::Raw {} } else { Codec::Lz4File {} },
        counts: &counts,
        stop: &stop,
        to,
        back,
        batch: Vec::new(),
        batch_bytes: 0,
    };
    let begun = std::time::Instant::now();
    let mut feeder = Feeder {
        session: &session,
        options,
        counts: &counts,
        stop: &stop,
        total: &AtomicU64::new(0),
        done: Done::default(),
        out,
    };
    let total = feeder.total;
    let over = AtomicBool::new(false);
    let fed = thread::scope(|scope| {
        scope.spawn(|| reader.run());
        if let Some(walk) = ahead {
            scope.spawn(|| count_ahead(walk, total, &over));
        }
        let fed = feeder.feed(from, &spare);
        over.store(true, Ordering::Relaxed);
        fed
    });
    let fed = fed.and_then(|()| feeder.delete_gone(into, &exclude));
    let done = feeder.done;
    out.end_progress();
    session.tell(out);
    fed.map_err(stopped)?;
    report(options, into, &counts, &done, begun.elapsed(), out)
}

fn open_top(dir: &Path) -> Outcome<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(dir, flags, Mode::empty()).map_err(|error| Failure::io(&dir.display().to_string(), &error.into()))
}

/// Adds up sizes, so that the time left can be told.
fn count_ahead(walk: Walk, total: &AtomicU64, over: &AtomicBool) {
    let mut bytes = 0;
    for event in walk {
        if over.load(Ordering::Relaxed) {
            return;
        }
        if let Event::Found(found) = event
            && found.attrs.kind == Kind::File
        {
            bytes += found.attrs.size;
        }
    }
    total.store(bytes, Ordering::Relaxed);
}

/// Feeds the engine.
struct Feeder<'a> {
    session: &'a Session,
    options: &'a Import,
    counts: &'a Counts,
    stop: &'a Stop,
    total: &'a AtomicU64,
    done: Done,
    out: &'a mut Out,
}

impl Feeder<'_> {
    fn feed(&mut self, from: Receiver<Work>, spare: &Sender<Wiped>) -> Outcome<()> {
        let mut large: Option<(u64, PutItem<'static>)> = None;
        // The channel closes with this function, which ends the reader.
        for work in from {
            self.stop.check(RESUME)?;
            match work {
                Work::Batch(items) => self.batch(items)?,
                Work::Begin(item) => large = self.begin(item)?,
                Work::Piece(bytes) => {
                    if let Some((handle, _)) = &large {
                        let request = Request::WriteChunk { handle: *handle, bytes: bytes.as_slice().into() };
                        self.session.done(&request)?;
                        self.counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    }
                    // A reader that has ended needs none: dropped, it is wiped.
                    let _ = spare.send(bytes);
                }
                Work::End => {
                    if let Some((handle, item)) = large.take() {
                        match self.session.try_call(&Request::WriteEnd { handle }) {
                            Ok(response) => self.count(one(response)?.written),
                            Err(error) => self.refused(&item, error)?,
                        }
                    }
                }
                Work::Abort => {
                    if let Some((handle, _)) = large.take() {
                        self.session.done(&Request::Close { handle })?;
                    }
                }
                Work::Gone(path) => self.done.gone.push(path),
                Work::Problem(path, why, failed) => self.problem(&path, &why, failed),
                Work::Would(path, size) => self.would(&path, size)?,
                Work::Failed(failure) => return Err(failure),
            }
            self.show();
        }
        self.stop.check(RESUME)
    }

    fn show(&mut self) {
        let files = self.counts.seen[Kind::File as usize].load(Ordering::Relaxed);
        let total = Some(self.total.load(Ordering::Relaxed)).filter(|total| *total > 0);
        self.out.progress(files, self.counts.bytes.load(Ordering::Relaxed), total);
    }

    fn problem(&mut self, path: &str, why: &str, failed: bool) {
        if failed {
            self.done.problems += 1;
        } else {
            self.done.skipped += 1;
        }
        self.out.warn(&format!("{path}: {why}"));
    }

    fn would(&mut self, path: &str, size: u64) -> Outcome<()> {
        self.done.would += 1;
        if self.out.json {
            return self.out.object(&json!({ "would": "read", "path": path, "size": size }));
        }
        self.out.line(&format!("would read {path}"))
    }

    fn count(&mut self, written: bool) {
        if written {
            self.done.written += 1;
        } else {
            self.done.equal += 1;
        }
    }

    /// Puts a batch in one commit. If an item is refused, each is tried alone, so that the others get in.
    fn batch(&mut self, items: Vec<PutItem<'static>>) -> Outcome<()> {
        let bytes: usize = items.iter().map(|item| item.value.len()).sum();
        let request = Request::Put { items };
        match self.session.try_call(&request) {
            Ok(Response::Put { outcomes }) => outcomes.iter().for_each(|outcome| self.count(outcome.written)),
            Ok(_) => return Err(Failure::odd_answer()),
            Err(error @ (Error::Limit { .. } | Error::BadRequest { .. })) => {
                let Request::Put { items } = request else { return Err(error.into()) };
                for item in items {
                    let request = Request::Put { items: vec![item] };
                    match (self.session.try_call(&request), request) {
                        (Ok(response), _) => self.count(one(response)?.written),
                        (Err(error), Request::Put { items }) => self.refused(&items[0], error)?,
                        (Err(error), _) => return Err(error.into()),
                    }
                }
            }
            Err(error) => return Err(error.into()),
        }
        self.counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(())
    }

    fn begin(&mut self, item: PutItem<'static>) -> Outcome<Option<(u64, PutItem<'static>)>> {
        let request = Request::WriteBegin { item };
        match (self.session.try_call(&request), request) {
            (Ok(Response::Handle { handle, .. }), Request::WriteBegin { item }) => Ok(Some((handle, item))),
            (Ok(_), _) => Err(Failure::odd_answer()),
            (Err(error), Request::WriteBegin { item }) => self.refused(&item, error).map(|()| None),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Reports an item that the engine refuses for what it is; any other failure ends the import.
    fn refused(&mut self, item: &PutItem<'_>, error: Error) -> Outcome<()> {
        match error {
            Error::Limit { .. } | Error::BadRequest { .. } => {
                self.problem(&item.path, &show::safe(&error.to_string()), true);
                Ok(())
            }
            error => Err(error.into()),
        }
    }

    /// With `--delete`, marks paths as deleted whose files are gone; never after a problem, when "gone" may
    /// only mean "not readable".
    fn delete_gone(&mut self, into: &str, exclude: &[Pattern]) -> Outcome<()> {
        if !self.options.delete {
            return Ok(());
        }
        let skip = if into.is_empty() { 0 } else { into.len() + 1 };
        let gone = std::mem::take(&mut self.done.gone);
        let gone: Vec<&str> = gone
            .iter()
            .map(String::as_str)
            .filter(|path| !glob::excluded(exclude, path.get(skip..).unwrap_or("")))
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        if self.done.problems > 0 {
            self.out.warn("nothing is marked as deleted, because something could not be read");
            return Ok(());
        }
        if self.options.dry_run {
            for path in gone {
                if self.out.json {
                    self.out.object(&json!({ "would": "delete", "path": path }))?;
                } else {
                    self.out.line(&format!("would delete {path}"))?;
                }
            }
            return Ok(());
        }
        self.done.deleted = delete(self.session, &gone)?;
        Ok(())
    }
}

/// A failure that ends an import, with how to go on.
fn stopped(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::NoSpace => failure.hint(format!("free some space; {RESUME}")),
        FailureKind::Busy => failure.hint(format!("another process writes into the vault; {RESUME}")),
        FailureKind::Engine => {
            failure.hint(format!("{RESUME}, with a longer --deadline or more --max-memory"))
        }
        _ => failure,
    }
}

fn report(
    options: &Import,
    into: &str,
    counts: &Counts,
    done: &Done,
    elapsed: std::time::Duration,
    out: &mut Out,
) -> Outcome<()> {
    let [files, dirs, links] = [0, 1, 2].map(|kind: usize| counts.seen[kind].load(Ordering::Relaxed));
    let unchanged = counts.unchanged.load(Ordering::Relaxed);
    let read = counts.read.load(Ordering::Relaxed);
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let object = json!({
        "into": into, "files": files, "dirs": dirs, "symlinks": links, "bytes_read": read,
        "written": done.written, "equal": done.equal, "unchanged": unchanged, "deleted": done.deleted,
        "skipped": done.skipped, "problems": done.problems, "dry_run": options.dry_run, "elapsed_ms": ms,
    });
    let mut text = format!(
        "{}, {}, {}: {} written, {} equal, {unchanged} unchanged",
        show::count(files, "file", "files"),
        show::count(dirs, "folder", "folders"),
        show::count(links, "link", "links"),
        done.written,
        done.equal,
    );
    if options.dry_run {
        text = format!("{} would be read", show::count(done.would, "path", "paths"));
    }
    for (count, what) in [(done.deleted, "deleted"), (done.skipped, "skipped"), (done.problems, "left out")] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text += &format!(" ({} read in {}.{:03} s)", show::bytes(read), ms / 1000, ms % 1000);
    out.done(&text, &object)?;
    if done.problems > 0 {
        let what = show::count(done.problems, "path is", "paths are");
        return Err(Failure::new(
            FailureKind::Partial,
            format!("{what} left out; everything else is imported"),
        ));
    }
    Ok(())
}

const _: () = assert!(Kind::File as usize == 0 && Kind::Dir as usize == 1 && Kind::Link as usize == 2);
