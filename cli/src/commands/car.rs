//! `dag export` and `dag import`: blocks in CAR files.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dagvault_api::{RawBlock, Request, Response, WalkStep};
use dagvault_core::cid::AnyCid;
use dagvault_core::ids::Cid;
use dagvault_core::limits::RAW_BLOCKS_MAX;
use dagvault_dag::car::{CarError, Fault, ROOTS_MAX, Reader, Section, Writer};
use serde_json::json;

use super::block::{check_output, read, source, write};
use super::get::NewFile;
use crate::args::{Global, Root, ToFile};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::progress::Unit;
use crate::show;
use crate::signal::Stop;

/// Bytes of an import after which a commit keeps what came so far.
const COMMIT_BYTES: u64 = 64 << 20;

/// A walk over what a block reaches, page by page.
pub(super) struct Walk<'s> {
    session: &'s Session,
    /// None at the end.
    handle: Option<u64>,
    /// The tree that was left out, since nobody keeps its key.
    pub(super) sealed: Option<Cid>,
}

impl<'s> Walk<'s> {
    /// Begins.
    pub(super) fn new(session: &'s Session, root: Root, sizes: bool) -> Outcome<Self> {
        match session.call(&Request::WalkBegin { root: root.cid(), sizes })? {
            Response::Handle { handle, .. } => Ok(Self { session, handle: Some(handle), sealed: None }),
            _ => Err(Failure::odd_answer()),
        }
    }

    /// The next page; empty at the end.
    pub(super) fn page(&mut self) -> Outcome<Vec<WalkStep>> {
        while let Some(handle) = self.handle {
            let Response::Walk { steps, sealed, done } = self.session.call(&Request::WalkNext { handle })?
            else {
                return Err(Failure::odd_answer());
            };
            self.sealed = self.sealed.or(sealed);
            self.handle = (!done).then_some(handle);
            if !steps.is_empty() {
                return Ok(steps);
            }
        }
        Ok(Vec::new())
    }
}

/// Where an export goes to.
enum Target<'o> {
    File(NewFile),
    Stdout(&'o mut Out),
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The failure is told by whoever asked; its kind goes along.
        let written = match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.raw(bytes),
        };
        written.map(|()| bytes.len()).map_err(|failure| io::Error::other(Told(failure)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A failure on its way through a writer.
#[derive(Debug)]
struct Told(Failure);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Told {}

fn told(error: io::Error) -> Failure {
    match error.downcast::<Told>() {
        Ok(told) => told.0,
        Err(error) => Failure::io("the CAR file", &error),
    }
}

/// What an export did.
#[derive(Default)]
struct Exported {
    roots: Vec<Cid>,
    blocks: u64,
    bytes: u64,
    sealed: Vec<Cid>,
}

/// Writes what roots reach into a CAR file.
pub(super) fn export(global: &Global, roots: &[Root], output: &ToFile, out: &mut Out) -> Outcome<()> {
    let roots = if roots.is_empty() { &[Root::Head] } else { roots };
    if roots.len() > ROOTS_MAX {
        return Err(Failure::usage(format!("an export has at most {ROOTS_MAX} roots")));
    }
    check_output(output, out)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let done = match &output.output {
        Some(target) => {
            let file = NewFile::create(target, output.force)?;
            out.start_progress(Unit::Blocks);
            let mut progress = |blocks| out.progress(blocks, blocks, None);
            let (target, done) = export_all(&session, roots, Target::File(file), &mut progress)?;
            if let Target::File(file) = target {
                file.finish()?;
            }
            done
        }
        None => export_all(&session, roots, Target::Stdout(out), &mut |_| {})?.1,
    };
    out.end_progress();
    session.tell(out);
    for sealed in &done.sealed {
        out.warn(&format!(
            "the tree {sealed} is left out: an older commit names it, and its keys are not kept"
        ));
    }
    report(&done, output, out)?;
    if done.sealed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Kind::Partial, "trees of older commits are left out; everything else is exported")
        .hint("only the newest commit's tree can be followed: export HEAD"))
}

