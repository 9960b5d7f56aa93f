//! The reference interpreter against counts made by hand, and against Wasmtime.

mod control;
mod differential;
mod engine;
mod gas;
mod generated;
mod refused;
mod stack;
mod traps;

use dagvault_meter::reference::{Guest, Host, Limits, Machine, Outcome, Prices, Stop, Trap, Value};
use wasmparser::Operator;

/// Small prices that can be told apart in a sum; everything that is not named costs 1.
struct Table;

/// For entering a function.
const ENTRY: u64 = 100;
/// For each local of it.
const LOCAL: u64 = 10;
const DIVIDE: u64 = 7;
const STORE: u64 = 4;
const LOAD: u64 = 3;
const CALL: u64 = 20;
const INDIRECT: u64 = 30;
const BULK: u64 = 40;
const GROW: u64 = 50;
const PER_64: u64 = 6;
const PER_ELEMENT: u64 = 9;
const PER_PAGE: u64 = 1000;

impl Prices for Table {
    fn instruction(&self, operator: &Operator<'_>) -> u64 {
        use Operator as O;
        match operator {
            // These are free whatever the prices are.
            O::End | O::Else | O::Block { .. } | O::Loop { .. } | O::Nop => 1_000_000,
            O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU | O::I64DivS | O::I64DivU => DIVIDE,
            O::I32Store { .. } | O::I32Store8 { .. } | O::I64Store { .. } => STORE,
            O::I32Load { .. } | O::I32Load8U { .. } | O::I64Load { .. } => LOAD,
            O::Call { .. } => CALL,
            O::CallIndirect { .. } => INDIRECT,
            O::MemoryFill { .. } | O::MemoryCopy { .. } | O::MemoryInit { .. } => BULK,
            O::TableFill { .. } | O::TableCopy { .. } | O::TableInit { .. } => BULK,
            O::MemoryGrow { .. } | O::TableGrow { .. } => GROW,
            _ => 1,
        }
    }

    fn per_64_bytes(&self) -> u64 {
        PER_64
    }

    fn per_element(&self) -> u64 {
        PER_ELEMENT
    }

    fn per_page(&self) -> u64 {
        PER_PAGE
    }

    fn entry(&self) -> u64 {
        ENTRY
    }

    fn per_local(&self) -> u64 {
        LOCAL
    }
}

const LIMITS: Limits = Limits { memory_pages: 16, table_elements: 1000, steps: 2_000_000 };

/// More than any module written by hand uses.
const PLENTY: u64 = 1 << 50;

/// Bytes of stack, likewise.
const DEEP: u64 = 1 << 20;

/// Answers what modules of the tests import from `env`.
struct Env;

impl Host for Env {
    fn call(
        &mut self,
        module: &str,
        name: &str,
        arguments: &[Value],
        guest: &mut Guest<'_>,
    ) -> Result<Vec<Value>, Stop> {
        match (module, name, arguments) {
            ("env", "nothing", []) => Ok(Vec::new()),
            ("env", "mix", [Value::I64(a), Value::I32(b)]) => Ok(vec![Value::I64(mix(*a, *b))]),
            ("env", "split", [Value::F64(bits)]) => {
                let (low, high) = split(*bits);
                Ok(vec![Value::F32(low), Value::I32(high)])
            }
            ("env", "charge", [Value::I64(cost)]) => guest.charge(cost.cast_unsigned()).map(|()| Vec::new()),
            ("env", "left", []) => Ok(vec![Value::I64(guest.gas_left().cast_signed())]),
            ("env", "poke", [Value::I32(at)]) => {
                guest.memory[usize::try_from(*at).expect("small")] = 0xaa;
                Ok(Vec::new())
            }
            _ => Err(Stop::Trap(Trap::Host)),
        }
    }
}

fn mix(a: i64, b: i32) -> i64 {
    a.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()).rotate_left(17) ^ i64::from(b)
}

fn split(bits: u64) -> (u32, i32) {
    let [a, b, c, d, e, f, g, h] = bits.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), i32::from_le_bytes([e, f, g, h]))
}

fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text of a module")
}

/// An instance with the prices, limits and host of these tests.
fn instance(bytes: &[u8]) -> Machine<'_, Env> {
    Machine::new(bytes, &Table, LIMITS, Env).expect("a module that can be run")
}

/// Calls the export `f` of a module with plenty of everything.
fn call(text: &str, arguments: &[Value]) -> Outcome {
    call_with(text, arguments, PLENTY, DEEP)
}

/// Calls the export `f` of a module with so much gas and stack.
fn call_with(text: &str, arguments: &[Value], gas: u64, stack: u64) -> Outcome {
    let bytes = assemble(text);
    instance(&bytes).call("f", arguments, gas, stack).expect("the export f")
}

/// 32-bit integers as values.
fn i32s<const N: usize>(integers: [i32; N]) -> [Value; N] {
    integers.map(Value::I32)
}
