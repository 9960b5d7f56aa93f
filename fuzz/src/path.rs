//! Paths: what is accepted can't lead out of a folder or stand for two places.

use std::path::{Component, Path};

use dagvault_api::check_path;

/// The oracle.
///
/// # Panics
/// If a path is accepted that means something to a file system.
pub fn check(input: &[u8]) {
    let Ok(path) = std::str::from_utf8(input) else { return };
    if check_path(path).is_err() {
        return;
    }
    assert!(!path.contains('\0') && path.len() <= 4096);
    let parts: Vec<_> = Path::new(path).components().collect();
    assert!(!parts.is_empty() && parts.iter().all(|part| matches!(part, Component::Normal(_))), "{path:?}");
    // The file system's view and ours agree on where one component ends.
    assert_eq!(parts.len(), path.split('/').count(), "{path:?}");
}

/// Good and bad paths.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts =
        ["a", "mail/token", "a/../b", "/a", "a//b", "a/", ".", "..", "a/./b", "ä/ß", "a\0b", "...", "a/..b"];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