fn report(done: &Exported, output: &ToFile, out: &mut Out) -> Outcome<()> {
    let text = format!(
        "exported {} ({}) from {}",
        show::count(done.blocks, "block", "blocks"),
        show::bytes(done.bytes),
        show::count(done.roots.len() as u64, "root", "roots"),
    );
    match &output.output {
        None => {
            out.note(&text);
            Ok(())
        }
        Some(target) => {
            let roots: Vec<String> = done.roots.iter().map(ToString::to_string).collect();
            let object = json!({
                "file": target.display().to_string(), "roots": roots, "blocks": done.blocks, "bytes": done.bytes,
            });
            let roots: String = roots.iter().map(|root| format!("\nroot {root}")).collect();
            out.done(&(text + &roots), &object)
        }
    }
}

fn export_all<'o>(
    session: &Session,
    roots: &[Root],
    target: Target<'o>,
    progress: &mut dyn FnMut(u64),
) -> Outcome<(Target<'o>, Exported)> {
    let stop = Stop::watch();
    let mut done = Exported::default();
    // The head is resolved by the walk itself: whoever commits meanwhile does not change what is exported.
    let mut head = None;
    for root in roots {
        let cid = match root {
            Root::Block(cid) => *cid,
            Root::Head if head.is_some() => continue,
            Root::Head => {
                let mut walk = Walk::new(session, Root::Head, false)?;
                let page = walk.page()?;
                let first = page.first().ok_or_else(Failure::odd_answer)?.cid;
                head = Some((walk, page));
                first
            }
        };
        if !done.roots.contains(&cid) {
            done.roots.push(cid);
        }
    }
    let names: Vec<AnyCid> = done.roots.iter().copied().map(AnyCid::from).collect();
    let mut writer = Writer::new(target, &names).map_err(told)?;
    // One walk tells each block once; several may meet.
    let mut written = HashSet::new();
    let mut each = |walk: &mut Walk<'_>, mut page: Vec<WalkStep>| -> Outcome<()> {
        while !page.is_empty() {
            stop.check("no file was written; run the command again")?;
            let cids: Vec<Cid> = page.iter().map(|step| step.cid).collect();
            let fresh: Vec<Cid> =
                cids.into_iter().filter(|cid| roots.len() == 1 || written.insert(*cid)).collect();
            for some in fresh.chunks(RAW_BLOCKS_MAX) {
                for (cid, block) in some.iter().zip(read(session, some)?) {
                    let block = block.ok_or_else(|| {
                        Failure::new(Kind::Corrupt, format!("stored data is damaged: block {cid} is missing"))
                    })?;
                    writer.block(&AnyCid::from(*cid), &block).map_err(told)?;
                    done.blocks += 1;
                    done.bytes += block.len() as u64;
                }
                progress(done.blocks);
            }
            page = walk.page()?;
        }
        done.sealed.extend(walk.sealed);
        Ok(())
    };
    for root in roots {
        match (root, head.take_if(|_| *root == Root::Head)) {
            (_, Some((mut walk, page))) => each(&mut walk, page)?,
            (Root::Head, None) => {}
            (Root::Block(_), None) => {
                let mut walk = Walk::new(session, *root, false)?;
                let page = walk.page()?;
                each(&mut walk, page)?;
            }
        }
    }
    Ok((writer.finish().map_err(told)?, done))
}

/// What an import did.
#[derive(Default)]
struct Imported {
    blocks: u64,
    bytes: u64,
    fresh: u64,
    roots: Vec<AnyCid>,
}

