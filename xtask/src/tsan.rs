//! `cargo xtask tsan`: the node table under ThreadSanitizer, which finds data races between threads that run.

use anyhow::Result;

use crate::run::{Workspace, run_shown};
use crate::setup::{self, NIGHTLY};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The tests that run: those with threads.
const TESTS: [&str; 2] = ["table::tests::oracle::threads", "table::tests::reach"];

/// Runs tests of the crate `dag` with everything, the standard library too, built for the sanitizer.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::nightly()?;
    let mut cargo = workspace.cargo();
    cargo.arg(format!("+{NIGHTLY}")).args(["test", "-Zbuild-std", "--target", TARGET, "-p", "dagvault-dag"]);
    cargo.args(["--release", "--lib", "--"]).args(TESTS);
    cargo.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    // crossbeam, under rayon, synchronises by fences, which the sanitizer doesn't know; it has another way for it.
    cargo.env("RUSTFLAGS", "-Zsanitizer=thread --cfg crossbeam_sanitize --cfg crossbeam_sanitize_thread");
    run_shown(cargo.env("CARGO_TARGET_DIR", workspace.target.join("tsan")))
}
