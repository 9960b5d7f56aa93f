//! The command `dagvault`: building it, and calling it on one vault.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::run::{Workspace, line, output, run};
use crate::{guest, setup};

/// Both engines, by the name that `--engine` takes.
pub(crate) const ENGINES: [&str; 2] = ["wasm", "native"];

/// What cargo is told, once the guest is there.
pub(crate) const BUILD: [&str; 5] = ["build", "--quiet", "--release", "--workspace", "--bins"];

/// Builds the guest and the command, optimised; answers where the command is. Always the whole workspace: another
/// choice of packages means other features of shared dependencies, and Wasmtime built again.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    setup::nightly()?;
    guest::build(workspace)?;
    run(workspace.cargo().args(BUILD))?;
    Ok(workspace.target.join("release/dagvault"))
}

/// What opens a vault.
#[derive(Clone, Debug)]
pub(crate) enum Unlock {
    /// A passphrase, handed over in the environment.
    Passphrase(String),
    /// A key file.
    KeyFile(PathBuf),
}

/// The command with a vault and its key.
#[derive(Clone, Debug)]
pub(crate) struct Cli {
    /// The program.
    pub(crate) binary: PathBuf,
    /// The vault's folder.
    pub(crate) vault: PathBuf,
    /// Its key.
    pub(crate) unlock: Unlock,
    /// Workers of either engine.
    pub(crate) workers: usize,
}

impl Cli {
    /// A call by one engine.
    pub(crate) fn command(&self, engine: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--vault").arg(&self.vault).args(["--engine", engine]);
        command.args(["--workers", &self.workers.to_string()]);
        command.env_remove("DAGVAULT").env_remove("DAGVAULT_PASSPHRASE");
        match &self.unlock {
            Unlock::Passphrase(text) => {
                command.env("DAGVAULT_PASSPHRASE", text);
            }
            Unlock::KeyFile(path) => {
                command.arg("--key-file").arg(path);
            }
        }
        command.args(words).stdin(Stdio::null());
        command
    }

    /// Makes the vault, and its key file if it is opened by one.
    pub(crate) fn init(&self, more: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.binary);
        command.arg("--vault").arg(&self.vault).arg("init").args(more).stdin(Stdio::null());
        match &self.unlock {
            Unlock::Passphrase(text) => command.env("DAGVAULT_PASSPHRASE", text),
            Unlock::KeyFile(path) => command.arg("--new-key-file").arg(path),
        };
        output(&mut command).map(drop)
    }

    /// Imports a folder; answers the seconds that it took.
    pub(crate) fn import(&self, engine: &str, folder: &Path, into: &str, more: &[&str]) -> Result<f64> {
        let folder = folder.to_str().context("a folder that is not UTF-8")?;
        let mut words = vec!["import", folder, "--into", into];
        words.extend(more);
        timed(&mut self.command(engine, &words))
    }

    /// Exports a prefix to a folder; answers the seconds that it took.
    pub(crate) fn export(&self, engine: &str, prefix: &str, folder: &Path, more: &[&str]) -> Result<f64> {
        let folder = folder.to_str().context("a folder that is not UTF-8")?;
        let mut words = vec!["export", prefix, folder];
        words.extend(more);
        timed(&mut self.command(engine, &words))
    }

    /// Puts one value.
    pub(crate) fn put(&self, engine: &str, path: &str, value: &[u8]) -> Result<()> {
        let mut command = self.command(engine, &["put", path]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("no stdin")?.write_all(value)?;
        let status = child.wait()?;
        if status.success() { Ok(()) } else { bail!("{} ended with {status}", line(&command)) }
    }

    /// Gets one value.
    pub(crate) fn get(&self, engine: &str, path: &str) -> Result<Vec<u8>> {
        let mut command = self.command(engine, &["get", path]);
        let output = command.output()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}\n{}", line(&command), output.status, said.trim_end())
    }

    /// The answer of a subcommand with `--json`.
    pub(crate) fn json(&self, engine: &str, words: &[&str]) -> Result<serde_json::Value> {
        let mut words = words.to_vec();
        words.push("--json");
        let text = output(&mut self.command(engine, &words))?;
        let last = text.lines().last().context("no answer")?;
        serde_json::from_str(&text).or_else(|_| serde_json::from_str(last)).context("not JSON")
    }
}

/// Runs a command; answers the seconds that it took.
pub(crate) fn timed(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    output(command)?;
    Ok(began.elapsed().as_secs_f64())
}

/// The number of workers to use by default: the processors of this machine.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
