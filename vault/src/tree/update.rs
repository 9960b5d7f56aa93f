//! Changing the tree: only the nodes that a change touches are made anew, each under a fresh key.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::iter::Peekable;
use core::mem;

use dagvault_api::Error;
use dagvault_core::ids::Cid;
use dagvault_core::limits::{NODE_BYTES_SOFT, TREE_DEPTH_MAX};
use dagvault_dag::store::Block;

use super::{Tree, misshapen};
use crate::entry::Entry;
use crate::head::Root;
use crate::node::{Child, Node, SpaceKeys};
use crate::nodes::Seeds;

/// What becomes of each key of a level: a new item, or none.
type Changes<I> = BTreeMap<String, Option<I>>;

/// What nodes of one level are made of.
trait Item: Clone {
    fn key(&self) -> &str;
    fn weight(&self) -> usize;
    fn of(node: &Node) -> Option<&[Self]>;
    fn node(level: u32, items: Vec<Self>) -> Node;
    /// The node of the level below that it stands for.
    fn below(&self) -> Option<Cid>;
}

impl Item for Arc<Entry> {
    fn key(&self) -> &str {
        &self.path
    }
    fn weight(&self) -> usize {
        Entry::weight(self)
    }
    fn of(node: &Node) -> Option<&[Self]> {
        match node {
            Node::Leaf(entries) => Some(entries),
            Node::Branch { .. } => None,
        }
    }
    fn node(_: u32, items: Vec<Self>) -> Node {
        Node::Leaf(items.into())
    }
    fn below(&self) -> Option<Cid> {
        None
    }
}

impl Item for Arc<Child> {
    fn key(&self) -> &str {
        &self.last
    }
    fn weight(&self) -> usize {
        self.last.len() + 128
    }
    fn of(node: &Node) -> Option<&[Self]> {
        match node {
            Node::Leaf(_) => None,
            Node::Branch { children, .. } => Some(children),
        }
    }
    fn node(level: u32, items: Vec<Self>) -> Node {
        Node::Branch { level, children: items.into() }
    }
    fn below(&self) -> Option<Cid> {
        Some(self.link.cid)
    }
}

/// Where rewriting goes on behind an old node.
enum Step {
    /// With the next old node: the open new one has no boundary yet.
    Next(Arc<Node>),
    /// Nowhere: old and new nodes end at the same boundary.
    Boundary,
    /// With new items only: there is no old node behind.
    End,
}

/// Cuts a sequence of items into nodes.
struct Builder<'k, I> {
    keys: &'k SpaceKeys,
    level: u32,
    open: Vec<I>,
    weight: usize,
    /// The old node whose items alone, unchanged, are in the open one: its number.
    origin: Option<usize>,
    /// Nodes that are ready, and the number of the old node that a node is equal to.
    done: Vec<(Vec<I>, Option<usize>)>,
    /// Lengths and last keys of the old nodes, by number.
    old: Vec<(usize, String)>,
}

impl<'k, I: Item> Builder<'k, I> {
    fn new(keys: &'k SpaceKeys, level: u32) -> Self {
        Self { keys, level, open: Vec::new(), weight: 0, origin: None, done: Vec::new(), old: Vec::new() }
    }

    /// Appends an item, which came unchanged from the old node `origin`, if any.
    fn push(&mut self, item: I, origin: Option<usize>) {
        let ends = self.keys.rank(item.key()) > self.level;
        self.push_ranked(item, origin, ends);
    }

    /// As [`Builder::push`], for an item of which it is known whether a node ends with it.
    fn push_ranked(&mut self, item: I, origin: Option<usize>, ends: bool) {
        if !self.open.is_empty() && self.weight + item.weight() > NODE_BYTES_SOFT {
            self.close();
        }
        self.origin = if self.open.is_empty() || self.origin == origin { origin } else { None };
        self.weight += item.weight();
        self.open.push(item);
        if ends {
            self.close();
        }
    }

    fn close(&mut self) {
        let items = mem::take(&mut self.open);
        self.weight = 0;
        if !items.is_empty() {
            let same = self.origin.filter(|origin| self.old[*origin].0 == items.len());
            self.done.push((items, same));
        }
    }
}

