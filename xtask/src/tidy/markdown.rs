//! As much Markdown as the checks of the docs need.

/// A piece of a document that shows code.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Code<'a> {
    /// Between back-ticks in a line.
    Span(&'a str),
    /// A line of a fenced block, with the block's language.
    Line {
        /// What stands behind the opening fence.
        language: &'a str,
        /// The line.
        text: &'a str,
    },
}

/// The code of a document with line numbers counted from 1.
pub(super) fn code(document: &str) -> Vec<(usize, Code<'_>)> {
    let mut found = Vec::new();
    for (number, line, fence) in lines(document) {
        match fence {
            Some(language) => found.push((number, Code::Line { language, text: line })),
            None => found.extend(spans(line).into_iter().map(|span| (number, Code::Span(span)))),
        }
    }
    found
}

/// The lines of a document: number from 1, text, and the language of the fenced block that it is in. The fences
/// themselves are left out.
pub(super) fn lines(document: &str) -> Vec<(usize, &str, Option<&str>)> {
    let mut fence = None;
    let mut found = Vec::new();
    for (index, line) in document.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), fence) {
            (Some(language), None) => fence = Some(language.trim()),
            (Some(_), Some(_)) => fence = None,
            (None, fence) => found.push((index + 1, line, fence)),
        }
    }
    found
}

fn spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).filter(|span| !span.is_empty()).collect()
}

/// The targets of the links `[text](target)` of a document outside fenced blocks and code.
pub(super) fn links(document: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line, fence) in lines(document) {
        if fence.is_some() {
            continue;
        }
        let plain = line.split('`').step_by(2);
        for part in plain {
            let targets = part.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            found.extend(targets.map(|(target, _)| (number, target)));
        }
    }
    found
}

/// The anchors of a document's headings, as GitHub and mdBook name them.
pub(super) fn anchors(document: &str) -> Vec<String> {
    let headings = lines(document).into_iter().filter(|(_, _, fence)| fence.is_none());
    headings
        .filter_map(|(_, line, _)| {
            let text = line.trim_start_matches('#');
            (text.len() < line.len() && text.starts_with(' ')).then(|| anchor(text.trim()))
        })
        .collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ if letter.is_alphanumeric() => Some(letter.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_links_and_anchors_are_found() {
        let text =
            "# The `x` of it, now\nsee `a/b.rs` and [c](d.md#e)\n```sh\ndagvault ls\n```\n[`f`](g.md)\n";
        let code = code(text);
        assert!(code.contains(&(2, Code::Span("a/b.rs"))));
        assert!(code.contains(&(4, Code::Line { language: "sh", text: "dagvault ls" })));
        assert_eq!(links(text), [(2, "d.md#e"), (6, "g.md")]);
        assert_eq!(anchors(text), ["the-x-of-it-now"]);
    }
}
