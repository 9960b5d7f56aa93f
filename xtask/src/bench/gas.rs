//! What counting gas costs, over ten modules: measured by the benches crate.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Bench;
use crate::guest;
use crate::run::output;

/// The most that it may cost, by the plain module: on the geometric mean, and any one.
const MEAN_MOST: f64 = 1.25;
const WORST_MOST: f64 = 1.6;
/// Turns of each module for each round.
const TURNS: u32 = 100;

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let mut command = Command::new(bench.workspace.target.join("release/gas"));
    command.arg((bench.rounds * TURNS).to_string()).args(guest::workloads(&bench.workspace)?);
    let answer: serde_json::Value =
        serde_json::from_str(&output(&mut command)?).context("gas printed no JSON")?;
    let rows = answer["rows"].as_array().context("gas printed no rows")?;
    let mut lines = vec![
        "Microseconds of the best turn; ÷ the module as it is.".to_owned(),
        String::new(),
        "| module | plain | metered | ÷ | Wasmtime's fuel | ÷ | gas a microsecond | bytes ÷ |".to_owned(),
        "|-|-|-|-|-|-|-|-|".to_owned(),
    ];
    let (mut logarithms, mut worst) = ([0.0, 0.0], [0.0_f64, 0.0]);
    for row in rows {
        let number = |value: &serde_json::Value| {
            value.as_f64().with_context(|| format!("a row without figures: {row}"))
        };
        let [plain, metered, fuel] = [0, 1, 2].map(|index| number(&row["micros"][index]));
        let (plain, metered, fuel) = (plain?, metered?, fuel?);
        let ratios = [metered / plain, fuel / plain];
        for (index, ratio) in ratios.into_iter().enumerate() {
            logarithms[index] += ratio.ln() / rows.len() as f64;
            worst[index] = worst[index].max(ratio);
        }
        lines.push(format!(
            "| {} | {plain:.1} | {metered:.1} | {:.2} | {fuel:.1} | {:.2} | {:.0} | {:.2} |",
            row["name"].as_str().context("a row without a name")?,
            ratios[0],
            ratios[1],
            number(&row["gas"])? / plain,
            number(&row["bytes"][1])? / number(&row["bytes"][0])?,
        ));
    }
    let verdict = |is: f64, most: f64| if is <= most { "reached" } else { "**not reached**" };
    let means = logarithms.map(f64::exp);
    lines.extend([
        String::new(),
        "| | metered | at most | | Wasmtime's fuel |".to_owned(),
        "|-|-|-|-|-|".to_owned(),
        format!(
            "| geometric mean | {:.2} | {MEAN_MOST} | {} | {:.2} |",
            means[0],
            verdict(means[0], MEAN_MOST),
            means[1]
        ),
        format!(
            "| worst | {:.2} | {WORST_MOST} | {} | {:.2} |",
            worst[0],
            verdict(worst[0], WORST_MOST),
            worst[1]
        ),
    ]);
    Ok(lines)
}
