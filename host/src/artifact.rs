//! Compiled modules, kept between processes.
//!
//! A file holds a header (magic, key, BLAKE3 of the code) and Wasmtime's serialized module. It is used only if the
//! folder and the file belong to us, nobody else may write them, and key and hash are right; in every other case
//! the module is compiled, with a notice, and the file written anew if possible. Nothing here makes a start fail.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use dagvault_core::abi::LOG_NOTICE;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use wasmtime::{Engine, Module};

use crate::config::LogSink;
use crate::failure::StartError;

const MAGIC: [u8; 16] = *b"dagvault code 1\n";
const KEY_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + 2 * KEY_BYTES;
const CONTEXT: &str = "dagvault-host 2026-11-21 key of a compiled module";
/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Files of other keys (older versions, other settings) that are kept; the newest stay.
const OTHERS_MAX: usize = 7;
const SUFFIX: &str = ".cwasm";
const TEMPORARY: &str = ".new-";
/// A temporary file of this age has no writer any more.
const TEMPORARY_AGE: Duration = Duration::from_secs(3600);

/// `$XDG_CACHE_HOME/dagvault` or `~/.cache/dagvault`; `None` without either variable.
#[must_use]
pub fn default_cache_dir() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("dagvault"))
}

/// The compiled module: from `cache_dir`, or compiled now and put there.
pub(crate) fn load(
    engine: &Engine,
    module: &[u8],
    cache_dir: Option<&Path>,
    log: Option<&LogSink>,
) -> Result<Module, StartError> {
    let notice = |text: String| {
        if let Some(log) = log {
            log(LOG_NOTICE, &text);
        }
    };
    let compile = || Module::new(engine, module).map_err(|error| StartError::refused(format!("{error:#}")));
    let Some(path) = cache_dir else { return compile() };
    let folder = match Folder::open(path) {
        Ok(folder) => folder,
        Err(reason) => {
            notice(format!("compiled code is not kept in {}: {reason}", path.display()));
            return compile();
        }
    };
    let key = key(engine, module);
    let name = format!("{}{SUFFIX}", key.to_hex());
    match folder.read(&name, &key) {
        Ok(Some(file)) => match deserialize(engine, &file[HEADER_BYTES..]) {
            Ok(module) => return Ok(module),
            Err(error) => notice(format!("compiled code {name} is not used: {error:#}")),
        },
        Ok(None) => {}
        Err(reason) => notice(format!("compiled code {name} is not used: {reason}")),
    }
    let compiled = compile()?;
    let written = compiled
        .serialize()
        .map_err(|error| format!("{error:#}"))
        .and_then(|code| folder.write(&name, &key, &code).map_err(|error| error.to_string()));
    match written {
        Ok(()) => folder.remove_old(&name),
        Err(reason) => notice(format!("compiled code is not kept in {}: {reason}", path.display())),
    }
    Ok(compiled)
}

#[allow(unsafe_code, reason = "compiled code cannot be verified, only recognised as ours")]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: the bytes are what `Module::serialize` gave to this crate: they were read from a file that belongs
    // to this user and that nobody else can write, in a folder of the same kind, and have the hash that was
    // written beside them under a key that binds the module, Wasmtime's version, its settings and the target.
    // They are in our own memory, where the file's changes no longer reach. Wasmtime itself refuses code of
    // another version, of other settings or for features that this processor lacks.
    unsafe { Module::deserialize(engine, code) }
}

/// Everything that compiled code depends on.
fn key(engine: &Engine, module: &[u8]) -> blake3::Hash {
    struct Feed(blake3::Hasher);
    impl Hasher for Feed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            let hash = self.0.finalize();
            hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
        }
    }
    let mut feed = Feed(blake3::Hasher::new_derive_key(CONTEXT));
    feed.0.update(blake3::hash(module).as_bytes());
    // Wasmtime's version, the settings of the compiler, the target and the processor's features.
    engine.precompile_compatibility_hash().hash(&mut feed);
    feed.0.finalize()
}

/// The folder, held open so that what was checked is what is used.
struct Folder(OwnedFd);

impl Folder {
    fn open(path: &Path) -> Result<Self, String> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path).map_err(|error| error.to_string())?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| error.to_string())?;
        check_ours(&folder, FileType::Directory)?;
        Ok(Self(folder))
    }

    /// The file's bytes if it is there; an error says why it is not used.
    fn read(&self, name: &str, key: &blake3::Hash) -> Result<Option<Vec<u8>>, String> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.0, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let bytes = check_ours(&file, FileType::RegularFile)?;
        if bytes > FILE_BYTES_MAX {
            return Err("it is too large".into());
        }
        let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0) + 1);
        File::from(file).take(FILE_BYTES_MAX).read_to_end(&mut content).map_err(|error| error.to_string())?;
        let header = content.get(..HEADER_BYTES).ok_or("it is cut off")?;
        let (magic, rest) = header.split_at(MAGIC.len());
        let (stored_key, hash) = rest.split_at(KEY_BYTES);
        if magic != MAGIC || stored_key != key.as_bytes() {
            return Err("it is another file".into());
        }
        if hash != blake3::hash(&content[HEADER_BYTES..]).as_bytes() {
            return Err("it is damaged".into());
        }
        Ok(Some(content))
    }

    /// Writes the file under another name and renames it, so that a reader sees all or nothing of it.
    fn write(&self, name: &str, key: &blake3::Hash, code: &[u8]) -> std::io::Result<()> {
        static WRITTEN: AtomicU32 = AtomicU32::new(0);
        let count = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let temporary = format!("{TEMPORARY}{}-{count}", std::process::id());
        // What an earlier process of our number may have left.
        let _ = rustix::fs::unlinkat(&self.0, &temporary, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.0, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(key.as_bytes());
        header.extend_from_slice(blake3::hash(code).as_bytes());
        let written = file
            .write_all(&header)
            .and_then(|()| file.write_all(code))
            .and_then(|()| Ok(rustix::fs::renameat(&self.0, &temporary, &self.0, name)?));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.0, &temporary, AtFlags::empty());
        }
        written
    }

    /// Removes the oldest of the other files, and temporary files that nobody writes any more. It is only
    /// tidying: failures are passed over.
    fn remove_old(&self, keep: &str) {
        let Ok(entries) = rustix::fs::Dir::read_from(&self.0) else { return };
        let mut others = Vec::new();
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Ok(stat) = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let modified = u64::try_from(stat.st_mtime).unwrap_or(0);
            if name.starts_with(TEMPORARY) {
                let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified);
                if SystemTime::now().duration_since(modified).is_ok_and(|age| age > TEMPORARY_AGE) {
                    let _ = rustix::fs::unlinkat(&self.0, name, AtFlags::empty());
                }
            } else if name.ends_with(SUFFIX) && name != keep {
                others.push((modified, name.to_owned()));
            }
        }
        others.sort_unstable_by(|a, b| b.cmp(a));
        for (_, name) in others.drain(others.len().min(OTHERS_MAX)..) {
            let _ = rustix::fs::unlinkat(&self.0, &name, AtFlags::empty());
        }
    }
}

/// Fails unless the file is of `kind`, belongs to us and can be written by nobody else; answers its length.
fn check_ours(file: &impl AsFd, kind: FileType) -> Result<u64, String> {
    let stat = rustix::fs::fstat(file).map_err(|error| error.to_string())?;
    if FileType::from_raw_mode(stat.st_mode) != kind {
        return Err("it is of another kind".into());
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".into());
    }
    if Mode::from_raw_mode(stat.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return Err("other users can write it".into());
    }
    u64::try_from(stat.st_size).map_err(|_| "it has no length".into())
}
