//! Requests of a vault with 1,000 secrets and of one with 100,000: measured by the benches crate.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Bench;
use crate::run::output;

/// The most that a request may cost in the large vault, by its cost in the small one.
const MOST: f64 = 1.5;

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let mut command = Command::new(bench.workspace.target.join("release/growth"));
    command.arg(bench.scratch.join("growth")).arg((bench.rounds * 4).to_string());
    let text = output(&mut command)?;
    let answer: serde_json::Value = serde_json::from_str(&text).context("growth printed no JSON")?;
    let rows = answer["rows"].as_array().context("growth printed no rows")?;
    let mut lines = vec![
        "Values of 200 bytes; medians in microseconds, one vault after the other in turns, by one worker."
            .to_owned(),
        String::new(),
        "| | engine | vault | 1,000 secrets | 100,000 | ÷ | |".to_owned(),
        "|-|-|-|-|-|-|-|".to_owned(),
    ];
    for row in rows {
        let text = |key: &str| row[key].as_str().with_context(|| format!("a row without {key}"));
        let micros = |index: usize| row["micros"][index].as_f64().context("a row without figures");
        let (small, large) = (micros(0)?, micros(1)?);
        let ratio = large / small;
        // Whose disk and head are in memory pays for the height of the tree and little else: not what is promised.
        let verdict = match text("where")? {
            "on disk" if ratio <= MOST => "reached",
            "on disk" => "**not reached**",
            _ => "",
        };
        lines.push(format!(
            "| {} | {} | {} | {small:.1} | {large:.1} | {ratio:.2} | {verdict} |",
            text("what")?,
            text("who")?,
            text("where")?,
        ));
    }
    Ok(lines)
}
