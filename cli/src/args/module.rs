//! The commands on modules and receipts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::values::seed;

/// What a module is asked
#[derive(Args, Clone)]
pub(crate) struct Ask {
    /// The request: JSON, or @FILE, @- for standard input [default: null]
    #[arg(long, value_name = "JSON")]
    pub(crate) request: Option<String>,
    /// The rules that it is judged by: JSON, or @FILE
    #[arg(long, value_name = "JSON")]
    pub(crate) rules: Option<String>,
    /// Which function [default: the first, or the program]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) function: Option<String>,
    /// Gas that it may use [default: what the profile says]
    #[arg(long, value_name = "N")]
    pub(crate) gas: Option<u64>,
    /// The time that it is told, milliseconds since 1970 [default: none]
    #[arg(long, value_name = "MS")]
    pub(crate) now: Option<u64>,
    /// The random bytes that it is told, 64 hexadecimal digits [default: none]
    #[arg(long, value_name = "HEX", value_parser = seed)]
    pub(crate) seed: Option<[u8; 32]>,
}

/// What a new module is for
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ModuleKind {
    /// Accepts or rejects requests under rules
    Validator,
    /// Changes a state and tells effects
    Intent,
    /// Allows or denies, with nothing imported
    Policy,
}

#[derive(Subcommand)]
pub(crate) enum Module {
    /// Make a crate for a new module, which builds and has a test
    New {
        /// What to call it
        name: String,
        /// What it is for
        #[arg(long, value_enum, default_value = "validator")]
        kind: ModuleKind,
        /// The folder to make [default: the name]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Compile a crate to a module, by cargo
    Build {
        /// The crate's folder
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Run a module without a vault, and show what it answers, its gas and its log
    Test {
        /// The module, or the folder of its crate, with the requests that stand there
        #[arg(default_value = ".")]
        file: PathBuf,
        /// The profile that it runs under [default: what it says itself]
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
    /// Admit a module and store it in the vault
    Add {
        /// What to call it
        name: String,
        /// The module
        file: PathBuf,
        /// The profile that it runs under [default: what it says itself]
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// The most gas that a call gets [default: what the profile says]
        #[arg(long, value_name = "N")]
        gas: Option<u64>,
    },
    /// List the modules of the vault
    Ls {
        /// Show profiles, gas, sizes and CIDs
        #[arg(long, short)]
        long: bool,
    },
    /// Show what is known of a module
    Show {
        /// NAME, NAME@VERSION or a CID
        module: String,
    },
    /// Take a module out of the registry
    Rm {
        /// Its name
        name: String,
    },
    /// Run a module of the vault
    Run {
        /// NAME, NAME@VERSION or a CID
        module: String,
        #[command(flatten)]
        ask: Ask,
        /// Write a receipt, signed by the vault's owner, to this file
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
        /// The receipt that this one follows
        #[arg(long, value_name = "FILE", requires = "receipt")]
        previous: Option<PathBuf>,
    },
    /// Measure a module from a file: loading it, and calls of it
    Bench {
        /// The module
        file: PathBuf,
        /// The profile that it runs under [default: what it says itself]
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        #[command(flatten)]
        ask: Ask,
    },
}

#[derive(Subcommand)]
pub(crate) enum Contract {
    /// Admit a module, as a POST action would bring it, and store it
    WasmUpload {
        /// The vault's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// The module
        #[arg(long, value_name = "FILE")]
        wasm_file: PathBuf,
        /// What to call it
        #[arg(long, value_name = "NAME")]
        module_name: String,
        /// The most gas that a call gets [default: what the profile says]
        #[arg(long, value_name = "N")]
        gas_limit: Option<u64>,
    },
    /// Judge a request by a built-in validator: verdict, cost and errors as deterministic JSON
    Validate {
        /// Which: transaction, asset_transfer or post_action
        validator: String,
        /// The request: JSON, or @FILE, @- for standard input
        request: String,
        /// The rules: JSON, or @FILE
        #[arg(long, value_name = "JSON", default_value = "{}")]
        rules: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Receipt {
    /// Check a receipt's signature and show what it says
    Show {
        /// The receipt
        file: PathBuf,
    },
    /// Execute again what a receipt says was executed, and compare
    Check {
        /// The receipt
        file: PathBuf,
        /// The module that it is of
        #[arg(long, value_name = "FILE")]
        module: PathBuf,
        #[command(flatten)]
        ask: Ask,
    },
}
