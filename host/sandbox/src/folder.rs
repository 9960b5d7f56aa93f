//! A folder whose files nobody else can have written: folder and file belong to us, are of the right kind, and are not
//! writable for others.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

const TEMPORARY: &str = ".new-";
/// A temporary file of this age has no writer any more.
const TEMPORARY_AGE: Duration = Duration::from_secs(3600);

/// The folder, held open so that what was checked is what is used.
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// Opens it, and makes it if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path).map_err(|error| error.to_string())?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| error.to_string())?;
        if ours(&folder, FileType::Directory).is_none() {
            return Err("the folder belongs to another user, or others can write it".into());
        }
        Ok(Self(folder))
    }

    /// A file of ours, of at most so many bytes.
    pub(crate) fn read(&self, name: &str, bytes_max: u64) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.0, name, flags, Mode::empty()).ok()?;
        let bytes = ours(&file, FileType::RegularFile).filter(|bytes| *bytes <= bytes_max)?;
        let mut content = Vec::with_capacity(usize::try_from(bytes).ok()? + 1);
        File::from(file).take(bytes_max).read_to_end(&mut content).ok()?;
        Some(content)
    }

    /// Writes a file under another name and renames it, so that a reader sees all or nothing of it.
    pub(crate) fn write(&self, name: &str, parts: &[&[u8]]) -> std::io::Result<()> {
        static WRITTEN: AtomicU32 = AtomicU32::new(0);
        let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let temporary = format!("{TEMPORARY}{}-{count}", std::process::id());
        // What an earlier process of our number may have left.
        let _ = rustix::fs::unlinkat(&self.0, &temporary, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        let written = parts
            .iter()
            .try_for_each(|part| file.write_all(part))
            .and_then(|()| Ok(rustix::fs::renameat(&self.0, &temporary, &self.0, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.0, &temporary, AtFlags::empty());
        }
        written
    }

    /// Removes the oldest files beyond a count, and temporary ones that nobody writes any more. It is only tidying:
    /// failures are passed over.
    pub(crate) fn remove_old(&self, suffix: &str, count: usize) {
        let Ok(entries) = rustix::fs::Dir::read_from(&self.0) else { return };
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Ok(stat) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let modified = u64::try_from(stat.st_mtime).unwrap_or(0);
            if name.starts_with(TEMPORARY) {
                let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified);
                if SystemTime::now().duration_since(modified).is_ok_and(|age| age > TEMPORARY_AGE) {
                    let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
                }
            } else if name.ends_with(suffix) {
                files.push((modified, name.to_owned()));
            }
        }
        files.sort_unstable_by(|a, b| b.cmp(a));
        for (_, name) in files.drain(files.len().min(count)..) {
            let _ = rustix::fs::unlinkat(&self.0, &name, AtFlags::empty());
        }
    }
}

/// The length of a file of this kind that belongs to us and that nobody else can write; `None` for any other.
fn ours(file: &impl AsFd, kind: FileType) -> Option<u64> {
    let stat = rustix::fs::fstat(file).ok()?;
    let others = Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    let mine = stat.st_uid == rustix::process::geteuid().as_raw();
    (FileType::from_raw_mode(stat.st_mode) == kind && mine && !others)
        .then(|| u64::try_from(stat.st_size).ok())
        .flatten()
}
