//! Shapes of graphs.

/// A shape.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Where each of so many nodes leads.
    pub(crate) links: fn(usize) -> Vec<Vec<u32>>,
    /// Whether the nodes are numbered at random.
    shuffled: bool,
}

impl Shape {
    /// The node from which all others can be reached.
    pub(crate) fn start(&self, count: usize) -> usize {
        if self.shuffled { shuffle(0, count) } else { 0 }
    }
}

/// All of them.
pub(crate) const SHAPES: [Shape; 6] = [
    Shape { name: "random", links: random, shuffled: false },
    Shape { name: "chain", links: chain, shuffled: false },
    Shape { name: "wide star", links: star, shuffled: false },
    Shape { name: "merge ladder", links: ladder, shuffled: false },
    Shape { name: "tree of 3", links: tree, shuffled: false },
    Shape { name: "shuffled chain", links: shuffled_chain, shuffled: true },
];

fn numbered(number: usize) -> u32 {
    u32::try_from(number).expect("few nodes")
}

/// Each node but the first has three parents anywhere before it.
fn random(count: usize) -> Vec<Vec<u32>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut links = vec![Vec::new(); count];
    for to in 1..count {
        for _ in 0..3 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let from = usize::try_from(state % to as u64).expect("below `to`");
            links[from].push(numbered(to));
        }
    }
    links
}

fn chain(count: usize) -> Vec<Vec<u32>> {
    (0..count).map(|at| Some(at + 1).filter(|to| *to < count).map(numbered).into_iter().collect()).collect()
}

fn star(count: usize) -> Vec<Vec<u32>> {
    let mut links = vec![Vec::new(); count];
    links[0] = (1..count).map(numbered).collect();
    links
}

/// Two branches that merge into each other at each step.
fn ladder(count: usize) -> Vec<Vec<u32>> {
    let next = |at: usize| if at == 0 { [1, 2] } else { [at.div_ceil(2) * 2 + 1, at.div_ceil(2) * 2 + 2] };
    (0..count).map(|at| next(at).into_iter().filter(|to| *to < count).map(numbered).collect()).collect()
}

fn tree(count: usize) -> Vec<Vec<u32>> {
    (0..count).map(|at| (3 * at + 1..3 * at + 4).filter(|to| *to < count).map(numbered).collect()).collect()
}

/// Where a number goes: by a stride that is prime, and no factor of round counts.
fn shuffle(at: usize, count: usize) -> usize {
    (at * 7_368_787 + 12_345) % count
}

fn shuffled_chain(count: usize) -> Vec<Vec<u32>> {
    let mut links = vec![Vec::new(); count];
    (1..count).for_each(|to| links[shuffle(to - 1, count)] = vec![numbered(shuffle(to, count))]);
    links
}
