//! The graph of commits for Graphviz.

use std::fmt::Write as _;

use super::{Shown, short};
use crate::show;

/// A digraph with a node for each commit and an edge to each parent, drawn or not.
pub(crate) fn dot(commits: &[Shown]) -> String {
    let mut out = String::from(
        "digraph commits {\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10];\n",
    );
    for (commit, summary) in commits {
        let time = show::time(commit.time_ms);
        let author = &show::hex(&commit.author)[..8];
        let _ = writeln!(
            out,
            "  \"{}\" [label=\"{}\\n{time}\\n{author} …{}\"];",
            commit.cid,
            summary.replace('\\', "\\\\").replace('"', "\\\""),
            short(commit)
        );
        for parent in &commit.parents {
            let _ = writeln!(out, "  \"{}\" -> \"{parent}\";", commit.cid);
        }
    }
    out.push_str("}\n");
    out
}
