//! What an instance holds, as the module says that it begins.

use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, HeapType, Operator, RefType, TableInit, ValType,
};

use super::memory::Memory;
use super::module::Module;
use super::table::Table;
use super::value::Value;
use super::{Error, Limits};

/// What instructions change.
#[derive(Debug)]
pub(super) struct State<'a> {
    pub(super) memory: Memory,
    pub(super) tables: Vec<Table>,
    pub(super) globals: Vec<Value>,
    /// The segments; empty once they were dropped.
    pub(super) elements: Vec<Vec<Value>>,
    pub(super) data: Vec<&'a [u8]>,
}

impl<'a> State<'a> {
    pub(super) fn new(module: &Module<'a>, limits: &Limits) -> Result<Self, Error> {
        let memory = Memory::new(module.memory.as_ref(), limits)?;
        let mut state =
            State { memory, tables: Vec::new(), globals: Vec::new(), elements: Vec::new(), data: Vec::new() };
        for (_, first) in &module.globals {
            let value = state.constant(first)?;
            state.globals.push(value);
        }
        for (of, init) in &module.tables {
            let first = match init {
                TableInit::RefNull => Value::zero(ValType::Ref(of.element_type))?,
                TableInit::Expr(first) => state.constant(first)?,
            };
            state.tables.push(Table::new(of, first, limits)?);
        }
        for (_, items) in &module.elements {
            let items = state.items(items)?;
            state.elements.push(items);
        }
        state.data = module.data.iter().map(|(_, bytes)| *bytes).collect();
        state.place_elements(module)?;
        state.place_data(module)?;
        Ok(state)
    }

    fn place_elements(&mut self, module: &Module<'a>) -> Result<(), Error> {
        for (index, (kind, _)) in module.elements.iter().enumerate() {
            if let ElementKind::Active { table_index, offset_expr } = kind {
                let to = self.offset(offset_expr)?;
                let segment = &self.elements[index];
                let count =
                    u32::try_from(segment.len()).map_err(|_| Error::TooLarge("an element segment"))?;
                let table = &mut self.tables[table_index.unwrap_or(0) as usize];
                table.init(to, segment, 0, count).map_err(Error::Instantiation)?;
            }
            if !matches!(kind, ElementKind::Passive) {
                self.elements[index].clear();
            }
        }
        Ok(())
    }

    fn place_data(&mut self, module: &Module<'a>) -> Result<(), Error> {
        for (index, (kind, bytes)) in module.data.iter().enumerate() {
            if let DataKind::Active { offset_expr, .. } = kind {
                let to = self.offset(offset_expr)?;
                let count = u32::try_from(bytes.len()).map_err(|_| Error::TooLarge("a data segment"))?;
                self.memory.init(to, bytes, 0, count).map_err(Error::Instantiation)?;
                self.data[index] = &[];
            }
        }
        Ok(())
    }

    fn items(&self, items: &ElementItems<'a>) -> Result<Vec<Value>, Error> {
        match items {
            ElementItems::Functions(functions) => {
                functions.clone().into_iter().map(|index| Ok(Value::FuncRef(Some(index?)))).collect()
            }
            ElementItems::Expressions(_, items) => {
                items.clone().into_iter().map(|item| self.constant(&item?)).collect()
            }
        }
    }

    fn offset(&self, expression: &ConstExpr<'a>) -> Result<u32, Error> {
        match self.constant(expression)? {
            Value::I32(offset) => Ok(offset.cast_unsigned()),
            _ => Err(Error::Unsupported("an offset that is no i32")),
        }
    }

    /// The value of a constant expression: of these features, one instruction and `end`.
    fn constant(&self, expression: &ConstExpr<'a>) -> Result<Value, Error> {
        Ok(match expression.get_operators_reader().read()? {
            Operator::I32Const { value } => Value::I32(value),
            Operator::I64Const { value } => Value::I64(value),
            Operator::F32Const { value } => Value::F32(value.bits()),
            Operator::F64Const { value } => Value::F64(value.bits()),
            Operator::GlobalGet { global_index } => self.globals[global_index as usize],
            Operator::RefFunc { function_index } => Value::FuncRef(Some(function_index)),
            Operator::RefNull { hty } => null(hty)?,
            _ => return Err(Error::Unsupported("a constant expression")),
        })
    }
}

/// The null reference of a type.
pub(super) fn null(of: HeapType) -> Result<Value, Error> {
    let of = RefType::new(true, of).ok_or(Error::Unsupported("a type of references"))?;
    Value::zero(ValType::Ref(of))
}
