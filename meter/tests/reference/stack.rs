//! The guest's stack.

use dagvault_meter::reference::Ending;

use super::*;

/// Calls itself as often as it is told; its frame holds a parameter, a local and two operands.
const DESCEND: &str = r#"(module (func $f (export "f") (param i32) (local i64)
    local.get 0
    if
        local.get 0 i32.const 1 i32.sub call $f
    end))"#;
const FRAME: u64 = 16 + 8 * (1 + 1 + 2);

#[test]
fn calls_go_as_deep_as_the_stack() {
    for depth in [0, 1, 7, 1000] {
        let frames = u64::try_from(depth).unwrap() + 1;
        let outcome = call_with(DESCEND, &i32s([depth]), PLENTY, frames * FRAME);
        assert_eq!(outcome.ending, Ending::Return(Vec::new()));
        let exhausted = call_with(DESCEND, &i32s([depth]), PLENTY, frames * FRAME - 1);
        assert_eq!(exhausted.ending, Ending::StackExhausted);
        // The first run of the last function was not paid, which holds its entry: `local.get` and `if`.
        assert_eq!(outcome.gas_used - exhausted.gas_used, ENTRY + 2 * LOCAL + 2);
    }
}

#[test]
fn exhausted_costs_what_was_charged() {
    let outcome = call_with(DESCEND, &i32s([9]), PLENTY, 2 * FRAME);
    assert_eq!(outcome.ending, Ending::StackExhausted);
    let entry = ENTRY + 2 * LOCAL;
    assert_eq!(outcome.gas_used, 2 * (entry + 2 + 3 + CALL));
}

#[test]
fn the_frame_is_taken_before_entering_is_paid() {
    let outcome = call_with(DESCEND, &i32s([0]), 0, FRAME - 1);
    assert_eq!((outcome.ending, outcome.gas_used), (Ending::StackExhausted, 0));
    let outcome = call_with(DESCEND, &i32s([0]), ENTRY + 2 * LOCAL + 1, FRAME);
    assert_eq!(outcome.ending, Ending::OutOfGas);
}

#[test]
fn frames_are_given_back() {
    // Called by turns, returning in each way, a hundred times.
    let text = r#"(module
        (func $a (param i32) (result i32) block local.get 0 i32.const 1 i32.sub return end unreachable)
        (func $b (param i32) (result i32) local.get 0 br 0)
        (func $c (param i32) (result i32) local.get 0)
        (func (export "f") (param i32)
            loop local.get 0 call $a call $b call $c local.tee 0 br_if 0 end))"#;
    // The caller and $a, which has the largest frame of the three.
    let outcome = call_with(text, &i32s([100]), PLENTY, (16 + 8 * 2) + (16 + 8 * 3));
    assert_eq!(outcome.ending, Ending::Return(Vec::new()));
}

#[test]
fn frames_hold_the_most_operands_at_any_time() {
    let least = |text: &str| {
        (0..1000).find(|stack| call_with(text, &[], PLENTY, *stack).ending != Ending::StackExhausted).unwrap()
    };
    assert_eq!(least(r#"(module (func (export "f")))"#), 16);
    assert_eq!(least(r#"(module (func (export "f") (local i32 i64)))"#), 16 + 8 * 2);
    let three = r#"(module (func (export "f") i32.const 1 i64.const 2 f64.const 3 drop drop drop))"#;
    assert_eq!(least(three), 16 + 8 * 3);
    let results =
        r#"(module (func (export "f") (result i32 i32) i32.const 1 block (result i32) i32.const 2 end))"#;
    assert_eq!(least(results), 16 + 8 * 2);
    let never = r#"(module (func (export "f") (result i32) i32.const 1 return
        i32.const 1 i32.const 2 block i32.const 3 i32.const 4 drop drop end drop drop))"#;
    assert_eq!(least(never), 16 + 8, "operands of what is never executed");
    let called = r#"(module (import "env" "mix" (func $m (param i64 i32) (result i64)))
        (func (export "f") (result i64) i64.const 1 i32.const 2 call $m))"#;
    assert_eq!(least(called), 16 + 8 * 2);
}
