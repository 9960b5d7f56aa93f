//! What stands around the tables; writing them into docs/benchmarks.md, between a pair of marks for each section.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use crate::run::{Workspace, output};
use crate::vault::processors;

const DOCUMENT: &str = "docs/benchmarks.md";

/// When, where and of what it was measured.
pub(super) fn origin(bench: &Bench) -> Result<String> {
    let root = &bench.workspace.root;
    let date = output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    // A copy without a history may measure, too.
    let git = |words: &[&str]| output(Command::new("git").args(words).current_dir(root)).ok();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    // What was written a section before is no change of what is measured.
    let changed = git(&["status", "--porcelain", "-uno", "--", ".", ":!docs"]).unwrap_or_default();
    let state = if changed.is_empty() { "" } else { " with changes" };
    let (date, commit, cpu) = (date.trim(), commit.trim(), cpu());
    let threads = processors();
    Ok(format!("{date}, {cpu}, {threads} threads, commit {commit}{state}"))
}

/// Puts the lines before a table that say when, where and how it was measured.
pub(super) fn with_origin(bench: &Bench, table: Vec<String>) -> Result<Vec<String>> {
    let mut lines = vec![format!("{}:", origin(bench)?), format!("`{}`", bench.typed), String::new()];
    lines.extend(table);
    Ok(lines)
}

/// Versions of what takes part in the measurement of the kernels.
pub(super) fn versions(bench: &Bench) -> Result<String> {
    let root = &bench.workspace.root;
    let mut parts = vec![output(Command::new("rustc").arg("--version").current_dir(root))?.trim().to_owned()];
    parts.push(format!("modules by {}", crate::setup::NIGHTLY));
    let lock: toml::Table = std::fs::read_to_string(root.join("Cargo.lock"))?.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    for package in packages.into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let named = ["wasmtime", "aes-gcm", "chacha20poly1305", "sha2", "blake3"].contains(&text("name"));
        if named && text("source").starts_with("registry") {
            parts.push(format!("{} {}", text("name"), text("version")));
        }
    }
    for node in super::nodes(&bench.workspace)? {
        let words = "`Node ${process.versions.node} (V8 ${process.versions.v8})`";
        parts.push(output(Command::new(node).args(["-p", words]))?.trim().to_owned());
    }
    let manifest = std::fs::read_to_string(root.join("benches/node/package.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    for (name, version) in manifest["dependencies"].as_object().into_iter().flatten() {
        if name != "node" {
            parts.push(format!("{name} {}", version.as_str().unwrap_or_default()));
        }
    }
    Ok(format!("Versions: {}.", parts.join(", ")))
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// Replaces the section's part of the document.
pub(super) fn write(workspace: &Workspace, section: &str, lines: &[String]) -> Result<()> {
    let path = workspace.root.join(DOCUMENT);
    let document = std::fs::read_to_string(&path).context(DOCUMENT)?;
    std::fs::write(&path, replaced(&document, section, lines)?).context(DOCUMENT)
}

fn replaced(document: &str, section: &str, lines: &[String]) -> Result<String> {
    let (begin, end) = (format!("<!-- begin {section} -->"), format!("<!-- end {section} -->"));
    let start = document.find(&begin).with_context(|| format!("{DOCUMENT} has no '{begin}'"))? + begin.len();
    let stop = document.find(&end).with_context(|| format!("{DOCUMENT} has no '{end}'"))?;
    ensure!(start <= stop, "{DOCUMENT}: '{end}' stands before '{begin}'");
    Ok(format!("{}\n{}\n{}", &document[..start], lines.join("\n"), &document[stop..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_part_changes() {
        let document = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n";
        let lines = ["one".to_owned(), "two".to_owned()];
        let new = replaced(document, "x", &lines).unwrap();
        assert_eq!(new, "a\n<!-- begin x -->\none\ntwo\n<!-- end x -->\nb\n");
        assert_eq!(replaced(&new, "x", &lines).unwrap(), new);
        assert!(replaced(document, "y", &lines).is_err());
    }
}
