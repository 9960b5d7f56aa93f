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
        // The last function was not paid: its entry, `local.get` and `if`.
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
        (func $a (param i32) (result i32) DEEP block local.get 0 i32.const 1 i32.sub return end unreachable)
        (func $b (param i32) (result i32) DEEP local.get 0 br 0)
        (func $c (param i32) (result i32) DEEP local.get 0)
        (func (export "f") (param i32)
            loop local.get 0 call $a call $b call $c local.tee 0 br_if 0 end))"#
        // What calls itself takes its frame.
        .replace("DEEP", "i32.const 0 if local.get 0 call $a drop end");
    // The caller and $a, which has the largest frame of the three.
    let deepest = (16 + 8 * 2) + (16 + 8 * 3);
    let outcome = call_with(&text, &i32s([100]), PLENTY, deepest);
    assert_eq!(outcome.ending, Ending::Return(Vec::new()));
    assert_eq!(call_with(&text, &i32s([100]), PLENTY, deepest - 1).ending, Ending::StackExhausted);
}

#[test]
fn frames_hold_the_most_operands_at_any_time() {
    let least = |text: &str| {
        (0..1000).find(|stack| call_with(text, &[], PLENTY, *stack).ending != Ending::StackExhausted).unwrap()
    };
    // What calls itself takes its frame; its condition is an operand.
    let of = |body: &str| least(&format!(r#"(module (func $f (export "f") {body}))"#));
    let recurs = "i32.const 0 if call $f end";
    assert_eq!(of(recurs), 16 + 8);
    assert_eq!(of(&format!("(local i32 i64) {recurs}")), 16 + 8 * 3);
    assert_eq!(of(&format!("{recurs} i32.const 1 i64.const 2 f64.const 3 drop drop drop")), 16 + 8 * 3);
    let results = r#"(module (func $f (export "f") (result i32 i32)
        i32.const 0 if call $f drop drop end i32.const 1 block (result i32) i32.const 2 end))"#;
    assert_eq!(least(results), 16 + 8 * 2);
    let never = r#"(module (func $f (export "f") (result i32)
        i32.const 0 if call $f drop end i32.const 1 return
        i32.const 1 i32.const 2 block i32.const 3 i32.const 4 drop drop end drop drop))"#;
    assert_eq!(least(never), 16 + 8, "operands of what is never executed");
    let called = r#"(module (import "env" "mix" (func $m (param i64 i32) (result i64)))
        (func $f (export "f") (result i64) i32.const 0 if call $f drop end i64.const 1 i32.const 2 call $m))"#;
    assert_eq!(least(called), 16 + 8 * 2);
}

#[test]
fn what_needs_little_takes_nothing() {
    let least = |text: &str| {
        (0..9000).find(|stack| call_with(text, &[], PLENTY, *stack).ending != Ending::StackExhausted).unwrap()
    };
    // Together 4096, then 8 more: then the deepest still takes nothing.
    let chain = |locals: usize| {
        let (b, c) = ("i64 ".repeat(100), "i64 ".repeat(locals));
        format!(
            r#"(module (table 1 funcref)
                (func $a (export "f") call $b call $c) (func $b (local {b}) call $c)
                (func $c (local {c}) return i32.const 0 call_indirect call $c))"#
        )
    };
    assert_eq!(least(&chain(406)), 0);
    assert_eq!(least(&chain(407)), 16);
    // Too much alone: each that calls it takes its frame, too.
    assert_eq!(least(&chain(600)), 16 + (16 + 800) + (16 + 4800));
    let indirect = r#"(module (table 1 funcref) (func (export "f") call $g)
        (func $g i32.const 0 if i32.const 0 call_indirect end))"#;
    assert_eq!(least(indirect), 16 + 24);
    let imported = r#"(module (import "env" "nothing" (func $n)) (func (export "f") call $n))"#;
    assert_eq!(least(imported), 0);
}
