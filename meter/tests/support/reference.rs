//! The reference interpreter with the schedule of this build.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

use dagvault_meter::reference::{Prices, Value};
use dagvault_meter::schedule::Schedule;
use wasmparser::{Operator, ValType};
use wasmtime::Val;

use super::smith::random;

/// Gas that some calls have enough of, and others not.
const GAS: [u32; 4] = [1_000_000, 5_000, 300, 40];

/// The gas of a seed's call.
pub(crate) fn gas_of(seed: u64, turn: usize) -> u32 {
    GAS[usize::try_from((seed + turn as u64) % 4).unwrap()]
}

/// Instructions that the reference takes before it gives up: more than the gas pays for.
pub(crate) const STEPS: u64 = 3_000_000;

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

/// An argument for each parameter, for the reference and for Wasmtime; `None` where one is a reference.
pub(crate) fn arguments(params: &[ValType], seed: u64) -> Option<(Vec<Value>, Vec<Val>)> {
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
