//! Walks through a folder in the byte order of the paths that its files get, without following links.

use std::collections::HashSet;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec;

use dagvault_core::limits::PATH_BYTES_MAX;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use crate::attrs::Attrs;
use crate::glob::{self, Pattern};
use crate::names;

/// Open folders of the chain from the top; those above are opened again through `..` when they are needed.
const OPEN_FOLDERS_MAX: usize = 64;

/// What the walk comes by.
pub(super) enum Event {
    /// A file, folder or link.
    Found(Found),
    /// Something that can't be imported.
    Problem {
        /// Its path.
        path: String,
        /// Why, for people.
        why: String,
        /// Whether it counts as left out by mistake, or is skipped by nature (a socket, say).
        failed: bool,
    },
    /// A name that is escaped to the literal name of another file, which is found in its turn.
    Twin(String),
}

/// A file, folder or link.
pub(super) struct Found {
    /// Its path in the vault.
    pub(super) path: String,
    /// What the system tells of it.
    pub(super) attrs: Attrs,
    /// The folder that it is in.
    pub(super) folder: Arc<OwnedFd>,
    /// Its name in there.
    pub(super) name: CString,
}

/// One name of a folder. A folder's name stands there twice: for itself, and with a `/` at the end of its
/// key for what is in it, because other names may sort between the two.
struct Step {
    name: CString,
    /// As a component of a path; with a `/` for what is in a folder.
    key: String,
}

struct Level {
    folder: Option<Arc<OwnedFd>>,
    /// Device and inode.
    id: (u64, u64),
    /// Path with `/` at its end, or nothing at the top.
    path: String,
    steps: vec::IntoIter<Step>,
}

/// A walk under way.
pub(super) struct Walk {
    levels: Vec<Level>,
    /// Found ahead of the steps of the uppermost level.
    waiting: Vec<Event>,
    exclude: Vec<Pattern>,
    /// Bytes of the paths that are the prefix in the vault.
    prefix_bytes: usize,
    /// Device and inode of a folder to leave out: the vault itself.
    vault: Option<(u64, u64)>,
}

/// Device and inode.
#[expect(clippy::useless_conversion, reason = "the types of these fields differ between systems")]
pub(super) fn id_of(stat: &Stat) -> (u64, u64) {
    (u64::try_from(stat.st_dev).unwrap_or(0), u64::try_from(stat.st_ino).unwrap_or(0))
}

