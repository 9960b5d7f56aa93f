//! Random modules, metered and run by Wasmtime, beside the reference interpreter that counts one by one: the same
//! ending, the same gas.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

mod support;

use dagvault_meter::instrument::Refunds;
use dagvault_meter::reference::{self, Value};
use dagvault_meter::schedule::Schedule;
use support::reference::{Call, Case, Priced};
use support::{Ending, Machine};
use wasmtime::{Engine, Trap, Val};

/// Modules compared; `DAGVAULT_FULL` in the environment: the full count.
fn modules() -> u64 {
    if std::env::var_os("DAGVAULT_FULL").is_some() { 10_000 } else { 400 }
}

/// The reference's ending in Wasmtime's words.
fn ending(ending: &reference::Ending) -> Option<Ending> {
    use reference::Trap as T;
    Some(match ending {
        reference::Ending::Return(values) => Ending::Return(values.iter().map(shown).collect()),
        reference::Ending::OutOfGas => Ending::OutOfGas,
        reference::Ending::StackExhausted => Ending::StackExhausted,
        reference::Ending::StepLimit => return None,
        reference::Ending::Trap(trap) => Ending::Trap(match trap {
            T::Unreachable => Trap::UnreachableCodeReached,
            T::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
            T::TableOutOfBounds => Trap::TableOutOfBounds,
            T::IndirectCallToNull => Trap::IndirectCallToNull,
            T::BadSignature => Trap::BadSignature,
            T::IntegerOverflow => Trap::IntegerOverflow,
            T::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
            T::BadConversionToInteger => Trap::BadConversionToInteger,
            T::Host => return Some(Ending::Host),
        }),
    })
}

fn shown(value: &Value) -> String {
    let value = match *value {
        Value::I32(number) => Val::I32(number),
        Value::I64(number) => Val::I64(number),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::FuncRef(function) => return format!("func {}", function.is_some()),
        Value::ExternRef(reference) => return format!("extern {}", reference.is_some()),
    };
    support::shown(&value)
}

#[test]
fn gas_is_that_of_the_reference_in_wasmtime() {
    let engine = Engine::default();
    let prices = Priced(Schedule::first());
    let (mut returned, mut trapped, mut out, mut exhausted) = (0_u32, 0_u32, 0_u32, 0_u32);
    for seed in 0..modules() {
        let case = Case::of(seed, &prices);
        let refunds = &case.metered.refunds;
        let written = refunds.write();
        assert_eq!(Refunds::read(&written).as_ref(), Some(refunds), "seed {seed}");
        if let Some((_, cut)) = written.split_last() {
            assert_eq!(Refunds::read(cut), None, "seed {seed}");
        }
        let Some(calls) = case.reference(&prices).map(|machine| case.calls(&machine)) else { continue };
        let machine = Machine::new(&engine, &case.metered);
        for call in calls {
            let mut reference = case.reference(&prices).unwrap();
            let expected = call.run(&mut reference);
            let Some(wanted) = ending(&expected.ending) else { continue };
            let Call { export, args, gas, stack, .. } = call;
            let outcome = machine.run(&export, &args, gas.into(), stack);
            let place = format!("seed {seed}, export {export}, gas {gas}, stack {stack}");
            assert_eq!(outcome.ending, wanted, "{place}");
            assert_eq!(outcome.gas.cast_unsigned(), expected.gas_used, "{place}, {wanted:?}");
            // Where the gas was out, nobody says what stays.
            if wanted != Ending::OutOfGas {
                assert_eq!(machine.full.get() == 1, reference.memory_full(), "{place}, {wanted:?}");
            }
            match wanted {
                Ending::Return(_) => returned += 1,
                Ending::OutOfGas => out += 1,
                Ending::StackExhausted => exhausted += 1,
                _ => trapped += 1,
            }
        }
    }
    println!("{returned} returned, {trapped} trapped, {out} out of gas, {exhausted} out of stack");
    assert!(returned > 100 && trapped > 80 && out > 80 && exhausted > 5);
}
