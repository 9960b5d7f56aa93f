//! The state tree: an ordered map from paths to entries whose shape depends on its content only.
//!
//! A node ends behind an entry whose path has a hash (keyed by space) with enough zero bits, see
//! [`SpaceKeys::rank`], or before one that would make it too heavy. So the same entries give the same tree
//! whatever the order of the changes, and a change rewrites the nodes from its leaf up to the root.

mod read;
#[cfg(test)]
mod tests;
mod update;

use dagvault_api::Error;

pub(crate) use read::{Found, entry_of};

use crate::head::Root;
use crate::node::SpaceKeys;
use crate::nodes::Nodes;

/// A tree at one root.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a> {
    pub(crate) nodes: &'a Nodes,
    pub(crate) keys: &'a SpaceKeys,
    pub(crate) root: Option<&'a Root>,
}

fn misshapen() -> Error {
    Error::corrupt("the state tree is out of order")
}