/// The reason of a failure of the system.
pub(super) fn why(error: Errno) -> String {
    crate::failure::reason(&error.into())
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Walk {
    /// Begins at an open folder, whose files get paths below `prefix`.
    pub(super) fn new(
        top: OwnedFd,
        prefix: &str,
        exclude: Vec<Pattern>,
        vault: Option<(u64, u64)>,
    ) -> Result<Self, Errno> {
        let stat = fstat(&top)?;
        let mut waiting = Vec::new();
        let top = Arc::new(top);
        if let (false, Some(attrs)) = (prefix.is_empty(), Attrs::of(&stat)) {
            let path = prefix.to_owned();
            waiting.push(Event::Found(Found { path, attrs, folder: top.clone(), name: CString::default() }));
        }
        let path = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let prefix_bytes = path.len();
        let mut walk = Self { levels: Vec::new(), waiting, exclude, prefix_bytes, vault };
        walk.enter(top, id_of(&stat), path)?;
        Ok(walk)
    }

    /// Reads the names of a folder and goes into it.
    fn enter(&mut self, folder: Arc<OwnedFd>, id: (u64, u64), path: String) -> Result<(), Errno> {
        let mut steps = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let key = names::component(name.to_bytes());
            if is_folder(&folder, name, entry.file_type()) {
                steps.push(Step { name: name.to_owned(), key: format!("{key}/") });
            }
            steps.push(Step { name: name.to_owned(), key });
        }
        steps.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| is_raw(a).cmp(&is_raw(b))));
        let steps = self.without_twins(&path, steps).into_iter();
        self.levels.push(Level { folder: Some(folder), id, path, steps });
        if let Some(index) = self.levels.len().checked_sub(OPEN_FOLDERS_MAX + 1) {
            self.levels[index].folder = None;
        }
        Ok(())
    }

    /// Takes out names that are escaped to the literal name of another file, and reports them.
    fn without_twins(&mut self, path: &str, steps: Vec<Step>) -> Vec<Step> {
        let mut kept: Vec<Step> = Vec::with_capacity(steps.len());
        let mut twins = HashSet::new();
        for step in steps {
            if kept.last().is_some_and(|last| last.key == step.key) {
                twins.insert(step.name);
            } else {
                kept.push(step);
            }
        }
        // A twin that is left out has no inside either.
        kept.retain(|step| !twins.contains(&step.name));
        let names =
            twins.iter().map(|name| Event::Twin(format!("{path}{}", names::component(name.to_bytes()))));
        self.waiting.extend(names);
        kept
    }

    /// Leaves the uppermost level, and makes sure that the one below has an open folder.
    fn leave(&mut self) -> Result<(), Errno> {
        let done = self.levels.pop();
        let (Some(level), Some(done)) = (self.levels.last_mut(), done) else { return Ok(()) };
        if level.folder.is_none()
            && let Some(inner) = done.folder
        {
            let folder = openat(&inner, c"..", FOLDER, Mode::empty())?;
            if id_of(&fstat(&folder)?) != level.id {
                return Err(Errno::STALE);
            }
            level.folder = Some(Arc::new(folder));
        }
        Ok(())
    }

    /// What a step comes by.
    fn step(&mut self, step: Step) -> Option<Event> {
        let level = self.levels.last()?;
        let (parent, key) = (level.path.clone(), step.key);
        let problem = |path: String, why: String| Some(Event::Problem { path, why, failed: true });
        let inside = key.strip_suffix('/');
        let path = format!("{parent}{}", inside.unwrap_or(&key));
        if glob::excluded(&self.exclude, path.get(self.prefix_bytes..).unwrap_or("")) {
            return None;
        }
        let folder = level.folder.clone()?;
        if path.len() > PATH_BYTES_MAX {
            // Said once, for the name and not for what is in it.
            return inside.map_or_else(
                || problem(shorten(&path), format!("its path is longer than {PATH_BYTES_MAX} bytes")),
                |_| None,
            );
        }
        if inside.is_some() {
            let opened = openat(&folder, &step.name, FOLDER, Mode::empty())
                .and_then(|inner| Ok((fstat(&inner)?, inner)));
            return match opened {
                Ok((stat, _)) if self.vault == Some(id_of(&stat)) => None,
                Ok((stat, inner)) => {
                    let entered = self.enter(Arc::new(inner), id_of(&stat), format!("{path}/"));
                    entered.err().and_then(|error| problem(path, why(error)))
                }
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    problem(path, "it changed into something else meanwhile".into())
                }
                Err(error) => problem(path, why(error)),
            };
        }
        let stat = match statat(&folder, &step.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return problem(path, "it vanished meanwhile".into()),
            Err(error) => return problem(path, why(error)),
        };
        if self.vault == Some(id_of(&stat)) {
            return Some(Event::Problem {
                path,
                why: "skipped: it is the vault itself".into(),
                failed: false,
            });
        }
        let Some(mut attrs) = Attrs::of(&stat) else {
            let why = format!("skipped: {}", special(&stat));
            return Some(Event::Problem { path, why, failed: false });
        };
        if key.as_bytes() != step.name.to_bytes() {
            attrs.raw_name = Some(step.name.to_bytes().to_vec());
        }
        Some(Event::Found(Found { path, attrs, folder, name: step.name }))
    }
}

impl Iterator for Walk {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            match self.levels.last_mut()?.steps.next() {
                Some(step) => {
                    if let Some(event) = self.step(step) {
                        return Some(event);
                    }
                }
                None => {
                    if let Err(error) = self.leave() {
                        let path = self.levels.pop().map_or_else(String::new, |level| level.path);
                        self.levels.clear();
                        let why = format!(
                            "the folders changed meanwhile, and the rest is left out: {}",
                            why(error)
                        );
                        return Some(Event::Problem { path, why, failed: true });
                    }
                }
            }
        }
    }
}

fn is_raw(step: &Step) -> bool {
    std::str::from_utf8(step.name.to_bytes()).is_err()
}

fn is_folder(folder: &OwnedFd, name: &CStr, told: FileType) -> bool {
    match told {
        FileType::Unknown => statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory),
        told => told == FileType::Directory,
    }
}

fn special(stat: &Stat) -> &'static str {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => "it is a pipe",
        FileType::Socket => "it is a socket",
        _ => "it is a device",
    }
}

/// The beginning of a path that is too long to be repeated whole.
fn shorten(path: &str) -> String {
    let end = (0..=80).rev().find(|end| path.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &path[..end])
}
