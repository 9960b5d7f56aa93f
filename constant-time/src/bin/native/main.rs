//! Runs every kernel over secret bytes, for valgrind to report branches and addresses that depend on them.
//!
//! Memcheck follows undefined bytes bit by bit, through memory and registers, and reports where a branch or an
//! address depends on them. Here undefined means secret. The program runs itself once more under valgrind and reads
//! what both write on stderr: before each kernel a line of [`ROW`], then the reports, then a line of [`END`] with their
//! number.
//!
//! Usage: `constant-time-native NAME`, where the name says how it was built. `cargo xtask constant-time` does it.
#![deny(unsafe_code)]

mod log;
mod valgrind;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, ensure};
use dagvault_constant_time::{MESSAGE_BYTES, judge};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::kernels::{ALL, Kernel, guarded::GUARDED, planted::PLANTED};
use dagvault_crypto::secrecy::{self, Checker};

/// Begins a line before a kernel: its name, the backend.
const ROW: &str = "@kernel";
/// Begins a line after a kernel: the number of reports.
const END: &str = "@reports";

fn main() -> ExitCode {
    if valgrind::is_running() {
        run();
        return ExitCode::SUCCESS;
    }
    let name = std::env::args().nth(1).unwrap_or_default();
    match supervise(&name) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs this program under valgrind; answers whether all is well.
fn supervise(name: &str) -> Result<bool> {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-limit=no", "--num-callers=20"]).arg(std::env::current_exe()?);
    let output = command.output().context("cannot run valgrind")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind ended with {}\n{text}", output.status);
    Ok(judge(&format!("native {name}"), &log::rows(&text)?))
}

fn run() {
    secrecy::install(Checker { classify: valgrind::classify, declassify: valgrind::declassify });
    for kernel in ALL.iter().chain(&GUARDED) {
        Backend::all().for_each(|backend| check(kernel, backend));
    }
    for kernel in &PLANTED {
        check(kernel, Backend::Portable);
    }
}

fn check(kernel: &Kernel, backend: Backend) {
    eprintln!("{ROW} {} {}", kernel.name, backend.name());
    let before = valgrind::reports();
    for length in MESSAGE_BYTES {
        // Vectors are loaded from any address.
        let mut whole: Vec<u8> = (0..=length).map(|index| index.to_le_bytes()[0]).collect();
        let message = &mut whole[1..];
        valgrind::classify(message);
        (kernel.run)(backend, message);
    }
    eprintln!("{END} {}", valgrind::reports() - before);
}
