//! Figures of a table.

use alloc::vec::Vec;

use dagvault_core::slab::OnceBox;

use super::NodeTable;
use super::index::Index;

/// How a table is used.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Stats {
    /// Nodes.
    pub nodes: u32,
    /// Numbers that are no nodes: in the hands of workers, or of workers that died.
    pub holes: u32,
    /// Segments of slots; whether the first is the DAG region.
    pub segments: (usize, bool),
    /// Bytes allocated, slots in the DAG region not counted.
    pub bytes: usize,
    /// Bytes in use: slots and what lies beside them, edges, the index.
    pub bytes_used: usize,
    /// Cells of the newest index.
    pub cells: u32,
    /// Cells that a look for a node passes, the last included: the mean and the most.
    pub probe_cells: (f64, u32),
}

impl NodeTable {
    /// How the table is used: looks at every node.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats { segments: self.nodes.segments(), bytes: self.bytes(), ..Stats::default() };
        let from = self.generation() as usize;
        let indexes: Vec<&Index> = self.indexes[from..].iter().map_while(OnceBox::get).collect();
        let mut passed = 0_u64;
        for node in self.nodes(0..self.numbers()) {
            stats.nodes += 1;
            let hash = self.nodes.hash(node.0);
            let cells = indexes.iter().find_map(|index| index.probe_cells(hash, node.0)).unwrap_or(0);
            passed += u64::from(cells);
            stats.probe_cells.1 = stats.probe_cells.1.max(cells);
        }
        stats.holes = self.numbers() - stats.nodes;
        stats.cells = indexes.last().map_or(0, |last| 1 << last.bits);
        stats.bytes_used = self.numbers() as usize * 56 + self.edges.used() as usize * 4;
        let all = self.indexes.iter().filter_map(OnceBox::get);
        stats.bytes_used += all.map(|index| Index::bytes(index.bits)).sum::<usize>();
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let mean = passed as f64 / f64::from(stats.nodes.max(1));
        stats.probe_cells.0 = mean;
        stats
    }
}
