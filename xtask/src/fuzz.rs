//! `cargo xtask fuzz`: every fuzz target for its share of the time, from a corpus that is kept.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::commands::Arguments;
use crate::run::{self, Workspace, cache_dir, line, run_shown};
use crate::setup;
use crate::vault::processors;

/// Longest time for one input, seconds.
const INPUT_SECONDS_MAX: u32 = 10;
/// Most memory of one target, MiB.
const MEMORY_MIB_MAX: u32 = 2048;

/// Runs all targets.
fn run_all(workspace: &Workspace, minutes: u32, only: Option<&str>) -> Result<()> {
    let mut targets = targets(workspace)?;
    if let Some(only) = only {
        targets.retain(|target| target == only);
        ensure!(!targets.is_empty(), "there is no fuzz target {only}");
    }
    setup::nightly()?;
    setup::debian("c++", "g++")?;
    let cargo_fuzz = setup::cargo_fuzz()?;
    let output = workspace.target.join("fuzz");
    let mut build = Command::new("rustup");
    build.args(["run", setup::NIGHTLY]).arg(&cargo_fuzz).args([
        "fuzz",
        "build",
        "--fuzz-dir",
        "fuzz",
        "--release",
    ]);
    build.arg("--target-dir").arg(&output).current_dir(&workspace.root);
    // What an outer cargo has set names another toolchain.
    run_shown(build.env_remove("CARGO").env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR"))?;
    let cache = cache_dir()?.join("fuzz");
    write_seeds(workspace, &cache)?;
    let lanes = processors().min(targets.len());
    let rounds = targets.len().div_ceil(lanes);
    let seconds = (u64::from(minutes) * 60 / rounds as u64).max(1);
    println!(
        "{} targets, {lanes} at a time, {seconds} s each; corpora in {}",
        targets.len(),
        cache.display()
    );
    let mut crashed = Vec::new();
    for group in targets.chunks(lanes) {
        let started: Result<Vec<(String, Child)>> = group
            .iter()
            .map(|target| Ok((target.clone(), start(&output, &cache, target, seconds)?)))
            .collect();
        for (target, mut child) in started? {
            let status = child.wait()?;
            println!("{target}: {}", if status.success() { "no crash" } else { "CRASHED" });
            if !status.success() {
                crashed.push(target);
            }
        }
    }
    for target in &crashed {
        report(&output, &cache, target)?;
    }
    if crashed.is_empty() { Ok(()) } else { bail!("{} fuzz targets crashed", crashed.len()) }
}

/// Runs the command.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    run_all(workspace, arguments.number("--minutes", 5)?, arguments.text("--target"))
}

/// The targets that fuzz/Cargo.toml names.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(workspace.root.join("fuzz/Cargo.toml")).context("fuzz/Cargo.toml")?;
    let manifest: toml::Table = text.parse().context("fuzz/Cargo.toml")?;
    let bins =
        manifest.get("bin").and_then(toml::Value::as_array).context("fuzz/Cargo.toml has no targets")?;
    let fuzzing = bins.iter().filter(|bin| {
        bin.get("path").and_then(toml::Value::as_str).is_some_and(|path| path.starts_with("fuzz_targets/"))
    });
    Ok(fuzzing.filter_map(|bin| Some(bin.get("name")?.as_str()?.to_owned())).collect())
}

/// Puts the generated seeds into the corpora.
fn write_seeds(workspace: &Workspace, cache: &Path) -> Result<()> {
    let mut seeds = workspace.cargo();
    seeds.args([
        "run",
        "--quiet",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--no-default-features",
    ]);
    seeds.args(["--bin", "seeds", "--"]).arg(cache);
    run::run(seeds.env("CARGO_TARGET_DIR", workspace.target.join("oracles")))
}

fn start(output: &Path, cache: &Path, target: &str, seconds: u64) -> Result<Child> {
    let corpus = cache.join(target);
    let artifacts = cache.join("artifacts").join(target);
    std::fs::create_dir_all(&artifacts)?;
    let log = std::fs::File::create(cache.join(format!("{target}.log")))?;
    let mut command = Command::new(program(output, target)?);
    command.arg(&corpus);
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(format!("-max_total_time={seconds}")).arg("-print_final_stats=1");
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}")).arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().with_context(|| line(&command))
}

/// cargo-fuzz builds for a named target, so that build scripts go without the sanitizer.
fn program(output: &Path, target: &str) -> Result<PathBuf> {
    let folders = std::fs::read_dir(output).with_context(|| output.display().to_string())?;
    let mut candidates = folders.filter_map(|folder| Some(folder.ok()?.path().join("release").join(target)));
    candidates.find(|path| path.is_file()).with_context(|| format!("{target} was not built"))
}

fn report(output: &Path, cache: &Path, target: &str) -> Result<()> {
    let log = std::fs::read_to_string(cache.join(format!("{target}.log"))).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    println!("\n{target}, the end of its log:");
    for text in &lines[lines.len().saturating_sub(30)..] {
        println!("  {text}");
    }
    let artifacts = std::fs::read_dir(cache.join("artifacts").join(target))?;
    for artifact in artifacts {
        println!("reproduce: {} {}", program(output, target)?.display(), artifact?.path().display());
    }
    Ok(())
}
