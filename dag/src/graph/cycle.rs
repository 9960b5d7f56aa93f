//! A circle of links, named so that a person can look at it.

use alloc::vec::Vec;

use super::levels::Counted;
use super::{GraphError, with_room};
use crate::table::Node;

/// Most nodes of a circle that are named.
pub const NAMED_MAX: usize = 16;

/// Nodes that link to each other in a circle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cycle {
    /// Its first nodes, at most [`NAMED_MAX`], from that with the smallest number on: each links to the next, and the
    /// last, if all are here, to the first.
    pub nodes: Vec<Node>,
    /// How many it has.
    pub length: u64,
}

/// Marks a node that the way back has passed.
const PASSED: u32 = 1 << 31;

/// A circle in what is left when no node without a link to it is left: there every node has a parent, so a way back
/// from anywhere ends in a circle.
pub(super) fn find(counted: &Counted<'_>) -> Result<Cycle, GraphError> {
    let left = |number: u32| counted.is_there(number) && counted.links_to(number) > 0;
    let mut parents: Vec<u32> = with_room(counted.numbers() as usize)?;
    parents.resize(counted.numbers() as usize, 0);
    let mut near = counted.near();
    for number in (0..counted.numbers()).filter(|number| left(*number) && counted.is_linked(*number)) {
        let first = near.first(number);
        near.each(first, |child| {
            // The smallest parent, plus one.
            if left(child) && parents[child as usize] == 0 {
                parents[child as usize] = number + 1;
            }
        });
    }
    let back = |parents: &[u32], at: u32| (parents[at as usize] & !PASSED) - 1;
    let mut at = (0..counted.numbers()).find(|number| left(*number)).ok_or(GraphError::Memory)?;
    while parents[at as usize] & PASSED == 0 {
        parents[at as usize] |= PASSED;
        at = back(&parents, at);
    }
    let (start, mut least, mut length) = (at, at, 0_u64);
    loop {
        (length, least, at) = (length + 1, least.min(at), back(&parents, at));
        if at == start {
            break;
        }
    }
    // Backwards, the smallest stands before the last of the others: what is named first is met last.
    let mut nodes = with_room(NAMED_MAX)?;
    let named = length.min(NAMED_MAX as u64);
    nodes.push(Node::from_number(least));
    at = back(&parents, least);
    for turn in 1..length {
        if turn > length - named {
            nodes.push(Node::from_number(at));
        }
        at = back(&parents, at);
    }
    nodes[1..].reverse();
    Ok(Cycle { nodes, length })
}
