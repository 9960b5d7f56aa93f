//! Modules, read and validated.

use std::collections::BTreeMap;

use wasmparser::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncType, GlobalType, MemoryType, Parser,
    Payload, TableInit, TableType, TypeRef, ValType, ValidPayload, Validator,
};

use super::code::{self, Function};
use super::value::Value;
use super::{Error, FEATURES, Prices, depth};

/// A module.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// The functions that are no imports; indices of functions count the imports first.
    pub(super) functions: Vec<Function<'a>>,
    pub(super) tables: Vec<(TableType, TableInit<'a>)>,
    pub(super) memory: Option<MemoryType>,
    pub(super) globals: Vec<(GlobalType, ConstExpr<'a>)>,
    pub(super) exports: BTreeMap<&'a str, (ExternalKind, usize)>,
    pub(super) start: Option<usize>,
    pub(super) elements: Vec<(ElementKind<'a>, ElementItems<'a>)>,
    pub(super) data: Vec<(DataKind<'a>, &'a [u8])>,
    /// The types of `functions`, whose bodies come later.
    declared: Vec<usize>,
}

/// A function that the host answers.
#[derive(Debug)]
pub(super) struct Import<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
    pub(super) type_index: usize,
}

impl<'a> Module<'a> {
    pub(super) fn read(bytes: &'a [u8], prices: &dyn Prices) -> Result<Self, Error> {
        let mut module = Module::default();
        let mut validator = Validator::new_with_features(FEATURES);
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
                let type_index = module.declared[module.functions.len()];
                let function = code::read(function, &body, type_index, &module.types, prices)?;
                module.functions.push(function);
            } else {
                module.section(payload)?;
            }
        }
        depth::measure(&mut module.functions, module.imports.len());
        Ok(module)
    }

    fn section(&mut self, payload: Payload<'a>) -> Result<(), Error> {
        match payload {
            Payload::TypeSection(types) => {
                for of in types.into_iter_err_on_gc_types() {
                    self.types.push(of?);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    let TypeRef::Func(type_index) = import.ty else {
                        return Err(Error::Unsupported("an import that is no function"));
                    };
                    let (module, name, type_index) = (import.module, import.name, type_index as usize);
                    self.imports.push(Import { module, name, type_index });
                }
            }
            Payload::FunctionSection(functions) => {
                for type_index in functions {
                    self.declared.push(type_index? as usize);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    let table = table?;
                    self.tables.push((table.ty, table.init));
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory = Some(memory?);
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    let global = global?;
                    self.globals.push((global.ty, global.init_expr));
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    self.exports.insert(export.name, (export.kind, export.index as usize));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func as usize),
            other => self.segments(other)?,
        }
        Ok(())
    }

    fn segments(&mut self, payload: Payload<'a>) -> Result<(), Error> {
        match payload {
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element?;
                    self.elements.push((element.kind, element.items));
                }
            }
            Payload::DataSection(segments) => {
                for data in segments {
                    let data = data?;
                    self.data.push((data.kind, data.data));
                }
            }
            // What else a valid module holds is nothing that is executed.
            _ => {}
        }
        Ok(())
    }

    /// The type of a function, imported or not.
    pub(super) fn type_of(&self, function: usize) -> &FuncType {
        let type_index = match self.imports.get(function) {
            Some(import) => import.type_index,
            None => self.functions[function - self.imports.len()].type_index,
        };
        &self.types[type_index]
    }

    /// Whether values from outside are of types, and name functions that there are.
    pub(super) fn takes(&self, values: &[Value], of: &[ValType]) -> bool {
        let functions = self.imports.len() + self.functions.len();
        let known =
            |value: &Value| !matches!(value, Value::FuncRef(Some(index)) if *index as usize >= functions);
        values.len() == of.len() && values.iter().zip(of).all(|(value, of)| value.is(*of) && known(value))
    }
}
