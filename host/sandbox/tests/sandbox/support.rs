//! Modules as texts, a sandbox for all tests, and the reference interpreter with the schedule's prices.

use std::sync::OnceLock;

use dagvault_meter::profile::Profile;
use dagvault_meter::reference::{Ending, Limits, Machine, NoHost, Prices, Value};
use dagvault_meter::schedule::Schedule;
use dagvault_sandbox::value::{Answer, Request};
use dagvault_sandbox::{Call, Capacity, Execution, Function, LoadError, Module, Sandbox};
use wasmparser::Operator;

/// Whether the counts are those of the issue.
pub(crate) fn full() -> bool {
    std::env::var_os("DAGVAULT_FULL").is_some()
}

pub(crate) fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| Sandbox::new(Schedule::first(), Capacity::default()).unwrap())
}

pub(crate) fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn load(text: &str, profile: &str) -> Result<Module, LoadError> {
    sandbox().compile(&assemble(text), Profile::named(profile).unwrap())
}

pub(crate) fn module(text: &str, profile: &str) -> Module {
    load(text, profile).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// `{"ok": true}` at 1024, as a pointer and a length.
pub(crate) const YES: &str = "(i64.const 0x0000_0400_0000_0005)";

/// A module of ABI 1 around a body of `run`, with more of its own. Allocations are at 4096.
pub(crate) fn abi1(run: &str, more: &str) -> String {
    format!(
        "(module
           (import \"dagvault\" \"log\" (func $log (param i32 i32 i32)))
           {}
           (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
           (func (export \"dealloc\") (param i32 i32))
           (func (export \"run\") (param $op i32) (param $ptr i32) (param $len i32) (result i64) {run})
           {more})",
        memory(2)
    )
}

/// A memory with the answers that tests give: yes at 1024, no at 1040.
pub(crate) fn memory(pages: u32) -> String {
    format!(
        "(memory (export \"memory\") {pages})
         (data (i32.const 1024) \"\\a1\\62ok\\f5\") (data (i32.const 1040) \"\\a1\\62ok\\f4\")"
    )
}

/// An input of ABI 1: the request 7.
pub(crate) fn seven() -> Vec<u8> {
    Request { request: &[7], ..Request::default() }.write().unwrap()
}

/// Runs the first function of a module of ABI 1.
pub(crate) fn run(module: &Module) -> Execution {
    run_with(module, None)
}

pub(crate) fn run_with(module: &Module, gas: Option<u64>) -> Execution {
    let input = seven();
    sandbox().execute(module, &Call { gas, ..Call::new(Function::Op(0), &input) }).unwrap()
}

/// The integer that a module answered with.
pub(crate) fn answered(execution: &Execution) -> u8 {
    Answer::read(&execution.output).unwrap().value.unwrap()[0]
}

/// The schedule's prices, for the reference.
struct Priced(Schedule);

impl Prices for Priced {
    fn instruction(&self, operator: &Operator<'_>) -> u64 {
        self.0.cost(operator).unwrap()
    }

    fn per_64_bytes(&self) -> u64 {
        self.0.per_64_bytes()
    }

    fn per_element(&self) -> u64 {
        self.0.per_element()
    }

    fn per_page(&self) -> u64 {
        self.0.per_page()
    }

    fn entry(&self) -> u64 {
        self.0.entering(0)
    }

    fn per_local(&self) -> u64 {
        self.0.entering(1) - self.0.entering(0)
    }
}

/// What the reference says of a module of ABI 1 without imports: how it ends, the gas, whether its memory was full.
pub(crate) fn reference(text: &str, gas: u64, stack: u64) -> (Ending, u64, bool) {
    let (bytes, prices) = (assemble(text), Priced(Schedule::first()));
    let limits = Limits { memory_pages: 256, table_elements: 65_536, steps: 5_000_000 };
    let mut machine = Machine::new(&bytes, &prices, limits, NoHost).unwrap();
    let length = i32::try_from(seven().len()).unwrap();
    let mut used = 0;
    let mut last = Ending::Return(Vec::new());
    if let Some(outcome) = machine.start(gas, stack) {
        (last, used) = (outcome.ending, outcome.gas_used);
    }
    let stages: [(&str, Vec<i32>); 3] =
        [("alloc", vec![length]), ("run", vec![0, 4096, length]), ("dealloc", vec![1024, 5])];
    for (export, given) in stages {
        if !matches!(last, Ending::Return(_)) {
            break;
        }
        let given: Vec<Value> = given.into_iter().map(Value::I32).collect();
        let outcome = machine.call(export, &given, gas - used, stack).unwrap();
        (last, used) = (outcome.ending, used + outcome.gas_used);
    }
    (last, used, machine.memory_full())
}
