//! The memory regions and limits in ARCHITECTURE.md are those of the code.

use anyhow::Result;
use dagvault_core::layout;

use super::{Findings, Tree};

const DOCUMENT: &str = "ARCHITECTURE.md";
const LIMITS: &str = "core/src/limits.rs";

/// Compares the tables of ARCHITECTURE.md with `core`.
pub(super) fn check(tree: &Tree, findings: &mut Findings) -> Result<()> {
    if !tree.has(DOCUMENT) {
        findings.violation(format!("there is no {DOCUMENT}"));
        return Ok(());
    }
    let document = tree.read(DOCUMENT)?;
    for row in region_rows() {
        if !document.lines().any(|line| line.starts_with(&row)) {
            findings.violation(format!("{DOCUMENT}: the memory layout has no row '{row}'"));
        }
    }
    if tree.has(LIMITS) {
        let limits = tree.read(LIMITS)?;
        for (number, line) in document.lines().enumerate() {
            if let Some((name, value)) = limit_row(line)
                && constant(&limits, name) != Some(value)
            {
                let number = number + 1;
                findings.violation(format!("{DOCUMENT}:{number}: {LIMITS} has no {name} = {value}"));
            }
        }
    }
    Ok(())
}

/// How the rows of the layout table begin.
fn region_rows() -> Vec<String> {
    let fixed = layout::REGIONS
        .iter()
        .map(|region| format!("| `{:#09x}` | {} | {} MiB |", region.offset, region.name, region.bytes >> 20));
    fixed.chain([format!("| `{:#09x}` | dynamic |", layout::DYNAMIC_OFFSET)]).collect()
}

/// The name and value of a row such as ``| `HANDLES_MAX` | `64` | … |``.
fn limit_row(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("| `")?.split_once("` | `")?;
    let (value, _) = rest.split_once('`')?;
    let upper = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    (name.len() > 2 && name.chars().all(upper)).then_some((name, value))
}

/// The expression of `pub const NAME: type = expression;`.
fn constant<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let declaration = format!("pub const {name}: ");
    let line = source.lines().find_map(|line| line.strip_prefix(&declaration))?;
    line.split_once(" = ")?.1.strip_suffix(';')
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn a_drifted_region_or_limit_is_found() {
        let source = "pub const HANDLES_MAX: usize = 64;\npub const BLOCK_BYTES_MAX: usize = 256 * 1024;\n";
        let rows = region_rows().join("\n");
        assert!(rows.starts_with("| `0x0000000` | core | 2 MiB |"), "{rows}");
        let good =
            format!("{rows}\n| `HANDLES_MAX` | `64` | open |\n| `BLOCK_BYTES_MAX` | `256 * 1024` | b |\n");
        assert!(found(check, &[(DOCUMENT, &good), (LIMITS, source)]).is_empty());
        let bad = good.replace("`64`", "`63`").replace("0x0600000", "0x0700000");
        assert_eq!(found(check, &[(DOCUMENT, &bad), (LIMITS, source)]).len(), 2);
    }
}
