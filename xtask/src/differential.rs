//! `cargo xtask differential`: random cases on every backend of the kernels, in Wasmtime and in Node, against the
//! crates.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::run::{Workspace, output, run_shown};
use crate::{guest, setup};

/// Compares `cases` random cases.
pub(crate) fn run(workspace: &Workspace, cases: u32) -> Result<()> {
    let folder = workspace.fresh_dir("differential")?;
    let modules = guest::kernels(workspace, &workspace.root, &workspace.target.join("kernels"))?;
    let modules: Vec<String> =
        modules.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--release", "--workspace"]);
    build.args(["--features", "dagvault-crypto/selftest,dagvault-crypto/vectors"]);
    run_shown(&mut build)?;
    let mut wasmtime = Command::new(workspace.target.join("release/differential"));
    let printed = output(wasmtime.arg(cases.to_string()).args(&modules))?;
    let (told, wanted) = printed.trim_end().rsplit_once('\n').context("it printed no digests")?;
    println!("{told}");
    let file = folder.join("wanted.json");
    std::fs::write(&file, wanted).context("the digests")?;
    setup::debian("node", "nodejs")?;
    let script = workspace.root.join("benches/node/differential.mjs");
    if let Err(error) = run_shown(Command::new("node").arg(script).arg(&file).args(&modules)) {
        bail!("in Node: {error:#}");
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
