//! `get`: prints a value or writes it to a file.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use dagvault_api::{Request, Response, Select, VersionInfo};
use dagvault_core::wipe::Wiped;
use serde_json::json;

use super::{path, version_json};
use crate::args::{Get, Global, Output};
use crate::engine::{Access, Session};
use crate::failure::{Failure, Kind, Outcome, reason};
use crate::input::PIECE_BYTES;
use crate::output::Out;
use crate::show;

/// Largest value inside a JSON answer.
const JSON_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Prints a value or writes it to a file.
pub(super) fn run(global: &Global, options: &Get, out: &mut Out) -> Outcome<()> {
    let path = path(&options.path)?;
    check_target(&options.output)?;
    let mut session = Session::open(global, Access::Read, out)?;
    let select = options.version.map_or(Select::Latest {}, |number| Select::Number { number });
    let mut reader = Reader::open(&session, path, select)?;
    let version = reader.version.clone();
    if let Some(target) = &options.output.output {
        let mut file = NewFile::create(target, options.output.force)?;
        reader.all(|bytes| file.write(bytes))?;
        file.finish()?;
        session.tell(out);
        let mut object = version_json(&version);
        object["path"] = json!(path);
        object["file"] = json!(target.display().to_string());
        let text = format!("{path}: version {} to {}", version.number, target.display());
        return out.done(&text, &object);
    }
    if out.json {
        if version.size > JSON_BYTES_MAX {
            return Err(
                Failure::usage("this value is too large for JSON").hint("write it to a file with -o FILE")
            );
        }
        let mut value = Wiped(Vec::with_capacity(usize::try_from(version.size).unwrap_or(0)));
        reader.all(|bytes| {
            value.extend_from_slice(bytes);
            Ok(())
        })?;
        let mut object = version_json(&version);
        object["path"] = json!(path);
        value_json(&mut object, &value);
        return out.object(&object);
    }
    let mut first = true;
    let (terminal, force) = (out.terminal, options.output.force);
    let mut last = b'\n';
    reader.all(|bytes| {
        if first && terminal && !force {
            check_terminal(bytes)?;
        }
        first = false;
        last = bytes.last().copied().unwrap_or(last);
        out.raw(bytes)
    })?;
    if terminal && last != b'\n' && !options.output.no_newline {
        out.raw(b"\n")?;
    }
    session.tell(out);
    Ok(())
}

/// Puts a value into a JSON object: as text where it is UTF-8, else in base64.
pub(super) fn value_json(object: &mut serde_json::Value, value: &[u8]) {
    match std::str::from_utf8(value) {
        Ok(text) => object["value"] = json!(text),
        Err(_) => object["value_base64"] = json!(show::base64(value)),
    }
}

/// Refuses to disturb a terminal.
pub(super) fn check_terminal(bytes: &[u8]) -> Outcome<()> {
    // A piece may end inside a character.
    let text = match std::str::from_utf8(bytes) {
        Err(error)
            if error.error_len().is_none() && bytes.len() - error.valid_up_to() < 4 && bytes.len() > 4 =>
        {
            &bytes[..error.valid_up_to()]
        }
        _ => bytes,
    };
    if show::is_plain_text(text) {
        return Ok(());
    }
    Err(Failure::usage("this value is binary and would disturb the terminal")
        .hint("write it to a file with -o FILE, or show it all the same with --force"))
}

/// Refuses an existing target before anything is asked of the user.
pub(super) fn check_target(output: &Output) -> Outcome<()> {
    match &output.output {
        Some(target) if !output.force && !is_device(target) && target.symlink_metadata().is_ok() => {
            Err(exists(target))
        }
        _ => Ok(()),
    }
}

/// Whether a target is there to be written into, such as `/dev/null` or a pipe, and never replaced.
fn is_device(target: &Path) -> bool {
    target.metadata().is_ok_and(|found| {
        let kind = found.file_type();
        kind.is_char_device() || kind.is_fifo()
    })
}

fn exists(target: &Path) -> Failure {
    let what = format!("{}: this file exists already", target.display());
    Failure::new(Kind::Conflict, show::safe(&what))
        .hint("name another file, or replace this one with --force")
}

/// A value being read.
pub(crate) struct Reader<'a> {
    session: &'a Session,
    handle: u64,
    /// What is read.
    pub(crate) version: VersionInfo,
}

impl<'a> Reader<'a> {
    /// Begins to read.
    pub(crate) fn open(session: &'a Session, path: &str, select: Select) -> Outcome<Self> {
        match session.call(&Request::ReadBegin { path: path.into(), select })? {
            Response::Handle { handle, version: Some(version) } => Ok(Self { session, handle, version }),
            _ => Err(Failure::odd_answer()),
        }
    }

    /// The next piece; empty at the end.
    pub(crate) fn next(&mut self) -> Outcome<Wiped> {
        match self.session.call(&Request::ReadNext { handle: self.handle, bytes_max: PIECE_BYTES as u64 })? {
            Response::Bytes { bytes } => Ok(Wiped(bytes.0)),
            _ => Err(Failure::odd_answer()),
        }
    }

    /// Hands everything to `sink`.
    pub(crate) fn all(&mut self, mut sink: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        loop {
            let piece = self.next()?;
            if piece.is_empty() {
                return Ok(());
            }
            sink(&piece)?;
        }
    }
}

/// A file that appears under its name only when it is whole. What is under the name is replaced, never
/// followed; devices and pipes are written into.
pub(super) struct NewFile {
    file: File,
    /// None: what is written into has its name already.
    temporary: Option<PathBuf>,
    target: PathBuf,
    force: bool,
}

impl NewFile {
    /// Begins a file for the owner only.
    pub(super) fn create(target: &Path, force: bool) -> Outcome<Self> {
        let name = target.file_name().ok_or_else(|| Failure::usage("-o needs the name of a file"))?;
        let shown = Path::new(name).display().to_string();
        if is_device(target) {
            let file = OpenOptions::new().write(true).open(target);
            let file = file.map_err(|error| Failure::io(&shown, &error))?;
            return Ok(Self { file, temporary: None, target: target.to_owned(), force });
        }
        let mut tag = [0; 8];
        crate::engine::random(&mut tag)?;
        let temporary = target.with_file_name(format!(".dagvault-{}", show::hex(&tag)));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
        let file = file.map_err(|error| Failure::io(&shown, &error))?;
        Ok(Self { file, temporary: Some(temporary), target: target.to_owned(), force })
    }

    /// Appends.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.file.write_all(bytes).map_err(|error| self.failed(&error))
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn finish(mut self) -> Outcome<()> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        self.file.sync_all().map_err(|error| self.failed(&error))?;
        let renamed = if self.force {
            std::fs::rename(temporary, &self.target)
        } else {
            // Unlike a rename, a link never replaces what came there meanwhile.
            std::fs::hard_link(temporary, &self.target).and_then(|()| std::fs::remove_file(temporary))
        };
        match renamed {
            Ok(()) => {
                self.temporary = None;
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(&self.target)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        let failure = Failure::io(&self.target.display().to_string(), error);
        match failure.kind {
            Kind::NoSpace => Failure {
                message: format!(
                    "{} is not written: {}",
                    show::safe(&self.target.display().to_string()),
                    reason(error)
                ),
                ..failure
            },
            _ => failure,
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Nothing better can be done with a file that can't be removed.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
