//! The process that compiles modules, for the tests and benchmarks of this crate.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(dagvault_sandbox::child_main(std::io::stdin().lock(), std::io::stdout().lock()))
}
