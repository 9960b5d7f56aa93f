//! Random modules, admitted and metered, and calls of them for the reference interpreter and for an engine.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

use dagvault_meter::admit::{Facts, Limits, admit};
use dagvault_meter::instrument::{Metered, instrument};
use dagvault_meter::reference::{self, Machine, NoHost, Prices, Value};
use dagvault_meter::schedule::Schedule;
use wasmparser::{FuncType, Operator, ValType};
use wasmtime::Val;

use super::STACK_BYTES;
use super::smith::{module, random};

/// Gas that some calls have enough of, and others not.
const GAS: [u32; 4] = [1_000_000, 5_000, 300, 40];
/// Bytes of the counted stack that few calls have enough of.
const LITTLE_STACK: i32 = 200;
/// Exports that are called; the last with little stack.
const CALLS: usize = 6;
/// Instructions that the reference takes of a random module before it gives up: more than the gas pays for.
const STEPS: u64 = 3_000_000;
/// Of a module that is known.
const STEPS_KNOWN: u64 = 1_000_000_000;
/// What a known module is told to do, and its gas.
const COUNT: i32 = 20;
const PLENTY: u32 = 4_000_000_000;

/// The schedule's prices, for the reference.
pub(crate) struct Priced(pub(crate) Schedule);

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

/// A random module, or a known one.
pub(crate) struct Case {
    bytes: Vec<u8>,
    pub(crate) facts: Facts,
    pub(crate) metered: Metered,
    limits: reference::Limits,
    seed: u64,
}

/// A call of an export.
pub(crate) struct Call {
    pub(crate) export: String,
    pub(crate) signature: FuncType,
    /// The arguments, for the reference and for Wasmtime.
    pub(crate) given: Vec<Value>,
    pub(crate) args: Vec<Val>,
    pub(crate) gas: u32,
    pub(crate) stack: i32,
}

impl Case {
    pub(crate) fn of(seed: u64, prices: &Priced) -> Self {
        Self::with(module(seed), seed, STEPS, prices)
    }

    /// One of `guest/workloads`.
    pub(crate) fn known(bytes: Vec<u8>, prices: &Priced) -> Self {
        Self::with(bytes, 0, STEPS_KNOWN, prices)
    }

    fn with(bytes: Vec<u8>, seed: u64, steps: u64, prices: &Priced) -> Self {
        let limits = Limits { memory_pages: 256, ..Limits::default() };
        let facts = admit(&bytes, &limits).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal}"));
        let metered = instrument(&bytes, &facts, &prices.0).unwrap();
        let limits = reference::Limits {
            memory_pages: limits.memory_pages,
            table_elements: limits.table_elements,
            steps,
        };
        Self { bytes, facts, metered, limits, seed }
    }

    /// It in the reference; `None` where its segments don't fit.
    pub(crate) fn reference<'a>(&'a self, prices: &'a Priced) -> Option<Machine<'a, NoHost>> {
        match Machine::new(&self.bytes, prices, self.limits, NoHost) {
            Ok(machine) => Some(machine),
            Err(reference::Error::Instantiation(_)) => None,
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    /// Calls of its exports, without those that take references.
    pub(crate) fn calls(&self, machine: &Machine<'_, NoHost>) -> Vec<Call> {
        let exports = machine.functions().take(CALLS).enumerate();
        exports
            .filter_map(|(turn, (export, signature))| {
                let (given, args) = arguments(signature.params(), self.seed)?;
                Some(Call {
                    export: export.to_owned(),
                    signature: signature.clone(),
                    given,
                    args,
                    gas: GAS[usize::try_from((self.seed + turn as u64) % 4).unwrap()],
                    stack: if turn + 1 == CALLS { LITTLE_STACK } else { STACK_BYTES },
                })
            })
            .collect()
    }
}

impl Call {
    /// Of a known module.
    pub(crate) fn known() -> Self {
        Self {
            export: "run".to_owned(),
            signature: FuncType::new([ValType::I32], [ValType::I32]),
            given: vec![Value::I32(COUNT)],
            args: vec![Val::I32(COUNT)],
            gas: PLENTY,
            stack: STACK_BYTES,
        }
    }

    pub(crate) fn run(&self, machine: &mut Machine<'_, NoHost>) -> reference::Outcome {
        machine.call(&self.export, &self.given, self.gas.into(), self.stack.cast_unsigned().into()).unwrap()
    }
}

/// An argument for each parameter, for the reference and for Wasmtime; `None` where one is a reference.
fn arguments(params: &[ValType], seed: u64) -> Option<(Vec<Value>, Vec<Val>)> {
    let pair = |(at, ty): (usize, &ValType)| {
        let number = random(seed ^ at as u64, 1)[0];
        Some(match ty {
            ValType::I32 => (Value::I32(number.into()), Val::I32(number.into())),
            ValType::I64 => (Value::I64(number.into()), Val::I64(number.into())),
            ValType::F32 => {
                let bits = f32::from(number).to_bits();
                (Value::F32(bits), Val::F32(bits))
            }
            ValType::F64 => {
                let bits = f64::from(number).to_bits();
                (Value::F64(bits), Val::F64(bits))
            }
            _ => return None,
        })
    };
    params.iter().enumerate().map(pair).collect()
}
