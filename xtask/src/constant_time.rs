//! `cargo xtask constant-time`: nothing that the kernels do in time depends on secrets, as far as two programs of
//! `constant-time/` can tell: one runs under valgrind, the other interprets the kernels' wasm.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::commands::Arguments;
use crate::run::{Workspace, run as run_command, run_shown};
use crate::{guest, setup};

const PACKAGE: &str = "dagvault-constant-time";

/// Levels of optimisation: a name, the profile, what is set beyond it. `dist` is what is shipped; `guest` are the
/// guest's settings, applied natively; the rest is what others may choose who build the crates into theirs.
const LEVELS: [(&str, &str, &[&str]); 5] = [
    ("release", "release", &[]),
    ("dist", "dist", &[]),
    ("guest", "guest", &["profile.guest.inherits=\"release\"", "profile.guest.lto=\"fat\""]),
    ("opt-2", "opt-2", &["profile.opt-2.inherits=\"release\"", "profile.opt-2.opt-level=2"]),
    ("opt-s", "opt-s", &["profile.opt-s.inherits=\"release\"", "profile.opt-s.opt-level=\"s\""]),
];

/// Modules of the kernels, by their sets of instructions.
const MODULES: [&str; 3] = ["strict", "relaxed", "scalar"];

/// Runs the checks that the command line names.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    check(workspace, arguments.word.unwrap_or("all"), arguments.flag("--quick"))
}

/// What belongs to the tests.
pub(crate) fn run_as_test(workspace: &Workspace, full: bool) -> Result<()> {
    check(workspace, "all", !full)
}

/// `quick` takes the first level and the first module only.
fn check(workspace: &Workspace, word: &str, quick: bool) -> Result<()> {
    let count = |all: usize| if quick { 1 } else { all };
    let mut failed = Vec::new();
    if word != "wasm" {
        failed.extend(native(workspace, count(LEVELS.len()))?);
    }
    if word != "native" {
        failed.extend(wasm(workspace, count(MODULES.len()))?);
    }
    if failed.is_empty() { Ok(()) } else { bail!("not in constant time: {}", failed.join(", ")) }
}

/// Checks the first `count` levels under valgrind; answers those that failed.
fn native(workspace: &Workspace, count: usize) -> Result<Vec<&'static str>> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!("no check under valgrind: its requests are known for x86-64 Linux only");
        return Ok(Vec::new());
    }
    setup::debian("valgrind", "valgrind")?;
    let mut failed = Vec::new();
    for (name, profile, settings) in &LEVELS[..count] {
        let mut cargo = workspace.cargo();
        cargo.args(["build", "--quiet", "-p", PACKAGE, "--no-default-features", "--features", "native"]);
        cargo.args(["--profile", profile]);
        for setting in *settings {
            cargo.args(["--config", setting]);
        }
        run_command(&mut cargo)?;
        let program = workspace.target.join(profile).join("constant-time-native");
        if run_shown(Command::new(program).arg(name)).is_err() {
            failed.push(*name);
        }
    }
    Ok(failed)
}

/// Checks the first `count` modules in the interpreter; answers whether that failed. They are built so that they say
/// what is secret.
fn wasm(workspace: &Workspace, count: usize) -> Result<Vec<&'static str>> {
    let mut cargo = workspace.cargo();
    cargo.args(["build", "--quiet", "--release", "-p", PACKAGE]);
    run_command(cargo.args(["--no-default-features", "--features", "wasm"]))?;
    let mut check = Command::new(workspace.target.join("release/constant-time-wasm"));
    for name in &MODULES[..count] {
        let arguments = ["--features", "constant-time"];
        let module = guest::kernels_for(workspace, &workspace.root, name, &arguments)?;
        check.arg(format!("{name}={}", module.to_str().context("a path that is not UTF-8")?));
    }
    Ok(if run_shown(&mut check).is_err() { vec!["wasm"] } else { Vec::new() })
}
