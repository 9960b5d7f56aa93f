//! The commands on blocks, the graph and proofs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dagvault_core::ids::Cid;

use super::{Output, values::number};

/// A CID as it is typed.
fn cid(text: &str) -> Result<Cid, String> {
    Cid::from_text(text).map_err(|error| error.to_string())
}

/// A commit or another block: `HEAD`, or a CID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Root {
    /// The newest commit.
    Head,
    /// What a CID names.
    Block(Cid),
}

impl Root {
    /// The CID, if one was typed.
    pub(crate) fn cid(self) -> Option<Cid> {
        match self {
            Self::Head => None,
            Self::Block(cid) => Some(cid),
        }
    }
}

fn root(text: &str) -> Result<Root, String> {
    if matches!(text, "HEAD" | "head" | "@") {
        return Ok(Root::Head);
    }
    Cid::from_text(text).map(Root::Block).map_err(|error| format!("neither HEAD nor a CID: {error}"))
}

/// A date, or a date and a time, in UTC; kept as text, which sorts as the times do.
fn moment(text: &str) -> Result<String, String> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let moment = text.strip_suffix('Z').unwrap_or(text);
    let fits = moment.bytes().zip(FORM).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == *form,
    });
    if fits && matches!(moment.len(), 4 | 7 | 10 | 13 | 16 | 19) {
        return Ok(moment.to_owned());
    }
    Err("a time is like 2026-11-21 or 2026-11-21T16:30:00Z, in UTC".into())
}

#[derive(Subcommand)]
pub(crate) enum Block {
    /// Print a block as it is stored, or write it to a file
    Get {
        /// Which
        #[arg(value_parser = cid)]
        cid: Cid,
        #[command(flatten)]
        output: ToFile,
    },
    /// Store a block as it is; without a link to it the next gc removes it
    Put {
        /// The file with its bytes [default: standard input]
        file: Option<PathBuf>,
    },
    /// Show the size of blocks
    Stat {
        /// Which
        #[arg(value_parser = cid, required = true)]
        cids: Vec<Cid>,
    },
    /// List all blocks of the store
    Ls {
        /// Show sizes
        #[arg(long, short)]
        long: bool,
    },
}

/// Where bytes go to: standard output unless -o is given
#[derive(Args, Clone)]
pub(crate) struct ToFile {
    /// Write to this file, readable by you only
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing file; write to a terminal
    #[arg(long, short)]
    pub(crate) force: bool,
}

impl ToFile {
    /// The same as it is for values.
    pub(crate) fn output(&self) -> Output {
        Output { output: self.output.clone(), force: self.force, no_newline: true }
    }
}

#[derive(Subcommand)]
pub(crate) enum Dag {
    /// Write what blocks reach into a CAR file (version 1), which IPFS tools read
    Export {
        /// Where to begin: HEAD, commits, or blocks that HEAD reaches [default: HEAD]
        #[arg(value_parser = root)]
        roots: Vec<Root>,
        #[command(flatten)]
        output: ToFile,
    },
    /// Store the blocks of CAR files; those without a link to them go with the next gc
    Import {
        /// The files [default: standard input]
        files: Vec<PathBuf>,
    },
    /// Show counts, sizes, depth, width and sharing of what a block reaches
    Stat {
        /// Where to begin: HEAD, a commit, or a block that HEAD reaches
        #[arg(value_parser = root, default_value = "HEAD")]
        root: Root,
    },
    /// Show commits, newest first
    Log(Log),
    /// Show which paths differ between two commits, as far as their keys are kept
    Diff {
        /// The one commit
        #[arg(value_parser = root)]
        from: Root,
        /// The other one
        #[arg(value_parser = root, default_value = "HEAD")]
        to: Root,
    },
    /// Show the newest commits that all of some commits stand on
    MergeBase {
        /// Of which commits
        #[arg(value_parser = root, required = true, num_args = 1..=8)]
        commits: Vec<Root>,
    },
    /// Draw the graph of commits
    Graph(Graph),
}

#[derive(Args)]
pub(crate) struct Log {
    /// Where to begin: HEAD or a commit
    #[arg(value_parser = root, default_value = "HEAD")]
    pub(crate) from: Root,
    /// At most so many commits
    #[arg(long, short = 'n', value_name = "N", value_parser = number)]
    pub(crate) max_count: Option<u64>,
    /// One line for each
    #[arg(long)]
    pub(crate) oneline: bool,
    /// Only commits at this time or after it (2026-11-21, or 2026-11-21T16:30:00Z)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<String>,
    /// Only commits before this time or in it
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<String>,
}

#[derive(Args)]
pub(crate) struct Graph {
    /// Where to begin: HEAD or a commit
    #[arg(value_parser = root, default_value = "HEAD")]
    pub(crate) from: Root,
    /// At most so many commits
    #[arg(long, short = 'n', value_name = "N", value_parser = number, default_value_t = 200)]
    pub(crate) max_count: u64,
    /// Graphviz DOT, or a picture [default: svg for a file named so, else dot]
    #[arg(long, value_enum)]
    pub(crate) format: Option<GraphFormat>,
    #[command(flatten)]
    pub(crate) output: ToFile,
}

/// How a graph is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum GraphFormat {
    /// For Graphviz
    Dot,
    /// A picture that needs no other tool
    Svg,
}

#[derive(Subcommand)]
pub(crate) enum Proof {
    /// Prove that the newest commit holds a path
    Make {
        /// Which
        path: String,
        #[command(flatten)]
        output: ToFile,
    },
    /// Check a proof against a commit; needs no vault
    Check {
        /// The proof; `-` is standard input
        file: PathBuf,
        /// The commit, from whom you trust
        #[arg(long, value_name = "CID", value_parser = cid)]
        commit: Cid,
        #[command(flatten)]
        output: ProvenTo,
    },
}

/// Where the proven value goes to: nowhere unless -o is given
#[derive(Args, Clone)]
pub(crate) struct ProvenTo {
    /// Write the proven value to this file, readable by you only
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, short)]
    pub(crate) force: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_times_are_read_strictly() {
        let text = Cid([7; 32]).to_string();
        assert_eq!(root("HEAD"), Ok(Root::Head));
        assert_eq!(root(&text), Ok(Root::Block(Cid([7; 32]))));
        for wrong in ["", "Head", "b", &text[1..], &text.to_uppercase(), "bafkqabtjnzzwszdf"] {
            assert!(root(wrong).is_err(), "{wrong}");
        }
        for (text, kept) in
            [("2026", "2026"), ("2026-11-21Z", "2026-11-21"), ("2026-11-21T16:30", "2026-11-21T16:30")]
        {
            assert_eq!(moment(text).as_deref(), Ok(kept));
        }
        for wrong in
            ["", "now", "2026-", "2026-1-1", "21.11.2026", "2026-11-21 16:30", "2026-11-21T16:30:00+01:00"]
        {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
