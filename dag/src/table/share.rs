//! Work that is found on the way, shared by workers.
//!
//! Each worker keeps a stack of its own and lays out a part of it in its deque, where those without work steal. Nobody
//! waits: who finds nothing to steal for a while goes home, and a worker that has much left then ends the round, so
//! that what is left is dealt out anew.

use alloc::vec::Vec;

use dagvault_core::parallel;
use dagvault_core::sync::{AtomicU32, Ordering};

use super::TableError;
use super::atomic::Atomic as _;
use super::deque::{Deque, Stolen};
use super::links::{BATCH, FEW, Gather, Sight, Visitor};

/// Numbers that a worker lays out for others, and takes from them, at a time.
const SHARE: usize = 64;
/// Looks for work before a worker goes home.
const LOOKS_MAX: u32 = 2000;
/// Batches after which a worker looks whether others have gone home.
const BATCHES: u32 = 256;
/// Numbers that must be left to end a round.
const ROUND_MIN: usize = 512;

/// One round.
struct Round<'t, V> {
    sight: &'t Sight<'t>,
    visitor: V,
    deques: Vec<Deque>,
    /// Workers that have work.
    busy: AtomicU32,
    /// Workers that went home.
    gone: AtomicU32,
}

/// What came of one worker's part: how many were kept, and what is left for the next round.
type Part = Result<(u64, Vec<u32>), TableError>;

impl Sight<'_> {
    /// Visits nodes, and then all that the visitor keeps, in any order by so many workers; answers how many it kept.
    pub(crate) fn walk(
        &self,
        visitor: impl Visitor,
        mut left: Vec<u32>,
        workers: usize,
    ) -> Result<u64, TableError> {
        let mut kept = 0;
        while !left.is_empty() {
            let mut parts = Vec::new();
            let share = left.len().div_ceil(workers.max(1));
            while left.len() > share {
                let part = &left[left.len() - share..];
                parts.push(copied(part)?);
                left.truncate(left.len() - share);
            }
            parts.push(core::mem::take(&mut left));
            let working = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            parts.resize_with(workers.max(1), Vec::new);
            let mut parts: Vec<_> = parts.into_iter().enumerate().map(Some).collect();
            let deques = if workers > 1 { (0..workers).map(|_| Deque::new()).collect() } else { Vec::new() };
            let (busy, gone) = (AtomicU32::new(working), AtomicU32::new(0));
            let round = Round { sight: self, visitor, deques, busy, gone };
            for result in parallel::map_take(&mut parts, |(own, part)| round.work(own, part)) {
                let (count, rest) = result?;
                kept += count;
                if left.is_empty() {
                    left = rest;
                } else {
                    extend(&mut left, &rest)?;
                }
            }
        }
        Ok(kept)
    }
}

/// Takes a batch from a stack, and says how many it took.
#[inline]
pub(crate) fn taken(stack: &mut Vec<u32>) -> ([u32; BATCH], usize) {
    let mut batch = [0; BATCH];
    let from = stack.len().saturating_sub(BATCH);
    let taken = stack.len() - from;
    batch[..taken].copy_from_slice(&stack[from..]);
    stack.truncate(from);
    (batch, taken)
}

/// Adds numbers to a list, if there is memory.
#[inline]
pub(crate) fn extend(list: &mut Vec<u32>, numbers: &[u32]) -> Result<(), TableError> {
    list.try_reserve(numbers.len()).map_err(|_| TableError::Memory)?;
    // One by one, for mostly they are few.
    numbers.iter().for_each(|number| list.push(*number));
    Ok(())
}

fn copied(numbers: &[u32]) -> Result<Vec<u32>, TableError> {
    let mut copy = Vec::new();
    extend(&mut copy, numbers).map(|()| copy)
}

impl<V: Visitor> Round<'_, V> {
    /// One worker's part.
    fn work(&self, own: usize, mut stack: Vec<u32>) -> Part {
        let (mut kept, mut batches, mut gather) = (0, 0, Gather::new());
        let mut working = !stack.is_empty();
        let deque = self.deques.get(own);
        loop {
            while !stack.is_empty() {
                if stack.len() < FEW {
                    kept += self.sight.follow(self.visitor, &mut stack)?;
                }
                kept += self.visit(&mut stack, &mut gather, deque)?;
                let Some(deque) = deque else { continue };
                batches += 1;
                let look = batches % BATCHES == 0 && stack.len() >= ROUND_MIN;
                if look && self.gone.read(Ordering::Relaxed) > 0 {
                    stack.extend(core::iter::from_fn(|| deque.pop()));
                    return Ok((kept, stack));
                }
            }
            if let Some(deque) = deque {
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
                return Ok((kept, stack));
            }
        }
    }

    /// Visits some nodes from the stack; what is kept goes there, and a part of it is laid out at once, for one node
    /// may lead to a million.
    #[inline]
    fn visit(
        &self,
        stack: &mut Vec<u32>,
        gather: &mut Gather,
        deque: Option<&Deque>,
    ) -> Result<u64, TableError> {
        let mut kept = 0;
        let (batch, taken) = taken(stack);
        self.sight.visit(self.visitor, gather, &batch[..taken], |numbers, count| {
            kept += count as u64;
            extend(stack, numbers)?;
            deque.into_iter().for_each(|deque| lay_out(deque, stack));
            Ok(())
        })?;
        Ok(kept)
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

/// Lays out a part of the stack if nothing is laid out.
fn lay_out(deque: &Deque, stack: &mut Vec<u32>) {
    if stack.len() < 2 || !deque.is_empty() {
        return;
    }
    let least = stack.len() - (stack.len() / 2).min(SHARE);
    while let Some(number) = stack.last().filter(|_| stack.len() > least)
        && deque.push(*number)
    {
        stack.pop();
    }
}
