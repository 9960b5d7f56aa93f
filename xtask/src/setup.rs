//! Installing what a command needs and the machine lacks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::run::{on_path, output, run};

/// The toolchain of the guest, of its sources for the demo, and of the fuzz targets.
pub(crate) const NIGHTLY: &str = "nightly-2026-05-20";

fn sysroot() -> Result<PathBuf> {
    let text = output(Command::new("rustup").args(["run", NIGHTLY, "rustc", "--print", "sysroot"]))?;
    Ok(PathBuf::from(text.trim()))
}

fn library_of(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust")
}

/// Installs the pinned nightly with the library's sources if it is missing; answers the folder of those
/// sources.
pub(crate) fn nightly() -> Result<PathBuf> {
    let listed = output(Command::new("rustup").args(["toolchain", "list"]))?;
    let there = listed.lines().any(|line| line.starts_with(NIGHTLY));
    if there && library_of(&sysroot()?).join("library").is_dir() {
        return Ok(library_of(&sysroot()?));
    }
    println!("installing the toolchain {NIGHTLY} with rust-src");
    run(Command::new("rustup")
        .args(["toolchain", "install", NIGHTLY, "--profile", "minimal", "--component", "rust-src"])
        .args(["--no-self-update"]))?;
    let library = library_of(&sysroot()?);
    ensure!(library.is_dir(), "rustup installed no sources at {}", library.display());
    Ok(library)
}

/// Installs a Debian package if its program is missing.
pub(crate) fn debian(program: &str, package: &str) -> Result<()> {
    if on_path(program) {
        return Ok(());
    }
    if !on_path("apt-get") {
        bail!("{program} is missing, and there is no apt-get to install {package} with");
    }
    println!("installing {package} from apt");
    let install =
        || -> Result<()> { run(apt().args(["install", "-y", "-q", "--no-install-recommends", package])) };
    if install().is_err() {
        run(apt().args(["update", "-q"]))?;
        install()?;
    }
    ensure!(on_path(program), "apt installed {package}, but there is still no {program}");
    Ok(())
}

fn apt() -> Command {
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "apt-get"]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Installs the packages of a folder with a lock file into `target`, where its scripts are copied beside them; answers
/// whether there is npm to do it with.
pub(crate) fn npm(from: &Path, target: &Path) -> Result<bool> {
    if !on_path("npm") || !on_path("node") {
        return Ok(false);
    }
    std::fs::create_dir_all(target)?;
    let lock = std::fs::read(from.join("package-lock.json")).context("package-lock.json")?;
    // Written last, so that a broken installation is made again.
    let mark = target.join("installed.json");
    let installed = std::fs::read(&mark).is_ok_and(|old| old == lock);
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), target.join(entry.file_name()))?;
    }
    if !installed {
        println!("installing packages from npm, for {}", target.display());
        run(Command::new("npm").current_dir(target).args([
            "ci",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]))?;
        std::fs::write(mark, lock)?;
    }
    Ok(true)
}

/// Installs what compiles modules with the toolchain of the workspace, if it is missing.
pub(crate) fn wasm_target(root: &Path) -> Result<()> {
    const TARGET: &str = "wasm32-unknown-unknown";
    let listed = output(Command::new("rustup").current_dir(root).args(["target", "list", "--installed"]))?;
    if listed.lines().any(|line| line == TARGET) {
        return Ok(());
    }
    println!("installing the target {TARGET}");
    run(Command::new("rustup").current_dir(root).args(["target", "add", TARGET]))
}

/// The folder of cargo's caches and programs.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => Ok(PathBuf::from(home)),
        None => Ok(PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cargo")),
    }
}

/// Installs cargo-fuzz if it is missing; answers its program.
pub(crate) fn cargo_fuzz() -> Result<PathBuf> {
    let program = cargo_home()?.join("bin/cargo-fuzz");
    if !program.is_file() {
        println!("installing cargo-fuzz from crates.io");
        run(Command::new("cargo").args(["install", "--locked", "--quiet", "cargo-fuzz"]))?;
    }
    ensure!(program.is_file(), "there is no {}", program.display());
    Ok(program)
}
