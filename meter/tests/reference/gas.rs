//! Gas, counted by hand.

use dagvault_meter::reference::{Ending, Trap, Value};

use super::*;

/// Counts down from its argument.
const COUNTDOWN: &str = r#"(module (func (export "f") (param i32) (result i32)
    loop
        local.get 0 i32.const 1 i32.sub local.tee 0
        br_if 0
    end
    local.get 0))"#;

fn returns(outcome: &Outcome) -> &[Value] {
    match &outcome.ending {
        Ending::Return(values) => values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn straight_line() {
    let text = r#"(module (func (export "f") (param i32) (result i32) (local i64 i64)
        nop local.get 0 block nop i32.const 2 drop end i32.const 3 i32.mul))"#;
    let outcome = call(text, &i32s([5]));
    assert_eq!(returns(&outcome), i32s([15]));
    assert_eq!(outcome.gas_used, ENTRY + 3 * LOCAL + 5);
    // Each instruction is a step: nop get block nop const drop end const mul end.
    assert_eq!(outcome.steps, 10);
}

#[test]
fn a_loop_costs_each_time() {
    for count in [1, 2, 10] {
        let outcome = call(COUNTDOWN, &i32s([count]));
        assert_eq!(outcome.gas_used, ENTRY + LOCAL + 5 * u64::try_from(count).unwrap() + 1);
    }
}

#[test]
fn gas_is_enough_or_out() {
    let used = call(COUNTDOWN, &i32s([3])).gas_used;
    for gas in 0..used {
        let outcome = call_with(COUNTDOWN, &i32s([3]), gas, DEEP);
        assert_eq!((outcome.ending, outcome.gas_used), (Ending::OutOfGas, gas));
    }
    for gas in [used, used + 1] {
        let outcome = call_with(COUNTDOWN, &i32s([3]), gas, DEEP);
        assert_eq!((outcome.ending, outcome.gas_used), (Ending::Return(i32s([0]).to_vec()), used));
    }
}

#[test]
fn a_trap_costs_nothing_that_stands_behind_it() {
    // At the beginning, in the middle, and at the end of a run of 4 + 7 + 3.
    let middle = r#"(module (func (export "f") (param i32) (result i32)
        i32.const 9 i32.const 1 drop local.get 0 i32.div_u i32.const 1 i32.add i32.eqz))"#;
    let outcome = call(middle, &i32s([0]));
    assert_eq!(outcome.ending, Ending::Trap(Trap::IntegerDivisionByZero));
    assert_eq!(outcome.gas_used, ENTRY + LOCAL + 4 + DIVIDE);
    assert_eq!(call(middle, &i32s([3])).gas_used, ENTRY + LOCAL + 4 + DIVIDE + 3);
    // What stands behind it need not have been there.
    let gas = ENTRY + LOCAL + 4 + DIVIDE;
    assert_eq!(call_with(middle, &i32s([0]), gas, DEEP), call(middle, &i32s([0])));
    assert_eq!(call_with(middle, &i32s([0]), gas - 1, DEEP).ending, Ending::OutOfGas);
    let end = r#"(module (func (export "f") (param i32) (result i32)
        i32.const 9 local.get 0 i32.div_u))"#;
    assert_eq!(call(end, &i32s([0])).gas_used, ENTRY + LOCAL + 2 + DIVIDE);
}

#[test]
fn a_trap_in_a_callee_costs_nothing_that_stands_behind_the_call() {
    let text = r#"(module
        (func $trap (param i32) unreachable)
        (func (export "f") i32.const 1 call $trap i32.const 2 drop))"#;
    let outcome = call(text, &[]);
    assert_eq!(outcome.ending, Ending::Trap(Trap::Unreachable));
    assert_eq!(outcome.gas_used, ENTRY + 1 + CALL + ENTRY + LOCAL + 1);
}

#[test]
fn calls() {
    let text = r#"(module
        (type $t (func (param i32 i32) (result i32)))
        (func $add (type $t) (local i64) local.get 0 local.get 1 i32.add)
        (table funcref (elem $add))
        (func (export "f") (param i32) (result i32)
            i32.const 1 local.get 0 call $add
            i32.const 2 i32.const 0 call_indirect (type $t)))"#;
    let outcome = call(text, &i32s([39]));
    assert_eq!(returns(&outcome), i32s([42]));
    let add = ENTRY + 3 * LOCAL + 3;
    assert_eq!(outcome.gas_used, ENTRY + LOCAL + 2 + CALL + add + 2 + INDIRECT + add);
}

