//! Links inside the docs lead somewhere.

use anyhow::Result;

use super::orphans::join;
use super::{Findings, Tree, markdown};

/// Checks the relative links of every document.
pub(super) fn check(tree: &Tree, findings: &mut Findings) -> Result<()> {
    for file in tree.with_extension("md") {
        let document = tree.read(file)?;
        for (line, target) in markdown::links(&document) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.clone() } else { beside(file, path) };
            if !tree.has(&path) {
                findings.violation(format!("{file}:{line}: the link leads to {path}, which does not exist"));
            } else if !anchor.is_empty()
                && path.ends_with(".md")
                && !markdown::anchors(&tree.read(&path)?).iter().any(|known| known == anchor)
            {
                findings.violation(format!("{file}:{line}: {path} has no heading #{anchor}"));
            }
        }
    }
    Ok(())
}

fn beside(file: &str, path: &str) -> String {
    join(file.rsplit_once('/').map_or("", |(folder, _)| folder), path)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn a_dead_link_and_a_dead_anchor_are_found() {
        let files = [
            ("README.md", "[x](docs/a.md#here) [y](docs/b.md) [z](https://example.org/q) [w](#top)\n# Top\n"),
            ("docs/a.md", "# There\n[up](../README.md)\n"),
        ];
        let violations = found(check, &files);
        assert_eq!(violations.len(), 2, "{violations:?}");
        assert!(violations[0].contains("#here") && violations[1].contains("docs/b.md"));
    }
}
