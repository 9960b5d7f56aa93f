//! Names of files as components of paths: the bytes that are not UTF-8 are percent-escaped.

use std::fmt::Write as _;

/// A file's name as a component of a path. Where it is not UTF-8, each bad byte becomes `%XX`; the raw
/// name is then kept in the metadata.
pub(crate) fn component(raw: &[u8]) -> String {
    let mut out = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The name on disk of a component: the raw name from the metadata if it belongs to the component and is
/// no trick, else the component itself. `None` if that is no name of a file either.
pub(crate) fn on_disk(component_text: &str, raw: Option<&[u8]>) -> Option<Vec<u8>> {
    if let Some(raw) = raw
        && is_name(raw)
        && component(raw) == component_text
    {
        return Some(raw.to_vec());
    }
    is_name(component_text.as_bytes()).then(|| component_text.as_bytes().to_vec())
}

fn is_name(raw: &[u8]) -> bool {
    !raw.is_empty() && raw != b"." && raw != b".." && !raw.iter().any(|byte| matches!(byte, 0 | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_bytes_are_escaped_and_come_back() {
        assert_eq!(component(b"plain%20"), "plain%20");
        assert_eq!(component(b"a\xff\xc3b"), "a%FF%C3b");
        assert_eq!(on_disk("a%FF", Some(b"a\xff")).as_deref(), Some(&b"a\xff"[..]));
    }

    #[test]
    fn forged_raw_names_are_not_used() {
        for forged in [&b"../x"[..], b"..", b"", b"other", b"a\0"] {
            assert_eq!(on_disk("a%FF", Some(forged)).as_deref(), Some(&b"a%FF"[..]));
        }
        assert_eq!(on_disk("..", None), None);
        assert_eq!(on_disk("", None), None);
    }
}