#[test]
fn an_indirect_call_that_traps_enters_nothing() {
    let text = r#"(module
        (type $t (func (param i32)))
        (func $other)
        (table 3 funcref) (elem (i32.const 0) $other)
        (func (export "f") (param i32) i32.const 1 local.get 0 call_indirect (type $t)))"#;
    for (index, trap) in [(0, Trap::BadSignature), (1, Trap::IndirectCallToNull), (3, Trap::TableOutOfBounds)]
    {
        let outcome = call(text, &i32s([index]));
        assert_eq!(outcome.ending, Ending::Trap(trap));
        assert_eq!(outcome.gas_used, ENTRY + LOCAL + 2 + INDIRECT);
    }
}

#[test]
fn host_functions_charge_themselves() {
    let text = r#"(module
        (import "env" "charge" (func $charge (param i64)))
        (import "env" "refused" (func $refused))
        (func (export "f") (param i64) local.get 0 call $charge)
        (func (export "trap") i64.const 77 call $charge call $refused i64.const 1 drop))"#;
    let fixed = ENTRY + LOCAL + 1 + CALL;
    assert_eq!(call(text, &[Value::I64(500)]).gas_used, fixed + 500);
    let cost = [Value::I64(500)];
    assert_eq!(call_with(text, &cost, fixed + 500, DEEP).ending, Ending::Return(Vec::new()));
    assert_eq!(call_with(text, &cost, fixed + 499, DEEP).ending, Ending::OutOfGas);
    let out = call(text, &[Value::I64(-1)]);
    assert_eq!((out.ending, out.gas_used), (Ending::OutOfGas, PLENTY));
    let bytes = assemble(text);
    let mut machine = instance(&bytes);
    let outcome = machine.call("trap", &[], PLENTY, DEEP).unwrap();
    assert_eq!(outcome.ending, Ending::Trap(Trap::Host));
    assert_eq!(outcome.gas_used, ENTRY + 1 + CALL + 77 + CALL);
}

#[test]
fn a_host_function_sees_gas_and_memory() {
    let text = r#"(module
        (import "env" "left" (func $left (result i64)))
        (import "env" "poke" (func $poke (param i32)))
        (memory 1)
        (func (export "f") (result i64 i32)
            i32.const 9 call $poke call $left i32.const 9 i32.load8_u))"#;
    let outcome = call_with(text, &[], 1000, DEEP);
    // The call of `left` is paid, what stands behind it is not.
    let before = ENTRY + 1 + CALL + CALL;
    let left = i64::try_from(1000 - before).unwrap();
    assert_eq!(returns(&outcome), [Value::I64(left), Value::I32(0xaa)]);
    assert_eq!(outcome.gas_used, before + 1 + LOAD);
}

#[test]
fn memory_instructions_cost_by_started_64_bytes() {
    let text = r#"(module (memory 1) (data $d "0123456789") (data $e "x")
        (func (export "fill") (param i32) i32.const 0 i32.const 1 local.get 0 memory.fill)
        (func (export "copy") (param i32) i32.const 0 i32.const 1 local.get 0 memory.copy)
        (func (export "init") (param i32) i32.const 0 i32.const 0 local.get 0 memory.init $d i32.const 1 drop)
        (func (export "drop") data.drop $e))"#;
    let bytes = assemble(text);
    let mut machine = instance(&bytes);
    let fixed = ENTRY + LOCAL + 3 + BULK;
    for name in ["fill", "copy"] {
        for (count, started) in [(0, 0), (1, 1), (64, 1), (65, 2), (65535, 1024)] {
            let outcome = machine.call(name, &i32s([count]), PLENTY, DEEP).unwrap();
            assert_eq!(outcome.ending, Ending::Return(Vec::new()));
            assert_eq!(outcome.gas_used, fixed + started * PER_64, "{name} {count}");
            let enough = fixed + started * PER_64;
            let less = machine.call(name, &i32s([count]), enough - 1, DEEP).unwrap();
            assert_eq!(less.ending, Ending::OutOfGas);
        }
        // Charged before it is found that the bytes are not there.
        let outcome = machine.call(name, &i32s([-1]), PLENTY, DEEP).unwrap();
        assert_eq!(outcome.ending, Ending::Trap(Trap::MemoryOutOfBounds));
        assert_eq!(outcome.gas_used, fixed + (1 << 26) * PER_64);
    }
    let outcome = machine.call("init", &i32s([10]), PLENTY, DEEP).unwrap();
    assert_eq!(outcome.gas_used, fixed + PER_64 + 2);
    let outcome = machine.call("init", &i32s([11]), PLENTY, DEEP).unwrap();
    assert_eq!(outcome.ending, Ending::Trap(Trap::MemoryOutOfBounds));
    assert_eq!(outcome.gas_used, fixed + PER_64);
    assert_eq!(machine.call("drop", &[], PLENTY, DEEP).unwrap().gas_used, ENTRY + 1);
}

