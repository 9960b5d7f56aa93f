//! The engine in Wasmtime beside the native one, with the processor's own instructions and without: import and export
//! of one tree and of one large file, without key derivation; and what the checks of a paranoid vault cost.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Bench;
use crate::measure::median;
use crate::run::fresh;
use crate::tree::Listing;
use crate::vault::{Cli, Unlock, processors};

/// Bytes of the large file.
const FILE_BYTES: u64 = 512 << 20;

/// An engine, and whether it may use the processor's own instructions.
struct Contender {
    engine: &'static str,
    accel: &'static str,
    paranoid: bool,
}

const fn contender(engine: &'static str, accel: &'static str) -> Contender {
    Contender { engine, accel, paranoid: false }
}

/// Native and what is held against it, then the same accelerated; at last with checks.
const CONTENDERS: [Contender; 7] = [
    contender("native", "off"),
    contender("wasm", "off"),
    contender("wasm-relaxed", "off"),
    contender("native", "auto"),
    contender("wasm", "auto"),
    Contender { engine: "native", accel: "auto", paranoid: true },
    Contender { engine: "wasm", accel: "auto", paranoid: true },
];

const HEAD: [&str; 2] = [
    "| | workers | native, portable | wasm, strict | ÷ | wasm, relaxed | ÷ | native, accelerated \
     | wasm, accelerated | ÷ | native, paranoid | wasm, paranoid |",
    "|-|-|-|-|-|-|-|-|-|-|-|-|",
];

/// The section's table.
pub(super) fn measure(bench: &Bench) -> Result<Vec<String>> {
    let files = Listing::of(&bench.library)?.count();
    let folder = large_file(bench, &bench.library)?;
    let mut lines = vec![
        format!(
            "A tree of {files} files, and one file of {} MiB with the same content over and over. Medians in seconds, \
             a process each, opened by a key file. ÷ is the speed of wasm by that of the native engine before it.",
            FILE_BYTES >> 20
        ),
        String::new(),
    ];
    lines.extend(HEAD.map(str::to_owned));
    let mut counts = vec![1, processors()];
    counts.dedup();
    for workers in counts {
        let (imports, exports) = rounds(bench, workers, &bench.library)?;
        lines.push(row("import of the tree", workers, &imports));
        lines.push(row("export of the tree", workers, &exports));
        let (imports, exports) = rounds(bench, workers, &folder)?;
        lines.push(row("import of the file", workers, &imports));
        lines.push(row("export of the file", workers, &exports));
    }
    fs::remove_dir_all(folder)?;
    Ok(lines)
}

/// A folder with one large file, made of the files of `library` one behind the other.
fn large_file(bench: &Bench, library: &Path) -> Result<PathBuf> {
    let folder = bench.scratch.join("one-file");
    fresh(&folder)?;
    let mut out = BufWriter::new(File::create(folder.join("large"))?);
    let mut left = FILE_BYTES;
    while left > 0 {
        let before = left;
        append_files(library, &mut out, &mut left)?;
        anyhow::ensure!(left < before, "{} holds nothing", library.display());
    }
    out.flush()?;
    Ok(folder)
}

fn append_files(folder: &Path, out: &mut impl std::io::Write, left: &mut u64) -> Result<()> {
    let listed = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut entries: Vec<_> = listed.collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            append_files(&entry.path(), out, left)?;
        } else if kind.is_file() {
            let file = BufReader::new(File::open(entry.path())?);
            *left -= std::io::copy(&mut file.take(*left), out)?;
        }
    }
    Ok(())
}

type Times = [Vec<f64>; CONTENDERS.len()];

fn row(what: &str, workers: usize, times: &Times) -> String {
    let [portable, strict, relaxed, native, wasm, native_checked, wasm_checked] =
        times.each_ref().map(|times| median(times));
    format!(
        "| {what} | {workers} | {portable:.3} | {strict:.3} | {:.2} | {relaxed:.3} | {:.2} \
         | {native:.3} | {wasm:.3} | {:.2} | {native_checked:.3} | {wasm_checked:.3} |",
        portable / strict,
        portable / relaxed,
        native / wasm,
    )
}

fn rounds(bench: &Bench, workers: usize, source: &Path) -> Result<(Times, Times)> {
    let (mut imports, mut exports) = (Times::default(), Times::default());
    for round in 0..bench.rounds as usize {
        for turn in 0..CONTENDERS.len() {
            let index = (turn + round) % CONTENDERS.len();
            let Contender { engine, accel, paranoid } = &CONTENDERS[index];
            let base = bench.scratch.join("engines");
            fresh(&base)?;
            let key = base.join("key");
            let binary = bench.binary.clone();
            let cli = Cli { binary, vault: base.join("vault"), unlock: Unlock::KeyFile(key), workers };
            cli.init(if *paranoid { &["--paranoid"] } else { &[] })?;
            let accel = ["--accel", accel];
            imports[index].push(cli.import(engine, source, "source", &accel)?);
            exports[index].push(cli.export(engine, "source", &base.join("back"), &accel)?);
        }
    }
    Ok((imports, exports))
}
