//! What can be reached from roots, marked by all workers at once.
//!
//! Each worker keeps a stack of its own and lays out a part of it in its deque, where those without work steal. Nobody
//! waits: who finds nothing to steal for a while goes home, and a worker that has much left then ends the round, so
//! that what is left is dealt out anew.

use alloc::vec::Vec;

use dagvault_core::parallel;
use dagvault_core::sync::{AtomicU32, Ordering};

use super::atomic::Atomic as _;
use super::deque::{Deque, Stolen};
use super::{Flag, Node, NodeTable};

/// Nodes that a worker visits at once, so that the waits for memory overlap.
const BATCH: usize = 16;
/// Numbers that a worker lays out for others, and takes from them, at a time.
const SHARE: usize = 64;
/// Looks for work before a worker goes home.
const LOOKS_MAX: u32 = 2000;
/// Batches after which a worker looks whether others have gone home.
const BATCHES: u32 = 256;
/// Numbers that must be left to end a round.
const ROUND_MIN: usize = 512;

/// One round.
struct Round<'t> {
    table: &'t NodeTable,
    flag: Flag,
    deques: Vec<Deque>,
    /// Workers that have work.
    busy: AtomicU32,
    /// Workers that went home.
    gone: AtomicU32,
}

impl NodeTable {
    /// Sets `flag` on every node that can be reached from `roots` along children, the roots included, by so many
    /// workers; answers how many it was set on. Nodes that have it already are not passed.
    pub fn reach(&self, roots: &[Node], flag: Flag, workers: usize) -> u64 {
        let workers = workers.max(1);
        let mut left: Vec<u32> =
            roots.iter().filter(|root| self.set(**root, flag)).map(|root| root.0).collect();
        let mut reached = left.len() as u64;
        while !left.is_empty() {
            let share = left.len().div_ceil(workers);
            let mut parts: Vec<_> = left.chunks(share).map(|part| Some(part.to_vec())).collect();
            let working = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            parts.resize_with(workers, || Some(Vec::new()));
            let mut parts: Vec<_> =
                parts.into_iter().enumerate().map(|(own, part)| Some((own, part))).collect();
            let deques = if workers > 1 { (0..workers).map(|_| Deque::new()).collect() } else { Vec::new() };
            let (busy, gone) = (AtomicU32::new(working), AtomicU32::new(0));
            let round = Round { table: self, flag, deques, busy, gone };
            let results =
                parallel::map_take(&mut parts, |(own, part)| round.work(own, part.unwrap_or_default()));
            left.clear();
            for (count, rest) in results {
                reached += count;
                left.extend(rest);
            }
        }
        reached
    }
}

impl Round<'_> {
    /// One worker's part: answers how many nodes it reached, and what it left for the next round.
    fn work(&self, own: usize, mut stack: Vec<u32>) -> (u64, Vec<u32>) {
        let (mut reached, mut batches, mut children) = (0, 0, Vec::new());
        let mut working = !stack.is_empty();
        loop {
            while !stack.is_empty() {
                self.visit(&mut stack, &mut children);
                reached += self.push(&mut stack, &children);
                if self.deques.is_empty() {
                    continue;
                }
                self.lay_out(own, &mut stack);
                batches += 1;
                let look = batches % BATCHES == 0 && stack.len() >= ROUND_MIN;
                if look && self.gone.read(Ordering::Relaxed) > 0 {
                    stack.extend(core::iter::from_fn(|| self.deques[own].pop()));
                    return (reached, stack);
                }
            }
            if let Some(deque) = self.deques.get(own) {
                stack.extend(core::iter::from_fn(|| deque.pop()).take(SHARE));
                if !stack.is_empty() {
                    continue;
                }
            }
            if working {
                self.busy.sub(1, Ordering::Relaxed);
            }
            working = self.steal(own, &mut stack);
            if !working {
                return (reached, stack);
            }
        }
    }

    /// Takes nodes from the stack and lists their children.
    fn visit(&self, stack: &mut Vec<u32>, children: &mut Vec<Node>) {
        children.clear();
        for number in stack.drain(stack.len().saturating_sub(BATCH)..) {
            children.extend(self.table.children(Node(number)).into_iter().flatten());
        }
        // An exchange waits for all reads before it: so the slots are read first, all at once.
        for part in children.chunks(BATCH) {
            let near = part.iter().fold(0, |sum, node| sum ^ self.table.nodes.touch_slot(node.0));
            core::hint::black_box(near);
        }
    }

    /// Marks nodes and puts the new ones on the stack; answers how many they are.
    fn push(&self, stack: &mut Vec<u32>, children: &[Node]) -> u64 {
        let before = stack.len();
        stack.extend(children.iter().filter(|node| self.table.set(**node, self.flag)).map(|node| node.0));
        (stack.len() - before) as u64
    }

    /// Lays out a part of the stack if nothing is laid out.
    fn lay_out(&self, own: usize, stack: &mut Vec<u32>) {
        let deque = &self.deques[own];
        if stack.len() < 2 || !deque.is_empty() {
            return;
        }
        let share = (stack.len() / 2).min(SHARE);
        for number in stack.split_off(stack.len() - share) {
            if !deque.push(number) {
                stack.push(number);
            }
        }
    }

    /// Steals from the others; `false` if there was nothing for a while, or nobody has any work.
    fn steal(&self, own: usize, stack: &mut Vec<u32>) -> bool {
        let count = self.deques.len();
        for _ in 0..LOOKS_MAX {
            for victim in (1..count).map(|turn| &self.deques[(own + turn) % count]) {
                while stack.len() < SHARE / 2 {
                    match victim.steal() {
                        Stolen::Number(number) => stack.push(number),
                        Stolen::Lost => {}
                        Stolen::Nothing => break,
                    }
                }
                if !stack.is_empty() {
                    self.busy.add(1, Ordering::Relaxed);
                    return true;
                }
            }
            // A number on its way from one to another may be missed: who has it visits it.
            if self.busy.read(Ordering::Relaxed) == 0 {
                break;
            }
            core::hint::spin_loop();
        }
        self.gone.add(1, Ordering::Relaxed);
        false
    }
}
