//! `export`: writes what is below a path into a folder. This thread decrypts, others write.

mod end;
mod tree;
mod write;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use dagvault_api::{EntryInfo, Request, Response, Select};
use dagvault_core::wipe::Wiped;
use rustix::io::Errno;

use crate::args::{Export, Global};
use crate::attrs::{Attrs, Kind, Time};
use crate::commands::change::nothing_below;
use crate::commands::get::Reader;
use crate::commands::listing::Listing;
use crate::commands::prefix;
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind as FailureKind, Outcome};
use crate::input::SMALL_BYTES_MAX;
use crate::names;
use crate::output::Out;
use crate::progress::Unit;
use crate::signal::Stop;
use end::{Counts, Ended, Folder, report};
use tree::Tree;
use write::{Job, Ledger, Target};

const WRITERS: usize = 2;
const RESUME: &str = "what was exported is kept; run the same command again to go on";
/// Paths of one request.
const GROUP_FILES: usize = 512;

/// Writes what is below a path into a folder.
pub(crate) fn run(global: &Global, options: &Export, out: &mut Out) -> Outcome<()> {
    let from = prefix(&options.prefix)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let stop = Stop::watch();
    let first = Listing::new(&session, from).page()?;
    if first.is_empty() && !from.is_empty() {
        return Err(nothing_below(from));
    }
    let tree = Tree::open(&options.dir)?;
    let begun = std::time::Instant::now();
    out.start_progress(Unit::Files);
    let total = if out.shows_progress() { Some(sum(&session, from)?) } else { None };
    let ledger = Ledger::default();
    let (to, jobs) = sync_channel(1);
    let jobs = Mutex::new(jobs);
    let counts = thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| write::run(&jobs, &ledger));
        }
        let mut exporter = Exporter {
            session: &session,
            prefix: from,
            overwrite: options.overwrite,
            tree,
            ledger: &ledger,
            stop: &stop,
            to,
            group: Vec::new(),
            group_bytes: 0,
            links: Vec::new(),
            folders: Vec::new(),
            raw: Vec::new(),
            counts: Counts::default(),
            total,
            out,
        };
        exporter.entries().map(|()| exporter.ended())
    });
    let counts = counts.and_then(|ended| {
        // Every file is written by now; links come last, so that nothing can be written through them.
        ledger.check()?;
        Ok(ended.seal(&ledger))
    });
    out.end_progress();
    session.tell(out);
    let problems = std::mem::take(&mut *ledger.problems.lock().unwrap_or_else(PoisonError::into_inner));
    for (path, why) in &problems {
        out.warn(&format!("{path}: {why}"));
    }
    report(options, &counts?, &ledger, problems.len() as u64, begun.elapsed(), out)
}

/// Bytes of all values below a path.
fn sum(session: &Session, prefix: &str) -> Outcome<u64> {
    let mut listing = Listing::new(session, prefix);
    let mut total = 0;
    loop {
        let page = listing.page()?;
        if page.is_empty() {
            return Ok(total);
        }
        total += page.iter().map(|entry| entry.latest.size).sum::<u64>();
    }
}

struct Exporter<'a> {
    session: &'a Session,
    prefix: &'a str,
    overwrite: bool,
    tree: Tree,
    ledger: &'a Ledger,
    stop: &'a Stop,
    to: SyncSender<Job>,
    /// Small values that are fetched together.
    group: Vec<Target>,
    group_bytes: u64,
    links: Vec<(Target, Vec<u8>)>,
    folders: Vec<Folder>,
    /// Folders with a raw name: their path in the vault, and the raw name. Only those that the walk may
    /// still be in.
    raw: Vec<(String, Vec<u8>)>,
    counts: Counts,
    total: Option<u64>,
    out: &'a mut Out,
}

