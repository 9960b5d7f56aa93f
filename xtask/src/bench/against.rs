//! `--against REV`: another revision and this one in turns, with a verdict for each row.
//!
//! The other revision runs twice, as two processes. How far these two are apart says what a difference means nothing on
//! this machine at this hour, for this row.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::child::{Case, Server};
use super::rows::{takes_part, time};
use super::turns::{Effort, Field};
use super::{Bench, measure};
use crate::guest;
use crate::measure::median;
use crate::run::{Workspace, fresh, output, run as run_command};
use crate::vault::BUILD;

/// Passes over all rows, unless `--rounds` says otherwise.
const PASSES: u32 = 4;
/// No difference below this counts, whatever the noise: one link of the same sources differs from the next by as much.
const LEAST: f64 = 0.03;
/// Above this, messages are left out: they take long and say what those of 1 MiB say.
const BYTES_MAX: u64 = 1 << 20;

/// One row in one pass: seconds of the other revision, of its second process, and ours.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Pass {
    theirs: f64,
    again: f64,
    ours: f64,
}

/// What a row says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Faster,
    Slower,
    WithinNoise,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "**slower**",
            Self::WithinNoise => "within noise",
        }
    }
}

/// The speed by that of the other revision, the noise around it as a part of one, and what that means.
fn judged(passes: &[Pass]) -> (f64, f64, Verdict) {
    let ratios: Vec<f64> =
        passes.iter().map(|pass| ((pass.theirs * pass.again).sqrt() / pass.ours).ln()).collect();
    let ratio = median(&ratios);
    let twins = passes.iter().map(|pass| (pass.theirs / pass.again).ln().abs()).fold(0.0, f64::max);
    // What changes from pass to pass is noise as well.
    let spread = ratios.iter().map(|one| (one - ratio).abs()).fold(0.0, f64::max);
    let noise = twins.max(spread).max(LEAST);
    let verdict = match ratio {
        _ if ratio < -noise => Verdict::Slower,
        _ if ratio > noise => Verdict::Faster,
        _ => Verdict::WithinNoise,
    };
    (ratio.exp(), noise.exp() - 1.0, verdict)
}

