//! Patterns of `--exclude`.

/// A pattern: `*` stands for any part of a name, `**` for any part of a path, `?` for one character. One
/// without `/` is compared with each name, one with `/` with the path below the imported folder.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    whole_path: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Char(char),
    One,
    Star,
    StarStar,
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn new(text: &str) -> Self {
        let text = text.strip_suffix('/').unwrap_or(text);
        let mut parts = Vec::new();
        for c in text.strip_prefix('/').unwrap_or(text).chars() {
            match (c, parts.last()) {
                ('*', Some(Part::Star)) => {
                    parts.pop();
                    parts.push(Part::StarStar);
                }
                ('*', Some(Part::StarStar)) => {}
                ('*', _) => parts.push(Part::Star),
                ('?', _) => parts.push(Part::One),
                (c, _) => parts.push(Part::Char(c)),
            }
        }
        Self { parts, whole_path: text.contains('/') }
    }

    /// Whether the file at `path` (relative, `/` between names) is meant by itself.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let subject = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        self.matches_text(subject)
    }

    /// Time is pattern × text whatever the pattern: each step carries the set of places in it.
    fn matches_text(&self, text: &str) -> bool {
        let mut at = vec![false; self.parts.len() + 1];
        at[0] = true;
        self.skip_stars(&mut at);
        for c in text.chars() {
            let mut next = vec![false; at.len()];
            for (index, part) in self.parts.iter().enumerate().filter(|(index, _)| at[*index]) {
                match part {
                    Part::Char(wanted) if *wanted == c => next[index + 1] = true,
                    Part::One if c != '/' => next[index + 1] = true,
                    Part::Star if c != '/' => next[index] = true,
                    Part::StarStar => next[index] = true,
                    _ => {}
                }
            }
            self.skip_stars(&mut next);
            at = next;
        }
        at[self.parts.len()]
    }

    fn skip_stars(&self, at: &mut [bool]) {
        for (index, part) in self.parts.iter().enumerate() {
            if at[index] && matches!(part, Part::Star | Part::StarStar) {
                at[index + 1] = true;
            }
        }
    }
}

/// Whether any pattern means `path` or a folder above it.
pub(crate) fn excluded(patterns: &[Pattern], path: &str) -> bool {
    if patterns.is_empty() {
        return false;
    }
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| patterns.iter().any(|pattern| pattern.matches(&path[..end])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_paths() {
        let yes = [
            ("*.o", "a/b.o"),
            ("target", "a/target"),
            ("a/*/c", "a/b/c"),
            ("/a", "a"),
            ("a/**", "a/b/c"),
            ("**/c", "a/b/c"),
            ("?.rs", "x.rs"),
            ("**", "x"),
            ("cache/", "cache"),
        ];
        for (pattern, path) in yes {
            assert!(Pattern::new(pattern).matches(path), "{pattern} {path}");
        }
        for (pattern, path) in [("*.o", "a.o/b"), ("a/*", "a/b/c"), ("/a", "b/a"), ("?", "ab"), ("", "a")] {
            assert!(!Pattern::new(pattern).matches(path), "{pattern} {path}");
        }
        assert!(excluded(&[Pattern::new("target")], "a/target/b/c"));
        assert!(!excluded(&[], "a"));
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        assert!(!Pattern::new(&"*a".repeat(200)).matches(&"a".repeat(199).replace('a', "ab")));
    }
}
