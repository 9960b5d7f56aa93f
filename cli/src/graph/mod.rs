//! Drawings of the graph of commits: for Graphviz, and as a picture of our own.

mod dot;
mod lanes;
mod svg;

use dagvault_api::CommitInfo;

pub(crate) use dot::dot;
pub(crate) use svg::svg;

/// A commit and what it changed.
type Shown = (CommitInfo, String);

/// The end of a CID, which tells commits apart at a glance: all begin alike.
fn short(commit: &CommitInfo) -> String {
    let text = commit.cid.to_string();
    text[text.len() - 10..].to_owned()
}

/// `text` as it stands in XML.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dagvault_api::CommitRoot;
    use dagvault_core::ids::Cid;

    /// A commit by its number, its parents' numbers and its author.
    pub(super) fn commit(number: u8, parents: &[u8], author: u8) -> Shown {
        let cid = |number: u8| Cid(*blake3::hash(&[number]).as_bytes());
        let info = CommitInfo {
            cid: cid(number),
            sequence: number.into(),
            parents: parents.iter().map(|parent| cid(*parent)).collect(),
            roots: vec![CommitRoot { space: [1; 16], epoch: 0, root: Some(cid(number)) }],
            author: [author; 16],
            time_ms: 1_790_000_000_000 + u64::from(number) * 3_600_000,
        };
        let what = if parents.len() > 1 { "merge" } else { "paths" };
        (info, format!("change {number}: {what} <&\">"))
    }

    /// Two branches that meet, one that goes on, and a merge of three.
    pub(super) fn braid() -> Vec<Shown> {
        vec![
            commit(12, &[11, 8], 1),
            commit(11, &[10, 9, 7], 1),
            commit(10, &[6], 2),
            commit(9, &[6], 3),
            commit(8, &[5], 2),
            commit(7, &[4], 3),
            commit(6, &[4], 1),
            commit(5, &[3], 2),
            commit(4, &[3], 1),
            commit(3, &[2], 1),
            commit(2, &[1], 1),
            commit(1, &[], 1),
        ]
    }

    #[test]
    fn drawings_are_whole_and_escaped() {
        let shown = braid();
        let picture = svg(&shown);
        assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
        assert_eq!(picture.matches("<circle").count(), 12);
        assert_eq!(picture.matches("<path").count(), 14, "a line for each link");
        assert!(!picture.contains("<&") && picture.contains("&lt;&amp;&quot;&gt;"));
        let text = dot(&shown);
        assert!(text.starts_with("digraph commits {") && text.trim_end().ends_with('}'));
        assert_eq!(text.matches(" -> ").count(), 14);
        for (commit, _) in &shown {
            assert!(text.contains(&commit.cid.to_string()) && picture.contains(&commit.cid.to_string()));
        }
        assert!(svg(&[]).contains("</svg>") && dot(&[]).contains('}'));
        if let Some(file) = std::env::var_os("DAGVAULT_GRAPH_SVG") {
            std::fs::write(file, picture).unwrap();
        }
    }
}
