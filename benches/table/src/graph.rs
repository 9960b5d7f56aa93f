//! Topological order and reachability over graphs of a million nodes: the node table beside petgraph.
//!
//! Usage: `graph ROUNDS [COUNT] [-SHAPE]`, a million nodes without COUNT, all shapes without SHAPE. Everybody has a
//! turn in each round; the best and the median of all rounds count. First with one worker, in processor time; then
//! ours with one and two, by the clock on the wall, with a control beside: pure computation, which shows by how much
//! two threads can be faster on this machine at the time.

mod shapes;

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use dagvault_core::ids::Cid;
use dagvault_core::parallel::{self, Workers};
use dagvault_dag::graph::{Direction, Graph};
use dagvault_dag::table::{Limits, Node, NodeTable};
use petgraph::csr::Csr;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Bfs, Dfs, Topo};
use rustix::time::{ClockId, clock_gettime};

/// The same graph, for everybody.
struct Contenders {
    table: NodeTable,
    root: Node,
    digraph: DiGraph<(), ()>,
    csr: Csr<(), ()>,
    /// Where reachability begins.
    start: u32,
    count: usize,
}

/// What a contender does; answers how many nodes it came to.
type Job = fn(&Contenders) -> usize;

const REACH: [(&str, Job); 5] = [
    ("node table", |all| reached(all, 1)),
    ("petgraph Bfs, Csr", |all| {
        let mut bfs = Bfs::new(&all.csr, all.start);
        std::iter::from_fn(|| bfs.next(&all.csr)).count()
    }),
    ("petgraph Dfs, Csr", |all| {
        let mut dfs = Dfs::new(&all.csr, all.start);
        std::iter::from_fn(|| dfs.next(&all.csr)).count()
    }),
    ("petgraph Bfs, DiGraph", |all| {
        let mut bfs = Bfs::new(&all.digraph, NodeIndex::from(all.start));
        std::iter::from_fn(|| bfs.next(&all.digraph)).count()
    }),
    ("petgraph Dfs, DiGraph", |all| {
        let mut dfs = Dfs::new(&all.digraph, NodeIndex::from(all.start));
        std::iter::from_fn(|| dfs.next(&all.digraph)).count()
    }),
];

const ORDER: [(&str, Job); 3] = [
    ("node table", |all| ordered(all, 1)),
    ("petgraph toposort, DiGraph", |all| {
        petgraph::algo::toposort(&all.digraph, None).map_or(0, |order| black_box(order).len())
    }),
    ("petgraph Topo, DiGraph", |all| {
        let mut topo = Topo::new(&all.digraph);
        std::iter::from_fn(|| topo.next(&all.digraph)).count()
    }),
];

fn reached(all: &Contenders, workers: usize) -> usize {
    let set = Graph::new(&all.table, workers).reachable(&[all.root], Direction::Children);
    set.map_or(0, |set| usize::try_from(set.len()).unwrap_or(0))
}

fn ordered(all: &Contenders, workers: usize) -> usize {
    Graph::new(&all.table, workers).topological_order(None).map_or(0, |order| black_box(order).len())
}

/// Pure computation in 64 parts.
fn control() -> usize {
    let spin =
        |part: usize| (0..400_000).fold(part as u64 | 1, |state, _| black_box(state.wrapping_mul(state | 5)));
    parallel::map(64, spin).len()
}

