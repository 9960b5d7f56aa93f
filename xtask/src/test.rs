//! `cargo xtask test`: every test of the workspace, the models of the lock-free code, the fuzz oracles on their seeds,
//! and the short form of the checks of constant time. The last line counts them all.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::run::{Workspace, line};
use crate::{constant_time, differential, executor, guest, interchange, parity, setup};

/// Tests counted over several runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Totals {
    passed: u64,
    failed: u64,
}

impl Totals {
    /// Adds the counts of a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`; answers whether
    /// it was one.
    fn add_line(&mut self, line: &str) -> bool {
        let Some(rest) = line.strip_prefix("test result: ") else { return false };
        let count = |what: &str| -> u64 {
            let words: Vec<&str> = rest.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
            let at = words.iter().position(|word| *word == what);
            at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        true
    }
}

/// Runs everything.
pub(crate) fn run(workspace: &Workspace, full: bool) -> Result<()> {
    let began = Instant::now();
    setup::nightly()?;
    guest::build(workspace)?;
    guest::validators(workspace)?;
    let mut totals = Totals::default();
    let mut broken = Vec::new();
    for mut step in steps(workspace) {
        if full {
            step.env("DAGVAULT_FULL", "1");
        } else {
            step.env_remove("DAGVAULT_FULL");
        }
        println!("$ {}", line(&step));
        if let Err(error) = counted(&mut step, &mut totals) {
            println!("{error:#}");
            broken.push(line(&step));
        }
    }
    let mut check = |words: String, run: &dyn Fn() -> Result<()>| {
        let name = format!("cargo xtask {words}");
        println!("$ {name}");
        match run() {
            Ok(()) => totals.passed += 1,
            Err(error) => {
                println!("{error:#}");
                broken.push(name);
            }
        }
    };
    let cases = if full { 100_000 } else { 2000 };
    check(format!("differential --cases {cases}"), &|| differential::run(workspace, cases));
    check("interchange".to_owned(), &|| interchange::run(workspace));
    let modules = if full { parity::MODULES_FULL } else { parity::MODULES };
    check(format!("parity --modules {modules}"), &|| parity::run(workspace, modules));
    let requests = if full { executor::REQUESTS_FULL } else { executor::REQUESTS };
    check(format!("executor --requests {requests}"), &|| executor::run(workspace, requests));
    let quick = if full { "" } else { " --quick" };
    check(format!("constant-time{quick}"), &|| constant_time::run_as_test(workspace, full));
    println!("finished in {:.0} s", began.elapsed().as_secs_f64());
    for step in &broken {
        println!("failed: {step}");
    }
    // A run that ended otherwise than by a failed test (it did not build, it was killed) counts as one.
    let failed = totals.failed.max(broken.len() as u64);
    println!("{} passed, {failed} failed", totals.passed);
    if failed > 0 { bail!("the tests failed") } else { Ok(()) }
}

/// Tests of the workspace, always by the same features, so that nothing is built twice.
pub(crate) const WORKSPACE: [&str; 5] =
    ["test", "--release", "--workspace", "--features", "dagvault-crypto/selftest,dagvault-crypto/vectors"];

fn steps(workspace: &Workspace) -> Vec<Command> {
    let mut all = workspace.cargo();
    all.args(WORKSPACE).arg("--no-fail-fast");
    let mut models = workspace.cargo();
    models.args(["test", "--release", "-p", "dagvault-core", "-p", "dagvault-dag", "--lib"]);
    models.env("RUSTFLAGS", "--cfg loom").env("LOOM_MAX_PREEMPTIONS", "3");
    models.env("CARGO_TARGET_DIR", workspace.target.join("loom"));
    let mut oracles = workspace.cargo();
    oracles.args([
        "test",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--no-default-features",
        "--lib",
    ]);
    oracles.env("CARGO_TARGET_DIR", workspace.target.join("oracles"));
    vec![all, models, oracles]
}

/// Runs one step, passing its output on and counting.
fn counted(step: &mut Command, totals: &mut Totals) -> Result<()> {
    let mut child = step.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().context("cannot start")?;
    let output = child.stdout.take().context("no output")?;
    let mut summaries = 0;
    for text in BufReader::new(output).split(b'\n') {
        let text = text.context("reading the output")?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        summaries += u32::from(totals.add_line(&text));
    }
    let status = child.wait().context("waiting")?;
    ensure!(status.success(), "ended with {status}");
    ensure!(summaries > 0, "ran no tests");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_added_up() {
        let mut totals = Totals::default();
        assert!(!totals.add_line("test cbor::tests::round_trip ... ok"));
        assert!(
            totals.add_line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; x")
        );
        assert!(totals.add_line("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured"));
        assert_eq!(totals, Totals { passed: 15, failed: 2 });
    }
}
