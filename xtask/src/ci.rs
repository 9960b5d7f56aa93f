//! `cargo xtask ci`: what a change must pass, cheapest first.

use std::process::Command;

use anyhow::Result;

use crate::run::{Workspace, run_shown};
use crate::{guest, setup, test, tidy};

/// Runs every check.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    run_shown(workspace.cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in [
        "guest/engine/Cargo.toml",
        "guest/kernels/Cargo.toml",
        "guest/validators/Cargo.toml",
        "guest/workloads/Cargo.toml",
        "fuzz/Cargo.toml",
    ] {
        run_shown(workspace.cargo().args(["fmt", "--check", "--manifest-path", manifest]))?;
    }
    tidy::run(workspace)?;
    setup::nightly()?;
    guest::build(workspace)?;
    guest::validators(workspace)?;
    // In release, as the tests: procedural macros and build scripts are then built once.
    let lints = ["--", "-D", "warnings"];
    run_shown(clippy(workspace).args(["--workspace", "--all-targets"]).args(lints))?;
    let oracles = ["--manifest-path", "fuzz/Cargo.toml", "--no-default-features", "--all-targets"];
    let target = workspace.target.join("oracles");
    run_shown(clippy(workspace).args(oracles).args(lints).env("CARGO_TARGET_DIR", target))?;
    test::run(workspace, false)
}

fn clippy(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo();
    command.args(["clippy", "--release"]);
    command
}
