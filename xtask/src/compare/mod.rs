//! `cargo xtask compare`: dagvault beside its peers and its engines beside each other, in turns in one run.

mod engines;
mod latency;
mod memory;
mod peers;
mod puts;
mod report;

use std::path::PathBuf;

use anyhow::Result;

use crate::commands::Arguments;
use crate::run::Workspace;
use crate::{setup, vault};

/// What every section needs.
struct Bench {
    workspace: Workspace,
    /// The command, optimised.
    binary: PathBuf,
    /// The Rust library's sources.
    library: PathBuf,
    /// Where the vaults and repositories go.
    scratch: PathBuf,
    /// How often each contender runs.
    rounds: u32,
}

/// Runs one section, or all.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let wanted = arguments.word.unwrap_or("all");
    let bench = Bench {
        library: setup::nightly()?,
        binary: vault::build(workspace)?,
        scratch: workspace.fresh_dir("compare")?,
        rounds: arguments.number("--rounds", 5)?,
        workspace: workspace.clone(),
    };
    type Section = fn(&Bench) -> Result<Vec<String>>;
    let sections: [(&str, Section); 5] = [
        ("peers", peers::measure),
        ("engines", engines::measure),
        ("latency", latency::measure),
        ("puts", puts::measure),
        ("memory", memory::measure),
    ];
    for (name, measure) in sections {
        if wanted != "all" && wanted != name {
            continue;
        }
        println!("comparing: {name}");
        let lines = report::with_origin(&bench, name, measure(&bench)?)?;
        lines.iter().for_each(|line| println!("{line}"));
        if !arguments.flag("--dry-run") {
            report::write(workspace, name, &lines)?;
        }
    }
    std::fs::remove_dir_all(&bench.scratch)?;
    Ok(())
}
