//! Modules that are ready to run.

use std::fmt;
use std::sync::Arc;

use dagvault_meter::instrument::{FULL, GAS, Refunds, STACK, START};
use dagvault_meter::profile::Profile;
use dagvault_meter::schedule::HostPrices;
use wasmtime::{ExternType, InstancePre, ModuleExport, ValType};

use crate::guest::State;
use crate::manifest::Manifest;
use dagvault_meter::imports::WASI;

/// Why a module that was admitted cannot be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoForm(pub(crate) &'static str);

impl fmt::Display for NoForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the module has none of the forms that can be called: {}", self.0)
    }
}

impl std::error::Error for NoForm {}

/// How a module is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `run`, with dag-cbor in and out.
    Abi1,
    /// Functions by their names, with JSON in and out.
    Named,
    /// A program of WASI.
    Program,
}

/// A module that is ready to run; clones share it.
#[derive(Clone)]
pub struct Module(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) instance: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) form: Form,
    pub(crate) wasi: bool,
    pub(crate) refunds: Refunds,
    pub(crate) profile: &'static Profile,
    pub(crate) prices: HostPrices,
    pub(crate) manifest: Option<Manifest>,
    pub(crate) metered: Box<[u8]>,
    pub(crate) code_bytes: usize,
}

/// Where its exports are.
pub(crate) struct Exports {
    pub(crate) memory: ModuleExport,
    pub(crate) gas: ModuleExport,
    pub(crate) stack: ModuleExport,
    pub(crate) full: ModuleExport,
    pub(crate) start: Option<ModuleExport>,
    pub(crate) initialize: Option<ModuleExport>,
    pub(crate) alloc: Option<ModuleExport>,
    pub(crate) dealloc: Option<ModuleExport>,
    /// `run` or `_start`, by the form.
    pub(crate) main: Option<ModuleExport>,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("form", &self.0.form).field("profile", &self.0.profile.name).finish()
    }
}

impl Module {
    /// How it is called.
    #[must_use]
    pub fn form(&self) -> Form {
        self.0.form
    }

    /// What it may use.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.0.profile
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.0.manifest.as_ref()
    }

    /// The metered module: what other engines run for the same gas.
    #[must_use]
    pub fn metered(&self) -> &[u8] {
        &self.0.metered
    }

    /// What is given back where it traps.
    #[must_use]
    pub fn refunds(&self) -> &Refunds {
        &self.0.refunds
    }

    /// About what it takes of memory, bytes.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.0.code_bytes + self.0.metered.len() + 24 * self.0.refunds.count()
    }

    /// Length of its compiled code, bytes.
    #[must_use]
    pub fn code_bytes(&self) -> usize {
        self.0.code_bytes
    }
}

impl Inner {
    /// A function that is called by its name.
    pub(crate) fn named(&self, name: &str) -> Option<ModuleExport> {
        let module = self.instance.module();
        if is_function(module, name, &[I32, I32], &[I32]) { module.get_export_index(name) } else { None }
    }
}

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;

/// Whether an export is a function of this type.
fn is_function(of: &wasmtime::Module, name: &str, params: &[ValType], results: &[ValType]) -> bool {
    let same = |found: &mut dyn ExactSizeIterator<Item = ValType>, expected: &[ValType]| {
        found.len() == expected.len()
            && found.zip(expected).all(|(found, expected)| ValType::eq(&found, expected))
    };
    match of.get_export(name) {
        Some(ExternType::Func(function)) => {
            same(&mut function.params(), params) && same(&mut function.results(), results)
        }
        _ => false,
    }
}

impl Exports {
    /// Finds them, and how the module is called.
    pub(crate) fn find(of: &wasmtime::Module) -> Result<(Self, Form), NoForm> {
        let function = |name: &str, params: &[ValType], results: &[ValType]| {
            if is_function(of, name, params, results) { of.get_export_index(name) } else { None }
        };
        let own = |name| of.get_export_index(name).ok_or(NoForm("it is not metered"));
        let memory = match of.get_export("memory") {
            Some(ExternType::Memory(_)) => of.get_export_index("memory"),
            _ => None,
        };
        let alloc = function("alloc", &[I32], &[I32]);
        let run = function("run", &[I32, I32, I32], &[I64]);
        let program = function("_start", &[], &[]);
        let (form, main) = match (alloc, run, program) {
            (Some(_), Some(run), _) => (Form::Abi1, Some(run)),
            (_, _, Some(program)) => (Form::Program, Some(program)),
            (Some(_), None, None) => (Form::Named, None),
            (None, ..) => return Err(NoForm("it exports neither alloc(i32) -> i32 nor _start()")),
        };
        let exports = Self {
            memory: memory.ok_or(NoForm("it does not export its memory"))?,
            gas: own(GAS)?,
            stack: own(STACK)?,
            full: own(FULL)?,
            start: function(START, &[], &[]),
            initialize: function("_initialize", &[], &[]),
            alloc,
            dealloc: function("dealloc", &[I32, I32], &[]),
            main,
        };
        if form == Form::Abi1 && exports.dealloc.is_none() {
            return Err(NoForm("it does not export dealloc(i32, i32)"));
        }
        Ok((exports, form))
    }
}

/// Whether it imports something of WASI.
pub(crate) fn imports_wasi(of: &wasmtime::Module) -> bool {
    of.imports().any(|import| import.module() == WASI)
}
