//! What admission has found out about a module.

use wasmparser::{ExternalKind, ValType};

use super::Limits;

/// What instrumentation and host need to know of an admitted module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Length of the module, bytes.
    pub(crate) bytes_count: usize,
    /// Its function types.
    pub(crate) types: Vec<Signature>,
    /// Its own functions, without the imported ones.
    pub(crate) functions: Vec<Function>,
    /// How many globals it has.
    pub(crate) globals_count: u32,
    /// What its memory and its tables may grow to.
    pub(crate) memory_pages_max: u32,
    pub(crate) table_elements_max: u32,
    pub(crate) start: Option<u32>,
    pub(crate) imports: Vec<(String, String)>,
    pub(crate) imports_types: Vec<u32>,
    pub(crate) exports: Vec<Export>,
}

/// Types of parameters and results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    /// Of the parameters.
    pub params: Vec<ValType>,
    /// Of the results.
    pub results: Vec<ValType>,
}

/// A function of the module's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Function {
    /// Index of its type.
    pub ty: u32,
    /// Parameters and locals.
    pub locals: u32,
    /// Most operands at any time, in code that can be reached.
    pub operands: u32,
}

impl Function {
    /// Its frame on the counted stack, bytes.
    #[must_use]
    pub fn frame(&self) -> u64 {
        16 + 8 * (u64::from(self.locals) + u64::from(self.operands))
    }
}

/// What the module exports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ExternalKind,
    /// Its index among those.
    pub index: u32,
}

impl Facts {
    /// Of a module of that length, before anything is known.
    pub(super) fn new(bytes_count: usize, limits: &Limits) -> Self {
        Self {
            bytes_count,
            types: Vec::new(),
            functions: Vec::new(),
            globals_count: 0,
            memory_pages_max: limits.memory_pages,
            table_elements_max: limits.table_elements,
            start: None,
            imports: Vec::new(),
            imports_types: Vec::new(),
            exports: Vec::new(),
        }
    }

    /// Its own functions, in order; their indices begin after those of the imports.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Module and name of each import, in order: the functions from index 0.
    #[must_use]
    pub fn imports(&self) -> &[(String, String)] {
        &self.imports
    }

    /// What it exports, in order.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// Its start function.
    #[must_use]
    pub fn start(&self) -> Option<u32> {
        self.start
    }

    /// The type of a function, imported or its own.
    #[must_use]
    pub fn signature(&self, function: u32) -> Option<&Signature> {
        let index = function as usize;
        let imported = self.imports_types.get(index).copied();
        let own = || self.functions.get(index - self.imports_types.len()).map(|function| function.ty);
        self.types.get(imported.or_else(own)? as usize)
    }
}
