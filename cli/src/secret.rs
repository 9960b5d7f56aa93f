//! Passphrases and key files: where they come from, and what is refused.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use dagvault_api::{KdfParams, Protect, Unlock};
use dagvault_core::limits::PASSPHRASE_BYTES_MAX;
use dagvault_core::wipe::Wiped;

use crate::args::{Costs, Global};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::terminal::Terminal;

/// The environment variable with the passphrase.
const VARIABLE: &str = "DAGVAULT_PASSPHRASE";
/// Bytes of a new key file.
const KEY_FILE_BYTES: usize = 32;

/// What opens a vault, or protects a new slot.
pub(crate) enum Secret {
    /// A passphrase.
    Passphrase(Wiped),
    /// The content of a key file.
    KeyFile(Wiped),
}

impl Secret {
    /// As the engine wants it.
    pub(crate) fn unlock(&self) -> Unlock<'_> {
        match self {
            Self::Passphrase(bytes) => Unlock::Passphrase { bytes: bytes.as_slice().into() },
            Self::KeyFile(bytes) => Unlock::KeyFile { bytes: bytes.as_slice().into() },
        }
    }

    /// As a new slot.
    pub(crate) fn protect(&self, costs: Costs) -> Outcome<Protect<'_>> {
        let memory_kib = u32::try_from(costs.kdf_memory / 1024).ok();
        let memory_kib = memory_kib.ok_or_else(|| Failure::usage("--kdf-memory is out of range"))?;
        let kdf = KdfParams { memory_kib, passes: costs.kdf_passes, lanes: costs.kdf_lanes };
        Ok(Protect { unlock: self.unlock(), kdf })
    }
}

/// Checks that at most one source of the passphrase stands on the command line, and that standard input
/// is not asked for two things.
pub(crate) fn check_sources(global: &Global, value_from_stdin: bool) -> Outcome<()> {
    let given = [global.passphrase_fd.is_some(), global.passphrase_file.is_some(), global.key_file.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        return Err(Failure::usage(
            "only one of --passphrase-fd, --passphrase-file and --key-file can be given",
        ));
    }
    if value_from_stdin && global.passphrase_fd == Some(0) {
        return Err(Failure::usage("standard input can't be both the passphrase and the value")
            .hint("give the value by -i FILE, or the passphrase by another file descriptor"));
    }
    Ok(())
}

/// What opens the vault: from the command line, else the environment, else a prompt.
pub(crate) fn to_open(global: &Global, out: &mut Out) -> Outcome<Secret> {
    if let Some(secret) = given(global, out)? {
        return Ok(secret);
    }
    Ok(Secret::Passphrase(terminal()?.hidden("Passphrase")?))
}

/// What protects a new vault; a prompt asks twice.
pub(crate) fn to_create(global: &Global, out: &mut Out) -> Outcome<Secret> {
    match given(global, out)? {
        Some(secret) => checked_new(secret),
        None => ask_new(),
    }
}

/// A new passphrase, typed twice.
pub(crate) fn ask_new() -> Outcome<Secret> {
    let mut terminal = terminal()?;
    let first = terminal.hidden("New passphrase")?;
    let again = terminal.hidden("Again")?;
    if *first != *again {
        return Err(Failure::usage("the two passphrases differ").hint("nothing was done; try again"));
    }
    checked_new(Secret::Passphrase(first))
}

/// A new passphrase from a file.
pub(crate) fn new_from_file(path: &Path, out: &mut Out) -> Outcome<Secret> {
    checked_new(Secret::Passphrase(line_of(read_file(path, out)?)))
}

/// A new passphrase from a file descriptor.
pub(crate) fn new_from_fd(fd: i32) -> Outcome<Secret> {
    checked_new(Secret::Passphrase(line_of(read_fd(fd)?)))
}

/// An existing key file.
pub(crate) fn from_key_file(path: &Path, out: &mut Out) -> Outcome<Secret> {
    let bytes = read_file(path, out)?;
    if bytes.len() < KEY_FILE_BYTES {
        let what = format!("{}: a key file has at least {KEY_FILE_BYTES} bytes", path.display());
        return Err(Failure::usage(crate::show::safe(&what)).hint("make one with --new-key-file FILE"));
    }
    Ok(Secret::KeyFile(bytes))
}

