//! Instructions on whole memories and tables, most of which cost something on top by what they are given.

use wasmparser::Operator;

use super::execute::Execution;
use super::{Host, Stop};

impl<H: Host> Execution<'_, '_, H> {
    /// Executes an instruction on a whole memory or table; `None` if it is none.
    pub(super) fn bulk(&mut self, operator: &Operator<'_>) -> Option<Result<(), Stop>> {
        self.whole_memory(operator).or_else(|| self.whole_table(operator)).or_else(|| self.element(operator))
    }

    fn whole_memory(&mut self, operator: &Operator<'_>) -> Option<Result<(), Stop>> {
        Some(match operator {
            Operator::MemorySize { .. } => {
                self.operands.put(self.state.memory.pages());
                Ok(())
            }
            Operator::MemoryGrow { .. } => self.memory_grow(),
            Operator::MemoryFill { .. } => {
                let count = self.operands.take();
                let [byte, ..] = self.operands.take::<u32>().to_le_bytes();
                let to = self.operands.take();
                self.charge_bytes(count).and_then(|()| Ok(self.state.memory.fill(to, byte, count)?))
            }
            Operator::MemoryCopy { .. } => {
                let (count, from, to) = (self.operands.take(), self.operands.take(), self.operands.take());
                self.charge_bytes(count).and_then(|()| Ok(self.state.memory.copy(to, from, count)?))
            }
            Operator::MemoryInit { data_index, .. } => {
                let (count, from, to) = (self.operands.take(), self.operands.take(), self.operands.take());
                let segment = self.state.data[*data_index as usize];
                self.charge_bytes(count)
                    .and_then(|()| Ok(self.state.memory.init(to, segment, from, count)?))
            }
            Operator::DataDrop { data_index } => {
                self.state.data[*data_index as usize] = &[];
                Ok(())
            }
            _ => return None,
        })
    }

    fn memory_grow(&mut self) -> Result<(), Stop> {
        let pages = self.operands.take::<u32>();
        self.gas.charge_each(u64::from(pages), self.prices.per_page())?;
        // What all bits set stand for: it did not grow.
        self.operands.put(self.state.memory.grow(pages).unwrap_or(u32::MAX));
        Ok(())
    }

    fn whole_table(&mut self, operator: &Operator<'_>) -> Option<Result<(), Stop>> {
        Some(match operator {
            Operator::TableGrow { table } => self.table_grow(*table as usize),
            Operator::TableFill { table } => {
                let (count, value, to) = (self.operands.take(), self.operands.pop(), self.operands.take());
                self.charge_elements(count)
                    .and_then(|()| Ok(self.state.tables[*table as usize].fill(to, value, count)?))
            }
            Operator::TableCopy { dst_table, src_table } => {
                let (count, from, to) = (self.operands.take(), self.operands.take(), self.operands.take());
                self.charge_elements(count)
                    .and_then(|()| self.table_copy(*dst_table as usize, to, *src_table as usize, from, count))
            }
            Operator::TableInit { elem_index, table } => {
                let (count, from, to) = (self.operands.take(), self.operands.take(), self.operands.take());
                self.charge_elements(count).and_then(|()| {
                    let segment = &self.state.elements[*elem_index as usize];
                    Ok(self.state.tables[*table as usize].init(to, segment, from, count)?)
                })
            }
            Operator::ElemDrop { elem_index } => {
                self.state.elements[*elem_index as usize] = Vec::new();
                Ok(())
            }
            _ => return None,
        })
    }

    fn table_grow(&mut self, table: usize) -> Result<(), Stop> {
        let (count, value) = (self.operands.take::<u32>(), self.operands.pop());
        self.charge_elements(count)?;
        self.operands.put(self.state.tables[table].grow(count, value).unwrap_or(u32::MAX));
        Ok(())
    }

    fn table_copy(
        &mut self,
        target: usize,
        to: u32,
        source: usize,
        from: u32,
        count: u32,
    ) -> Result<(), Stop> {
        if target == source {
            return Ok(self.state.tables[target].copy(to, from, count)?);
        }
        let elements = std::mem::take(&mut self.state.tables[source].elements);
        let done = self.state.tables[target].init(to, &elements, from, count);
        self.state.tables[source].elements = elements;
        Ok(done?)
    }

    fn element(&mut self, operator: &Operator<'_>) -> Option<Result<(), Stop>> {
        Some(match operator {
            Operator::TableSize { table } => {
                self.operands.put(self.state.tables[*table as usize].size());
                Ok(())
            }
            Operator::TableGet { table } => {
                let index = self.operands.take();
                let element = self.state.tables[*table as usize].get(index);
                element.map(|value| self.operands.push(value)).map_err(Stop::Trap)
            }
            Operator::TableSet { table } => {
                let (value, index) = (self.operands.pop(), self.operands.take());
                self.state.tables[*table as usize].set(index, value).map_err(Stop::Trap)
            }
            _ => return None,
        })
    }

    fn charge_bytes(&mut self, count: u32) -> Result<(), Stop> {
        self.gas.charge_each(u64::from(count).div_ceil(64), self.prices.per_64_bytes())
    }

    fn charge_elements(&mut self, count: u32) -> Result<(), Stop> {
        self.gas.charge_each(u64::from(count), self.prices.per_element())
    }
}
