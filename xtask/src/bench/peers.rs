//! Against restic and borg: first import, unchanged re-import, verification of all data, size.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use crate::measure::median;
use crate::run::{fresh, output};
use crate::setup;
use crate::tree::{Listing, disk_use, write_secrets};
use crate::vault::{Cli, Unlock, processors, timed};

const PASSPHRASE: &str = "correct horse battery staple of the comparison";

/// Who takes part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contender {
    Copy,
    Restic,
    Borg,
    Dagvault(&'static str),
}

const CONTENDERS: [Contender; 5] = [
    Contender::Copy,
    Contender::Restic,
    Contender::Borg,
    Contender::Dagvault("wasm"),
    Contender::Dagvault("native"),
];

/// Seconds of each round.
#[derive(Default)]
struct Times {
    first: Vec<f64>,
    again: Vec<f64>,
    verify: Vec<f64>,
    bytes: u64,
    allocated: u64,
}

impl Contender {
    fn name(self) -> String {
        match self {
            Self::Copy => "cp -a (control)".to_owned(),
            Self::Restic => "restic".to_owned(),
            Self::Borg => "borg".to_owned(),
            Self::Dagvault(engine) => format!("dagvault {engine}"),
        }
    }

    fn cli(self, bench: &Bench, folder: &Path) -> Cli {
        Cli {
            binary: bench.binary.clone(),
            vault: folder.join("repository"),
            unlock: Unlock::Passphrase(PASSPHRASE.to_owned()),
            workers: processors(),
        }
    }

    /// A command of the contender with its environment.
    fn command(self, bench: &Bench, folder: &Path, words: &[&str]) -> Command {
        let mut command = match self {
            Self::Copy => Command::new("cp"),
            Self::Restic => Command::new("restic"),
            Self::Borg => Command::new("borg"),
            Self::Dagvault(engine) => return self.cli(bench, folder).command(engine, words),
        };
        command.args(words);
        command.env("RESTIC_REPOSITORY", folder.join("repository")).env("RESTIC_PASSWORD", PASSPHRASE);
        command.env("RESTIC_CACHE_DIR", folder.join("cache"));
        command.env("BORG_REPO", folder.join("repository")).env("BORG_PASSPHRASE", PASSPHRASE);
        command.env("BORG_BASE_DIR", folder.join("cache"));
        command
    }

    fn init(self, bench: &Bench, folder: &Path) -> Result<()> {
        match self {
            Self::Copy => Ok(()),
            Self::Restic => output(&mut self.command(bench, folder, &["init"])).map(drop),
            Self::Borg => {
                output(&mut self.command(bench, folder, &["init", "-e", "repokey-blake2"])).map(drop)
            }
            Self::Dagvault(_) => self.cli(bench, folder).init(&[]),
        }
    }

    /// Seconds of an import; `label` names the copy or archive.
    fn import(self, bench: &Bench, folder: &Path, label: &str) -> Result<f64> {
        let source = bench.library.to_str().context("a folder that is not UTF-8")?;
        let target = folder.join(label);
        let archive = format!("::{label}");
        let words: Vec<&str> = match self {
            Self::Copy => vec!["-a", source, target.to_str().context("UTF-8")?],
            Self::Restic => vec!["backup", "--quiet", source],
            Self::Borg => vec!["create", &archive, source],
            Self::Dagvault(_) => vec!["import", source, "--into", "rust"],
        };
        timed(&mut self.command(bench, folder, &words))
    }

    fn verify(self, bench: &Bench, folder: &Path) -> Result<f64> {
        let words: &[&str] = match self {
            Self::Copy => return Ok(0.0),
            Self::Restic => &["check", "--read-data"],
            Self::Borg => &["check", "--verify-data"],
            Self::Dagvault(_) => &["verify"],
        };
        timed(&mut self.command(bench, folder, words))
    }
}

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    setup::debian("restic", "restic")?;
    setup::debian("borg", "borgbackup")?;
    rewritten_files_are_found(bench)?;
    let source = Listing::of(&bench.library)?;
    let mut times: Vec<Times> = CONTENDERS.iter().map(|_| Times::default()).collect();
    for round in 0..bench.rounds as usize {
        for turn in 0..CONTENDERS.len() {
            // Another one begins each round, so that nobody always follows the same neighbour.
            let index = (turn + round) % CONTENDERS.len();
            one_round(bench, CONTENDERS[index], &mut times[index])?;
        }
    }
    Ok(table(&source, &times))
}

