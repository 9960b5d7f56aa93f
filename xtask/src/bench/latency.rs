//! A cold `dagvault get` of one secret beside a process that does nothing.

use std::process::Command;

use anyhow::Result;

use super::Bench;
use crate::measure::median;
use crate::run::fresh;
use crate::vault::{Cli, Unlock, processors, timed};

/// How often each command runs, in turns.
const RUNS: u32 = 30;

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let base = bench.scratch.join("latency");
    fresh(&base)?;
    let key = base.join("key");
    let (vault, unlock) = (base.join("vault"), Unlock::KeyFile(key));
    let cli = Cli { binary: bench.binary.clone(), vault, unlock, workers: processors() };
    cli.init(&[])?;
    cli.put("wasm", "mail/token", b"a secret of thirty-two bytes now")?;
    // Compiles the module if this machine has no artifact of it yet.
    cli.get("wasm", "mail/token")?;
    let mut nothing = Command::new(&bench.binary);
    nothing.args(["completions", "bash"]);
    let mut commands = [
        ("`true`", Command::new("true")),
        ("`dagvault completions bash`", nothing),
        ("`dagvault get`, native", cli.command("native", &["get", "mail/token"])),
        ("`dagvault get`, wasm", cli.command("wasm", &["get", "mail/token"])),
    ];
    let mut times = vec![Vec::new(); commands.len()];
    for _ in 0..RUNS {
        for ((_, command), times) in commands.iter_mut().zip(&mut times) {
            times.push(timed(command)? * 1e3);
        }
    }
    let idle = median(&times[1]);
    let mut lines = vec![
        format!("Medians of {RUNS} in milliseconds, a process each, opened by a key file."),
        String::new(),
        "| | median | more than a process that does nothing |".to_owned(),
        "|-|-|-|".to_owned(),
    ];
    for ((name, _), times) in commands.iter().zip(&times) {
        let time = median(times);
        lines.push(format!("| {name} | {time:.1} | {:+.1} |", time - idle));
    }
    Ok(lines)
}
