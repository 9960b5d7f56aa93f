//! Tables in docs/benchmarks.md, between a pair of marks for each section.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Bench;
use crate::run::{Workspace, output};
use crate::vault::processors;

const DOCUMENT: &str = "docs/benchmarks.md";

/// Puts the line before a table that says when, where and how it was measured.
pub(super) fn with_origin(bench: &Bench, section: &str, table: Vec<String>) -> Result<Vec<String>> {
    let root = &bench.workspace.root;
    let date = output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    // A copy without a history may measure, too.
    let git = |words: &[&str]| output(Command::new("git").args(words).current_dir(root)).ok();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    let changed = git(&["status", "--porcelain", "-uno"]).unwrap_or_default();
    let state = if changed.is_empty() { "" } else { " with changes" };
    let (date, commit, cpu) = (date.trim(), commit.trim(), cpu());
    let threads = processors();
    let rounds = bench.rounds;
    let mut lines = vec![
        format!("{date}, {cpu}, {threads} threads, commit {commit}{state}:"),
        format!("`cargo xtask compare {section} --rounds {rounds}`"),
        String::new(),
    ];
    lines.extend(table);
    Ok(lines)
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