/// Programs of a revision.
struct Built {
    measure: PathBuf,
    puts: PathBuf,
    modules: Vec<(&'static str, PathBuf)>,
}

/// Measures this revision and another in turns; fails if a row is slower beyond the noise.
pub(super) fn run(bench: &Bench, revision: &str, wanted: &str) -> Result<()> {
    let groups: Vec<&str> = ["crypto", "dag", "vault", "puts"]
        .into_iter()
        .filter(|name| ["all", name].contains(&wanted))
        .collect();
    ensure!(!groups.is_empty(), "--against compares crypto, dag, vault and puts, not {wanted}");
    let base = bench.workspace.target.join("bench/against");
    let (theirs, ours) = both(bench, revision, &base)?;
    // One pass alone would say nothing of what changes from pass to pass.
    let passes = bench.rounds.clamp(2, PASSES);
    let mut table: BTreeMap<Case, Vec<Pass>> = BTreeMap::new();
    if groups.iter().any(|group| *group != "puts") {
        let mut field = field(bench, &theirs, &ours)?;
        note_absent(&field);
        for pass in 1..=passes {
            println!("pass {pass} of {passes}");
            for (case, pass) in one_pass(bench, &mut field, &groups)? {
                table.entry(case).or_default().push(pass);
            }
        }
    }
    if groups.contains(&"puts") {
        durable(bench, &theirs, &ours, passes, &mut table)?;
    }
    printed(revision, &table)
}

fn printed(revision: &str, table: &BTreeMap<Case, Vec<Pass>>) -> Result<()> {
    println!("\n| this revision by {revision} | theirs | ours | speed | noise | |\n|-|-|-|-|-|-|");
    let mut counts = [0; 3];
    let mut slower = Vec::new();
    for (case, passes) in table {
        let (ratio, noise, verdict) = judged(passes);
        let of = |pick: fn(&Pass) -> f64| time(median(&passes.iter().map(pick).collect::<Vec<_>>()));
        let (theirs, ours) = (of(|pass| pass.theirs), of(|pass| pass.ours));
        let (name, noise) = (case.name(), noise * 100.0);
        let row = format!("| {name} | {theirs} | {ours} | {ratio:.2} | ±{noise:.0} % | {} |", verdict.name());
        println!("{row}");
        counts[verdict as usize] += 1;
        if verdict == Verdict::Slower {
            slower.push(name);
        }
    }
    let [faster, slow, same] = counts;
    println!("\n{faster} rows faster, {slow} slower, {same} within noise");
    ensure!(!table.is_empty(), "the two revisions have no row in common");
    if slower.is_empty() { Ok(()) } else { bail!("slower than {revision}:\n  {}", slower.join("\n  ")) }
}

/// Builds the other revision in a work tree and a target folder of its own. Both stay, so that it is built quickly the
/// next time. A target folder for two checkouts would not do: cargo takes their crates for the same ones.
fn both(bench: &Bench, revision: &str, base: &Path) -> Result<(Built, Built)> {
    let root = &bench.workspace.root;
    let git = |folder: &Path, words: &[&str]| output(Command::new("git").args(words).current_dir(folder));
    let commit = git(root, &["rev-parse", "--verify", &format!("{revision}^{{commit}}")])?;
    let theirs = Workspace { root: base.join("tree"), target: base.join("target") };
    if theirs.root.join(".git").is_file() && theirs.target.is_dir() {
        git(&theirs.root, &["checkout", "--force", "--detach", commit.trim()])?;
    } else {
        fresh(base)?;
        seeded(&bench.workspace.target, &theirs.target)?;
        git(root, &["worktree", "prune"])?;
        let place = theirs.root.to_str().context("UTF-8")?;
        // After the copy: its files are younger than everything there, and so all are compiled.
        git(root, &["worktree", "add", "--force", "--detach", place, commit.trim()])?;
    }
    println!("building {revision}");
    let built_theirs = built(&theirs, &bench.workspace, &base.join("theirs"));
    let built_theirs = built_theirs.with_context(|| format!("{revision} can't be built"))?;
    Ok((built_theirs, built(&bench.workspace, &bench.workspace, &base.join("ours"))?))
}

/// Copies what has been compiled already: most of it are dependencies of both.
fn seeded(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to.join("release"))?;
    for name in ["deps", "build", ".fingerprint"] {
        run_command(
            Command::new("cp").arg("-a").arg(from.join("release").join(name)).arg(to.join("release")),
        )?;
    }
    Ok(())
}

fn built(checkout: &Workspace, ours: &Workspace, out: &Path) -> Result<Built> {
    fresh(out)?;
    guest::build(checkout)?;
    run_command(checkout.cargo().args(BUILD).env("CARGO_TARGET_DIR", &checkout.target))?;
    for name in ["measure", "durable_puts"] {
        let program = checkout.target.join("release").join(name);
        if program.exists() {
            std::fs::copy(program, out.join(name))?;
        }
    }
    let modules = if checkout.root.join("guest/kernels").is_dir() {
        guest::kernels(ours, &checkout.root, &out.join("modules"))?
    } else {
        Vec::new()
    };
    Ok(Built { measure: out.join("measure"), puts: out.join("durable_puts"), modules })
}

/// Two processes of the other revision with ours between them. A revision from before `measure` has its modules timed
/// by our program.
fn field(bench: &Bench, theirs: &Built, ours: &Built) -> Result<Field> {
    let start = |built: &Built| -> Result<Server> {
        let own = built.measure.exists();
        let program = if own { &built.measure } else { &ours.measure };
        let mut server = measure(program, &bench.scratch, &built.modules)?;
        if !own {
            // Native code and the engines in our program are not theirs.
            server
                .cases
                .iter_mut()
                .filter(|case| case.engine != "wasmtime" || case.group != "crypto")
                .for_each(|case| case.group = "absent".to_owned());
        }
        Ok(server)
    };
    Ok(Field { servers: vec![start(theirs)?, start(ours)?, start(theirs)?] })
}

