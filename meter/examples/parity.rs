//! `parity COUNT FILE`: metered random modules, with how the reference interpreter says that their exports end and what
//! gas they use, a JSON object a line, for engines that this program does not run: `meter/v8/parity.mjs`.

#![allow(clippy::unwrap_used, reason = "generated modules are as the generator was told")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufWriter, Write as _};

use dagvault_meter::instrument::{Metered, TrapKind};
use dagvault_meter::reference::{Ending, Trap, Value};
use dagvault_meter::schedule::Schedule;
use serde_json::{Value as Json, json};
use support::reference::{Case, Priced};
use wasmparser::{ExternalKind, ValType};

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
        let arguments: Vec<_> = call.given.iter().zip(call.signature.params()).collect();
        let arguments: Vec<_> =
            arguments.into_iter().map(|(value, of)| json!([ty(of), text(value)])).collect();
        let types: Vec<_> = call.signature.results().iter().map(ty).collect();
        calls.push(json!({
            "export": call.export, "arguments": arguments, "types": types,
            "gas": call.gas.to_string(), "stack": call.stack,
            "ending": ending(&outcome.ending)?, "used": outcome.gas_used.to_string(), "fresh": fresh,
        }));
        fresh = outcome.ending == Ending::OutOfGas;
    }
    let memory = case.facts.exports().iter().find(|export| export.kind == ExternalKind::Memory && !fresh);
    let sum =
        machine.memory().iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    Some(json!({
        "seed": seed, "module": case.metered.bytes, "calls": calls, "start": case.facts.start().is_some(),
        "refunds": refunds(&case.metered),
        "memory": memory.map(|export| json!({ "export": export.name, "sum": sum })),
    }))
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, count, file] = arguments.as_slice() else { panic!("usage: parity COUNT FILE") };
    let prices = Priced(Schedule::first());
    let mut file = BufWriter::new(std::fs::File::create(file).unwrap());
    for line in (0..count.parse().unwrap()).filter_map(|seed| line(seed, &prices)) {
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
}