impl Exporter<'_> {
    fn ended(self) -> Ended {
        // The writers end with the channel.
        Ended { tree: self.tree, links: self.links, folders: self.folders, counts: self.counts }
    }

    fn entries(&mut self) -> Outcome<()> {
        let mut listing = Listing::new(self.session, self.prefix);
        loop {
            let page = listing.page()?;
            if page.is_empty() {
                return self.flush();
            }
            for entry in &page {
                self.stop.check(RESUME)?;
                self.ledger.check()?;
                self.entry(entry)?;
            }
        }
    }

    fn entry(&mut self, entry: &EntryInfo) -> Outcome<()> {
        let attrs = Attrs::from_meta(entry.meta.as_ref());
        let kind = attrs.as_ref().map_or(Kind::File, |attrs| attrs.kind);
        let time = |ms: u64| Time {
            seconds: i64::try_from(ms / 1000).unwrap_or(0),
            nanos: u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
        };
        let modified = attrs.as_ref().map_or_else(|| time(entry.latest.time_ms), |attrs| attrs.modified);
        let mode = attrs.as_ref().map_or(if kind == Kind::Dir { 0o700 } else { 0o600 }, |attrs| attrs.mode);
        let raw = attrs.as_ref().and_then(|attrs| attrs.raw_name.as_deref());
        let Some(mut names) = self.names(&entry.path, kind, raw) else {
            self.ledger.left_out(&entry.path, "it can't be the name of a file".into());
            return Ok(());
        };
        if kind == Kind::Dir {
            match self.tree.folder(&names) {
                Ok(_) => self.folders.push(Folder { path: entry.path.clone(), names, mode, modified }),
                Err(error) => self.ledger.problem(&entry.path, error),
            }
            return Ok(());
        }
        let Some(name) = names.pop() else { return Ok(()) };
        let folder = match self.tree.folder(&names) {
            Ok(folder) => folder,
            Err(error) => {
                self.ledger.problem(&entry.path, error);
                return Ok(());
            }
        };
        let Some(replace) = self.may_write(entry, kind, &folder, &name, modified) else { return Ok(()) };
        let target = Target { path: entry.path.clone(), folder, name, mode, modified, replace };
        if kind == Kind::Link {
            return self.link(target);
        }
        if entry.latest.size > SMALL_BYTES_MAX as u64 {
            self.flush()?;
            return self.large(target);
        }
        if self.group.len() >= GROUP_FILES || self.group_bytes + entry.latest.size > SMALL_BYTES_MAX as u64 {
            self.flush()?;
        }
        self.group_bytes += entry.latest.size;
        self.group.push(target);
        Ok(())
    }

    /// The names on disk of an entry, from the top folder on.
    fn names(&mut self, path: &str, kind: Kind, raw: Option<&[u8]>) -> Option<Vec<Vec<u8>>> {
        let rest = match path.strip_prefix(self.prefix) {
            Some("") if kind == Kind::Dir => return Some(Vec::new()),
            // A value at the prefix itself keeps its own name.
            Some("") => path.rsplit('/').next()?,
            Some(rest) => rest.strip_prefix('/').unwrap_or(rest),
            None => return None,
        };
        let start = path.len() - rest.len();
        while self.raw.last().is_some_and(|(folder, _)| !may_hold(folder, path)) {
            self.raw.pop();
        }
        let mut names = Vec::new();
        let mut end = start;
        for component in rest.split('/') {
            end += component.len();
            let known = if end == path.len() {
                raw
            } else {
                let folder = &path[..end];
                self.raw.iter().find(|(known, _)| known == folder).map(|(_, raw)| raw.as_slice())
            };
            names.push(names::on_disk(component, known)?);
            end += 1;
        }
        if let (Kind::Dir, Some(raw)) = (kind, raw) {
            self.raw.push((path.to_owned(), raw.to_vec()));
        }
        Some(names)
    }

    /// Whether to write at a name, and whether to replace what is there. A file with the size and time of
    /// the stored one is left alone.
    fn may_write(
        &mut self,
        entry: &EntryInfo,
        kind: Kind,
        folder: &OwnedFd,
        name: &[u8],
        modified: Time,
    ) -> Option<bool> {
        match tree::look(folder, name) {
            Ok(None) => Some(false),
            Ok(Some(stat)) => {
                let there = Attrs::of(&stat);
                let same = there.as_ref().is_some_and(|there| {
                    there.kind == kind && there.size == entry.latest.size && there.modified == modified
                });
                if same {
                    self.counts.unchanged += 1;
                    self.ledger.bytes.fetch_add(entry.latest.size, Ordering::Relaxed);
                    return None;
                }
                if there.is_some_and(|there| there.kind == Kind::Dir) {
                    self.ledger.problem(&entry.path, Errno::ISDIR);
                    return None;
                }
                if !self.overwrite {
                    self.ledger
                        .left_out(&entry.path, "another file is there; --overwrite replaces it".into());
                    return None;
                }
                Some(true)
            }
            Err(error) => {
                self.ledger.problem(&entry.path, error);
                None
            }
        }
    }

    fn link(&mut self, target: Target) -> Outcome<()> {
        match Reader::open(self.session, &target.path, Select::Latest {}) {
            Ok(mut reader) => {
                let mut to = Vec::new();
                reader.all(|piece| {
                    to.extend_from_slice(piece);
                    Ok(())
                })?;
                self.links.push((target, to));
                Ok(())
            }
            Err(failure) => self.unreadable(&target.path, failure),
        }
    }

    /// A value that can't be read ends the export only if nothing else could be read either.
    fn unreadable(&self, path: &str, failure: Failure) -> Outcome<()> {
        match failure.kind {
            FailureKind::NotFound | FailureKind::Corrupt => {
                self.ledger.left_out(path, failure.message);
                Ok(())
            }
            _ => Err(failure),
        }
    }

    fn send(&mut self, job: Job) -> Outcome<()> {
        // The writers live as long as the channel; one that panicked has told so already.
        self.to.send(job).map_err(|_| Failure::new(FailureKind::Other, "the writers of the export ended"))?;
        let files = self.ledger.files.load(Ordering::Relaxed);
        self.out.progress(files, self.ledger.bytes.load(Ordering::Relaxed), self.total);
        Ok(())
    }

    fn large(&mut self, target: Target) -> Outcome<()> {
        let mut reader = match Reader::open(self.session, &target.path, Select::Latest {}) {
            Ok(reader) => reader,
            Err(failure) => return self.unreadable(&target.path, failure),
        };
        let path = target.path.clone();
        let (pieces, receiver) = sync_channel(1);
        self.send(Job::Large(target, receiver))?;
        loop {
            self.stop.check(RESUME)?;
            let piece = match reader.next() {
                Ok(piece) => piece,
                Err(failure) => return self.unreadable(&path, failure),
            };
            let end = piece.is_empty();
            // A writer that failed has told why.
            if pieces.send(piece).is_err() || end {
                return Ok(());
            }
            let files = self.ledger.files.load(Ordering::Relaxed);
            self.out.progress(files, self.ledger.bytes.load(Ordering::Relaxed), self.total);
        }
    }

    /// Fetches the values that wait and hands them to a writer.
    fn flush(&mut self) -> Outcome<()> {
        self.group_bytes = 0;
        let mut waiting = VecDeque::from(std::mem::take(&mut self.group));
        while !waiting.is_empty() {
            self.stop.check(RESUME)?;
            let request = Request::GetMany {
                paths: waiting.iter().map(|target| target.path.as_str().into()).collect(),
            };
            let values = match self.session.call(&request) {
                Ok(Response::Values { values }) if !values.is_empty() => values,
                Ok(_) => return Err(Failure::odd_answer()),
                Err(failure) if failure.kind == FailureKind::Corrupt => {
                    self.one_by_one(waiting)?;
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            let mut files = Vec::with_capacity(values.len());
            for value in values {
                let Some(target) = waiting.pop_front() else { return Err(Failure::odd_answer()) };
                match value {
                    Some(bytes) => files.push((target, Wiped(bytes.0))),
                    // Changed since it was listed, or damaged: ask again for the reason.
                    None => self.large(target)?,
                }
            }
            if !files.is_empty() {
                self.send(Job::Files(files))?;
            }
        }
        Ok(())
    }

    fn one_by_one(&mut self, targets: VecDeque<Target>) -> Outcome<()> {
        targets.into_iter().try_for_each(|target| self.large(target))
    }
}

/// Whether paths below `folder` may still come in byte order once `path` has come.
fn may_hold(folder: &str, path: &str) -> bool {
    path < format!("{folder}0").as_str()
}
