//! What can be reached from roots, marked in the table by all workers at once.

use alloc::vec::Vec;

use super::links::{Direction, Visitor};
use super::{Flag, Node, NodeTable, TableError};

/// Sets a flag on what it meets.
#[derive(Clone, Copy)]
struct Flags<'t> {
    table: &'t NodeTable,
    flag: Flag,
}

impl Visitor for Flags<'_> {
    const DIRECTION: Direction = Direction::Children;
    const LEAVES: bool = false;

    #[inline]
    fn open(&self, _: u32, linked: bool) -> bool {
        linked
    }

    #[inline]
    fn touch(&self, to: u32) -> u64 {
        self.table.nodes.touch_slot(to)
    }

    #[inline]
    fn claim(&self, _: u32, to: u32) -> bool {
        self.table.nodes.set(to, self.flag.0)
    }
}

impl NodeTable {
    /// Sets `flag` on every node that can be reached from `roots` along children, the roots included, by so many
    /// workers; answers how many it was set on. Nodes that have it already are not passed; those whose children are
    /// unknown lead nowhere.
    ///
    /// # Errors
    /// `Memory` if there is none for the list of nodes to be visited; some have the flag then.
    pub fn reach(&self, roots: &[Node], flag: Flag, workers: usize) -> Result<u64, TableError> {
        let roots = roots.iter().filter(|root| self.set(**root, flag)).map(|root| root.0).collect::<Vec<_>>();
        let reached = roots.len() as u64;
        Ok(reached + self.sight().walk(Flags { table: self, flag }, roots, workers)?)
    }
}
