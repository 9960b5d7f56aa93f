//! `cargo xtask tsan`: tests with threads under ThreadSanitizer, which finds accesses that nothing orders.

use anyhow::Result;

use crate::run::{Workspace, run_shown};
use crate::setup::{self, NIGHTLY};

/// The standard library is built with the sanitizer too: it must see what orders its accesses.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Tests with threads: the arenas and slabs below the node table, the node table and traversals on rayon, stores shared
/// by threads and by handles. Left out is what switches between threads by itself.
const TESTS: [&str; 3] = [
    "-p dagvault-core --features dagvault-core/rayon --lib",
    "-p dagvault-dag --features dagvault-dag/std --lib -- --skip schedules --skip kill",
    "-p dagvault-dag --features dagvault-dag/std --test store_many --test store_compact",
];

/// Runs them; any report of a race fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::nightly()?;
    for tests in TESTS {
        let mut cargo = workspace.cargo();
        cargo.arg(format!("+{NIGHTLY}")).args(["test", "--release", "-Zbuild-std", "--target", TARGET]);
        cargo.args(tests.split(' '));
        cargo.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        cargo.env("RUSTFLAGS", "-Zsanitizer=thread").env("TSAN_OPTIONS", "halt_on_error=1");
        run_shown(cargo.env("CARGO_TARGET_DIR", workspace.target.join("tsan")))?;
    }
    Ok(())
}
