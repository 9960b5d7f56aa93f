//! `parity COUNT FILE MODULE.wasm …`: metered modules, random ones and known ones, with how the reference interpreter
//! says that their exports end and what gas they use, a JSON object a line, for engines that this program does not run:
//! `meter/v8/parity.mjs`. The known ones run in Wasmtime here; the tests have the random ones.

#![allow(clippy::unwrap_used, reason = "generated modules are as the generator was told")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufWriter, Write as _};

use dagvault_meter::instrument::{Metered, TrapKind};
use dagvault_meter::reference::{Ending, Outcome, Trap, Value};
use dagvault_meter::schedule::Schedule;
use serde_json::{Value as Json, json};
use support::reference::{Call, Case, Priced};
use wasmparser::{ExternalKind, ValType};
use wasmtime::Engine;

/// A value as JavaScript can read it; which NaN a float is, it can't tell.
fn text(value: &Value) -> String {
    match *value {
        Value::I32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        Value::F32(bits) => bits.to_string(),
        Value::F64(bits) => bits.to_string(),
        Value::FuncRef(_) => "funcref".to_owned(),
        Value::ExternRef(_) => "externref".to_owned(),
    }
}

fn ty(ty: &ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::Ref(ty) if ty.is_func_ref() => "funcref",
        _ => "externref",
    }
}

/// The ending in words that engines' own messages can be put into.
fn ending(ending: &Ending) -> Option<String> {
    Some(match ending {
        Ending::Return(values) => {
            values.iter().fold("return".to_owned(), |line, value| line + " " + &text(value))
        }
        Ending::OutOfGas => "out of gas".to_owned(),
        Ending::StackExhausted => "stack exhausted".to_owned(),
        Ending::StepLimit => return None,
        Ending::Trap(trap) => match trap {
            Trap::Unreachable => "trap unreachable",
            Trap::MemoryOutOfBounds => "trap memory",
            Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => "trap table",
            Trap::IntegerDivisionByZero => "trap division by zero",
            Trap::IntegerOverflow | Trap::BadConversionToInteger => "trap integer",
            Trap::Host => "trap host",
        }
        .to_owned(),
    })
}

fn refunds(metered: &Metered) -> Vec<Json> {
    let kind = |kind| match kind {
        TrapKind::Memory => "memory",
        TrapKind::Table => "table",
        TrapKind::Number => "number",
        TrapKind::Unreachable => "unreachable",
    };
    metered.refunds.iter().map(|(offset, of, refund)| json!([offset, kind(of), refund])).collect()
}

/// The line of a seed; `None` where its segments do not fit.
fn line(seed: u64, prices: &Priced) -> Option<Json> {
    let case = Case::of(seed, prices);
    let mut machine = case.reference(prices)?;
    let mut calls = Vec::new();
    let mut fresh = false;
    for call in case.calls(&machine) {
        // What stays of one call is there for the next, in both; but where the gas was out nobody says what stays.
        if fresh {
            machine = case.reference(prices)?;
        }
        let outcome = call.run(&mut machine);
        calls.push(called(&call, &outcome, fresh, machine.memory_full())?);
        fresh = outcome.ending == Ending::OutOfGas;
    }
    Some(described(&format!("seed {seed}"), &case, &calls, (!fresh).then(|| machine.memory())))
}

/// The line of a known module, after Wasmtime has agreed: with plenty of gas, with one too little, with just enough.
fn known(path: &str, prices: &Priced) -> Json {
    let case = Case::known(std::fs::read(path).unwrap(), prices);
    let wasmtime = support::Machine::new(&Engine::default(), &case.metered);
    let mut call = Call::known();
    let used = u32::try_from(call.run(&mut case.reference(prices).unwrap()).gas_used).unwrap();
    let mut calls = Vec::new();
    let mut machine = case.reference(prices).unwrap();
    for gas in [call.gas, used - 1, used] {
        call.gas = gas;
        machine = case.reference(prices).unwrap();
        let outcome = call.run(&mut machine);
        let ending = match &outcome.ending {
            Ending::Return(values) => {
                support::Ending::Return(values.iter().map(|value| format!("{value:?}")).collect())
            }
            Ending::OutOfGas => support::Ending::OutOfGas,
            other => panic!("{path}: {other:?}"),
        };
        let expected = support::Outcome { ending, gas: outcome.gas_used.try_into().unwrap() };
        assert_eq!(wasmtime.run(&call.export, &call.args, gas.into(), call.stack), expected, "{path}");
        calls.push(called(&call, &outcome, true, machine.memory_full()).unwrap());
    }
    println!("{path}: gas {used} in Wasmtime and the reference");
    described(path, &case, &calls, Some(machine.memory()))
}

/// A call with what it came to; `None` where that is nothing that gas knows. `fresh`: in a new instance; `full`:
/// whether the last growth of its memory was refused.
fn called(call: &Call, outcome: &Outcome, fresh: bool, full: bool) -> Option<Json> {
    let full = (outcome.ending != Ending::OutOfGas).then_some(full);
    let arguments = call.given.iter().zip(call.signature.params());
    let arguments: Vec<_> = arguments.map(|(value, of)| json!([ty(of), text(value)])).collect();
    let types: Vec<_> = call.signature.results().iter().map(ty).collect();
    Some(json!({
        "export": call.export, "arguments": arguments, "types": types,
        "gas": call.gas.to_string(), "stack": call.stack,
        "ending": ending(&outcome.ending)?, "used": outcome.gas_used.to_string(), "fresh": fresh,
        "full": full,
    }))
}

/// A module with its calls, and the memory that they leave, if somebody says what it is.
fn described(name: &str, case: &Case, calls: &[Json], memory: Option<&[u8]>) -> Json {
    let export = case.facts.exports().iter().find(|export| export.kind == ExternalKind::Memory);
    let memory = export.zip(memory).map(|(export, bytes)| {
        let sum = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
        json!({ "export": export.name, "sum": sum })
    });
    json!({
        "name": name, "module": case.metered.bytes, "calls": calls, "start": case.facts.start().is_some(),
        "refunds": refunds(&case.metered), "memory": memory,
    })
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, count, file, modules @ ..] = arguments.as_slice() else {
        panic!("usage: parity COUNT FILE MODULE.wasm …")
    };
    let prices = Priced(Schedule::first());
    let mut file = BufWriter::new(std::fs::File::create(file).unwrap());
    for line in (0..count.parse().unwrap()).filter_map(|seed| line(seed, &prices)) {
        writeln!(file, "{line}").unwrap();
    }
    for module in modules {
        writeln!(file, "{}", known(module, &prices)).unwrap();
    }
    file.flush().unwrap();
}
