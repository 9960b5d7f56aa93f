//! Arrows between crates point only the way that ARCHITECTURE.md shows.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};
use toml::Table;

use super::{Findings, Tree};

/// Each folder with what it may depend on.
const ALLOWED: [(&str, &[&str]); 21] = [
    ("core", &[]),
    ("api", &["core"]),
    ("crypto", &["core"]),
    ("dag", &["core", "crypto"]),
    ("vault", &["core", "api", "crypto", "dag"]),
    // Also runs where there is nothing else of this repository.
    ("meter", &[]),
    ("guest/engine", &["core", "api", "crypto", "dag", "vault"]),
    ("guest/kernels", &["crypto"]),
    ("guest/workloads", &[]),
    // The ABI, the API and the stores; never the vault's inside.
    ("host", &["core", "api", "crypto", "dag"]),
    // Never the vault or anything that sees its keys.
    ("host/sandbox", &["core", "crypto", "meter"]),
    // Through the one door, like any other user of a vault.
    ("registry", &["core", "api", "crypto", "meter", "host/sandbox"]),
    ("contract", &["core"]),
    // What authors of modules depend on.
    ("guest/sdk", &["guest/sdk/macros"]),
    ("guest/sdk/macros", &[]),
    // It carries the sources of `guest/sdk` as text.
    ("guest/templates", &[]),
    ("guest/validators", &["contract", "guest/sdk"]),
    ("guest/meter", &["meter"]),
    (
        "cli",
        &[
            "core",
            "api",
            "crypto",
            "dag",
            "vault",
            "host",
            "meter",
            "host/sandbox",
            "registry",
            "contract",
            "guest/templates",
        ],
    ),
    ("web", &["core", "api"]),
    ("web/bindgen", &["core", "api", "crypto", "dag", "vault"]),
];

/// Tools around the product: they may use anything, and nothing uses them.
const TOOLS: [&str; 6] = ["xtask", "benches", "benches/peers", "benches/table", "constant-time", "fuzz"];

/// Checks the dependencies of every package; those of tests only may point anywhere.
pub(super) fn check(tree: &Tree, findings: &mut Findings) -> Result<()> {
    let root: Table = match tree.has("Cargo.toml") {
        true => tree.read("Cargo.toml")?.parse().context("Cargo.toml")?,
        false => Table::new(),
    };
    let manifests = tree.files.iter().filter(|file| file.ends_with("/Cargo.toml"));
    for file in manifests {
        let folder = file.trim_end_matches("/Cargo.toml");
        let manifest: Table = tree.read(file)?.parse().with_context(|| file.clone())?;
        if TOOLS.contains(&folder) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == folder) else {
            findings.violation(format!("{file}: tidy does not know what {folder} may depend on"));
            continue;
        };
        for target in folders(&manifest, &root, folder) {
            if !allowed.contains(&target.as_str()) {
                findings.violation(format!("{file}: {folder} may not depend on {target}"));
            }
        }
    }
    Ok(())
}

/// The folders of this repository that a manifest's ordinary and build dependencies name.
fn folders(manifest: &Table, root: &Table, folder: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let per_target = targets.into_iter().flat_map(|table| table.values().filter_map(toml::Value::as_table));
    let sections = std::iter::once(manifest).chain(per_target);
    sections
        .flat_map(|section| {
            ["dependencies", "build-dependencies"].iter().filter_map(|key| section.get(*key)?.as_table())
        })
        .flatten()
        .filter_map(|(name, value)| folder_of(name, value, root, folder))
        .collect()
}

fn folder_of(name: &str, value: &toml::Value, root: &Table, folder: &str) -> Option<String> {
    let inherits = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    if inherits {
        let shared = root.get("workspace")?.get("dependencies")?.get(name)?;
        return Some(normal(Path::new(shared.get("path")?.as_str()?)));
    }
    Some(normal(&Path::new(folder).join(value.get("path")?.as_str()?)))
}

/// A relative path without `.` and `..`.
fn normal(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                parts.pop();
            }
            Component::Normal(name) => parts.push(name),
            _ => {}
        }
    }
    parts.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    const ROOT: &str = "[workspace.dependencies]\ndagvault-vault = { path = \"vault\" }\n\
                        dagvault-core = { path = \"core\" }\n";

    #[test]
    fn an_arrow_against_the_direction_is_found() {
        let host = "[dependencies]\ndagvault-core.workspace = true\ndagvault-vault = { workspace = true }\n";
        let files = [("Cargo.toml", ROOT), ("host/Cargo.toml", host)];
        assert_eq!(found(check, &files), ["host/Cargo.toml: host may not depend on vault"]);
    }

    #[test]
    fn paths_and_targets_count_and_tests_do_not() {
        let guest = "[target.'cfg(unix)'.dependencies]\nx = { path = \"../../host\" }\n";
        let files = [("Cargo.toml", ROOT), ("guest/engine/Cargo.toml", guest)];
        assert_eq!(found(check, &files), ["guest/engine/Cargo.toml: guest/engine may not depend on host"]);
        let core = "[dev-dependencies]\ndagvault-vault = { workspace = true }\n";
        assert!(found(check, &[("Cargo.toml", ROOT), ("core/Cargo.toml", core)]).is_empty());
    }

    #[test]
    fn a_folder_without_a_rule_is_found() {
        assert_eq!(found(check, &[("new/Cargo.toml", "")]).len(), 1);
    }
}
