//! Names of what POST actions write.

use core::fmt;

/// Bytes of a path.
pub const PATH_BYTES_MAX: usize = 1024;

/// Why a text is no path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PathError {
    /// It is empty or has more than [`PATH_BYTES_MAX`] bytes.
    Length,
    /// A part of it is empty, `.` or `..`.
    Part,
    /// It has a control character, a backslash, or a character that turns the direction of text.
    Letter,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "a path has 1 to {PATH_BYTES_MAX} bytes"),
            Self::Part => f.write_str("a part of the path is empty, '.' or '..'"),
            Self::Letter => {
                f.write_str("the path has a control character, a backslash or a turn of direction")
            }
        }
    }
}

impl core::error::Error for PathError {}

/// The path without the one `/` that it may begin with; it means the same with and without.
///
/// # Errors
///
/// When it could mean another place to somebody, or could be shown as another one.
pub fn checked(path: &str) -> Result<&str, PathError> {
    let path = path.strip_prefix('/').unwrap_or(path);
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return Err(PathError::Length);
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(PathError::Part);
    }
    match path.contains(misleading) {
        true => Err(PathError::Letter),
        false => Ok(path),
    }
}

/// Whether a character is not shown, means a separator somewhere, or turns the direction of what is around it.
fn misleading(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || letter == '\\' || letter == '\u{feff}' || turns
}

/// Whether a path is `prefix` or lies below it. A prefix means the same with a `/` at its ends and without.
#[must_use]
pub fn below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.strip_prefix('/').unwrap_or(prefix);
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let rest = path.strip_prefix(prefix);
    prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_one_place() {
        assert_eq!(checked("/a/b.wasm"), Ok("a/b.wasm"));
        assert_eq!(checked("a/ä ...x"), Ok("a/ä ...x"));
        for (path, wrong) in [
            ("", PathError::Length),
            ("/", PathError::Length),
            (&"a".repeat(1025), PathError::Length),
            ("//a", PathError::Part),
            ("a//b", PathError::Part),
            ("a/", PathError::Part),
            ("a/../b", PathError::Part),
            ("./a", PathError::Part),
            ("a\0b", PathError::Letter),
            ("a\nb", PathError::Letter),
            ("a\u{85}", PathError::Letter),
            ("a\\..\\b", PathError::Letter),
            ("a\u{202e}b", PathError::Letter),
        ] {
            assert_eq!(checked(path), Err(wrong), "{path:?}");
        }
    }

    #[test]
    fn prefixes_end_at_a_part() {
        assert!(
            below("docs/a", "docs") && below("docs/a", "/docs/") && below("docs", "docs/") && below("a", "")
        );
        assert!(!below("docs2/a", "docs") && !below("doc", "docs"));
    }
}