#[test]
fn table_instructions_cost_by_element() {
    let text = r#"(module (table $t 20 30 funcref) (elem $e func 0 0 0) (table $u 20 externref)
        (func (export "fill") (param i32) i32.const 0 ref.null func local.get 0 table.fill $t)
        (func (export "copy") (param i32) i32.const 0 i32.const 0 local.get 0 table.copy $t $t)
        (func (export "init") (param i32) i32.const 0 i32.const 0 local.get 0 table.init $t $e)
        (func (export "grow") (param i32) (result i32) ref.null extern local.get 0 table.grow $u)
        (func (export "grow_t") (param i32) (result i32) ref.null func local.get 0 table.grow $t))"#;
    let bytes = assemble(text);
    let mut machine = instance(&bytes);
    let fixed = ENTRY + LOCAL + 3 + BULK;
    for (name, most) in [("fill", 20), ("copy", 20), ("init", 3)] {
        for count in [0, 1, most] {
            let outcome = machine.call(name, &i32s([count]), PLENTY, DEEP).unwrap();
            assert_eq!(outcome.ending, Ending::Return(Vec::new()));
            assert_eq!(
                outcome.gas_used,
                fixed + u64::try_from(count).unwrap() * PER_ELEMENT,
                "{name} {count}"
            );
        }
        let outcome = machine.call(name, &i32s([most + 1]), PLENTY, DEEP).unwrap();
        assert_eq!(outcome.ending, Ending::Trap(Trap::TableOutOfBounds));
        assert_eq!(outcome.gas_used, fixed + u64::try_from(most + 1).unwrap() * PER_ELEMENT);
    }
    let fixed = ENTRY + LOCAL + 2 + GROW;
    // What does not grow costs the same: over the limit of 1000, over the table's own.
    for (name, count, before) in [("grow", 980, 20), ("grow", 1, -1), ("grow_t", 11, -1), ("grow_t", 10, 20)]
    {
        let outcome = machine.call(name, &i32s([count]), PLENTY, DEEP).unwrap();
        assert_eq!(returns(&outcome), i32s([before]), "{name} {count}");
        assert_eq!(outcome.gas_used, fixed + u64::try_from(count).unwrap() * PER_ELEMENT);
    }
}

#[test]
fn memory_grows_by_the_page() {
    let text = r#"(module (memory 1 4) (func (export "f") (param i32) (result i32 i32)
        local.get 0 memory.grow memory.size))"#;
    let fixed = ENTRY + LOCAL + 1 + GROW + 1;
    for (pages, result) in [(0, [1, 1]), (3, [1, 4]), (4, [-1, 1]), (-1, [-1, 1])] {
        let outcome = call(text, &i32s([pages]));
        assert_eq!(returns(&outcome), i32s(result));
        assert_eq!(outcome.gas_used, fixed + u64::from(pages.cast_unsigned()) * PER_PAGE);
    }
    let outcome = call_with(text, &i32s([3]), fixed + 3 * PER_PAGE - 2, DEEP);
    assert_eq!((outcome.ending, outcome.gas_used), (Ending::OutOfGas, fixed + 3 * PER_PAGE - 2));
}

#[test]
fn the_start_function_runs_before_the_first_call() {
    let text = r#"(module (global $g (mut i32) (i32.const 1))
        (func $start global.get $g i32.const 1 i32.add global.set $g)
        (start $start)
        (func (export "f") (result i32) global.get $g))"#;
    let bytes = assemble(text);
    let mut machine = instance(&bytes);
    assert_eq!(machine.globals(), i32s([1]));
    let first = machine.call("f", &[], PLENTY, DEEP).unwrap();
    assert_eq!((returns(&first), first.gas_used), (&i32s([2])[..], ENTRY + 4 + ENTRY + 1));
    let second = machine.call("f", &[], PLENTY, DEEP).unwrap();
    assert_eq!((returns(&second), second.gas_used), (&i32s([2])[..], ENTRY + 1));
    let mut machine = instance(&bytes);
    assert_eq!(machine.start(PLENTY, DEEP).unwrap().gas_used, ENTRY + 4);
    assert_eq!(machine.start(PLENTY, DEEP), None);
    assert_eq!(machine.call("f", &[], PLENTY, DEEP).unwrap().gas_used, ENTRY + 1);
    let trapping = r#"(module (start 0) (func unreachable) (func (export "f")))"#;
    let outcome = call(trapping, &[]);
    assert_eq!((outcome.ending, outcome.gas_used), (Ending::Trap(Trap::Unreachable), ENTRY + 1));
}
