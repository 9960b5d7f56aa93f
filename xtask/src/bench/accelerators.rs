//! What the host computes for the guest beside the same primitive called natively, as a test of the host measures it.

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use super::rows::{head, size};
use crate::run::output;

/// Where the promise is.
const BYTES: u64 = 64 << 10;
const AT_LEAST: f64 = 0.9;

/// What one accelerator takes at one length.
struct Line {
    name: String,
    bytes: u64,
    /// Microseconds by the accelerator and natively.
    took: [f64; 2],
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("accel/")?.split_whitespace();
        let (name, bytes) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        Some(Self { name, bytes, took: [words.next()?.parse().ok()?, words.next()?.parse().ok()?] })
    }

    fn ratio(&self) -> f64 {
        self.took[1] / self.took[0]
    }
}

/// What an ignored test of the host prints.
fn printed(bench: &Bench, test: &str) -> Result<String> {
    let mut run = bench.workspace.cargo();
    run.args(crate::test::WORKSPACE).args(["--test", "host", test, "--", "--ignored", "--nocapture"]);
    output(&mut run)
}

/// One long message, hashed by one worker and by two.
pub(super) fn wide(bench: &Bench) -> Result<Vec<String>> {
    let said = printed(bench, "measure_one_hash_by_two_workers")?;
    let rows: Vec<String> =
        said.lines().filter_map(|line| line.strip_prefix("wide/")).map(|row| format!("| {row} |")).collect();
    ensure!(!rows.is_empty(), "the test printed no figures:\n{said}");
    let mut table = vec![
        "BLAKE3 of one message of nearly 16 MiB, a tree that the engine's workers share: milliseconds of the best \
         call, without those that a call takes that brings as many bytes and does nothing with them."
            .to_owned(),
        String::new(),
    ];
    table.extend(head(&["", "one worker", "two workers", "×"].map(str::to_owned)));
    table.extend(rows);
    Ok(table)
}

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let said = printed(bench, "measure_accelerators")?;
    let lines: Vec<Line> = said.lines().filter_map(Line::parse).collect();
    let mut sizes: Vec<u64> = lines.iter().map(|line| line.bytes).collect();
    sizes.sort_unstable();
    sizes.dedup();
    ensure!(sizes.contains(&BYTES), "the test printed no figures:\n{said}");
    let mut names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    names.dedup();
    let mut columns = vec![String::new()];
    columns.extend(sizes.iter().map(|bytes| size(*bytes)));
    columns.push(format!("{AT_LEAST} at {}", size(BYTES)));
    let mut table = vec![
        "Speed by that of the same primitive called natively; best windows of 16 calls, without the one call of the \
         guest around them."
            .to_owned(),
        String::new(),
    ];
    table.extend(head(&columns));
    for name in names {
        let find = |bytes| lines.iter().find(|line| line.name == name && line.bytes == bytes);
        let cells: Vec<String> = sizes
            .iter()
            .map(|bytes| find(*bytes).map_or_else(|| "–".to_owned(), |line| format!("{:.2}", line.ratio())))
            .collect();
        let promised = find(BYTES).context("a size is missing")?;
        let verdict = if promised.ratio() >= AT_LEAST { "reached" } else { "**not reached**" };
        table.push(format!("| {name} | {} | {verdict} |", cells.join(" | ")));
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_test_are_understood() {
        let line = Line::parse("accel/blake3           65536       11.010        9.977  0.906").unwrap();
        assert_eq!((line.name.as_str(), line.bytes), ("blake3", BYTES));
        assert!((line.ratio() - 0.906).abs() < 0.001);
        assert!(Line::parse("test measure::measure_accelerators ... ok").is_none());
    }
}
