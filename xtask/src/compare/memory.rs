//! Peak memory of importing and exporting one file of 1 GiB.

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use crate::measure::weigh;
use crate::run::fresh;
use crate::tree::{Listing, write_large};
use crate::vault::{Cli, ENGINES, Unlock, processors};

const FILE_BYTES: u64 = 1 << 30;

/// The section's table.
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
        cli.init()?;
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
    Ok(lines)
}
