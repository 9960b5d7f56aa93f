//! The commands with their options: one table for the dispatch, the list and the check of the docs.

use anyhow::{Context as _, Result, bail};

/// An option of a command.
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) name: &'static str,
    /// What its value is called; `None` for a switch.
    pub(crate) value: Option<&'static str>,
}

/// A command.
pub(crate) struct Command {
    /// As typed.
    pub(crate) name: &'static str,
    /// One line.
    pub(crate) about: &'static str,
    /// Its options.
    pub(crate) flags: &'static [Flag],
    /// Words that may follow it; empty where none may.
    pub(crate) words: &'static [&'static str],
}

const fn value(name: &'static str, value: &'static str) -> Flag {
    Flag { name, value: Some(value) }
}

const fn switch(name: &'static str) -> Flag {
    Flag { name, value: None }
}

/// Every command, in the order of the list.
pub(crate) const COMMANDS: [Command; 15] = [
    Command {
        name: "demo",
        about: "the whole vault on real input: import, read back, compare, verify, by both engines",
        flags: &[value("--dir", "DIR")],
        words: &[],
    },
    Command {
        name: "test",
        about: "all tests, bounded and seeded; --full runs the long counts",
        flags: &[switch("--full")],
        words: &[],
    },
    Command { name: "build", about: "the guest modules and the command, optimised", flags: &[], words: &[] },
    Command { name: "guest", about: "the guest modules only", flags: &[], words: &[] },
    Command {
        name: "ci",
        about: "what a change must pass: format, lints, tidy, test",
        flags: &[],
        words: &[],
    },
    Command {
        name: "constant-time",
        about: "kernels under valgrind and their wasm in an interpreter: what depends on secrets",
        flags: &[switch("--quick")],
        words: &["native", "wasm", "all"],
    },
    Command {
        name: "differential",
        about: "random cases on every backend of the kernels, in Wasmtime and Node, against the crates",
        flags: &[value("--cases", "N")],
        words: &[],
    },
    Command {
        name: "interchange",
        about: "CAR files and dag-cbor in both directions with the libraries of IPFS from npm",
        flags: &[],
        words: &[],
    },
    Command {
        name: "executor",
        about: "the executor in JavaScript beside the sandbox, on random requests and every ending",
        flags: &[value("--requests", "N")],
        words: &[],
    },
    Command {
        name: "parity",
        about: "gas of random metered modules in V8, beside the reference interpreter",
        flags: &[value("--modules", "N")],
        words: &[],
    },
    Command {
        name: "miri",
        about: "the portable kernels, their vectors, and the node table under several seeds in miri",
        flags: &[],
        words: &[],
    },
    Command {
        name: "tsan",
        about: "tests with threads under ThreadSanitizer: the node table, traversals, shared stores",
        flags: &[],
        words: &[],
    },
    Command {
        name: "tidy",
        about: "direction of dependencies, orphan files, docs that drift, long lines, stray unsafe",
        flags: &[],
        words: &[],
    },
    Command {
        name: "bench",
        about: "all benchmarks, in turns; writes docs/benchmarks.md and docs/plots/; --against REV compares with it",
        flags: &[
            value("--against", "REV"),
            value("--filter", "TEXT"),
            value("--rounds", "N"),
            switch("--quick"),
            switch("--dry-run"),
        ],
        words: &[
            "crypto",
            "accelerators",
            "dag",
            "vault",
            "graph",
            "growth",
            "gas",
            "store",
            "memory",
            "puts",
            "engines",
            "latency",
            "peers",
            "all",
        ],
    },
    Command {
        name: "fuzz",
        about: "every fuzz target for its share of N minutes (default 5); fails on a crash",
        flags: &[value("--minutes", "N"), value("--target", "NAME")],
        words: &[],
    },
];

/// Prints the list of commands.
pub(crate) fn print_list() {
    println!("Usage: cargo xtask <command>\n");
    for command in &COMMANDS {
        println!("  {:<13} {}", command.name, command.about);
        if !command.words.is_empty() {
            println!("  {:<13}   [{}]", "", command.words.join("|"));
        }
        for flag in command.flags {
            println!("  {:<13}   {} {}", "", flag.name, flag.value.unwrap_or_default());
        }
    }
}

/// What was typed behind a command.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    given: Vec<(&'static str, String)>,
    /// The word behind the command, where one was given.
    pub(crate) word: Option<&'static str>,
}

impl Arguments {
    /// Reads what stands behind `command`.
    pub(crate) fn parse(command: &Command, rest: &[String]) -> Result<Self> {
        let mut arguments = Self::default();
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            if let Some(known) = command.words.iter().find(|known| *known == word) {
                arguments.word = Some(known);
                continue;
            }
            let (name, inline) = match word.split_once('=') {
                Some((name, text)) => (name, Some(text.to_owned())),
                None => (word.as_str(), None),
            };
            let Some(flag) = command.flags.iter().find(|flag| flag.name == name) else {
                bail!("'{}' does not know '{word}'", command.name);
            };
            let text = match (flag.value, inline) {
                (None, None) => String::new(),
                (None, Some(_)) => bail!("{name} takes no value"),
                (Some(_), Some(text)) => text,
                (Some(what), None) => {
                    rest.next().with_context(|| format!("{name} needs a value: {what}"))?.clone()
                }
            };
            arguments.given.push((flag.name, text));
        }
        Ok(arguments)
    }

    /// Whether a switch was given.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The value of an option.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| *given == name).map(|(_, text)| text.as_str())
    }

    /// The value of an option as a number above zero.
    pub(crate) fn number(&self, name: &str, default: u32) -> Result<u32> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match text.parse() {
            Ok(0) | Err(_) => bail!("{name} needs a number above zero, not '{text}'"),
            Ok(number) => Ok(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, words: &[&str]) -> Result<Arguments> {
        let command = COMMANDS.iter().find(|command| command.name == name).unwrap();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Arguments::parse(command, &words)
    }

    #[test]
    fn options_are_read_and_strangers_refused() {
        let arguments = parse("bench", &["peers", "--rounds", "3"]).unwrap();
        assert_eq!(arguments.word, Some("peers"));
        assert_eq!(arguments.number("--rounds", 5).unwrap(), 3);
        assert_eq!(parse("fuzz", &["--minutes=2"]).unwrap().number("--minutes", 5).unwrap(), 2);
        assert!(parse("test", &["--full"]).unwrap().flag("--full"));
        assert!(parse("test", &["--ful"]).is_err());
        assert!(parse("test", &["--full=yes"]).is_err());
        assert!(parse("fuzz", &["--minutes"]).is_err());
        assert!(parse("fuzz", &["--minutes", "0"]).unwrap().number("--minutes", 5).is_err());
    }
}
