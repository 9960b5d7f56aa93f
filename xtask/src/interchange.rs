//! `cargo xtask interchange`: CAR files and dag-cbor, held against the libraries of IPFS in both directions.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::run::{Workspace, output, run_shown};
use crate::setup;
use crate::vault::{Cli, ENGINES, Unlock, processors};

/// The other side, with its packages.
const SCRIPTS: &str = "dag/tests/interchange";
/// What its libraries have written.
const FIXTURES: &str = "dag/tests/fixtures";

/// Runs all comparisons.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::debian("node", "nodejs")?;
    setup::debian("npm", "npm")?;
    let packages = workspace.target.join("interchange");
    ensure!(setup::npm(&workspace.root.join(SCRIPTS), &packages)?, "there is no npm");
    let files = workspace.fresh_dir("interchange-files")?;
    let script = packages.join("interchange.mjs");
    let node = |mode: &str, file: &Path| output(Command::new("node").arg(&script).arg(mode).arg(file));
    let anew = files.join("fixtures");
    node("write", &anew)?;
    let count = compare(&anew, &workspace.root.join(FIXTURES))?;
    println!("{count} files of fixtures are what the libraries write today");
    let mut build = workspace.cargo();
    build.args(["build", "--quiet", "--release", "--workspace", "--bins"]);
    build.args(["--features", "dagvault-crypto/selftest,dagvault-crypto/vectors"]);
    run_shown(&mut build)?;
    for engine in ENGINES {
        let folder = files.join(engine);
        std::fs::create_dir_all(&folder)?;
        let cli = Cli {
            binary: workspace.target.join("release/dagvault"),
            vault: folder.join("vault"),
            unlock: Unlock::KeyFile(folder.join("key")),
            workers: processors(),
        };
        cli.init(&[])?;
        let blocks = one_vault(&cli, engine, &workspace.root.join("docs"), &folder, &node)?;
        println!("{engine}: {blocks} blocks exported, read and written alike by @ipld/car, imported");
    }
    std::fs::remove_dir_all(&files)?;
    Ok(())
}

/// Exports a vault and has the other side read it; answers how many blocks there were.
fn one_vault(
    cli: &Cli,
    engine: &str,
    content: &Path,
    folder: &Path,
    node: &dyn Fn(&str, &Path) -> Result<String>,
) -> Result<usize> {
    cli.import(engine, content, "docs", &["-q"])?;
    cli.put(engine, "large", &vec![7; 3 << 20])?;
    cli.json(engine, &["gc"])?;
    let car = folder.join("head.car");
    let name = car.to_str().context("a folder that is not UTF-8")?;
    let told = cli.json(engine, &["dag", "export", "-o", name])?;
    let read: serde_json::Value = serde_json::from_str(&node("check", &car)?)?;
    ensure!(read["roots"] == told["roots"], "roots: {} and {}", read["roots"], told["roots"]);
    let theirs = read["blocks"].as_array().context("no blocks")?;
    let mut names: Vec<&str> = theirs.iter().filter_map(serde_json::Value::as_str).collect();
    names.sort_unstable();
    let listed = output(&mut cli.command(engine, &["block", "ls"]))?;
    let mut ours: Vec<&str> = listed.lines().collect();
    ours.sort_unstable();
    ensure!(names == ours, "{} blocks are in the file, {} in the vault", names.len(), ours.len());
    let back = cli.json(engine, &["dag", "import", name])?;
    ensure!(back["blocks"] == told["blocks"] && back["fresh"] == 0, "imported: {back}");
    let proof = folder.join("proof");
    let file = proof.to_str().context("a folder that is not UTF-8")?;
    cli.json(engine, &["proof", "make", "large", "-o", file])?;
    node("cbor", &proof)?;
    Ok(names.len())
}

/// Compares the files of two folders; answers how many there are.
fn compare(a: &Path, b: &Path) -> Result<usize> {
    let names = |folder: &Path| -> Result<Vec<std::ffi::OsString>> {
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut names: Vec<_> = entries.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
        names.sort();
        Ok(names)
    };
    let all = names(a)?;
    ensure!(all == names(b)?, "{} and {} have other files", a.display(), b.display());
    for name in &all {
        let same = std::fs::read(a.join(name))? == std::fs::read(b.join(name))?;
        ensure!(same, "{} is another in {}", name.display(), b.display());
    }
    Ok(all.len())
}
