//! Lengths of lines and files, unfinished code, stray `unsafe`, traces of one machine, and files that are no text.

use anyhow::Result;

use super::{Findings, Tree};

const LINE_CHARS_MAX: usize = 120;
const FILE_LINES_MAX: usize = 800;
const FILE_LINES_NOTICE: usize = 400;

/// The only files, or folders, that may hold unsafe code.
const UNSAFE: [&str; 22] = [
    // Instructions that valgrind takes as requests.
    "constant-time/src/bin/native/valgrind.rs",
    "core/src/arena.rs",
    "core/src/parallel.rs",
    // Zeroed memory and boxes set once, so that the node table itself needs no unsafe code.
    "core/src/pages.rs",
    "core/src/slab.rs",
    // The loom model of the slots shares a plain cell.
    "core/src/slots.rs",
    "crypto/src/lanes/wasm32_simd128.rs",
    "crypto/src/lanes/x86_64_ssse3.rs",
    // Reads memory back to see that it was zeroed.
    "crypto/tests/zeroing.rs",
    // Words that nobody else can reach yet, stored to without an atomic.
    "dag/src/table/edges.rs",
    "dag/src/table/nodes.rs",
    "dag/src/table/worker.rs",
    "guest/engine/src/",
    // `no_mangle` exports.
    "guest/kernels/src/",
    // Exports by which JavaScript calls it.
    "guest/meter/src/exports.rs",
    // Exports and imports of modules, by the ABI.
    "guest/sdk/src/abi.rs",
    "guest/sdk/src/host/module.rs",
    // The macro writes the attributes of the exports into an author's crate.
    "guest/sdk/src/lib.rs",
    "guest/workloads/src/",
    "host/src/artifact.rs",
    "host/src/memory.rs",
    // Loads compiled modules.
    "host/sandbox/src/artifact.rs",
];

/// Marks of unfinished code. Written in halves: this file is checked too.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimple", "mented!("),
    concat!("dbg", "!("),
];

/// Folders of one machine.
const PRIVATE: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Where packages may come from, as lock files name it.
const SOURCES: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];

/// Checks every text file.
pub(super) fn check(tree: &Tree, findings: &mut Findings) -> Result<()> {
    for file in &tree.files {
        let text = tree.read(file)?;
        if is_no_text(&text) {
            if !file.contains("/fixtures/") {
                findings.violation(format!("{file}: no text, and not in a folder of fixtures"));
            }
            continue;
        }
        let rust = file.ends_with(".rs");
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if let Some(what) =
                wrong_anywhere(file, line).or_else(|| if rust { wrong_in_rust(file, line) } else { None })
            {
                findings.violation(format!("{file}:{number}: {what}"));
            }
        }
        if rust {
            lengths(file, text.lines().count(), findings);
        }
    }
    Ok(())
}

/// Whether a file holds bytes that are no UTF-8, which were read as the character that stands for them.
fn is_no_text(text: &str) -> bool {
    text.contains(char::REPLACEMENT_CHARACTER)
}

fn lengths(file: &str, lines: usize, findings: &mut Findings) {
    if lines > FILE_LINES_MAX {
        findings.violation(format!("{file}: {lines} lines are over {FILE_LINES_MAX}"));
    } else if lines > FILE_LINES_NOTICE {
        findings.notice(format!("{file}: {lines} lines"));
    }
}

fn wrong_anywhere(file: &str, line: &str) -> Option<String> {
    if let Some(folder) = PRIVATE.iter().find(|folder| line.contains(*folder)) {
        return Some(format!("names a folder of one machine, {folder}"));
    }
    let locked = file.ends_with("Cargo.lock") && line.starts_with("source = ")
        || file.ends_with("package-lock.json") && line.trim_start().starts_with("\"resolved\":");
    if locked && !SOURCES.iter().any(|source| line.contains(source)) {
        return Some("a package comes from elsewhere than its public registry".to_owned());
    }
    let configured =
        file.ends_with("config.toml") && (line.contains("[source.") || line.contains("[registr"));
    if configured {
        return Some("configures a registry".to_owned());
    }
    // Prose and lists of features may be as long as they like.
    let checked = file.ends_with(".rs") || file.ends_with(".sh") || file.starts_with(".ci/");
    let chars = line.chars().count();
    (checked && chars > LINE_CHARS_MAX).then(|| format!("{chars} characters are over {LINE_CHARS_MAX}"))
}

fn wrong_in_rust(file: &str, line: &str) -> Option<String> {
    if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(*mark)) {
        return Some(format!("unfinished: {mark}"));
    }
    let outside_strings: String = line.split('"').step_by(2).collect();
    let code = outside_strings.split("//").next().unwrap_or_default();
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let has = code.split(|letter| !word(letter)).any(|token| token == concat!("uns", "afe"));
    let allowed = UNSAFE.iter().any(|allowed| file.starts_with(allowed));
    (has && !allowed).then(|| "unsafe code outside the files that may have it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, plant};
    use super::*;

    #[test]
    fn long_lines_and_long_files_are_found() {
        let long = "x".repeat(LINE_CHARS_MAX + 1);
        let table = format!("| {long} |\n");
        let tall = "\n".repeat(FILE_LINES_MAX + 1);
        assert_eq!(found(check, &[("a.rs", &long), ("b.md", &table), ("c.rs", &tall)]).len(), 2);
        let planted = plant(&[("a.rs", &"\n".repeat(FILE_LINES_NOTICE + 1))]);
        let mut findings = Findings::default();
        check(&planted.0, &mut findings).unwrap();
        assert_eq!(findings.notices.len(), 1);
    }

    #[test]
    fn files_that_are_no_text_are_found() {
        let bytes = String::from_utf8_lossy(&[0x89, b'P', b'N', b'G', 0xff]).into_owned();
        assert_eq!(found(check, &[("docs/a.png", &bytes), ("a/tests/fixtures/b.bin", &bytes)]).len(), 1);
        assert_eq!(found(check, &[("docs/a.md", "Ümläute\n")]).len(), 0);
    }

    #[test]
    fn unfinished_and_unsafe_code_is_found() {
        for mark in UNFINISHED {
            assert_eq!(found(check, &[("a.rs", mark)]).len(), 1, "{mark}");
        }
        let code = concat!("uns", "afe { x() }");
        assert_eq!(found(check, &[("vault/src/a.rs", code)]).len(), 1);
        assert!(found(check, &[("host/src/memory.rs", code)]).is_empty());
        assert!(found(check, &[("a.rs", "#![forbid(unsafe_code)] // unsafe")]).is_empty());
    }

    #[test]
    fn traces_of_a_machine_are_found() {
        for folder in PRIVATE {
            assert_eq!(found(check, &[("README.md", folder)]).len(), 1, "{folder}");
        }
        let foreign = "source = \"registry+https://example.org/mirror\"\n";
        assert_eq!(found(check, &[("Cargo.lock", foreign)]).len(), 1);
        assert_eq!(found(check, &[(".cargo/config.toml", "[source.crates-io]")]).len(), 1);
        let public = format!("source = \"{}\"\n", SOURCES[0]);
        assert!(found(check, &[("Cargo.lock", &public)]).is_empty());
    }
}
