//! The subcommands and options of `dagvault`, read from the sources of the command.
//!
//! The sources, not the program: tidy runs before anything is built. The reading knows clap's derive: the
//! variants of an enum that derives `Subcommand`, and the fields under an `#[arg(…)]` that says `long`.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Tree;

/// What may stand behind `dagvault`.
#[derive(Debug, Default)]
pub(super) struct Surface {
    subcommands: BTreeSet<String>,
    options: BTreeSet<String>,
}

/// Reads the sources under `cli/src`.
pub(super) fn read(tree: &Tree) -> Result<Surface> {
    let mut surface = Surface::default();
    for file in tree.with_extension("rs").filter(|file| file.starts_with("cli/src/")) {
        surface.add(&tree.read(file)?);
    }
    // clap's own.
    surface.subcommands.insert("help".to_owned());
    surface.options.extend(["--help", "--version"].map(str::to_owned));
    Ok(surface)
}

impl Surface {
    fn add(&mut self, source: &str) {
        let mut attributes = String::new();
        let mut subcommand_indent: Option<usize> = None;
        for line in source.lines() {
            let indent = line.len() - line.trim_start().len();
            let text = line.trim();
            let opened = attributes.matches(['(', '[']).count() > attributes.matches([')', ']']).count();
            if text.starts_with("#[") || opened {
                attributes.push_str(text);
                continue;
            }
            if text.starts_with("//") || text.is_empty() {
                continue;
            }
            if declares(text, "enum") && attributes.contains("Subcommand") {
                subcommand_indent = Some(indent);
            } else if subcommand_indent == Some(indent) && text == "}" {
                subcommand_indent = None;
            } else if let Some(at) = subcommand_indent
                && indent == at + 4
                && text.starts_with(|letter: char| letter.is_ascii_uppercase())
            {
                self.subcommands
                    .insert(named(&attributes, "name").unwrap_or_else(|| kebab(identifier(text))));
            }
            if attributes.contains("arg(") && attributes.contains("long") {
                let field = identifier(text.trim_start_matches("pub(crate) ").trim_start_matches("pub "));
                let name = named(&attributes, "long").unwrap_or_else(|| field.replace('_', "-"));
                self.options.insert(format!("--{name}"));
            }
            attributes.clear();
        }
    }

    /// What is wrong with the words behind `dagvault`.
    pub(super) fn wrong(&self, words: &[&str]) -> Option<String> {
        let options = words.iter().take_while(|word| **word != "--").filter(|word| word.starts_with("--"));
        for option in options {
            let name = option.split('=').next().unwrap_or(option);
            if !self.options.contains(name) {
                return Some(format!("names the option {name} of dagvault, which does not exist"));
            }
        }
        let mut before = "";
        for word in words {
            let value = before.starts_with("--") && !before.contains('=');
            if !word.starts_with('-') && self.subcommands.contains(*word) {
                return None;
            }
            // The first word that is neither an option nor its value must be a subcommand.
            let name = word.chars().all(|letter| letter.is_ascii_lowercase());
            if !word.starts_with('-') && !value && name {
                return Some(format!("names dagvault {word}, which does not exist"));
            }
            before = word;
        }
        None
    }
}

fn declares(text: &str, keyword: &str) -> bool {
    text.split_whitespace().take(2).any(|word| word == keyword)
}

fn identifier(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

/// The string behind `key = "…"` in an attribute.
fn named(attributes: &str, key: &str) -> Option<String> {
    let start = format!("{key} = \"");
    let at = attributes.find(&start)? + start.len();
    attributes[at..].split_once('"').map(|(name, _)| name.to_owned())
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
