//! The command line.

mod graph;
#[cfg(feature = "wasm")]
mod module;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use graph::{Block, Dag, Graph, GraphFormat, Log, Proof, ProvenTo, Root, ToFile};
#[cfg(feature = "wasm")]
pub(crate) use module::{Ask, Contract, Module, ModuleKind, Receipt};
use values::{seconds, size, wait_seconds, workers};

/// An encrypted, content-addressed DAG vault for secrets and files
#[derive(Parser)]
#[command(
    name = "dagvault",
    version,
    max_term_width = 100,
    after_help = "Values and passphrases are never arguments: they come from standard input, a file, a file \
                  descriptor or a prompt. Exit codes and JSON are described in docs/cli.md."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// The vault's folder [else: DAGVAULT, else dagvault in the platform's data folder]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) vault: Option<PathBuf>,
    /// Which engine does the work
    #[arg(long, global = true, value_enum, default_value_t, help_heading = "Engine")]
    pub(crate) engine: EngineKind,
    /// Threads that compute [default: one a core, at most 16]
    #[arg(long, global = true, value_name = "N", value_parser = workers, help_heading = "Engine")]
    pub(crate) workers: Option<usize>,
    /// Most memory of the wasm engine, for example 512M
    #[arg(long, global = true, value_name = "SIZE", value_parser = size, help_heading = "Engine")]
    pub(crate) max_memory: Option<u64>,
    /// Longest time of one call of the wasm engine
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds, help_heading = "Engine")]
    pub(crate) deadline: Option<u64>,
    /// What the processor computes for the wasm engine [else: DAGVAULT_ACCEL, else auto]
    #[arg(long, global = true, value_enum, help_heading = "Engine")]
    pub(crate) accel: Option<AccelKind>,
    /// How long to wait for another process that writes
    #[arg(long, global = true, value_name = "SECONDS", value_parser = wait_seconds, default_value_t = 30)]
    pub(crate) wait: u64,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say only what was asked for, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Read the passphrase from this file descriptor
    #[arg(long, global = true, value_name = "N", help_heading = "Unlocking")]
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) passphrase_fd: Option<i32>,
    /// Read the passphrase from this file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Unlocking")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Unlock with this key file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Unlocking")]
    pub(crate) key_file: Option<PathBuf>,
}

/// An engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Default)]
pub(crate) enum EngineKind {
    /// The WebAssembly module in Wasmtime
    #[cfg(feature = "wasm")]
    #[default]
    Wasm,
    /// Its twin with relaxed SIMD
    #[cfg(feature = "wasm")]
    WasmRelaxed,
    /// The same code compiled for this machine
    #[cfg_attr(not(feature = "wasm"), default)]
    Native,
}

/// Who computes ciphers, hashes and derivations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Default)]
pub(crate) enum AccelKind {
    /// The processor's own instructions, also where they are slower
    On,
    /// The engine's own kernels only
    Off,
    /// The processor's own instructions where they are faster
    #[default]
    Auto,
}

/// Cost of the derivation of a key from a passphrase (Argon2id)
#[derive(Args, Clone, Copy)]
pub(crate) struct Costs {
    /// Memory, for example 64M
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "64M", help_heading = "Costs")]
    pub(crate) kdf_memory: u64,
    /// Passes over the memory
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Costs")]
    pub(crate) kdf_passes: u32,
    /// Lanes
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Costs")]
    pub(crate) kdf_lanes: u32,
}

/// Where a value comes from: standard input, or a hidden prompt on a terminal, unless -i is given
#[derive(Args, Clone)]
pub(crate) struct Input {
    /// Read the value from this file
    #[arg(long, short, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Leave out one line end at the end of the value
    #[arg(long, short = 'n')]
    pub(crate) no_newline: bool,
}

