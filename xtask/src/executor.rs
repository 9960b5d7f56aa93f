//! `cargo xtask executor`: the executor in JavaScript, by itself and beside what the sandbox says of the same
//! executions.

use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run::{Workspace, run_shown};
use crate::{guest, setup};

/// Random requests compared when nothing else is said, and by the full tests.
pub(crate) const REQUESTS: u32 = 400;
pub(crate) const REQUESTS_FULL: u32 = 20_000;

/// Compares so many requests, and modules that end in every way.
pub(crate) fn run(workspace: &Workspace, requests: u32) -> Result<()> {
    setup::debian("node", "nodejs")?;
    let folder = workspace.fresh_dir("executor-cases")?;
    let cases = folder.join("cases.jsonl");
    let (meter, validators) = (guest::meter(workspace)?, guest::validators(workspace)?);
    // As the tests are built, so that Wasmtime is not built again.
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--release", "--workspace", "--example", "twin"]);
    run_shown(build.args(["--features", "dagvault-crypto/selftest,dagvault-crypto/vectors"]))?;
    let mut write = Command::new(workspace.target.join("release/examples/twin"));
    run_shown(write.arg(requests.to_string()).arg(&validators).arg(&cases))?;
    let tests = workspace.root.join("web/executor/test");
    run_shown(Command::new("node").arg(tests.join("unit.mjs")).arg(&meter).arg(&validators))?;
    run_shown(Command::new("node").arg(tests.join("twin.mjs")).arg(&meter).arg(&cases))?;
    std::fs::remove_dir_all(&folder).context("removing the cases")
}
