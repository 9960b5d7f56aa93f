//! Tests of the algorithms.
#![expect(clippy::cast_possible_truncation, reason = "small counts")]

mod against_plain;
#[cfg(not(miri))]
mod large;
mod plain;
mod shapes;
mod while_others_write;

use dagvault_core::ids::Cid;
use dagvault_core::parallel::Workers;

use super::Graph;
use crate::table::{Limits, Node, NodeTable};

/// A name made of a number.
fn name(number: u64) -> Cid {
    let mut cid = Cid([7; 32]);
    cid.0[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    cid
}

/// Where each node leads; `None` where that is unknown.
type Links = Vec<Option<Vec<u32>>>;

/// A table of these nodes, whose numbers are their places.
fn planted(links: &Links) -> NodeTable {
    let table = NodeTable::new(None, 11, Limits::default()).unwrap();
    let mut worker = table.worker();
    for number in 0..links.len() as u64 {
        assert_eq!(u64::from(worker.insert(&name(number)).unwrap().0.number()), number);
    }
    for (from, to) in (0..).zip(links) {
        if let Some(to) = to {
            worker.link(Node::from_number(from), &nodes(to)).unwrap();
        }
    }
    drop(worker);
    table
}

fn nodes(numbers: &[u32]) -> Vec<Node> {
    numbers.iter().copied().map(Node::from_number).collect()
}

fn numbers(nodes: impl IntoIterator<Item = Node>) -> Vec<u32> {
    nodes.into_iter().map(Node::number).collect()
}

/// Asks by one, two and four workers, who must agree.
fn asked<T: PartialEq + std::fmt::Debug>(table: &NodeTable, ask: impl Fn(Graph<'_>) -> T) -> T {
    let by = |workers: usize| {
        // Rayon casts integers to pointers, which miri is told to refuse: there all jobs run inline.
        let pool = Workers::new(if cfg!(miri) { 1 } else { workers }).unwrap();
        let ask = &ask;
        pool.scope(|| ask(Graph::new(table, workers)))
    };
    let answer = by(1);
    assert_eq!(by(2), answer);
    assert_eq!(by(4), answer);
    answer
}

/// Repeatable numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(bound)) as u32
    }
}
