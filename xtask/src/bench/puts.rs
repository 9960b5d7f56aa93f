//! Durable puts, one a commit, in one process: measured by the benches crate.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Bench;
use crate::run::output;

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let mut command = Command::new(bench.workspace.target.join("release/durable_puts"));
    command.arg(bench.scratch.join("puts")).arg(bench.rounds.to_string());
    let text = output(&mut command)?;
    let answer: serde_json::Value = serde_json::from_str(&text).context("durable_puts printed no JSON")?;
    let rows = answer["rows"].as_array().context("durable_puts printed no rows")?;
    let rate_of = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name);
        row.and_then(|row| row["per_second"].as_f64()).with_context(|| format!("no row {name}"))
    };
    let redb = rate_of("redb, 1 thread")?;
    let mut lines = vec![
        "Values of 200 bytes; medians of the rounds. Each put is durable before the next begins.".to_owned(),
        String::new(),
        "| | puts a second | median, µs | ÷ redb | ÷ one thread |".to_owned(),
        "|-|-|-|-|-|".to_owned(),
    ];
    for row in rows {
        let name = row["name"].as_str().context("a row without a name")?;
        let rate = rate_of(name)?;
        let micros = row["micros"].as_f64().map_or_else(|| "–".to_owned(), |micros| format!("{micros:.0}"));
        let alone = name.split(", ").next().map(|who| format!("{who}, 1 thread")).unwrap_or_default();
        let ratio = rate_of(&alone).map_or_else(|_| "–".to_owned(), |alone| format!("{:.2}", rate / alone));
        lines.push(format!("| {name} | {rate:.0} | {micros} | {:.2} | {ratio} |", rate / redb));
    }
    if let Some(start) = answer["start_ms"].as_f64() {
        lines.push(String::new());
        lines.push(format!("The engine in Wasmtime starts from its cached artifact in {start:.1} ms."));
    }
    Ok(lines)
}
