//! The longest chain.

use alloc::vec::Vec;

use super::levels::Counted;
use super::{Graph, GraphError, NodeSet, with_room};
use crate::table::Node;

impl Graph<'_> {
    /// The nodes of a longest chain in the table, or in a set: each links to the next.
    ///
    /// Of several, that which ends at the smallest number; and from there back, at each step, the smallest number. A
    /// node whose children are unknown can only end it.
    ///
    /// # Errors
    /// `Cycle` if links lead in a circle; `Memory`.
    pub fn longest_chain(&self, within: Option<&NodeSet>) -> Result<Vec<Node>, GraphError> {
        let mut counted = Counted::new(*self, within)?;
        let levels = counted.levels()?;
        let mut level_of: Vec<u32> = with_room(counted.numbers() as usize)?;
        level_of.resize(counted.numbers() as usize, u32::MAX);
        let mut from = 0;
        for (level, end) in (0..).zip(&levels.ends) {
            levels.order[from..*end as usize].iter().for_each(|number| level_of[*number as usize] = level);
            from = *end as usize;
        }
        let last = levels.ends.len().checked_sub(2).map_or(0, |before| levels.ends[before] as usize);
        let mut chain = with_room(levels.ends.len())?;
        let mut end = levels.order.get(last).copied();
        while let Some(number) = end {
            chain.push(Node::from_number(number));
            // What is listed may be newer than the levels; a link of a node that is linked there is not.
            let above = level_of[number as usize].checked_sub(1);
            let parents = self.table.parents_listed(Node::from_number(number));
            end = above.and_then(|above| {
                parents
                    .filter(|parent| {
                        level_of.get(*parent as usize) == Some(&above) && counted.is_linked(*parent)
                    })
                    .min()
            });
        }
        chain.reverse();
        Ok(chain)
    }
}
