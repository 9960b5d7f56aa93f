//! Blocks and traversals; `TMPDIR` says on which disk.

use dagvault_benches::{case, dag};

fn main() {
    case::criterion(&dag::cases(
        &std::env::temp_dir().join(format!("dagvault-bench-{}", std::process::id())),
    ));
}
