//! Weighing a process: its wall time, and the most memory that it held.
//!
//! The peak comes from the system's account of ended children. That account is a maximum over all of them, so
//! each process is started by a child of ours that starts nothing else.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::run::line;

/// The word by which this program runs itself.
pub(crate) const SUBCOMMAND: &str = "weigh";

/// What one process took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// Wall time in seconds.
    pub(crate) seconds: f64,
    /// Peak of the resident set in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs a command to its end; its output is thrown away unless it fails.
pub(crate) fn weigh(command: &mut Command, scratch: &Path) -> Result<Weight> {
    weigh_said(command, scratch).map(|(weight, _)| weight)
}

/// As [`weigh`], with what it printed.
pub(crate) fn weigh_said(command: &mut Command, scratch: &Path) -> Result<(Weight, String)> {
    let report = scratch.join(format!("weight-{}", std::process::id()));
    // Building the workspace may have put another file in the place of this program.
    let itself = Path::new("/proc/self/exe");
    let program = if itself.exists() { itself.to_owned() } else { std::env::current_exe()? };
    let mut child = Command::new(program);
    child.arg(SUBCOMMAND).arg(&report).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => child.env(key, value),
            None => child.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        child.current_dir(folder);
    }
    let output = child.stdin(Stdio::null()).output().context("cannot start the scales")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}\n{}", line(command), output.status, said.trim_end());
    }
    let text = std::fs::read_to_string(&report).context("the scales wrote nothing")?;
    std::fs::remove_file(&report)?;
    let (seconds, peak) = text.split_once(' ').context("the scales wrote something else")?;
    let said = String::from_utf8(output.stdout).context("not UTF-8")?;
    Ok((Weight { seconds: seconds.parse()?, peak_kib: peak.parse()? }, said))
}

/// The child: runs the command behind the report's path.
pub(crate) fn child(words: &[String]) -> ExitCode {
    match run_child(words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_child(words: &[String]) -> Result<()> {
    let [report, program, arguments @ ..] = words else { bail!("usage: {SUBCOMMAND} REPORT PROGRAM …") };
    let began = Instant::now();
    let status = Command::new(program).args(arguments).status().with_context(|| program.clone())?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(status.success(), "{status}");
    let peak_kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    std::fs::write(report, format!("{seconds} {peak_kib}"))?;
    Ok(())
}

/// The middle of some numbers, 0 of none.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
