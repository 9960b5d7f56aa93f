//! Finding and listing entries, and finding nodes of a level.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use dagvault_api::Error;
use dagvault_dag::link::Link;

use super::{Tree, misshapen};
use crate::entry::Entry;
use crate::keyed::Sorted;
use crate::node::{Child, Node};

/// Leaves that are opened together when a listing goes through many.
const READ_AHEAD: usize = 32;

/// A leaf and the place of an entry in it.
pub(crate) type Found = (Arc<Node>, usize);

/// The entry that a lookup found.
pub(crate) fn entry_of(found: &Found) -> Option<&Entry> {
    match &*found.0 {
        Node::Leaf(entries) => entries.get(found.1).map(|entry| &**entry),
        Node::Branch { .. } => None,
    }
}

/// Paths behind `after` (if any) and below `end` (if any).
struct Range<'p> {
    after: Option<&'p str>,
    start: &'p str,
    end: &'p str,
}

impl Range<'_> {
    fn before(&self, path: &str) -> bool {
        path < self.start || self.after.is_some_and(|after| path <= after)
    }

    fn beyond(&self, path: &str) -> bool {
        !self.end.is_empty() && path >= self.end
    }
}

fn children(node: &Node) -> Result<&Sorted<Child>, Error> {
    match node {
        Node::Branch { children, .. } => Ok(children),
        Node::Leaf(_) => Err(misshapen()),
    }
}

