//! Peak memory of importing and exporting one file of 1 GiB; what the engines say of their arenas and heap after a life
//! of small and large values.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use crate::measure::{weigh, weigh_said};
use crate::run::fresh;
use crate::tree::{Listing, write_large};
use crate::vault::{Cli, ENGINES, Unlock, processors};

const FILE_BYTES: u64 = 1 << 30;

/// The section's tables.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let mut lines = vec![
        "Peak of the resident set in MiB; one file of 1 GiB that no codec makes smaller.".to_owned(),
        String::new(),
        "| engine | import | seconds | export | seconds |".to_owned(),
        "|-|-|-|-|-|".to_owned(),
    ];
    for engine in ENGINES {
        let base = bench.scratch.join("memory");
        fresh(&base)?;
        let (source, back, key) = (base.join("source"), base.join("back"), base.join("key"));
        std::fs::create_dir(&source)?;
        write_large(&source.join("large"), FILE_BYTES, 5)?;
        let (vault, unlock) = (base.join("vault"), Unlock::KeyFile(key));
        let cli = Cli { binary: bench.binary.clone(), vault, unlock, workers: processors() };
        cli.init(&[])?;
        let text = |path: &std::path::Path| path.to_str().map(str::to_owned).context("UTF-8");
        let words = ["import", &text(&source)?, "--into", "big"];
        let import = weigh(&mut cli.command(engine, &words), &base)?;
        let words = ["export", "big", &text(&back)?];
        let export = weigh(&mut cli.command(engine, &words), &base)?;
        let differences = Listing::of(&source)?.differences(&Listing::of(&back)?)?;
        ensure!(differences.is_empty(), "the large file came back as something else: {differences:?}");
        lines.push(format!(
            "| {engine} | {} | {:.1} | {} | {:.1} |",
            import.peak_kib >> 10,
            import.seconds,
            export.peak_kib >> 10,
            export.seconds,
        ));
    }
    lines.push(String::new());
    lines.extend(figures(bench)?);
    Ok(lines)
}

/// Engines of `memory_use`, by their names.
const LIVES: [&str; 2] = ["wasm strict", "native"];

/// The engines' own figures; the native engine's heap is the system's, so that only its peak is known.
fn figures(bench: &Bench) -> Result<Vec<String>> {
    let mut lines = vec![
        "After 2,700 puts of 16 bytes to 200 KB, 5 paths destroyed, a stream of 256 MiB and a verification: slots of \
         the arenas taken at most, bytes in the fullest one; the heap in MiB, and the part of its free bytes that is \
         outside the largest free piece."
            .to_owned(),
        String::new(),
        "| engine | scratch slots | fullest | key slots | fullest | heap, peak | claimed | allocations | fragmented | \
         resident, peak |"
            .to_owned(),
        format!("|{}", "-|".repeat(10)),
    ];
    for engine in LIVES {
        let folder = bench.scratch.join("life");
        fresh(&folder)?;
        let mut command = Command::new(bench.workspace.target.join("release/memory_use"));
        command.args([engine, folder.join("vault").to_str().context("UTF-8")?]);
        let (weight, said) = weigh_said(&mut command, &folder)?;
        let said: serde_json::Value = serde_json::from_str(&said).context("memory_use printed no JSON")?;
        let arena = |index: usize| {
            let arena = &said["arenas"][index];
            let number = |key: &str| arena[key].as_u64().unwrap_or_default();
            let (peak, slots) = (number("peak"), number("slots"));
            format!("{peak} of {slots} | {} of {} B", number("bytes_peak"), number("slot_bytes"))
        };
        let mib = |key: &str| match said[key].as_u64() {
            Some(bytes) if bytes > 0 => format!("{:.1}", bytes as f64 / f64::from(1 << 20)),
            _ => "–".to_owned(),
        };
        let allocations = said["allocations"].as_u64().filter(|count| *count > 0);
        let permille = said["fragmentation_permille"].as_u64().filter(|_| allocations.is_some());
        lines.push(format!(
            "| {engine} | {} | {} | {} | {} | {} | {} | {} |",
            arena(0),
            arena(1),
            mib("peak"),
            mib("claimed"),
            allocations.map_or_else(|| "–".to_owned(), |count| count.to_string()),
            permille.map_or_else(|| "–".to_owned(), |part| format!("{:.1} %", part as f64 / 10.0)),
            weight.peak_kib >> 10,
        ));
    }
    Ok(lines)
}
