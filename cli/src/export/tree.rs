//! The folder that an export writes into: no path leads out of it, whatever links are there.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, Stat, mkdirat, open, openat, statat};
use rustix::io::Errno;

use crate::failure::{Failure, Outcome};

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Folders of the current chain that are kept open; those above are found again from the top.
const OPEN_FOLDERS_MAX: usize = 64;
/// Mode of a new folder until everything in it is written.
const NEW_FOLDER: Mode = Mode::RWXU;

/// The folder, with the chain of folders inside it where the last file was.
pub(super) struct Tree {
    top: Arc<OwnedFd>,
    chain: Vec<(Vec<u8>, Option<Arc<OwnedFd>>)>,
}

impl Tree {
    /// Opens the folder, which is made if it is not there. What the user names may be a link.
    pub(super) fn open(dir: &Path) -> Outcome<Self> {
        let failed = |error: Errno| Failure::io(&dir.display().to_string(), &error.into());
        match rustix::fs::mkdir(dir, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let top = open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        Ok(Self { top: Arc::new(top.map_err(failed)?), chain: Vec::new() })
    }

    /// The folder with these names below the top, made if it is not there, never through a link.
    pub(super) fn folder(&mut self, names: &[Vec<u8>]) -> Result<Arc<OwnedFd>, Errno> {
        let same = self.chain.iter().zip(names).take_while(|((have, _), want)| have == *want).count();
        self.chain.truncate(same);
        // The deepest folder of the chain that is still open.
        let from = self.chain.iter().rposition(|(_, folder)| folder.is_some());
        let mut folder = match from {
            Some(index) => self.chain[index].1.clone().ok_or(Errno::BADF)?,
            None => self.top.clone(),
        };
        let begin = from.map_or(0, |index| index + 1);
        self.chain.truncate(begin);
        for name in names.iter().skip(begin) {
            folder = Arc::new(inner(&folder, name)?);
            self.chain.push((name.clone(), Some(folder.clone())));
            if let Some(old) = self.chain.len().checked_sub(OPEN_FOLDERS_MAX + 1) {
                self.chain[old].1 = None;
            }
        }
        Ok(folder)
    }
}

fn inner(folder: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    match openat(folder, name, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => {
            match mkdirat(folder, name, NEW_FOLDER) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            openat(folder, name, FOLDER, Mode::empty())
        }
        other => other,
    }
}

/// What is at a name, without following a link.
pub(super) fn look(folder: &OwnedFd, name: &[u8]) -> Result<Option<Stat>, Errno> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The reason of a failure, as it concerns an export.
pub(super) fn why(error: Errno) -> String {
    match error {
        Errno::LOOP | Errno::NOTDIR => {
            "a link or a file is where a folder must be, and exports never write through links".into()
        }
        Errno::ISDIR => "a folder is where a file must be".into(),
        Errno::NAMETOOLONG => "its name is too long for this file system".into(),
        error => crate::failure::reason(&error.into()),
    }
}
