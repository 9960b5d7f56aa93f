//! Each kind of trap at ten places, and the other endings: the gas is that of the reference, which counts one by one.

use dagvault_meter::profile::STACK_BYTES;
use dagvault_meter::reference::{self, Ending};
use dagvault_sandbox::{Outcome, Trap};

use crate::support::{YES, memory, module, reference, run_with};
use crate::trapping::{PLACES, TRAPS, text};

const GAS: u64 = 1_000_000;

fn expected(trap: reference::Trap) -> Trap {
    use reference::Trap as T;
    match trap {
        T::Unreachable => Trap::Unreachable,
        T::MemoryOutOfBounds => Trap::MemoryOutOfBounds,
        T::TableOutOfBounds => Trap::TableOutOfBounds,
        T::IndirectCallToNull => Trap::IndirectCallToNull,
        T::BadSignature => Trap::BadSignature,
        T::IntegerOverflow => Trap::IntegerOverflow,
        T::IntegerDivisionByZero => Trap::IntegerDivisionByZero,
        T::BadConversionToInteger => Trap::BadConversionToInteger,
        T::Host => panic!("there are no imports"),
    }
}

#[test]
fn each_kind_of_trap_at_ten_places_costs_what_was_executed() {
    for (trap, kind) in TRAPS {
        for place in PLACES {
            let text = text(place, trap);
            let (ending, gas, _) = reference(&text, GAS, STACK_BYTES.cast_unsigned().into());
            let Ending::Trap(found) = ending else { panic!("{ending:?}: {text}") };
            assert_eq!(expected(found), kind, "{text}");
            let module = module(&text, "validator");
            let execution = run_with(&module, Some(GAS));
            assert_eq!((execution.outcome, execution.gas), (Outcome::Trap(kind), gas), "{text}");
            assert!(execution.output.is_empty());
            // With all of the gas that it used less one it is out of gas before, with no other ending between.
            let short = run_with(&module, Some(gas.saturating_sub(1)));
            assert_eq!((short.outcome, short.gas), (Outcome::OutOfGas, gas - 1), "{text}");
        }
    }
}

#[test]
fn each_step_of_gas_ends_as_the_reference_says() {
    // Every amount up to what the whole takes, through start, alloc, run and dealloc.
    let text = text(PLACES[6], "(drop (i32.div_u (i32.const 1) (i32.const 3)))");
    let module = module(&text, "validator");
    let (ending, whole, _) = reference(&text, GAS, STACK_BYTES.cast_unsigned().into());
    assert!(matches!(ending, Ending::Return(_)));
    for gas in 0..=whole {
        let execution = run_with(&module, Some(gas));
        let (ending, used, _) = reference(&text, gas, STACK_BYTES.cast_unsigned().into());
        let outcome = if ending == Ending::OutOfGas { Outcome::OutOfGas } else { Outcome::Ok };
        assert_eq!((execution.outcome, execution.gas), (outcome, used), "{gas}");
        assert_eq!(outcome == Outcome::Ok, gas == whole);
    }
}

#[test]
fn the_counted_stack_ends_every_recursion_exactly() {
    let locals = "i64 ".repeat(300);
    for (before, locals) in
        [("", ""), ("(drop (i32.const 1))", "(local i32)"), ("", &format!("(local {locals})"))]
    {
        let text = format!(
            "(module {} (func $f {locals} {before} (call $f))
               (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
               (func (export \"dealloc\") (param i32 i32))
               (func (export \"run\") (param i32 i32 i32) (result i64) (call $f) {YES}))",
            memory(1)
        );
        let (ending, gas, _) = reference(&text, GAS, STACK_BYTES.cast_unsigned().into());
        assert_eq!(ending, Ending::StackExhausted);
        let execution = run_with(&module(&text, "validator"), Some(GAS));
        assert_eq!((execution.outcome, execution.gas), (Outcome::Trap(Trap::StackExhausted), gas));
    }
}

#[test]
fn memory_that_was_refused_is_its_own_ending() {
    let with = |run: &str| {
        format!(
            "(module (memory (export \"memory\") 1 4) (data (i32.const 1024) \"\\a1\\62ok\\f5\")
               (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
               (func (export \"dealloc\") (param i32 i32))
               (func (export \"run\") (param i32 i32 i32) (result i64) {run} {YES}))"
        )
    };
    for (run, outcome) in [
        ("(if (i32.eq (memory.grow (i32.const 9)) (i32.const -1)) (then unreachable))", Outcome::MemoryLimit),
        ("(drop (memory.grow (i32.const 9)))", Outcome::Ok),
        (
            "(drop (memory.grow (i32.const 9))) (drop (memory.grow (i32.const 1))) unreachable",
            Outcome::Trap(Trap::Unreachable),
        ),
        ("(drop (memory.grow (i32.const 9))) (i32.store (i32.const -4) (i32.const 1))", Outcome::MemoryLimit),
    ] {
        let text = with(run);
        let (_, gas, full) = reference(&text, GAS, STACK_BYTES.cast_unsigned().into());
        let execution = run_with(&module(&text, "validator"), Some(GAS));
        assert_eq!((execution.outcome, execution.gas), (outcome, gas), "{run}");
        assert!(full || outcome != Outcome::MemoryLimit, "{run}");
    }
    // The profile's own limit: 16 MiB.
    let grow = with("(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable")
        .replace(" 1 4)", " 1)");
    let execution = run_with(&module(&grow, "validator"), None);
    assert_eq!(execution.outcome, Outcome::MemoryLimit);
    assert!(execution.gas > 255 * 1_000);
}

#[test]
fn a_segment_that_does_not_fit_is_a_trap_without_gas() {
    for (segment, trap) in [
        ("(data (i32.const 65530) \"0123456789\")", Trap::MemoryOutOfBounds),
        ("(table 1 funcref) (elem (i32.const 1) func $a)", Trap::TableOutOfBounds),
    ] {
        let text = format!(
            "(module (memory (export \"memory\") 1) {segment}
               (func $a (export \"alloc\") (param i32) (result i32) unreachable)
               (func (export \"dealloc\") (param i32 i32))
               (func (export \"run\") (param i32 i32 i32) (result i64) unreachable))"
        );
        let execution = run_with(&module(&text, "policy"), None);
        assert_eq!((execution.outcome, execution.gas), (Outcome::Trap(trap), 0));
    }
}
