//! `cargo xtask miri`: the kernels and the node table in an interpreter of Rust that finds undefined behaviour.

use std::process::Command;

use anyhow::Result;

use crate::run::{Workspace, output, run as run_command, run_shown};
use crate::setup::{self, NIGHTLY};

/// The tests that run: the vectors, the ciphers on short messages, and random cases on all backends. The comparisons
/// that algorithms have of their own take too long here; the random cases reach the same code.
const TESTS: [&str; 5] = ["lanes::", "aead::tests::", "sha256", "kernels::", "secret::"];

/// Tests of the node table: those with threads, of what is marked, and the algorithms while others write. The rest take
/// too long.
const TABLE_TESTS: [&str; 3] =
    ["table::tests::oracle::threads", "table::tests::reach", "graph::tests::while"];

/// Seeds of the table's tests: each has other interleavings of threads, and other weak values to be read.
const SEEDS: &str = "-Zmiri-strict-provenance -Zmiri-many-seeds=0..4";

/// Runs tests of the crates `crypto` and `dag` in miri, at the counts that they have for it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::nightly()?;
    let listed =
        output(Command::new("rustup").args(["component", "list", "--installed", "--toolchain", NIGHTLY]))?;
    if !listed.lines().any(|line| line.starts_with("miri")) {
        println!("installing the component miri of {NIGHTLY}");
        run_command(Command::new("rustup").args(["component", "add", "miri", "--toolchain", NIGHTLY]))?;
    }
    let miri = |package: &str, tests: &[&str], flags: &str| {
        let mut cargo = workspace.cargo();
        cargo.arg(format!("+{NIGHTLY}")).args(["miri", "test", "-p", package, "--lib"]);
        if package == "dagvault-crypto" {
            cargo.args(["--features", "kernels"]);
        }
        cargo.arg("--").args(tests);
        // Miri's processor has what is asked for here, so that the vectors of SSSE3 run too.
        cargo.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        cargo.env("RUSTFLAGS", "-Ctarget-feature=+ssse3").env("MIRIFLAGS", flags);
        run_shown(cargo.env("CARGO_TARGET_DIR", workspace.target.join("miri")))
    };
    miri("dagvault-crypto", &TESTS, "-Zmiri-strict-provenance")?;
    miri("dagvault-dag", &TABLE_TESTS, SEEDS)
}