/// Stores the blocks of CAR files.
pub(super) fn import(global: &Global, files: &[PathBuf], out: &mut Out) -> Outcome<()> {
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin[..] } else { files };
    let mut session = Session::locked(global, Access::Write, out)?;
    let stop = Stop::watch();
    let mut done = Imported::default();
    for file in files {
        let imported = import_file(&session, file, &stop, &mut done);
        // What came before a failure is whole: a commit keeps it, too.
        let kept = write(&session, Vec::new(), true);
        imported.map_err(|failure| if kept.is_ok() { kept_hint(failure, &done) } else { failure })?;
        kept?;
    }
    let there = roots_there(&session, &done.roots)?;
    session.tell(out);
    for (root, _) in done.roots.iter().zip(&there).filter(|(_, there)| !**there) {
        out.warn(&format!("the root {root} is neither in the file nor in the vault"));
    }
    let text = format!(
        "imported {} ({}), {} of them new",
        show::count(done.blocks, "block", "blocks"),
        show::bytes(done.bytes),
        done.fresh,
    );
    let roots: Vec<_> = done.roots.iter().map(ToString::to_string).zip(&there).collect();
    let object = json!({
        "blocks": done.blocks, "bytes": done.bytes, "fresh": done.fresh,
        "roots": roots.iter().map(|(cid, there)| json!({ "cid": cid, "there": there })).collect::<Vec<_>>(),
    });
    let lines: String = roots.iter().map(|(cid, _)| format!("\nroot {cid}")).collect();
    out.done(&(text + &lines), &object)?;
    if done.fresh > 0 {
        out.note("what the vault's head does not reach goes with the next `dagvault gc`");
    }
    Ok(())
}

fn kept_hint(failure: Failure, done: &Imported) -> Failure {
    if done.blocks == 0 || failure.kind == Kind::Interrupted {
        return failure;
    }
    let kept = show::count(done.blocks, "block", "blocks");
    let hint = format!("{}; {kept} before it came in whole and stay", failure.hint);
    failure.hint(hint)
}

fn roots_there(session: &Session, roots: &[AnyCid]) -> Outcome<Vec<bool>> {
    let mut there = Vec::new();
    for some in roots.chunks(RAW_BLOCKS_MAX) {
        let ours: Vec<Cid> = some.iter().filter_map(|root| root.block().ok()).collect();
        let mut found = read(session, &ours)?.into_iter();
        there.extend(
            some.iter().map(|root| root.block().is_ok() && found.next().is_some_and(|block| block.is_some())),
        );
    }
    Ok(there)
}

fn refused(name: &str, error: CarError) -> Failure {
    if let Fault::Io(error) = error.fault {
        return Failure::io(name, &error);
    }
    Failure::usage(format!("{}: {error}", show::safe(name)))
        .hint("the file is damaged, or not a CAR file of a vault's blocks (`dagvault dag export`)")
}

fn import_file(session: &Session, file: &Path, stop: &Stop, done: &mut Imported) -> Outcome<()> {
    let (from, name) = source(Some(file))?;
    let mut reader = Reader::new(from).map_err(|error| refused(&name, error))?;
    for root in reader.roots() {
        if !done.roots.contains(root) {
            done.roots.push(*root);
        }
    }
    let mut since = 0;
    let mut ended = false;
    while !ended {
        let mut batch: Vec<(Cid, Section)> = Vec::new();
        let mut failed = None;
        while batch.len() < RAW_BLOCKS_MAX && failed.is_none() && !ended {
            match reader.section() {
                Ok(None) => ended = true,
                Ok(Some(section)) => match section.cid.block() {
                    Ok(cid) => batch.push((cid, section)),
                    Err(error) => failed = Some(CarError { at: section.at, fault: Fault::Cid(error) }),
                },
                Err(error) => failed = Some(error),
            }
        }
        let bytes: u64 = batch.iter().map(|(_, section)| section.bytes.len() as u64).sum();
        since += bytes;
        let commit = since >= COMMIT_BYTES;
        let blocks: Vec<RawBlock<'_>> = batch
            .iter()
            .map(|(cid, section)| RawBlock { cid: Some(*cid), bytes: section.bytes.as_slice().into() })
            .collect();
        let count = blocks.len() as u64;
        let (_, fresh) = write(session, blocks, commit)?;
        since = if commit { 0 } else { since };
        done.blocks += count;
        done.bytes += bytes;
        done.fresh += fresh;
        if let Some(error) = failed {
            return Err(refused(&name, error));
        }
        stop.check("what came in is kept; run the command again")?;
    }
    Ok(())
}