impl Tree<'_> {
    /// The tree after `changes`, whose new blocks are appended to `blocks`.
    pub(crate) fn apply(
        &self,
        changes: BTreeMap<String, Option<Entry>>,
        blocks: &mut Vec<Block>,
    ) -> Result<Option<Root>, Error> {
        if changes.is_empty() {
            return Ok(self.root.cloned());
        }
        let changes: Changes<Arc<Entry>> =
            changes.into_iter().map(|(path, entry)| (path, entry.map(Arc::new))).collect();
        let top = self.root.map_or(0, |root| root.level);
        // A node a level, and one where a node was cut in two.
        let seeds = &mut Seeds::draw(self.nodes, top as usize + 2)?;
        let mut ups = self.rewrite(0, changes, seeds, blocks)?;
        for level in 1.. {
            if ups.is_empty() {
                return Ok(self.root.cloned());
            }
            if level > top {
                // Nothing above: what is left is all there is, with the old root if nothing touched it.
                if let Some(root) = self.root.filter(|root| root.level + 1 == level) {
                    let last = String::from(self.nodes.load(root.level, &root.link)?.last());
                    if ups.contains_key(&last) {
                        self.nodes.replaced(root.link.cid);
                    } else {
                        let (link, paths) = (root.link.clone(), root.paths);
                        ups.insert(last.clone(), Some(Arc::new(Child { last, link, paths })));
                    }
                }
                let mut children: Vec<Arc<Child>> = ups.into_values().flatten().collect();
                if children.len() <= 1 {
                    return children.pop().map(|child| self.collapse(level - 1, child)).transpose();
                }
                if level as usize > TREE_DEPTH_MAX {
                    return Err(Error::limit("the state tree is too deep"));
                }
                let all = children.into_iter().map(|child| (child.last.clone(), Some(child))).collect();
                ups = Tree { root: None, ..*self }.rewrite(level, all, seeds, blocks)?;
            } else {
                ups = self.rewrite(level, ups, seeds, blocks)?;
            }
        }
        Err(misshapen())
    }

    /// The root is the lowest node that all paths are below.
    fn collapse(&self, mut level: u32, mut child: Arc<Child>) -> Result<Root, Error> {
        while level > 0 {
            let node = self.nodes.load(level, &child.link)?;
            match &*node {
                Node::Branch { children, .. } if children.len() == 1 => child = Arc::clone(&children[0]),
                _ => break,
            }
            level -= 1;
        }
        Ok(Root { level, paths: child.paths, link: child.link.clone() })
    }

    /// Makes the nodes of one level anew where `changes` touch them; answers the changes of the level above.
    fn rewrite<I: Item>(
        &self,
        level: u32,
        changes: Changes<I>,
        seeds: &mut Seeds<'_>,
        blocks: &mut Vec<Block>,
    ) -> Result<Changes<Arc<Child>>, Error> {
        let mut ups: Changes<Arc<Child>> = BTreeMap::new();
        let mut builder = Builder::new(self.keys, level);
        let mut changes = changes.into_iter().peekable();
        while let Some((first, _)) = changes.peek() {
            let mut step = match self.first_of_run(level, first)? {
                Some(node) => Step::Next(node),
                None => Step::End,
            };
            while let Step::Next(node) = step {
                ups.insert(node.last().into(), None);
                step = self.merge(level, &node, &mut changes, &mut builder)?;
            }
            if matches!(step, Step::End) {
                for (_, item) in changes.by_ref() {
                    item.into_iter().for_each(|item| builder.push(item, None));
                }
            }
            builder.close();
        }
        self.seal(level, builder, &mut ups, seeds, blocks)?;
        Ok(ups)
    }

    /// The old node at which rewriting for a change must begin: that of its place, or an earlier one from which
    /// nodes up to there were cut by weight alone; none if the change begins a node of its own at the end.
    fn first_of_run(&self, level: u32, key: &str) -> Result<Option<Arc<Node>>, Error> {
        let (mut first, mut end) = match self.seek(level, key)? {
            Some(node) => (Some(Arc::clone(&node)), String::from(node.last())),
            None => (None, String::from(key)),
        };
        while let Some(node) = self.previous(level, &end)? {
            if self.keys.rank(node.last()) > level {
                break;
            }
            end = node.last().into();
            first = Some(node);
        }
        Ok(first)
    }

    /// Merges an old node with the changes up to its end.
    fn merge<I: Item>(
        &self,
        level: u32,
        node: &Node,
        changes: &mut Peekable<impl Iterator<Item = (String, Option<I>)>>,
        builder: &mut Builder<'_, I>,
    ) -> Result<Step, Error> {
        let items = I::of(node).ok_or_else(misshapen)?;
        let number = builder.old.len();
        builder.old.push((items.len(), node.last().into()));
        for (index, item) in items.iter().enumerate() {
            while let Some((_, new)) = changes.next_if(|(key, _)| key.as_str() < item.key()) {
                new.into_iter().for_each(|new| builder.push(new, None));
            }
            match changes.next_if(|(key, _)| key == item.key()) {
                Some((_, new)) => {
                    item.below().into_iter().for_each(|cid| self.nodes.replaced(cid));
                    new.into_iter().for_each(|new| builder.push(new, None));
                }
                // An old node ends with its last item only: of the others the rank is known to be too low.
                None if index + 1 < items.len() => builder.push_ranked(item.clone(), Some(number), false),
                None => builder.push(item.clone(), Some(number)),
            }
        }
        Ok(match self.next(level, node.last())? {
            // Not behind a node that was cut by weight, though nothing of it may be left: a run for a later change
            // would begin before it and take back what was removed here.
            Some(_) if builder.open.is_empty() && self.keys.rank(node.last()) > level => Step::Boundary,
            Some(next) => Step::Next(next),
            None => Step::End,
        })
    }

    fn seal<I: Item>(
        &self,
        level: u32,
        builder: Builder<'_, I>,
        ups: &mut Changes<Arc<Child>>,
        seeds: &mut Seeds<'_>,
        blocks: &mut Vec<Block>,
    ) -> Result<(), Error> {
        let mut fresh = Vec::new();
        for (items, same) in builder.done {
            match same {
                Some(number) => {
                    ups.remove(&builder.old[number].1);
                }
                None => fresh.push(I::node(level, items)),
            }
        }
        for (link, node) in self.nodes.seal_tree(self.keys, fresh, seeds, blocks)? {
            let last = String::from(node.last());
            ups.insert(last.clone(), Some(Arc::new(Child { last, link, paths: node.paths() })));
        }
        Ok(())
    }
}