fn one_round(bench: &Bench, contender: Contender, times: &mut Times) -> Result<()> {
    let folder = bench.scratch.join("peers");
    fresh(&folder)?;
    contender.init(bench, &folder)?;
    // What the turn before left to be written must not be on this one's account.
    output(&mut Command::new("sync"))?;
    times.first.push(contender.import(bench, &folder, "first")?);
    times.again.push(contender.import(bench, &folder, "second")?);
    times.verify.push(contender.verify(bench, &folder)?);
    let repository =
        if contender == Contender::Copy { folder.join("first") } else { folder.join("repository") };
    (times.bytes, times.allocated) = disk_use(&repository)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn table(source: &Listing, times: &[Times]) -> Vec<String> {
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    let mut lines = vec![
        format!(
            "{} files, {} MB; medians in seconds, sizes in MB.",
            source.count(),
            megabytes(source.bytes())
        ),
        String::new(),
        "| | first import | unchanged again | verify all data | size | allocated |".to_owned(),
        "|-|-|-|-|-|-|".to_owned(),
    ];
    for (contender, times) in CONTENDERS.iter().zip(times) {
        let (first, again, verify) = (median(&times.first), median(&times.again), median(&times.verify));
        let (size, allocated) = (megabytes(times.bytes), megabytes(times.allocated));
        let verify = if *contender == Contender::Copy { "–".to_owned() } else { format!("{verify:.2}") };
        let name = contender.name();
        lines.push(format!("| {name} | {first:.2} | {again:.2} | {verify} | {size} | {allocated} |"));
    }
    let pick =
        |of: fn(&Times) -> &Vec<f64>| -> Vec<f64> { times.iter().map(|times| median(of(times))).collect() };
    let (first, again, verify) = (pick(|t| &t.first), pick(|t| &t.again), pick(|t| &t.verify));
    for (index, engine) in [(3, "wasm"), (4, "native")] {
        for (peer, name) in [(1, "restic"), (2, "borg")] {
            lines.push(format!(
                "| {engine} ÷ {name} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                first[index] / first[peer],
                again[index] / again[peer],
                verify[index] / verify[peer],
                times[index].bytes as f64 / times[peer].bytes as f64,
                times[index].allocated as f64 / times[peer].allocated as f64,
            ));
        }
    }
    lines
}

/// A file whose content changed while its time and size were put back is found: by the ordinary rule, which
/// looks at the change time that nobody can put back, and by `--rehash`, which looks at contents.
fn rewritten_files_are_found(bench: &Bench) -> Result<()> {
    for more in [&[][..], &["--rehash"][..]] {
        let base = bench.scratch.join("rewritten");
        fresh(&base)?;
        let (source, back) = (base.join("source"), base.join("back"));
        write_secrets(&source, 20, 3)?;
        let cli = Contender::Dagvault("wasm").cli(bench, &base);
        cli.init(&[])?;
        cli.import("wasm", &source, "files", more)?;
        rewrite_keeping_times(&source.join("team-00/token-0007"))?;
        cli.import("wasm", &source, "files", more)?;
        cli.export("native", "files", &back, &[])?;
        let differences = Listing::of(&source)?.differences(&Listing::of(&back)?)?;
        ensure!(differences.is_empty(), "a rewritten file was not found ({more:?}): {differences:?}");
    }
    println!("a file rewritten under its old time and size is found, with --rehash and without");
    Ok(())
}

fn rewrite_keeping_times(path: &PathBuf) -> Result<()> {
    let before = fs::metadata(path)?;
    let mut value = fs::read(path)?;
    *value.last_mut().context("an empty secret")? ^= 1;
    fs::write(path, value)?;
    let times = FileTimes::new().set_modified(before.modified()?).set_accessed(before.accessed()?);
    File::options().write(true).open(path)?.set_times(times)?;
    let after = fs::metadata(path)?;
    ensure!(
        before.len() == after.len() && before.modified()? == after.modified()?,
        "the time was not put back"
    );
    Ok(())
}
