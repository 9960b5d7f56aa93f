//! Runs the command as a user would, on vaults in temporary folders.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// The command under test.
pub(crate) const DAGVAULT: &str = env!("CARGO_BIN_EXE_dagvault");

/// Engines that this build has.
pub(crate) const ENGINES: &[&str] = if cfg!(feature = "wasm") { &["native", "wasm"] } else { &["native"] };

/// A folder that goes away with the value.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// A new empty folder.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dagvault-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A path in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it, with the folders above.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Not std's: it keeps a file descriptor open for each level.
        let _ = Command::new("rm").arg("-rf").arg(&self.0).status();
    }
}

/// What a run of the command left.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: Vec<u8>,
    /// Standard error.
    pub(crate) err: String,
}

impl Run {
    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).unwrap()
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", String::from_utf8_lossy(&self.out), self.err);
        if code != 0 && code != 141 {
            assert!(
                self.err.contains("error: ") || self.err.contains("\"error\""),
                "no reason: {}",
                self.err
            );
            assert!(self.err.contains("hint"), "no hint: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    /// Checks for success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    /// One line of JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: output.stdout,
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A vault opened by a key file, so that no time goes into key derivation.
pub(crate) struct Vault {
    /// Holds `vault`, `key`, and what else the test puts there.
    pub(crate) folder: Folder,
    /// The engine that serves it.
    pub(crate) engine: &'static str,
}

impl Vault {
    /// A new vault.
    pub(crate) fn new(engine: &'static str) -> Self {
        Self::made(engine, &[])
    }

    /// A new vault, made with these options.
    pub(crate) fn made(engine: &'static str, options: &[&str]) -> Self {
        let vault = Self { folder: Folder::new(), engine };
        let mut init = vault.bare();
        init.arg("init").args(options).arg("--new-key-file").arg(vault.key());
        Run::from(init.output().unwrap()).ok();
        vault
    }

    /// Its folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.at("vault")
    }

    /// Its key file.
    pub(crate) fn key(&self) -> PathBuf {
        self.folder.at("key")
    }

    /// The command on this vault, without what opens it, without a terminal.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new("setsid");
        command.arg("-w").arg(DAGVAULT).arg("--vault").arg(self.path()).args(["--engine", self.engine]);
        command.env_remove("DAGVAULT_PASSPHRASE").env_remove("DAGVAULT").stdin(Stdio::null());
        command
    }

    /// The command on this vault with its key file.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = self.bare();
        command.arg("--key-file").arg(self.key()).args(arguments);
        command
    }

    /// Runs the command.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the command with standard input.
    pub(crate) fn feed<S: AsRef<OsStr>>(&self, arguments: &[S], input: &[u8]) -> Run {
        feed(self.command(arguments), input)
    }

    /// Stores a value.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, value: &[u8]) {
        self.feed(&["put", path], value).ok();
    }

    /// Reads a value.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        self.run(&["get", path]).ok().out
    }
}

/// Runs a command with standard input.
pub(crate) fn feed(mut command: Command, input: &[u8]) -> Run {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its input early closes the pipe.
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

/// Bytes that do not compress, the same every time.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}

/// Whether two trees are the same to `diff`, links as links.
#[track_caller]
pub(crate) fn assert_same_tree(a: &Path, b: &Path) {
    let run: Run =
        Command::new("diff").args(["-r", "--no-dereference"]).arg(a).arg(b).output().unwrap().into();
    assert_eq!(run.code, 0, "{}{}", String::from_utf8_lossy(&run.out), run.err);
}

/// Files in a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}
