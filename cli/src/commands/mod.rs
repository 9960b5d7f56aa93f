//! The commands, one function each; this file hands out the work.

mod bench;
mod block;
mod car;
pub(crate) mod change;
#[cfg(feature = "wasm")]
mod contract;
mod dag;
mod diff;
pub(crate) mod get;
mod init;
pub(crate) mod listing;
mod maintain;
mod meta;
#[cfg(feature = "wasm")]
mod module;
mod passwd;
mod proof;
pub(crate) mod put;
#[cfg(feature = "wasm")]
mod receipt;
mod repair;

use dagvault_api::{EntryInfo, VersionInfo, VersionState, check_path};
use serde_json::{Value, json};

use crate::args::{Cli, Command, Completions, Meta, Shell};
use crate::failure::{Failure, Outcome};
use crate::output::Out;
use crate::{attrs, export, import, input, secret, show};

/// Runs the command of a command line.
pub(crate) fn run(cli: Cli, out: &mut Out) -> Outcome<()> {
    let global = &cli.global;
    let from_stdin = match &cli.command {
        Command::Put(put) => input::from_stdin(&put.input),
        Command::Meta(Meta::Set { input, .. }) => input::from_stdin(input),
        _ => false,
    };
    secret::check_sources(global, from_stdin)?;
    match &cli.command {
        Command::Init(options) => init::run(global, options, out),
        Command::Put(options) => put::run(global, options, out),
        Command::Get(options) => get::run(global, options, out),
        Command::Ls(options) => listing::ls(global, options, out),
        Command::Rm(options) => change::rm(global, options, out),
        Command::Undelete(options) => change::undelete(global, options, out),
        Command::Destroy(options) => change::destroy(global, options, out),
        Command::History(options) => listing::history(global, options, out),
        Command::Mv(options) => change::mv(global, options, out),
        Command::Cp(options) => change::cp(global, options, out),
        Command::Meta(options) => meta::run(global, options, out),
        Command::Import(options) => import::run(global, options, out),
        Command::Export(options) => export::run(global, options, out),
        Command::Verify => maintain::verify(global, out),
        Command::Gc(options) => maintain::gc(global, options, out),
        Command::Repair(options) => repair::run(global, options, out),
        Command::Stat(options) => maintain::stat(global, options, out),
        Command::Block(options) => block::run(global, options, out),
        Command::Dag(options) => dag::run(global, options, out),
        Command::Proof(options) => proof::run(global, options, out),
        #[cfg(feature = "wasm")]
        Command::Module(options) => module::run(global, options, out),
        #[cfg(feature = "wasm")]
        Command::Receipt(options) => receipt::run(options, out),
        #[cfg(feature = "wasm")]
        Command::Contract(options) => contract::run(global, options, out),
        #[cfg(feature = "wasm")]
        Command::CompileModule => module::compile(),
        Command::Passwd(options) => passwd::run(global, options, out),
        Command::Completions(options) => completions(options, out),
        Command::Selftest => maintain::selftest(global, out),
        Command::Bench => bench::run(global, out),
        Command::Version => maintain::version(global, out),
    }
}

fn completions(options: &Completions, out: &mut Out) -> Outcome<()> {
    use clap::CommandFactory as _;
    use clap_complete::shells;
    let mut command = Cli::command();
    let mut script = Vec::new();
    let mut write = |generator: &dyn Generate| generator.generate(&mut command, &mut script);
    match options.shell {
        Shell::Bash => write(&shells::Bash),
        Shell::Zsh => write(&shells::Zsh),
        Shell::Fish => write(&shells::Fish),
        Shell::Elvish => write(&shells::Elvish),
        Shell::Powershell => write(&shells::PowerShell),
    }
    if out.json {
        return out.object(&json!({ "script": String::from_utf8_lossy(&script) }));
    }
    out.raw(&script)
}

/// A generator as an object.
trait Generate {
    fn generate(&self, command: &mut clap::Command, script: &mut Vec<u8>);
}

impl<T: clap_complete::Generator + Clone> Generate for T {
    fn generate(&self, command: &mut clap::Command, script: &mut Vec<u8>) {
        clap_complete::generate(self.clone(), command, "dagvault", script);
    }
}

/// Refuses what is no path before anything is asked of the user.
pub(crate) fn path(text: &str) -> Outcome<&str> {
    check_path(text).map(|()| text).map_err(|wrong| Failure::usage(wrong).hint("a path is like web/api/key"))
}

/// A prefix as the user may write it: empty for everything, with or without a `/` at the end.
pub(crate) fn prefix(text: &str) -> Outcome<&str> {
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() { Ok(text) } else { path(text) }
}

/// The name of a version's state.
fn state(version: &VersionInfo) -> &'static str {
    match version.state {
        VersionState::Live {} => "live",
        VersionState::Deleted {} => "deleted",
        VersionState::Destroyed {} => "destroyed",
    }
}

/// A version in JSON.
pub(crate) fn version_json(version: &VersionInfo) -> Value {
    json!({
        "id": show::hex(&version.id),
        "number": version.number,
        "parents": version.parents.iter().map(|id| show::hex(id)).collect::<Vec<_>>(),
        "time": show::time(version.time_ms),
        "time_ms": version.time_ms,
        "author": show::hex(&version.author),
        "size": version.size,
        "stored": version.stored,
        "state": state(version),
        "content": version.content.map(|hash| show::hex(&hash)),
    })
}

/// What a path holds: `value`, or for imported files their kind.
fn entry_type(entry: &EntryInfo) -> &'static str {
    attrs::Attrs::from_meta(entry.meta.as_ref()).map_or("value", |attrs| attrs.kind.name())
}
