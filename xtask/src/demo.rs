//! `cargo xtask demo`: the main job on real input.
//!
//! The Rust library's sources and 1,000 small secrets go into one vault twice, once by each engine; both engines
//! read back what either wrote, all is compared with the source, and both verify the vault.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::commands::Arguments;
use crate::run::{Workspace, fresh};
use crate::tree::{self, Listing};
use crate::vault::{Cli, ENGINES, Unlock, processors};
use crate::{setup, vault};

const SECRETS: u32 = 1_000;
/// Secrets that go through a process of their own each: `put`, then `get` by the other engine.
const SINGLE_SECRETS: u32 = 40;
const SEED: u64 = 1;
/// Marks a folder as one that a demo made and may clear.
const MARKER: &str = "made-by-dagvault-demo";

/// One line of the table.
struct Row {
    what: String,
    engine: &'static str,
    files: u64,
    bytes: u64,
    seconds: f64,
}

/// Runs the demo.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let base = match arguments.text("--dir") {
        Some(folder) => std::path::absolute(folder)?,
        None => workspace.target.join("demo"),
    };
    claim(&base)?;
    let library = setup::nightly()?;
    println!("building the guest and the command");
    let binary = vault::build(workspace)?;
    let secrets = base.join("secrets");
    tree::write_secrets(&secrets, SECRETS, SEED)?;
    let key = base.join("key");
    let cli = Cli { binary, vault: base.join("vault"), unlock: Unlock::KeyFile(key), workers: processors() };
    cli.init(&[])?;
    let inputs = [("rust", library.as_path()), ("secrets", secrets.as_path())];
    let mut rows = import_all(&cli, &inputs)?;
    rows.extend(export_all(&cli, &inputs, &base)?);
    single_secrets(&cli)?;
    rows.extend(verify_all(&cli)?);
    print_table(&cli, &rows)?;
    print_farewell(&cli, &base);
    Ok(())
}

/// Makes the folder, clearing what an earlier demo left there but nothing else.
fn claim(base: &Path) -> Result<()> {
    let occupied = base.exists() && std::fs::read_dir(base)?.next().is_some();
    if occupied && !base.join(MARKER).exists() {
        bail!("{} is not empty and not of an earlier demo", base.display());
    }
    fresh(base)?;
    std::fs::write(base.join(MARKER), "").context("cannot write to the demo's folder")
}

fn import_all(cli: &Cli, inputs: &[(&str, &Path)]) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in ENGINES {
        for (name, folder) in inputs {
            let source = Listing::of(folder)?;
            println!("importing {name}: {} files by the {engine} engine", source.count());
            let seconds = cli.import(engine, folder, &format!("{name}/{engine}"), &[])?;
            let what = format!("import {name}");
            rows.push(Row { what, engine, files: source.count(), bytes: source.bytes(), seconds });
        }
    }
    Ok(rows)
}

/// Reads everything back by both engines, whichever wrote it, and compares it with the source.
fn export_all(cli: &Cli, inputs: &[(&str, &Path)], base: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let target = base.join("exported");
    for (name, folder) in inputs {
        let source = Listing::of(folder)?;
        for reader in ENGINES {
            // The faster of two: the first write of so many files is the disk's affair more than ours.
            let mut best = f64::INFINITY;
            for writer in ENGINES {
                fresh(&target)?;
                println!("exporting {name}, written by {writer}, by the {reader} engine, and comparing");
                let seconds = cli.export(reader, &format!("{name}/{writer}"), &target, &[])?;
                best = best.min(seconds);
                let differences = source.differences(&Listing::of(&target)?)?;
                for difference in differences.iter().take(10) {
                    println!("  {difference}");
                }
                ensure!(differences.is_empty(), "{name}: {} differences", differences.len());
            }
            let (files, bytes) = (source.count(), source.bytes());
            rows.push(Row { what: format!("export {name}"), engine: reader, files, bytes, seconds: best });
        }
    }
    std::fs::remove_dir_all(&target)?;
    Ok(rows)
}

