//! The docs name no file and no command that does not exist.

use anyhow::Result;

use super::markdown::{self, Code};
use super::{Findings, Tree, surface};
use crate::commands::{Arguments, COMMANDS};

/// Extensions of files that a document may only name if they exist.
const KNOWN: [&str; 7] = ["rs", "md", "toml", "sh", "mjs", "html", "lock"];

/// Shells' names for blocks that hold commands.
const SHELLS: [&str; 4] = ["sh", "bash", "console", "shell"];

/// Checks the code that the documents show.
pub(super) fn check(tree: &Tree, findings: &mut Findings) -> Result<()> {
    let surface = surface::read(tree)?;
    for file in tree.with_extension("md") {
        let document = tree.read(file)?;
        for (number, code) in markdown::code(&document) {
            let wrong = match code {
                // What stands between back-ticks in a format's description are bytes, not commands.
                Code::Span(text) if file.starts_with("docs/format") => wrong_path(tree, file, text),
                Code::Span(text) => wrong_path(tree, file, text).or_else(|| wrong_command(text, &surface)),
                Code::Line { language, text } if SHELLS.contains(&language) => wrong_command(text, &surface),
                Code::Line { .. } => None,
            };
            if let Some(wrong) = wrong {
                findings.violation(format!("{file}:{number}: {wrong}"));
            }
        }
    }
    Ok(())
}

/// What is wrong with a path that stands between back-ticks; other text is not looked at.
fn wrong_path(tree: &Tree, document: &str, text: &str) -> Option<String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-/".contains(letter);
    if !text.chars().all(plain) || text.starts_with('/') || text.contains("//") {
        return None;
    }
    let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
    let last = parts.last()?;
    let known =
        last.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && KNOWN.contains(&extension));
    let exists = if parts.len() == 1 {
        let inside = format!("/{last}");
        !known || tree.has(last) || tree.files.iter().any(|file| file.ends_with(&inside))
    } else {
        // A path of the repository begins with one of its folders; others are paths in a vault, or prose.
        let ours =
            tree.files.iter().any(|file| file.split('/').next() == Some(parts[0]) && file.contains('/'));
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        !(ours || known) || tree.has(text) || tree.has(&format!("{folder}/{text}"))
    };
    (!exists).then(|| format!("names the file {text}, which does not exist"))
}

/// What is wrong with a command line; text that is none is not looked at.
fn wrong_command(text: &str, surface: &surface::Surface) -> Option<String> {
    let line = text.trim().trim_start_matches("$ ");
    let line = line.split_once(" #").map_or(line, |(line, _)| line);
    line.split(['|', ';']).flat_map(|part| part.split("&&")).find_map(|part| {
        let mut words: Vec<&str> = part.split_whitespace().collect();
        while words.first().is_some_and(|word| word.contains('=')) {
            words.remove(0);
        }
        match words.as_slice() {
            ["cargo", "xtask", rest @ ..] => wrong_xtask(rest),
            ["dagvault", rest @ ..] => surface.wrong(rest),
            _ => None,
        }
    })
}

fn wrong_xtask(words: &[&str]) -> Option<String> {
    let (name, rest) = words.split_first()?;
    let Some(command) = COMMANDS.iter().find(|command| command.name == *name) else {
        return Some(format!("names cargo xtask {name}, which does not exist"));
    };
    let rest: Vec<String> = rest.iter().map(|word| (*word).to_owned()).collect();
    Arguments::parse(command, &rest).err().map(|error| format!("cargo xtask {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    const CLI: &str = "#[derive(Subcommand)]\nenum Command {\n    /// List.\n    Ls {\n        \
        #[arg(long)]\n        deleted: bool,\n    },\n    Put(PutArgs),\n}\n\
        struct Global {\n    #[arg(long, global = true, value_name = \"DIR\")]\n    vault: Option<PathBuf>,\n}\n";

    fn violations(document: &str) -> Vec<String> {
        let files = [("README.md", document), ("core/src/layout.rs", ""), ("cli/src/args.rs", CLI)];
        found(check, &files)
    }

    #[test]
    fn files_that_do_not_exist_are_found() {
        assert!(violations("`core/src/layout.rs` `layout.rs` `core/` `mail/token` `a | b`").is_empty());
        assert_eq!(violations("`core/src/gone.rs`").len(), 1);
        assert_eq!(violations("`gone.rs`").len(), 1);
        assert_eq!(violations("`docs/gone.md`").len(), 1);
    }

    #[test]
    fn commands_that_do_not_exist_are_found() {
        assert!(violations("`cargo xtask test --full` and `cargo xtask`").is_empty());
        assert_eq!(violations("`cargo xtask tset`").len(), 1);
        assert_eq!(violations("```sh\ncargo xtask test --fast\n```").len(), 1);
        assert!(violations("`dagvault ls --deleted --vault x`").is_empty());
        assert!(violations("```sh\nX=1 dagvault --vault d put a/b | cat # dagvault gone\n```").is_empty());
        assert_eq!(violations("```sh\necho x | dagvault stroe a\n```").len(), 1);
        assert_eq!(violations("`dagvault ls --delted`").len(), 1);
        assert!(violations("```text\ndagvault gone\n```").is_empty());
    }
}
