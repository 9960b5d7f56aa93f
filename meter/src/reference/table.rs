//! Tables.

use std::ops::Range;

use wasmparser::TableType;

use super::value::Value;
use super::{Error, Limits, Trap};

/// A table of references.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) elements: Vec<Value>,
    elements_max: u64,
}

impl Table {
    pub(super) fn new(of: &TableType, first: Value, limits: &Limits) -> Result<Self, Error> {
        let limit = u64::from(limits.table_elements);
        if of.initial > limit {
            return Err(Error::TooLarge("a table"));
        }
        let initial = usize::try_from(of.initial).map_err(|_| Error::TooLarge("a table"))?;
        let elements_max = of.maximum.unwrap_or(limit).min(limit);
        Ok(Self { elements: vec![first; initial], elements_max })
    }

    pub(super) fn size(&self) -> u32 {
        u32::try_from(self.elements.len()).expect("at most the limit")
    }

    pub(super) fn get(&self, index: u32) -> Result<Value, Trap> {
        self.elements.get(index as usize).copied().ok_or(Trap::TableOutOfBounds)
    }

    pub(super) fn set(&mut self, index: u32, value: Value) -> Result<(), Trap> {
        *self.elements.get_mut(index as usize).ok_or(Trap::TableOutOfBounds)? = value;
        Ok(())
    }

    /// Adds elements and returns how many there were; `None` if there would be too many.
    pub(super) fn grow(&mut self, count: u32, value: Value) -> Option<u32> {
        let before = self.size();
        if u64::from(before) + u64::from(count) > self.elements_max {
            return None;
        }
        self.elements.resize(self.elements.len() + count as usize, value);
        Some(before)
    }

    pub(super) fn fill(&mut self, to: u32, value: Value, count: u32) -> Result<(), Trap> {
        let to = self.place(to, count)?;
        self.elements[to].fill(value);
        Ok(())
    }

    /// Copies within one table; between two, [`Self::init`] does it.
    pub(super) fn copy(&mut self, to: u32, from: u32, count: u32) -> Result<(), Trap> {
        let from = self.place(from, count)?;
        let to = self.place(to, count)?;
        self.elements.copy_within(from, to.start);
        Ok(())
    }

    pub(super) fn init(&mut self, to: u32, segment: &[Value], from: u32, count: u32) -> Result<(), Trap> {
        let from = range(segment.len(), u64::from(from), u64::from(count)).ok_or(Trap::TableOutOfBounds)?;
        let to = self.place(to, count)?;
        self.elements[to].copy_from_slice(&segment[from]);
        Ok(())
    }

    fn place(&self, from: u32, count: u32) -> Result<Range<usize>, Trap> {
        range(self.elements.len(), u64::from(from), u64::from(count)).ok_or(Trap::TableOutOfBounds)
    }
}

/// `count` of `length` things, from `from` on; `None` if there are not so many.
pub(super) fn range(length: usize, from: u64, count: u64) -> Option<Range<usize>> {
    let to = from.checked_add(count)?;
    if to > length as u64 {
        return None;
    }
    Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
}