/// Where a value goes to: standard output unless -o is given
#[derive(Args, Clone)]
pub(crate) struct Output {
    /// Write the value to this file, readable by you only
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing file; show binary values on a terminal
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Never add a line end, not on a terminal either
    #[arg(long, short = 'n')]
    pub(crate) no_newline: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a new vault
    Init(Init),
    /// Store a value from standard input, a file or a prompt
    Put(Put),
    /// Print a value, or write it to a file
    Get(Get),
    /// List paths
    Ls(Ls),
    /// Mark paths as deleted; undelete brings them back
    Rm(Rm),
    /// Take back a deletion
    Undelete(Undelete),
    /// Destroy versions of a path for good
    Destroy(Destroy),
    /// List the versions of a path, newest first
    History(History),
    /// Move a path, or all paths below it, with their versions
    Mv(FromTo),
    /// Copy the newest version of a path, or of all paths below it
    Cp(FromTo),
    /// Show or change the metadata of a path
    #[command(subcommand)]
    Meta(Meta),
    /// Store a folder with modes, times and symbolic links
    Import(Import),
    /// Write what is below a path into a folder
    Export(Export),
    /// Check every block, digest, value and signature
    Verify,
    /// Remove blocks that nothing needs any more, and give their space back
    Gc(Gc),
    /// Make a vault whose files are damaged open again; needs no passphrase
    Repair(Repair),
    /// Show figures of the vault
    Stat(Stat),
    /// Read, store and list blocks as they are stored
    #[command(subcommand)]
    Block(Block),
    /// Commits and what they reach: log, diff, graph, statistics, CAR files
    #[command(subcommand)]
    Dag(Dag),
    /// Make or check a proof that a commit holds a path
    #[command(subcommand)]
    Proof(Proof),
    /// Make, test, store and run WebAssembly modules
    #[cfg(feature = "wasm")]
    #[command(subcommand)]
    Module(Module),
    /// Show and check receipts of executions
    #[cfg(feature = "wasm")]
    #[command(subcommand)]
    Receipt(Receipt),
    /// Contracts: built-in validators, modules by upload
    #[cfg(feature = "wasm")]
    #[command(subcommand)]
    Contract(Contract),
    /// Compile a module for the process that asks on standard input
    #[cfg(feature = "wasm")]
    #[command(hide = true)]
    CompileModule,
    /// Change the passphrase; add, remove and list key slots
    Passwd(Passwd),
    /// Print a completion script
    Completions(Completions),
    /// Check the engine's algorithms against known answers
    Selftest,
    /// Measure this machine: algorithms, engines, an import
    Bench,
    /// Show the versions of the command and of its engine
    Version,
}

#[derive(Args)]
pub(crate) struct Init {
    /// Make this key file (32 random bytes) and protect the vault by it
    #[arg(long, value_name = "FILE")]
    pub(crate) new_key_file: Option<PathBuf>,
    /// Open every sealed block again by other code before it is acknowledged, to catch a machine that computes wrongly
    #[arg(long)]
    pub(crate) paranoid: bool,
    #[command(flatten)]
    pub(crate) costs: Costs,
}

#[derive(Args)]
pub(crate) struct Put {
    /// Where to
    pub(crate) path: String,
    #[command(flatten)]
    pub(crate) input: Input,
    /// Only if the newest version has this number; 0: only if there is none
    #[arg(long, value_name = "N")]
    pub(crate) cas: Option<u64>,
    /// Make no new version of an equal value
    #[arg(long)]
    pub(crate) skip_equal: bool,
    /// Compress the value (not for values that mix secrets with text of others)
    #[arg(long, overrides_with = "no_compress")]
    pub(crate) compress: bool,
    /// Do not compress [default]
    #[arg(long, overrides_with = "compress")]
    pub(crate) no_compress: bool,
}

#[derive(Args)]
pub(crate) struct Get {
    /// Whose value
    pub(crate) path: String,
    /// Which version, by its number
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Args)]
pub(crate) struct Ls {
    /// Where [default: everything]
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Show size, versions and time
    #[arg(long, short)]
    pub(crate) long: bool,
    /// Show all paths below, not one level only
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Show deleted and destroyed paths, too
    #[arg(long, short)]
    pub(crate) all: bool,
}

