//! Writes the files of an export while the engine decrypts the next ones.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, PoisonError};

use dagvault_core::wipe::Wiped;
use rustix::fs::{
    AtFlags, Mode, OFlags, Timespec, Timestamps, fchmod, futimens, openat, renameat, symlinkat, unlinkat,
    utimensat,
};
use rustix::io::Errno;

use super::tree::why;
use crate::attrs::Time;
use crate::failure::{Failure, Kind, Outcome};

/// Bits of the mode that are given back: not those that would lend the rights of an owner, who is not kept.
const MODE_BITS: u32 = 0o1777;

/// A place for a file, folder or link.
pub(super) struct Target {
    /// Its path in the vault, for messages.
    pub(super) path: String,
    /// The folder.
    pub(super) folder: Arc<OwnedFd>,
    /// The name in it.
    pub(super) name: Vec<u8>,
    /// Permission bits.
    pub(super) mode: u32,
    /// Time of the last change.
    pub(super) modified: Time,
    /// Whether something is there that may be replaced.
    pub(super) replace: bool,
}

/// Work for a writer.
pub(super) enum Job {
    /// Small files.
    Files(Vec<(Target, Wiped)>),
    /// A large file, whose pieces come one by one; an empty one ends it, and a closed channel gives it up.
    Large(Target, Receiver<Wiped>),
}

/// What all writers report to.
#[derive(Default)]
pub(super) struct Ledger {
    /// Files written.
    pub(super) files: AtomicU64,
    /// Bytes written or passed over.
    pub(super) bytes: AtomicU64,
    /// Paths left out, with the reason.
    pub(super) problems: Mutex<Vec<(String, String)>>,
    /// What ends the export.
    pub(super) fatal: Mutex<Option<Failure>>,
    named: AtomicU64,
}

impl Ledger {
    /// Notes that a path is left out; a full disk ends the export.
    pub(super) fn problem(&self, path: &str, error: Errno) {
        if matches!(error, Errno::NOSPC | Errno::DQUOT) {
            let failure = Failure::new(Kind::NoSpace, format!("{}: {}", crate::show::safe(path), why(error)));
            let hint = "free some space; what was exported is kept, run the same command again to go on";
            let mut fatal = self.fatal.lock().unwrap_or_else(PoisonError::into_inner);
            fatal.get_or_insert(failure.hint(hint));
            return;
        }
        self.left_out(path, why(error));
    }

    /// Notes that a path is left out.
    pub(super) fn left_out(&self, path: &str, why: String) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push((path.to_owned(), why));
    }

    /// Fails if a writer can't go on.
    pub(super) fn check(&self) -> Outcome<()> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    /// A name that no other file of this process has.
    fn temporary(&self) -> Vec<u8> {
        let number = self.named.fetch_add(1, Ordering::Relaxed);
        format!(".dagvault-{}-{number}", std::process::id()).into_bytes()
    }
}

/// Takes jobs until there are no more.
pub(super) fn run(jobs: &Mutex<Receiver<Job>>, ledger: &Ledger) {
    loop {
        // The lock is free again before the job is done.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(Job::Files(files)) => {
                for (target, bytes) in files {
                    let result = write(&target, ledger, |file| file.write_all(&bytes).map(|()| true));
                    settle(&target, ledger, result, bytes.len() as u64);
                }
            }
            Ok(Job::Large(target, pieces)) => {
                let mut count = 0;
                let result = write(&target, ledger, |file| {
                    for piece in pieces {
                        if piece.is_empty() {
                            return Ok(true);
                        }
                        file.write_all(&piece)?;
                        count += piece.len() as u64;
                        ledger.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
                    }
                    Ok(false)
                });
                settle(&target, ledger, result, 0);
            }
            Err(_) => return,
        }
    }
}

fn settle(target: &Target, ledger: &Ledger, result: Result<bool, Errno>, bytes: u64) {
    match result {
        Ok(true) => {
            ledger.files.fetch_add(1, Ordering::Relaxed);
            ledger.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        // Given up by the engine's side, which says why.
        Ok(false) => {}
        Err(error) => ledger.problem(&target.path, error),
    }
}

/// Writes a file under another name, and gives it its own when it is whole with mode and time.
fn write(
    target: &Target,
    ledger: &Ledger,
    fill: impl FnOnce(&mut File) -> std::io::Result<bool>,
) -> Result<bool, Errno> {
    let temporary = ledger.temporary();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(&*target.folder, &*temporary, flags, Mode::RUSR | Mode::WUSR)?);
    let done = fill(&mut file)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        .and_then(|whole| if whole { finish(target, &file, &temporary).map(|()| true) } else { Ok(false) });
    if !matches!(done, Ok(true)) {
        // Nothing better can be done with a file that can't be removed.
        let _ = unlinkat(&*target.folder, &*temporary, AtFlags::empty());
    }
    done
}

fn finish(target: &Target, file: &File, temporary: &[u8]) -> Result<(), Errno> {
    fchmod(file, mode(target.mode))?;
    futimens(file, &times(target.modified))?;
    rename(target, temporary)
}

/// Moves a file to its name; what came there meanwhile is not replaced unless that was allowed.
fn rename(target: &Target, temporary: &[u8]) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    if !target.replace {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&*target.folder, temporary, &*target.folder, &*target.name, flags) {
            // A file system without this kind of renaming.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            other => return other,
        }
    }
    renameat(&*target.folder, temporary, &*target.folder, &*target.name)
}

/// Makes a link, under another name first.
pub(super) fn link(target: &Target, to: &[u8], ledger: &Ledger) -> Result<(), Errno> {
    let temporary = ledger.temporary();
    symlinkat(to, &*target.folder, &*temporary)?;
    let done = utimensat(&*target.folder, &*temporary, &times(target.modified), AtFlags::SYMLINK_NOFOLLOW)
        .and_then(|()| rename(target, &temporary));
    if done.is_err() {
        let _ = unlinkat(&*target.folder, &*temporary, AtFlags::empty());
    }
    done
}

/// Gives a folder its mode and time.
pub(super) fn seal(folder: &OwnedFd, mode_bits: u32, modified: Time) -> Result<(), Errno> {
    fchmod(folder, mode(mode_bits))?;
    futimens(folder, &times(modified))
}

fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode((bits & MODE_BITS) as _)
}

fn times(modified: Time) -> Timestamps {
    let time = Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanos.into() };
    Timestamps { last_access: time, last_modification: time }
}
