//! An instance of a module, as it is used from outside.

use wasmparser::{ExternalKind, FuncType};

use super::execute::Execution;
use super::gas::Gas;
use super::instantiate::State;
use super::module::Module;
use super::value::Value;
use super::{Ending, Error, Host, Limits, Outcome, Prices, Stop};

/// An instance of a module with its host.
pub struct Machine<'a, H> {
    module: Module<'a>,
    state: State<'a>,
    prices: &'a dyn Prices,
    limits: Limits,
    host: H,
    /// Whether the start function is still to be run.
    start: bool,
}

impl<'a, H: Host> Machine<'a, H> {
    /// Reads, validates and instantiates a module, without running its start function.
    ///
    /// # Errors
    /// If the module is invalid, imports anything but functions, is over the limits, or its segments don't fit.
    pub fn new(bytes: &'a [u8], prices: &'a dyn Prices, limits: Limits, host: H) -> Result<Self, Error> {
        let module = Module::read(bytes, prices)?;
        let state = State::new(&module, &limits)?;
        let start = module.start.is_some();
        Ok(Self { module, state, prices, limits, host, start })
    }

    /// Calls an exported function with `gas` units of gas and `stack` bytes of the guest's stack.
    ///
    /// The first call runs the start function before, on the same gas; if that does not return, its ending is the
    /// call's. Memory, tables and globals stay as the call leaves them, however it ends.
    ///
    /// # Errors
    /// If there is no such function, or the arguments are not of its types; nothing is run then.
    pub fn call(
        &mut self,
        export: &str,
        arguments: &[Value],
        gas: u64,
        stack: u64,
    ) -> Result<Outcome, Error> {
        let Some(&(ExternalKind::Func, function)) = self.module.exports.get(export) else {
            return Err(Error::NoSuchExport);
        };
        if !self.module.takes(arguments, self.module.type_of(function).params()) {
            return Err(Error::Arguments);
        }
        let start = self.take_start();
        let calls: Vec<(usize, &[Value])> = start.into_iter().chain([(function, arguments)]).collect();
        Ok(self.execute(&calls, gas, stack))
    }

    /// Runs the start function alone, if there is one that was not run yet.
    pub fn start(&mut self, gas: u64, stack: u64) -> Option<Outcome> {
        let start = self.take_start()?;
        Some(self.execute(&[start], gas, stack))
    }

    fn take_start<'v>(&mut self) -> Option<(usize, &'v [Value])> {
        let wanted = std::mem::take(&mut self.start);
        self.module.start.filter(|_| wanted).map(|start| (start, &[][..]))
    }

    /// Calls functions one after the other until one does not return; the results are those of the last.
    fn execute(&mut self, calls: &[(usize, &[Value])], gas: u64, stack: u64) -> Outcome {
        let (module, state, host) = (&self.module, &mut self.state, &mut self.host);
        let mut execution =
            Execution::new(module, state, host, self.prices, Gas::new(gas), stack, self.limits.steps);
        let mut ended = Ok(Vec::new());
        for (function, arguments) in calls {
            ended = execution.call(*function, arguments);
            if ended.is_err() {
                break;
            }
        }
        let gas = execution.gas();
        let (ending, gas_used) = match ended {
            Ok(values) => (Ending::Return(values), gas.executed()),
            Err(Stop::Trap(trap)) => (Ending::Trap(trap), gas.executed()),
            Err(Stop::OutOfGas) => (Ending::OutOfGas, gas.all()),
            Err(Stop::StackExhausted) => (Ending::StackExhausted, gas.executed()),
            Err(Stop::StepLimit) => (Ending::StepLimit, gas.executed()),
        };
        Outcome { ending, gas_used, steps: execution.steps() }
    }

    /// The exported functions by name, in the order of their names.
    pub fn functions(&self) -> impl Iterator<Item = (&'a str, &FuncType)> {
        let functions = self.module.exports.iter().filter(|(_, (kind, _))| *kind == ExternalKind::Func);
        functions.map(|(name, (_, index))| (*name, self.module.type_of(*index)))
    }

    /// The memory; empty if the module has none.
    pub fn memory(&self) -> &[u8] {
        &self.state.memory.bytes
    }

    /// Whether the last `memory.grow` was refused.
    pub fn memory_full(&self) -> bool {
        self.state.memory.full
    }

    /// The globals by index.
    pub fn globals(&self) -> &[Value] {
        &self.state.globals
    }

    /// An exported global.
    pub fn global(&self, export: &str) -> Option<Value> {
        match self.module.exports.get(export)? {
            (ExternalKind::Global, index) => Some(self.state.globals[*index]),
            _ => None,
        }
    }

    /// The elements of an exported table.
    pub fn table(&self, export: &str) -> Option<&[Value]> {
        match self.module.exports.get(export)? {
            (ExternalKind::Table, index) => Some(&self.state.tables[*index].elements),
            _ => None,
        }
    }

    /// The host.
    pub fn host(&self) -> &H {
        &self.host
    }
}