#[derive(Args)]
pub(crate) struct Rm {
    /// Which
    #[arg(required = true)]
    pub(crate) paths: Vec<String>,
    /// Each path with all below it
    #[arg(long, short)]
    pub(crate) recursive: bool,
}

#[derive(Args)]
pub(crate) struct Undelete {
    /// Which
    pub(crate) path: String,
    /// Which version, by its number
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u64>,
}

#[derive(Args)]
pub(crate) struct Destroy {
    /// Which
    pub(crate) path: String,
    /// Only these versions, by their numbers [default: all, with the path and its metadata]
    #[arg(long = "version", value_name = "N", value_delimiter = ',')]
    pub(crate) versions: Vec<u64>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct History {
    /// Whose
    pub(crate) path: String,
    /// At most so many versions
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

#[derive(Args)]
pub(crate) struct FromTo {
    /// What
    pub(crate) from: String,
    /// Takes its place; nothing may be there
    pub(crate) to: String,
}

#[derive(Subcommand)]
pub(crate) enum Meta {
    /// Print all metadata, or one value
    Get {
        /// Whose
        path: String,
        /// Which key [default: all]
        key: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Set a key to a value from standard input, a file or a prompt
    Set {
        /// Whose
        path: String,
        /// Which key
        key: String,
        #[command(flatten)]
        input: Input,
    },
    /// Remove keys
    Rm {
        /// Whose
        path: String,
        /// Which keys
        #[arg(required = true)]
        keys: Vec<String>,
    },
}

#[derive(Args)]
pub(crate) struct Import {
    /// The folder
    pub(crate) dir: PathBuf,
    /// Where to
    #[arg(long, value_name = "PREFIX")]
    pub(crate) into: String,
    /// Read every file, even if its size and times are as stored
    #[arg(long)]
    pub(crate) rehash: bool,
    /// Leave out files and folders by name (`*.o`) or path (`build/**`)
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Mark paths as deleted whose files are gone
    #[arg(long)]
    pub(crate) delete: bool,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not compress
    #[arg(long)]
    pub(crate) no_compress: bool,
}

#[derive(Args)]
pub(crate) struct Export {
    /// What
    pub(crate) prefix: String,
    /// Where to; made if it is not there
    pub(crate) dir: PathBuf,
    /// Replace files that differ
    #[arg(long)]
    pub(crate) overwrite: bool,
}

#[derive(Args)]
pub(crate) struct Gc {
    /// Only count
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Repair {
    /// Only look, and tell what would be saved and what is lost
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Go on with the newest state that can be read even if newer ones had been acknowledged
    #[arg(long)]
    pub(crate) accept_older: bool,
}

#[derive(Args)]
pub(crate) struct Stat {
    /// Show the use of the engine's memory
    #[arg(long)]
    pub(crate) memory: bool,
}

#[derive(Args)]
pub(crate) struct Passwd {
    /// Keep the old slot and add one
    #[arg(long, conflicts_with_all = ["remove", "list"])]
    pub(crate) add: bool,
    /// Read the new passphrase from this file
    #[arg(long, value_name = "FILE", group = "source")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
    /// Read the new passphrase from this file descriptor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..), group = "source")]
    pub(crate) new_passphrase_fd: Option<i32>,
    /// Make this key file for the new slot
    #[arg(long, value_name = "FILE", group = "source")]
    pub(crate) new_key_file: Option<PathBuf>,
    /// Use this key file for the new slot
    #[arg(long, value_name = "FILE", group = "source")]
    pub(crate) add_key_file: Option<PathBuf>,
    /// Remove the slot with this number
    #[arg(long, value_name = "ID", conflicts_with_all = ["list", "source"])]
    pub(crate) remove: Option<u32>,
    /// List the slots
    #[arg(long, conflicts_with = "source")]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) costs: Costs,
}

#[derive(Args)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// A shell.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// elvish
    Elvish,
    /// PowerShell
    Powershell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
