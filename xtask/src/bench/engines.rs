//! The engine in Wasmtime beside the native one: import and export of one tree, without key derivation.

use anyhow::Result;

use super::Bench;
use crate::measure::median;
use crate::run::fresh;
use crate::tree::Listing;
use crate::vault::{Cli, ENGINES, Unlock, processors};

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let source = Listing::of(&bench.library)?;
    let files = source.count();
    let mut lines = vec![
        format!(
            "{files} files; medians in seconds, a process each, opened by a key file. Ratios are of speed."
        ),
        String::new(),
        "| workers | import: wasm | native | wasm ÷ native | export: wasm | native | wasm ÷ native |"
            .to_owned(),
        "|-|-|-|-|-|-|-|".to_owned(),
    ];
    let mut counts = vec![1, processors()];
    counts.dedup();
    for workers in counts {
        let (imports, exports) = rounds(bench, workers)?;
        let [import_wasm, import_native] = imports.map(|times| median(&times));
        let [export_wasm, export_native] = exports.map(|times| median(&times));
        let (import, export) = (import_native / import_wasm, export_native / export_wasm);
        lines.push(format!(
            "| {workers} | {import_wasm:.3} | {import_native:.3} | {import:.2} \
             | {export_wasm:.3} | {export_native:.3} | {export:.2} |"
        ));
    }
    Ok(lines)
}

type Times = [Vec<f64>; 2];

fn rounds(bench: &Bench, workers: usize) -> Result<(Times, Times)> {
    let (mut imports, mut exports) = (Times::default(), Times::default());
    for round in 0..bench.rounds as usize {
        for turn in 0..ENGINES.len() {
            let index = (turn + round) % ENGINES.len();
            let engine = ENGINES[index];
            let base = bench.scratch.join("engines");
            fresh(&base)?;
            let key = base.join("key");
            let binary = bench.binary.clone();
            let cli = Cli { binary, vault: base.join("vault"), unlock: Unlock::KeyFile(key), workers };
            cli.init()?;
            imports[index].push(cli.import(engine, &bench.library, "rust", &[])?);
            exports[index].push(cli.export(engine, "rust", &base.join("back"))?);
        }
    }
    Ok((imports, exports))
}
