//! The reference interpreter: it runs a module plainly and counts gas one instruction at a time.
//!
//! `docs/gas.md` defines what is counted and when. Instrumented modules are checked against this code, so it shares
//! nothing with the instrumentation, prefers what is plainly right to what is fast, and calls no function of the guest
//! and enters no block by recursion. Module features: those of [`FEATURES`]; of imports, functions only.

#![forbid(unsafe_code)]

mod bulk;
mod code;
mod depth;
mod execute;
mod float;
mod gas;
mod instantiate;
mod machine;
mod memory;
mod module;
mod numeric;
mod stack;
mod table;
mod value;

use std::fmt;

use wasmparser::{Operator, WasmFeatures};

pub use machine::Machine;
pub use value::Value;

/// The WebAssembly features that are run; a module that needs another is invalid.
pub const FEATURES: WasmFeatures = WasmFeatures::MVP
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES);

/// Bytes of a page of memory.
pub const PAGE_BYTES: usize = 65536;

/// What things cost, in gas.
pub trait Prices {
    /// The fixed cost of an instruction; not asked for `end`, `else`, `block`, `loop` and `nop`, which are free.
    fn instruction(&self, operator: &Operator<'_>) -> u64;
    /// For each started 64 bytes that a memory instruction is given.
    fn per_64_bytes(&self) -> u64;
    /// For each element that a table instruction is given.
    fn per_element(&self) -> u64;
    /// For each page that `memory.grow` is asked for.
    fn per_page(&self) -> u64;
    /// For entering a function of the module.
    fn entry(&self) -> u64;
    /// For each parameter and local of a function that is entered.
    fn per_local(&self) -> u64;
}

/// What a module may take; it is refused, or growing fails, beyond it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pages of memory.
    pub memory_pages: u32,
    /// Elements of each table.
    pub table_elements: u32,
    /// Instructions that one call executes, free ones too; with the stack it bounds the memory that a call takes.
    pub steps: u64,
}

/// Answers the functions that a module imports.
pub trait Host {
    /// Calls the function `name` of `module`, which returns values of the types of its import.
    ///
    /// # Errors
    /// What ends the execution instead.
    fn call(
        &mut self,
        module: &str,
        name: &str,
        arguments: &[Value],
        guest: &mut Guest<'_>,
    ) -> Result<Vec<Value>, Stop>;
}

/// For modules without imports: each call traps.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn call(&mut self, _: &str, _: &str, _: &[Value], _: &mut Guest<'_>) -> Result<Vec<Value>, Stop> {
        Err(Stop::Trap(Trap::Host))
    }
}

/// What a host function sees of the module that calls it.
#[derive(Debug)]
pub struct Guest<'a> {
    /// The memory; empty if the module has none.
    pub memory: &'a mut [u8],
    gas: &'a mut gas::Gas,
}

impl Guest<'_> {
    /// Takes `cost` of the gas that is left.
    ///
    /// # Errors
    /// [`Stop::OutOfGas`], which the host function must return.
    pub fn charge(&mut self, cost: u64) -> Result<(), Stop> {
        self.gas.charge(cost)
    }

    /// The gas that is left.
    pub fn gas_left(&self) -> u64 {
        self.gas.left()
    }
}

/// Why an instruction can't be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trap {
    /// `unreachable`.
    Unreachable,
    /// Bytes outside the memory or a data segment.
    MemoryOutOfBounds,
    /// Elements outside a table or an element segment.
    TableOutOfBounds,
    /// `call_indirect` of a null reference.
    IndirectCallToNull,
    /// `call_indirect` of a function of another type.
    BadSignature,
    /// The quotient or the integer is not representable.
    IntegerOverflow,
    /// An integer divided by zero.
    IntegerDivisionByZero,
    /// NaN made an integer.
    BadConversionToInteger,
    /// A host function refused.
    Host,
}

/// What ends an execution before it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An instruction or a host function trapped.
    Trap(Trap),
    /// Less gas was left than something costs.
    OutOfGas,
    /// Less of the stack was left than a function's frame.
    StackExhausted,
    /// More instructions than [`Limits::steps`].
    StepLimit,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The results.
    Return(Vec<Value>),
    /// An instruction or a host function trapped.
    Trap(Trap),
    /// Less gas was left than something costs.
    OutOfGas,
    /// Less of the stack was left than a function's frame.
    StackExhausted,
    /// More instructions than [`Limits::steps`]: no ending that gas knows, its count means nothing.
    StepLimit,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Gas used, by the table of endings in `docs/gas.md`.
    pub gas_used: u64,
    /// Instructions executed, free ones too.
    pub steps: u64,
}

/// Why a module can't be run, or an export not called.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The module is invalid, or needs a feature beyond [`FEATURES`].
    Invalid(wasmparser::Error),
    /// The module has something else that is not run.
    Unsupported(&'static str),
    /// The module asks for more than [`Limits`] allow.
    TooLarge(&'static str),
    /// An active segment does not fit.
    Instantiation(Trap),
    /// No function is exported by that name.
    NoSuchExport,
    /// The arguments are not of the types of the function, or name a function that there is not.
    Arguments,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(error) => write!(f, "invalid module: {error}"),
            Error::Unsupported(what) => write!(f, "not run by the reference interpreter: {what}"),
            Error::TooLarge(what) => write!(f, "over the limit: {what}"),
            Error::Instantiation(trap) => write!(f, "an active segment does not fit: {trap:?}"),
            Error::NoSuchExport => write!(f, "no function is exported by that name"),
            Error::Arguments => write!(f, "the arguments are not of the types of the function"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Invalid(error) => Some(error),
            _ => None,
        }
    }
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Error::Invalid(error)
    }
}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Self {
        Stop::Trap(trap)
    }
}
