//! `cargo xtask miri`: the kernels in an interpreter of Rust that finds undefined behaviour.

use std::process::Command;

use anyhow::Result;

use crate::run::{Workspace, output, run as run_command, run_shown};
use crate::setup::{self, NIGHTLY};

/// The tests that run: the vectors, the ciphers on short messages, and random cases on all backends. The comparisons
/// that algorithms have of their own take too long here; the random cases reach the same code.
const TESTS: [&str; 5] = ["lanes::", "aead::tests::", "sha256", "kernels::", "secret::"];

/// Runs tests of the crate `crypto` in miri, at the counts that they have for it.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::nightly()?;
    let listed =
        output(Command::new("rustup").args(["component", "list", "--installed", "--toolchain", NIGHTLY]))?;
    if !listed.lines().any(|line| line.starts_with("miri")) {
        println!("installing the component miri of {NIGHTLY}");
        run_command(Command::new("rustup").args(["component", "add", "miri", "--toolchain", NIGHTLY]))?;
    }
    let mut cargo = workspace.cargo();
    cargo.arg(format!("+{NIGHTLY}")).args(["miri", "test", "-p", "dagvault-crypto", "--features", "kernels"]);
    cargo.args(["--lib", "--"]).args(TESTS);
    // Miri's processor has what is asked for here, so that the vectors of SSSE3 run too.
    cargo.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
    cargo.env("RUSTFLAGS", "-Ctarget-feature=+ssse3").env("MIRIFLAGS", "-Zmiri-strict-provenance");
    run_shown(cargo.env("CARGO_TARGET_DIR", workspace.target.join("miri")))
}