impl Tree<'_> {
    /// The entry at `path`.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Entry>, Error> {
        let found = self.find_many(&[path])?.pop().flatten();
        Ok(found.as_ref().and_then(entry_of).cloned())
    }

    /// The entries at several paths, level by level, so that nodes are opened together.
    pub(crate) fn find_many(&self, paths: &[&str]) -> Result<Vec<Option<Found>>, Error> {
        let mut results = Vec::new();
        results.resize_with(paths.len(), || None);
        let Some(root) = self.root else { return Ok(results) };
        let mut level = root.level;
        let all: Vec<usize> = (0..paths.len()).collect();
        let mut groups = Vec::from([(self.nodes.load(level, &root.link)?, all)]);
        while level > 0 {
            let mut wanted: Vec<(&Link, Vec<usize>)> = Vec::new();
            for (node, group) in &groups {
                let children = children(node)?;
                let mut at: Vec<(usize, usize)> =
                    group.iter().map(|index| (children.before(paths[*index]), *index)).collect();
                at.sort_unstable();
                for group in at.chunk_by(|a, b| a.0 == b.0) {
                    // Behind the last child is nothing.
                    if let Some(child) = children.get(group[0].0) {
                        wanted.push((&child.link, group.iter().map(|(_, index)| *index).collect()));
                    }
                }
            }
            level -= 1;
            let links: Vec<&Link> = wanted.iter().map(|(link, _)| *link).collect();
            let nodes = self.nodes.load_many(level, &links)?;
            groups = nodes.into_iter().zip(wanted.into_iter().map(|(_, group)| group)).collect();
        }
        for (node, group) in groups {
            let Node::Leaf(entries) = &*node else { return Err(misshapen()) };
            for index in group {
                let at = entries.before(paths[index]);
                if entries.get(at).is_some_and(|entry| entry.path == paths[index]) {
                    results[index] = Some((Arc::clone(&node), at));
                }
            }
        }
        Ok(results)
    }

    /// Goes in order through the entries that `prefix` covers and that are behind `after`, until `take` answers
    /// `false`.
    pub(crate) fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        take: &mut dyn FnMut(&Entry) -> bool,
    ) -> Result<(), Error> {
        let Some(root) = self.root else { return Ok(()) };
        if prefix.is_empty() {
            let range = Range { after, start: "", end: "" };
            return self.scan_node(root.level, &root.link, &range, take).map(|_| ());
        }
        if after.is_none_or(|after| after < prefix)
            && let Some(entry) = self.find(prefix)?
            && !take(&entry)
        {
            return Ok(());
        }
        // Below are the paths that go on with '/', whose successor is '0'.
        let (start, end) = (String::from(prefix) + "/", String::from(prefix) + "0");
        let range = Range { after, start: &start, end: &end };
        self.scan_node(root.level, &root.link, &range, take).map(|_| ())
    }

    fn scan_node(
        &self,
        level: u32,
        link: &Link,
        range: &Range<'_>,
        take: &mut dyn FnMut(&Entry) -> bool,
    ) -> Result<bool, Error> {
        let node = self.nodes.load(level, link)?;
        let children = match &*node {
            Node::Leaf(entries) => {
                let inside = entries
                    .iter()
                    .skip_while(|entry| range.before(&entry.path))
                    .take_while(|entry| !range.beyond(&entry.path));
                for entry in inside {
                    if !take(entry) {
                        return Ok(false);
                    }
                }
                return Ok(true);
            }
            Node::Branch { children, .. } => children,
        };
        let first = children.partition_point(|child| range.before(&child.last));
        let last = children.partition_point(|child| !range.beyond(&child.last));
        // Empty where `after` is behind the range.
        let inside = children.get(first..children.len().min(last + 1)).unwrap_or_default();
        // The first leaves alone: a short listing should not open many.
        let mut ahead = 2;
        let mut rest = inside;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(if level == 1 { ahead } else { 1 }));
            let links: Vec<&Link> = now.iter().map(|child| &child.link).collect();
            let held = self.nodes.load_many(level - 1, &links)?;
            for child in now {
                if !self.scan_node(level - 1, &child.link, range, take)? {
                    return Ok(false);
                }
            }
            drop(held);
            (rest, ahead) = (later, READ_AHEAD.min(ahead * 2));
        }
        Ok(true)
    }

    /// The node of `level` in which `path` belongs: the first that ends at or behind it.
    pub(super) fn seek(&self, level: u32, path: &str) -> Result<Option<Arc<Node>>, Error> {
        self.descend(level, |children| children.before(path), |last| last >= path)
    }

    /// The node of `level` behind the one that ends with `last`.
    pub(super) fn next(&self, level: u32, last: &str) -> Result<Option<Arc<Node>>, Error> {
        self.descend(level, |children| children.up_to(last), |candidate| candidate > last)
    }

    /// The first node of `level` whose last path is far enough; `first` tells the first such child.
    fn descend(
        &self,
        level: u32,
        first: impl Fn(&Sorted<Child>) -> usize,
        far_enough: impl Fn(&str) -> bool,
    ) -> Result<Option<Arc<Node>>, Error> {
        let Some(root) = self.root.filter(|root| root.level >= level) else { return Ok(None) };
        let mut node = self.nodes.load(root.level, &root.link)?;
        for below in (level..root.level).rev() {
            let children = children(&node)?;
            let Some(child) = children.get(first(children)) else { return Ok(None) };
            node = self.nodes.load(below, &child.link)?;
        }
        Ok(Some(node).filter(|node| far_enough(node.last())))
    }

    /// The node of `level` before the one that ends with `last`.
    pub(super) fn previous(&self, level: u32, last: &str) -> Result<Option<Arc<Node>>, Error> {
        let Some(root) = self.root.filter(|root| root.level >= level) else { return Ok(None) };
        let node = self.nodes.load(root.level, &root.link)?;
        if root.level == level {
            return Ok(Some(node).filter(|node| node.last() < last));
        }
        self.previous_below(&node, root.level, level, last)
    }

    fn previous_below(
        &self,
        node: &Node,
        at: u32,
        level: u32,
        last: &str,
    ) -> Result<Option<Arc<Node>>, Error> {
        let children = children(node)?;
        // The child that ends at or behind `last` may hold it, else the child before ends with it.
        let end = children.before(last);
        for child in children[..children.len().min(end + 1)].iter().rev() {
            let below = self.nodes.load(at - 1, &child.link)?;
            if at - 1 > level {
                if let Some(found) = self.previous_below(&below, at - 1, level, last)? {
                    return Ok(Some(found));
                }
            } else if below.last() < last {
                return Ok(Some(below));
            }
        }
        Ok(None)
    }
}
