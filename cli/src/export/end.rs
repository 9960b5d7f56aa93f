//! The end of an export: links, modes and times of folders, and the summary.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::tree::Tree;
use super::write::{self, Ledger, Target};
use crate::args::Export;
use crate::attrs::Time;
use crate::failure::{Failure, Kind as FailureKind, Outcome};
use crate::output::Out;
use crate::show;

/// Counts besides those of the ledger.
#[derive(Default)]
pub(super) struct Counts {
    /// Folders written.
    pub(super) folders: u64,
    /// Links written.
    pub(super) links: u64,
    /// Files that were there already.
    pub(super) unchanged: u64,
}

/// A folder that gets its mode and time at the end.
pub(super) struct Folder {
    /// Its path in the vault.
    pub(super) path: String,
    /// Its names on disk from the top on.
    pub(super) names: Vec<Vec<u8>>,
    /// Permission bits.
    pub(super) mode: u32,
    /// Time of the last change.
    pub(super) modified: Time,
}

/// What is left to do when all files are written.
pub(super) struct Ended {
    /// The tree.
    pub(super) tree: Tree,
    /// Links and their targets.
    pub(super) links: Vec<(Target, Vec<u8>)>,
    /// Folders in byte order.
    pub(super) folders: Vec<Folder>,
    /// Counts.
    pub(super) counts: Counts,
}

impl Ended {
    /// Makes the links, and gives the folders their modes and times from the innermost out.
    pub(super) fn seal(mut self, ledger: &Ledger) -> Counts {
        for (target, to) in &self.links {
            match write::link(target, to, ledger) {
                Ok(()) => self.counts.links += 1,
                Err(error) => ledger.problem(&target.path, error),
            }
        }
        for folder in self.folders.iter().rev() {
            let sealed = self
                .tree
                .folder(&folder.names)
                .and_then(|open: Arc<OwnedFd>| write::seal(&open, folder.mode, folder.modified));
            match sealed {
                Ok(()) => self.counts.folders += 1,
                Err(error) => ledger.problem(&folder.path, error),
            }
        }
        self.counts
    }
}

/// Tells what was done.
pub(super) fn report(
    options: &Export,
    counts: &Counts,
    ledger: &Ledger,
    problems: u64,
    elapsed: std::time::Duration,
    out: &mut Out,
) -> Outcome<()> {
    let files = ledger.files.load(Ordering::Relaxed);
    let bytes = ledger.bytes.load(Ordering::Relaxed);
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let object = json!({
        "dir": options.dir.display().to_string(), "files": files, "dirs": counts.folders, "symlinks": counts.links,
        "unchanged": counts.unchanged, "bytes": bytes, "problems": problems, "elapsed_ms": ms,
    });
    let mut text = format!(
        "{}, {}, {} written; {} there already",
        show::count(files, "file", "files"),
        show::count(counts.folders, "folder", "folders"),
        show::count(counts.links, "link", "links"),
        counts.unchanged,
    );
    if problems > 0 {
        text += &format!("; {problems} left out");
    }
    text += &format!(" ({} in {}.{:03} s)", show::bytes(bytes), ms / 1000, ms % 1000);
    out.done(&text, &object)?;
    if problems > 0 {
        let what = show::count(problems, "path is", "paths are");
        return Err(Failure::new(
            FailureKind::Partial,
            format!("{what} left out; everything else is exported"),
        ));
    }
    Ok(())
}
