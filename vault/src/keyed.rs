//! Items in the order of their paths, which are searched without a look at each: a search in a large tree waits for
//! memory and little else.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Deref;

/// What has a path to be found by.
pub(crate) trait Keyed {
    /// The path.
    fn key(&self) -> &str;
}

/// Items in rising order of their paths.
pub(crate) struct Sorted<I> {
    items: Vec<Arc<I>>,
    /// What all paths begin with.
    prefix: Box<[u8]>,
    /// The next eight bytes of each path, zeros behind its end, as a number whose order is theirs.
    heads: Vec<u64>,
}

/// The eight bytes of `key` from `at` on.
fn head(key: &[u8], at: usize) -> u64 {
    let rest = key.get(at..).unwrap_or_default();
    let mut bytes = [0; 8];
    let length = rest.len().min(8);
    bytes[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(bytes)
}

impl<I: Keyed> From<Vec<Arc<I>>> for Sorted<I> {
    fn from(items: Vec<Arc<I>>) -> Self {
        let first = items.first().map_or(&[][..], |item| item.key().as_bytes());
        let last = items.last().map_or(&[][..], |item| item.key().as_bytes());
        let shared = first.iter().zip(last).take_while(|(a, b)| a == b).count();
        let prefix = first[..shared].into();
        let heads = items.iter().map(|item| head(item.key().as_bytes(), shared)).collect();
        Self { items, prefix, heads }
    }
}

impl<I> Deref for Sorted<I> {
    type Target = [Arc<I>];
    fn deref(&self) -> &[Arc<I>] {
        &self.items
    }
}

impl<'s, I> IntoIterator for &'s Sorted<I> {
    type Item = &'s Arc<I>;
    type IntoIter = core::slice::Iter<'s, Arc<I>>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<I: Keyed> Sorted<I> {
    /// How many items stand before the first that is at or behind `path`.
    pub(crate) fn before(&self, path: &str) -> usize {
        self.place(path, |key| key < path)
    }

    /// How many items stand at or before `path`.
    pub(crate) fn up_to(&self, path: &str) -> usize {
        self.place(path, |key| key <= path)
    }

    fn place(&self, path: &str, earlier: impl Fn(&str) -> bool) -> usize {
        let path = path.as_bytes();
        let shared = self.prefix.len();
        match path[..shared.min(path.len())].cmp(&self.prefix) {
            Ordering::Less => return 0,
            Ordering::Greater => return self.len(),
            Ordering::Equal => {}
        }
        let head = head(path, shared);
        let from = self.heads.partition_point(|other| *other < head);
        // Often one, or none: paths differ early behind what they share.
        let alike = self.heads[from..].iter().take_while(|other| **other == head).count();
        from + self.items[from..from + alike].partition_point(|item| earlier(item.key()))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    impl Keyed for String {
        fn key(&self) -> &str {
            self
        }
    }

    #[test]
    fn places_are_those_of_a_plain_search() {
        let letters = ["a", "b", "\0", "\u{7f}", "ä", "long/", "/"];
        let mut all = Vec::from([String::new()]);
        for _ in 0..4 {
            let longer = all.iter().flat_map(|text| letters.map(|letter| text.clone() + letter));
            all.extend(longer.collect::<Vec<_>>());
            all.sort();
            all.dedup();
        }
        for (step, start) in [(1, 0), (3, 1), (7, 100), (40, 900), (900, 3), (10_000, 5)] {
            for begin in ["", "a", "a/long/prefix/", "\0"] {
                let items: Vec<Arc<String>> = all
                    .iter()
                    .skip(start)
                    .step_by(step)
                    .map(|text| Arc::new(String::from(begin) + text))
                    .collect();
                let sorted = Sorted::from(items.clone());
                for path in all.iter().step_by(11) {
                    for path in [path.clone(), String::from(begin) + path] {
                        let expected = items.partition_point(|item| item.as_str() < path.as_str());
                        assert_eq!(sorted.before(&path), expected, "{path:?}");
                        let expected = items.partition_point(|item| item.as_str() <= path.as_str());
                        assert_eq!(sorted.up_to(&path), expected, "{path:?}");
                    }
                }
            }
        }
        let none: Sorted<String> = Vec::new().into();
        assert_eq!((none.before("a"), none.up_to("")), (0, 0));
    }
}