fn build(shape: &shapes::Shape, count: usize) -> Result<Contenders> {
    let links = (shape.links)(count);
    let mut table = NodeTable::new(None, 0x1234_5678_9abc_def0, Limits::default())?;
    let mut worker = table.worker();
    let mut nodes = Vec::with_capacity(count);
    for number in 0..count {
        let mut cid = Cid([0; 32]);
        cid.0[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        nodes.push(worker.insert(&cid)?.0);
    }
    for (from, to) in links.iter().enumerate() {
        let children: Vec<Node> = to.iter().map(|to| nodes[*to as usize]).collect();
        worker.link(nodes[from], &children)?;
    }
    drop(worker);
    table.settle();
    let edges = || (0_u32..).zip(&links).flat_map(|(from, to)| to.iter().map(move |to| (from, *to)));
    let mut digraph = DiGraph::with_capacity(count, edges().count());
    for _ in 0..count {
        digraph.add_node(());
    }
    digraph.extend_with_edges(edges());
    let mut sorted: Vec<(u32, u32)> = edges().collect();
    sorted.sort_unstable();
    sorted.dedup();
    let csr = Csr::from_sorted_edges(&sorted).ok().context("edges in order")?;
    ensure!(csr.node_count() == count, "the last node has no links");
    Ok(Contenders {
        table,
        root: nodes[shape.start(count)],
        digraph,
        csr,
        start: u32::try_from(shape.start(count))?,
        count,
    })
}

/// Milliseconds that this thread had a processor.
fn on_processor() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// The best and the median of some times.
fn best_and_median(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}

/// Prints what everybody took with one worker.
fn alone(title: &str, all: &Contenders, jobs: &[(&str, Job)], rounds: usize) -> Result<()> {
    let mut times = vec![Vec::new(); jobs.len()];
    for round in 0..rounds {
        for turn in 0..jobs.len() {
            let who = (round + turn) % jobs.len();
            let began = on_processor();
            let count = jobs[who].1(all);
            times[who].push(on_processor() - began);
            ensure!(count == all.count, "{} came to {count} nodes", jobs[who].0);
        }
    }
    for ((name, _), times) in jobs.iter().zip(&mut times) {
        let (best, median) = best_and_median(times);
        println!("| {title} | {name} | {best:.1} | {median:.1} |");
    }
    Ok(())
}

/// Prints by how much two workers are faster than one.
fn scaling(all: &Contenders, shape: &str, rounds: usize) -> Result<()> {
    let pools = [Workers::new(1)?, Workers::new(2)?];
    type Scaled<'a> = (&'a str, Box<dyn Fn(usize) -> usize + Sync + 'a>);
    let jobs: [Scaled<'_>; 3] = [
        ("control", Box::new(|_| control())),
        ("reachable", Box::new(|workers| reached(all, workers))),
        ("topological order", Box::new(|workers| ordered(all, workers))),
    ];
    let mut times = vec![[Vec::new(), Vec::new()]; jobs.len()];
    for _ in 0..rounds {
        for ((_, job), times) in jobs.iter().zip(&mut times) {
            for workers in [1, 2] {
                let began = Instant::now();
                let count = pools[workers - 1].scope(|| job(workers));
                times[workers - 1].push(began.elapsed().as_secs_f64() * 1e3);
                ensure!(count > 0, "no answer");
            }
        }
    }
    for ((name, _), times) in jobs.iter().zip(&mut times) {
        let [one, two] = times.each_mut().map(|times| best_and_median(times));
        let (best, median) = (one.0 / two.0, one.1 / two.1);
        println!("| {shape} | {name} | {:.1} | {:.1} | {best:.2} | {median:.2} |", one.0, two.0);
    }
    Ok(())
}

fn main() -> Result<()> {
    let (names, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|text| text.starts_with('-'));
    let numbers: Vec<usize> =
        numbers.iter().map(|text| text.parse().context("a number")).collect::<Result<_>>()?;
    let rounds = *numbers.first().context("usage: graph ROUNDS [COUNT] [-SHAPE]")?;
    let count = numbers.get(1).copied().unwrap_or(1_000_000);
    let wanted = |shape: &&shapes::Shape| names.iter().all(|name| shape.name.contains(&name[1..]));
    println!("{count} nodes; milliseconds\n\n| what | who | best | median |\n|-|-|-|-|");
    for shape in shapes::SHAPES.iter().filter(wanted) {
        let all = build(shape, count)?;
        alone(&format!("reachable, {}", shape.name), &all, &REACH, rounds)?;
        alone(&format!("topological order, {}", shape.name), &all, &ORDER, rounds)?;
    }
    println!("\n| shape | what | 1 worker | 2 workers | best by | median by |\n|-|-|-|-|-|-|");
    for shape in shapes::SHAPES.iter().filter(wanted) {
        scaling(&build(shape, count)?, shape.name, rounds)?;
    }
    Ok(())
}