/// Makes a key file that was not there before.
pub(crate) fn make_key_file(path: &Path) -> Outcome<Secret> {
    let name = path.display().to_string();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(Kind::Conflict, format!("{}: this file exists already", crate::show::safe(&name)))
                .hint("name a new file, or use this one with --key-file (init) or --add-key-file (passwd)")
        }
        _ => Failure::io(&name, &error),
    };
    let mut bytes = Wiped(vec![0; KEY_FILE_BYTES]);
    crate::engine::random(&mut bytes)?;
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, &bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(Secret::KeyFile(bytes))
}

fn given(global: &Global, out: &mut Out) -> Outcome<Option<Secret>> {
    if let Some(fd) = global.passphrase_fd {
        return Ok(Some(Secret::Passphrase(line_of(read_fd(fd)?))));
    }
    if let Some(path) = &global.passphrase_file {
        return Ok(Some(Secret::Passphrase(line_of(read_file(path, out)?))));
    }
    if let Some(path) = &global.key_file {
        return from_key_file(path, out).map(Some);
    }
    let variable = std::env::var_os(VARIABLE);
    Ok(variable.map(|value| Secret::Passphrase(Wiped(std::os::unix::ffi::OsStringExt::into_vec(value)))))
}

fn checked_new(secret: Secret) -> Outcome<Secret> {
    match &secret {
        Secret::Passphrase(bytes) if bytes.is_empty() => {
            Err(Failure::usage("an empty passphrase protects nothing").hint("nothing was done; give another"))
        }
        _ => Ok(secret),
    }
}

fn terminal() -> Outcome<Terminal> {
    Terminal::open().ok_or_else(|| {
        Failure::usage("there is no terminal to ask for a passphrase").hint(
            "use --passphrase-file, --passphrase-fd, --key-file or the environment variable DAGVAULT_PASSPHRASE",
        )
    })
}

/// Without one line end at the end.
fn line_of(mut bytes: Wiped) -> Wiped {
    crate::input::strip_line_end(&mut bytes);
    bytes
}

fn read_file(path: &Path, out: &mut Out) -> Outcome<Wiped> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Failure::io(&name, &error))?;
    if let Ok(found) = file.metadata()
        && found.is_file()
        && found.mode() & 0o077 != 0
    {
        out.warn(&format!("{name} can be read by others; set its mode to 0600 (chmod 600)"));
    }
    read_all(file, &name)
}

fn read_fd(fd: i32) -> Outcome<Wiped> {
    let name = format!("file descriptor {fd}");
    if fd == 0 {
        return read_all(std::io::stdin().lock(), &name);
    }
    read_all(File::from(inherited(fd).map_err(|error| Failure::io(&name, &error))?), &name)
}

/// A copy of a descriptor that the process was started with.
fn inherited(fd: i32) -> std::io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
        let copied = pidfd_open(getpid(), PidfdFlags::empty())
            .and_then(|own| pidfd_getfd(own, fd, PidfdGetfdFlags::empty()));
        match copied {
            Ok(copy) => return Ok(copy),
            Err(rustix::io::Errno::BADF) => return Err(rustix::io::Errno::BADF.into()),
            // An old kernel, or a container that forbids it.
            Err(_) => {}
        }
    }
    let path = format!("/dev/fd/{fd}");
    File::open(OsStr::from_bytes(path.as_bytes())).map(OwnedFd::from)
}

fn read_all(mut from: impl Read, name: &str) -> Outcome<Wiped> {
    // One place from the start: growing would leave copies behind.
    let mut bytes = Wiped(vec![0; PASSPHRASE_BYTES_MAX + 1]);
    let mut length = 0;
    while length < bytes.len() {
        match from.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::io(name, &error)),
        }
    }
    if length > PASSPHRASE_BYTES_MAX {
        let most = PASSPHRASE_BYTES_MAX;
        return Err(Failure::usage(crate::show::safe(&format!("{name}: longer than {most} bytes"))));
    }
    Ok(Wiped(bytes[..length].to_vec()))
}