fn note_absent(field: &Field) {
    let names = |server: usize| -> Vec<String> {
        let cases = field.servers[server].cases.iter().filter(|case| case.group != "absent");
        cases.map(|case| format!("{}/{} by {} {}", case.group, case.what, case.engine, case.who)).collect()
    };
    let theirs = names(0);
    let mut missing: Vec<String> = names(1).into_iter().filter(|name| !theirs.contains(name)).collect();
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        println!(
            "the other revision does not have, so that nothing is said about:\n  {}",
            missing.join("\n  ")
        );
    }
}

fn one_pass(bench: &Bench, field: &mut Field, groups: &[&str]) -> Result<Vec<(Case, Pass)>> {
    let effort = Effort { bytes_max: bench.effort.bytes_max.min(BYTES_MAX), ..bench.effort };
    let known: Vec<Case> = field.servers[0].cases.clone();
    let rows = field.measure(effort, &|case| {
        let part = case.group != "crypto" || takes_part(&case.engine, &case.who, case.workers);
        let named = bench.filter.as_ref().is_none_or(|text| case.name().contains(text));
        groups.contains(&case.group.as_str()) && named && part && known.contains(case)
    })?;
    let mut times: BTreeMap<Case, [Option<f64>; 3]> = BTreeMap::new();
    for row in rows {
        times.entry(row.case).or_default()[row.server] = Some(row.best_s);
    }
    let pass = |times: [Option<f64>; 3]| {
        let [theirs, ours, again] = times;
        Some(Pass { theirs: theirs?, ours: ours?, again: again? })
    };
    Ok(times.into_iter().filter_map(|(case, times)| Some((case, pass(times)?))).collect())
}

/// Durable puts: whole processes in turns, theirs, ours, theirs.
fn durable(
    bench: &Bench,
    theirs: &Built,
    ours: &Built,
    passes: u32,
    table: &mut BTreeMap<Case, Vec<Pass>>,
) -> Result<()> {
    if !theirs.puts.exists() {
        println!("the other revision has no durable_puts, so that nothing is said about them");
        return Ok(());
    }
    for _ in 0..passes {
        let [first, own, second] = [theirs, ours, theirs].map(|built| put_times(bench, &built.puts));
        let (first, own, second) = (first?, own?, second?);
        for (name, ours) in own.into_iter().filter(|(name, _)| name.starts_with("dagvault")) {
            let Some((theirs, again)) = first.get(&name).zip(second.get(&name)) else {
                println!("the other revision has no durable put by {name}");
                continue;
            };
            let case = Case {
                group: "puts".to_owned(),
                what: "durable put".to_owned(),
                bytes: 200,
                workers: 2,
                engine: String::new(),
                who: name,
                amount: 200,
            };
            let pass = Pass { theirs: *theirs, again: *again, ours };
            table.entry(case).or_default().push(pass);
        }
    }
    Ok(())
}

/// Seconds of a put, by name.
fn put_times(bench: &Bench, program: &Path) -> Result<BTreeMap<String, f64>> {
    let text = output(Command::new(program).arg(bench.scratch.join("puts")).arg("1"))?;
    let answer: serde_json::Value = serde_json::from_str(&text).context("durable_puts printed no JSON")?;
    let rows = answer["rows"].as_array().context("durable_puts printed no rows")?;
    let row =
        |row: &serde_json::Value| Some((row["name"].as_str()?.to_owned(), 1.0 / row["per_second"].as_f64()?));
    Ok(rows.iter().filter_map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(ours: &[f64]) -> Vec<Pass> {
        ours.iter().map(|ours| Pass { theirs: 1.0, again: 1.01, ours: *ours }).collect()
    }

    #[test]
    fn a_difference_counts_where_it_is_larger_than_the_noise() {
        assert_eq!(judged(&passes(&[1.3, 1.31, 1.3])).2, Verdict::Slower);
        assert_eq!(judged(&passes(&[0.7, 0.71, 0.7])).2, Verdict::Faster);
        assert_eq!(judged(&passes(&[1.01, 1.02, 0.99])).2, Verdict::WithinNoise);
        // As far from pass to pass as from revision to revision.
        assert_eq!(judged(&passes(&[1.3, 0.9, 1.1])).2, Verdict::WithinNoise);
        let noisy = [Pass { theirs: 1.0, again: 1.5, ours: 1.4 }; 3];
        assert_eq!(judged(&noisy).2, Verdict::WithinNoise);
    }
}
