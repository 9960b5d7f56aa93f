//! `cargo xtask parity`: metered modules in V8, random ones and those of `guest/workloads`, beside what the reference
//! interpreter says of them.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run::{Workspace, run_shown};
use crate::{guest, setup};

/// Modules compared when nothing else is said, and by the full tests.
pub(crate) const MODULES: u32 = 400;
pub(crate) const MODULES_FULL: u32 = 10_000;

/// Compares so many modules.
pub(crate) fn run(workspace: &Workspace, modules: u32) -> Result<()> {
    setup::debian("node", "nodejs")?;
    let folder = workspace.fresh_dir("parity-cases")?;
    let cases = folder.join("cases.jsonl");
    // As the tests are built, so that Wasmtime is not built again.
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--release", "--workspace", "--example", "parity"]);
    run_shown(build.args(["--features", "dagvault-crypto/selftest,dagvault-crypto/vectors"]))?;
    let mut write = Command::new(workspace.target.join("release/examples/parity"));
    run_shown(write.arg(modules.to_string()).arg(&cases).args(guest::workloads(workspace)?))?;
    let script = workspace.root.join("meter/v8/parity.mjs");
    run_shown(Command::new("node").arg(script).arg(&cases))?;
    std::fs::remove_dir_all(&folder).context("removing the cases")
}
