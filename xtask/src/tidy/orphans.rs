//! Every Rust file is part of a crate: reached from a crate root by `mod`, or a root itself.

use std::collections::{BTreeSet, VecDeque};

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use super::{Findings, Tree};

/// Finds files that no crate includes.
pub(super) fn check(tree: &Tree, findings: &mut Findings) -> Result<()> {
    let mut reached = BTreeSet::new();
    let mut queue = VecDeque::new();
    for file in tree.files.iter().filter(|file| file.ends_with("Cargo.toml")) {
        let folder = file.trim_end_matches("Cargo.toml");
        let manifest: Table = tree.read(file)?.parse().with_context(|| file.clone())?;
        queue.extend(roots(tree, folder, &manifest));
    }
    while let Some(file) = queue.pop_front() {
        if reached.insert(file.clone()) && tree.files.contains(&file) {
            queue.extend(children(tree, &file)?);
        }
    }
    for file in tree.with_extension("rs") {
        if !reached.contains(file) {
            findings.violation(format!("{file}: no crate includes this file"));
        }
    }
    Ok(())
}

/// Crate roots of one package: cargo's own places, and those that the manifest names.
fn roots(tree: &Tree, folder: &str, manifest: &Table) -> Vec<String> {
    let own = tree.with_extension("rs").filter(|file| {
        let Some(rest) = file.strip_prefix(folder) else { return false };
        let parts: Vec<&str> = rest.split('/').collect();
        matches!(
            parts.as_slice(),
            ["build.rs"]
                | ["src", "lib.rs" | "main.rs"]
                | ["src", "bin", _]
                | ["src", "bin", _, "main.rs"]
                | ["tests" | "benches" | "examples", _]
                | ["tests" | "benches" | "examples", _, "main.rs"]
        )
    });
    let mut roots: Vec<String> = own.cloned().collect();
    let targets = ["bin", "test", "bench", "example", "lib"].iter().filter_map(|key| manifest.get(*key));
    for target in targets {
        let tables = match target {
            Value::Array(list) => list.clone(),
            single => vec![single.clone()],
        };
        let paths = tables.iter().filter_map(|table| table.get("path")?.as_str());
        roots.extend(paths.map(|path| format!("{folder}{path}")));
    }
    roots
}

/// The files that one file declares.
fn children(tree: &Tree, file: &str) -> Result<Vec<String>> {
    let text = tree.read(file)?;
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let stem = name.trim_end_matches(".rs");
    // `lib.rs`, `main.rs`, `mod.rs` and roots in `tests` look beside themselves, others in a folder of their
    // name. Looking in both costs nothing: only files that exist count.
    let beside = folder.to_owned();
    let inside = format!("{folder}/{stem}");
    let mut found = Vec::new();
    let mut nested: Vec<(usize, String)> = Vec::new();
    let mut path_attribute: Option<String> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if line == "}" && nested.last().is_some_and(|(at, _)| *at == indent) {
            nested.pop();
        }
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            path_attribute = Some(path.to_owned());
            continue;
        }
        if let Some((_, rest)) = line.split_once("include!(\"")
            && let Some((path, _)) = rest.split_once('"')
        {
            found.push(join(&beside, path));
        }
        let Some(rest) = module(line) else { continue };
        if let Some(name) = rest.strip_suffix(';') {
            let within: String = nested.iter().map(|(_, name)| format!("{name}/")).collect();
            match path_attribute.take() {
                Some(path) => found.push(join(&beside, &path)),
                None => {
                    for base in [&beside, &inside] {
                        found.push(join(base, &format!("{within}{name}.rs")));
                        found.push(join(base, &format!("{within}{name}/mod.rs")));
                    }
                }
            }
        } else if let Some(name) = rest.strip_suffix(" {") {
            nested.push((indent, name.to_owned()));
        }
    }
    Ok(found)
}

/// What follows `mod ` in a declaration.
fn module(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1.trim_start(),
        Some(rest) => rest.trim_start(),
        None => line,
    };
    line.strip_prefix("mod ")
}

/// A path inside the tree, with `..` resolved.
pub(super) fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn a_file_that_nobody_declares_is_found() {
        let files = [
            ("a/Cargo.toml", "[[bin]]\nname = \"x\"\npath = \"odd/x.rs\"\n"),
            ("a/src/lib.rs", "pub mod one;\nmod two {\n    pub(crate) mod three;\n}\n"),
            ("a/src/one.rs", "mod four;\n"),
            ("a/src/one/four.rs", ""),
            ("a/src/two/three.rs", "include!(\"table.rs\");\n"),
            ("a/src/two/table.rs", ""),
            ("a/src/lost.rs", ""),
            ("a/odd/x.rs", "#[path = \"../shared/y.rs\"]\nmod y;\n"),
            ("a/shared/y.rs", ""),
            ("a/tests/t.rs", "mod support;\n"),
            ("a/tests/support/mod.rs", ""),
        ];
        assert_eq!(found(check, &files), ["a/src/lost.rs: no crate includes this file"]);
    }
}
