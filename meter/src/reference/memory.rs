//! The memory: loads, stores and bulk instructions.

use std::ops::Range;

use wasmparser::{MemArg, MemoryType, Operator};

use super::stack::Stack;
use super::value::{Bits32, Bits64};
use super::{Error, Limits, PAGE_BYTES, Trap};

/// Pages that 32 bits can address.
const PAGES_MAX: u64 = 65536;

/// The memory; a module that has none has an empty one that it can't name.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) bytes: Vec<u8>,
    /// Whether the last growth was refused.
    pub(super) full: bool,
    pages_max: u64,
}

impl Memory {
    pub(super) fn new(of: Option<&MemoryType>, limits: &Limits) -> Result<Self, Error> {
        let Some(of) = of else { return Ok(Self { bytes: Vec::new(), full: false, pages_max: 0 }) };
        if of.initial > u64::from(limits.memory_pages) {
            return Err(Error::TooLarge("the memory"));
        }
        let pages_max = of.maximum.unwrap_or(PAGES_MAX).min(u64::from(limits.memory_pages)).min(PAGES_MAX);
        let mut memory = Self { bytes: Vec::new(), full: false, pages_max };
        let initial = u32::try_from(of.initial).map_err(|_| Error::TooLarge("the memory"))?;
        memory.grow(initial).ok_or(Error::TooLarge("the memory"))?;
        Ok(memory)
    }

    pub(super) fn pages(&self) -> u32 {
        u32::try_from(self.bytes.len() / PAGE_BYTES).expect("at most as many as 32 bits can address")
    }

    /// Adds pages and returns how many there were; `None` if there would be too many.
    pub(super) fn grow(&mut self, pages: u32) -> Option<u32> {
        let before = self.pages();
        self.full = u64::from(before) + u64::from(pages) > self.pages_max;
        if self.full {
            return None;
        }
        self.bytes.resize(self.bytes.len() + pages as usize * PAGE_BYTES, 0);
        Some(before)
    }

    pub(super) fn fill(&mut self, to: u32, byte: u8, count: u32) -> Result<(), Trap> {
        let to = range(self.bytes.len(), u64::from(to), u64::from(count))?;
        self.bytes[to].fill(byte);
        Ok(())
    }

    pub(super) fn copy(&mut self, to: u32, from: u32, count: u32) -> Result<(), Trap> {
        let from = range(self.bytes.len(), u64::from(from), u64::from(count))?;
        let to = range(self.bytes.len(), u64::from(to), u64::from(count))?;
        self.bytes.copy_within(from, to.start);
        Ok(())
    }

    pub(super) fn init(&mut self, to: u32, segment: &[u8], from: u32, count: u32) -> Result<(), Trap> {
        let from = range(segment.len(), u64::from(from), u64::from(count))?;
        let to = range(self.bytes.len(), u64::from(to), u64::from(count))?;
        self.bytes[to].copy_from_slice(&segment[from]);
        Ok(())
    }

    /// Executes a load or a store; `None` if the instruction is neither.
    pub(super) fn access(&mut self, operator: &Operator<'_>, stack: &mut Stack) -> Option<Result<(), Trap>> {
        self.load(operator, stack).or_else(|| self.store(operator, stack))
    }

    fn load(&self, operator: &Operator<'_>, stack: &mut Stack) -> Option<Result<(), Trap>> {
        use Operator as O;
        Some(match operator {
            O::I32Load { memarg } => self.get(memarg, stack).map(|b| stack.put(i32::from_le_bytes(b))),
            O::I64Load { memarg } => self.get(memarg, stack).map(|b| stack.put(i64::from_le_bytes(b))),
            O::F32Load { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(Bits32(u32::from_le_bytes(b))))
            }
            O::F64Load { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(Bits64(u64::from_le_bytes(b))))
            }
            O::I32Load8S { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(i32::from(i8::from_le_bytes(b))))
            }
            O::I32Load8U { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(u32::from(u8::from_le_bytes(b))))
            }
            O::I32Load16S { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(i32::from(i16::from_le_bytes(b))))
            }
            O::I32Load16U { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(u32::from(u16::from_le_bytes(b))))
            }
            O::I64Load8S { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(i64::from(i8::from_le_bytes(b))))
            }
            O::I64Load8U { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(u64::from(u8::from_le_bytes(b))))
            }
            O::I64Load16S { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(i64::from(i16::from_le_bytes(b))))
            }
            O::I64Load16U { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(u64::from(u16::from_le_bytes(b))))
            }
            O::I64Load32S { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(i64::from(i32::from_le_bytes(b))))
            }
            O::I64Load32U { memarg } => {
                self.get(memarg, stack).map(|b| stack.put(u64::from(u32::from_le_bytes(b))))
            }
            _ => return None,
        })
    }

    fn store(&mut self, operator: &Operator<'_>, stack: &mut Stack) -> Option<Result<(), Trap>> {
        use Operator as O;
        // Little-endian: what a narrow store keeps are the first bytes.
        Some(match operator {
            O::I32Store { memarg } => self.put::<4>(memarg, &stack.take::<u32>().to_le_bytes(), stack),
            O::I32Store8 { memarg } => self.put::<1>(memarg, &stack.take::<u32>().to_le_bytes(), stack),
            O::I32Store16 { memarg } => self.put::<2>(memarg, &stack.take::<u32>().to_le_bytes(), stack),
            O::I64Store { memarg } => self.put::<8>(memarg, &stack.take::<u64>().to_le_bytes(), stack),
            O::I64Store8 { memarg } => self.put::<1>(memarg, &stack.take::<u64>().to_le_bytes(), stack),
            O::I64Store16 { memarg } => self.put::<2>(memarg, &stack.take::<u64>().to_le_bytes(), stack),
            O::I64Store32 { memarg } => self.put::<4>(memarg, &stack.take::<u64>().to_le_bytes(), stack),
            O::F32Store { memarg } => self.put::<4>(memarg, &stack.take::<Bits32>().0.to_le_bytes(), stack),
            O::F64Store { memarg } => self.put::<8>(memarg, &stack.take::<Bits64>().0.to_le_bytes(), stack),
            _ => return None,
        })
    }

    /// The bytes at the address that is popped.
    fn get<const N: usize>(&self, memarg: &MemArg, stack: &mut Stack) -> Result<[u8; N], Trap> {
        let at = self.place(memarg, stack, N)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at]);
        Ok(bytes)
    }

    /// Stores the first `N` bytes at the address that is popped.
    fn put<const N: usize>(&mut self, memarg: &MemArg, bytes: &[u8], stack: &mut Stack) -> Result<(), Trap> {
        let at = self.place(memarg, stack, N)?;
        self.bytes[at].copy_from_slice(&bytes[..N]);
        Ok(())
    }

    fn place(&self, memarg: &MemArg, stack: &mut Stack, bytes: usize) -> Result<Range<usize>, Trap> {
        // Both are below 2³²: the sum does not overflow.
        range(self.bytes.len(), u64::from(stack.take::<u32>()) + memarg.offset, bytes as u64)
    }
}

/// `count` bytes from `from` on, if there are so many of `length`.
fn range(length: usize, from: u64, count: u64) -> Result<Range<usize>, Trap> {
    super::table::range(length, from, count).ok_or(Trap::MemoryOutOfBounds)
}
