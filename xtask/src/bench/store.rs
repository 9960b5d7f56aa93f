//! The file store beside bare redb with many small blocks: measured by the crate of the peers.

use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Bench;
use crate::run::output;

/// Blocks where everything is measured, and where this section is asked for by its name.
pub(super) const BLOCKS: [u64; 2] = [1_000_000, 10_000_000];

/// One run of the program; without rounds redb takes no part.
fn run(bench: &Bench, blocks: u64, rounds: u32) -> Result<Value> {
    let mut command = Command::new(bench.workspace.target.join("release/store_scale"));
    command.arg(bench.scratch.join("store")).arg(blocks.to_string()).arg(rounds.to_string());
    serde_json::from_str(&output(&mut command)?).context("store_scale printed no JSON")
}

/// The section's table for so many blocks.
pub(super) fn measure(bench: &Bench, blocks: u64) -> Result<Vec<String>> {
    let both = run(bench, blocks, 2 * bench.rounds)?;
    let alone = run(bench, blocks, 0)?;
    let number = |of: &Value, path: &str| {
        of.pointer(path).and_then(Value::as_f64).with_context(|| format!("store_scale told no {path}"))
    };
    let mut lines = vec![
        format!("{blocks} blocks of 256 bytes that no codec makes smaller; gets in turns of 250 ms."),
        String::new(),
        "| | file store | redb | ratio |".to_owned(),
        "|-|-|-|-|".to_owned(),
    ];
    let (ours, theirs) = (number(&both, "/load_s")?, number(&both, "/load_redb_s")?);
    lines.push(format!(
        "| load in bulk, durable at the end, s | {ours:.1} | {theirs:.1} | {:.2} |",
        theirs / ours
    ));
    for (name, key) in [("best", "best"), ("median", "median")] {
        let ours = number(&both, &format!("/gets/gets/{key}"))?;
        let theirs = number(&both, &format!("/gets/gets_redb/{key}"))?;
        let name = format!("random gets a second, {name} turn");
        lines.push(format!("| {name} | {ours:.0} | {theirs:.0} | {:.2} |", ours / theirs));
    }
    let one = |name: &str, of: &Value, path: &str, digits: usize| -> Result<String> {
        Ok(format!("| {name} | {:.digits$} | | |", number(of, path)?))
    };
    lines.push(one("random gets in batches of 256, best", &both, "/gets/gets_in_batches_of_256/best", 0)?);
    lines.push(one(
        "gets in the order written, best",
        &both,
        "/gets/in_order_of_writing/0/per_second/best",
        0,
    )?);
    lines.push(one(
        "the same in batches of 256, best",
        &both,
        "/gets/in_order_of_writing/1/per_second/best",
        0,
    )?);
    let (ours, theirs) = (number(&both, "/gets/reopen_ms")?, number(&both, "/gets/reopen_redb_ms")?);
    lines.push(format!("| opening, ms | {ours:.0} | {theirs:.0} | |"));
    let ours = number(&both, "/files/packs_mib")? + number(&both, "/files/index_mib")?;
    lines.push(format!("| MiB on disk | {ours:.0} | {:.0} | |", number(&both, "/files/redb_mib")?));
    lines.push(one("deleting six in ten, s", &alone, "/compaction/delete_s", 1)?);
    lines.push(one("compaction after it, s", &alone, "/compaction/compact_s", 1)?);
    lines.push(one("repair: all indexes anew, every block hashed, s", &alone, "/repair/repair_s", 1)?);
    lines.push(one("resident after opening and reading, MiB", &alone, "/memory_after_gets/now_mib", 0)?);
    lines.push(one("at most while loading, MiB", &alone, "/memory_after_load/peak_mib", 0)?);
    Ok(lines)
}