/// Secrets one by one, a process for each put and each get, always by different engines.
fn single_secrets(cli: &Cli) -> Result<()> {
    let mut numbers = tree::Numbers::new(SEED + 1);
    let began = Instant::now();
    for index in 0..SINGLE_SECRETS {
        let (writer, reader) = if index % 2 == 0 { ("wasm", "native") } else { ("native", "wasm") };
        let mut value = vec![0; 200];
        numbers.fill(&mut value);
        let path = format!("single/secret-{index:02}");
        cli.put(writer, &path, &value)?;
        ensure!(cli.get(reader, &path)? == value, "{path} came back as something else");
    }
    let each = began.elapsed().as_secs_f64() * 1e3 / f64::from(2 * SINGLE_SECRETS);
    println!("{SINGLE_SECRETS} secrets, put by one engine and got by the other: {each:.1} ms a process");
    Ok(())
}

fn verify_all(cli: &Cli) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for engine in ENGINES {
        println!("verifying by the {engine} engine");
        let began = Instant::now();
        let answer = cli.json(engine, &["verify"])?;
        let seconds = began.elapsed().as_secs_f64();
        let count = |key: &str| answer[key].as_u64().with_context(|| format!("verify answers no {key}"));
        rows.push(Row {
            what: "verify".into(),
            engine,
            files: count("paths")?,
            bytes: count("bytes")?,
            seconds,
        });
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn rate(row: &Row) -> f64 {
    row.bytes as f64 / 1e6 / row.seconds
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn print_table(cli: &Cli, rows: &[Row]) -> Result<()> {
    println!("\n{:<16} {:<7} {:>6} {:>9} {:>8} {:>8}", "what", "engine", "files", "MB", "seconds", "MB/s");
    for row in rows {
        let megabytes = row.bytes as f64 / 1e6;
        let (what, engine, files, seconds, rate) = (&row.what, row.engine, row.files, row.seconds, rate(row));
        println!("{what:<16} {engine:<7} {files:>6} {megabytes:>9.1} {seconds:>8.2} {rate:>8.1}");
    }
    for row in rows.iter().filter(|row| row.engine == "wasm") {
        let same = |other: &&Row| other.engine == "native" && other.what == row.what;
        if let Some(native) = rows.iter().find(same) {
            println!("{:<16} wasm ÷ native {:.2}", row.what, rate(row) / rate(native));
        }
    }
    let stats = cli.json("native", &["stat"])?;
    let (lengths, _) = tree::disk_use(&cli.vault)?;
    let blocks = stats["blocks"].as_u64().context("stat answers no blocks")?;
    println!("\n{blocks} blocks, {:.1} MB on disk, {} workers", lengths as f64 / 1e6, cli.workers);
    println!("everything came back byte for byte, with modes, times and symlinks");
    Ok(())
}

fn print_farewell(cli: &Cli, base: &Path) {
    let quoted = |path: &PathBuf| path.display().to_string();
    println!("\nThe vault stays at {}.", cli.vault.display());
    println!(
        "It opens with the key file {}, drawn for this demo; there is no passphrase.",
        base.join("key").display()
    );
    println!("\nTry next:");
    println!(
        "  alias dv='{} --vault {} --key-file {}'",
        quoted(&cli.binary),
        quoted(&cli.vault),
        quoted(&base.join("key"))
    );
    for (words, about) in [
        ("ls secrets/wasm/team-00", "list a prefix"),
        ("get secrets/wasm/team-00/token-0000", "read a secret"),
        ("get rust/native/library/core/src/lib.rs | head", "read a file"),
        ("put mail/token < FILE", "store a value; never on the command line"),
        ("history mail/token", "its versions"),
        ("destroy secrets/wasm/team-00/token-0001", "end a secret for good"),
        ("stat --memory", "regions and arenas of the engine"),
        ("verify", "check every block, tag, digest and signature"),
    ] {
        println!("  dv {words:<52} # {about}");
    }
}
