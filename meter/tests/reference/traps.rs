//! Every kind of trap, at three places of a run.

use dagvault_meter::reference::{Ending, Trap};

use super::*;

/// What traps, with its cost up to and with the instruction that traps, and nothing left on the operands if it doesn't.
const TRAPPING: [(&str, u64, Trap); 20] = [
    ("unreachable", 1, Trap::Unreachable),
    ("i32.const 65533 i32.load drop", 1 + LOAD, Trap::MemoryOutOfBounds),
    ("i32.const 0 i32.load offset=65533 drop", 1 + LOAD, Trap::MemoryOutOfBounds),
    ("i32.const -1 i32.load offset=4294967295 drop", 1 + LOAD, Trap::MemoryOutOfBounds),
    ("i32.const 65529 i64.const 1 i64.store", 2 + STORE, Trap::MemoryOutOfBounds),
    ("i32.const 65536 i32.const 0 i32.const 1 memory.fill", 3 + BULK + PER_64, Trap::MemoryOutOfBounds),
    ("i32.const 0 i32.const 65536 i32.const 1 memory.copy", 3 + BULK + PER_64, Trap::MemoryOutOfBounds),
    ("i32.const 65537 i32.const 0 i32.const 0 memory.copy", 3 + BULK, Trap::MemoryOutOfBounds),
    ("i32.const 0 i32.const 2 i32.const 1 memory.init $d", 3 + BULK + PER_64, Trap::MemoryOutOfBounds),
    ("i32.const 4 table.get $t drop", 2, Trap::TableOutOfBounds),
    ("i32.const -1 ref.null func table.set $t", 3, Trap::TableOutOfBounds),
    (
        "i32.const 1 i32.const 0 i32.const 4 table.copy $t $t",
        3 + BULK + 4 * PER_ELEMENT,
        Trap::TableOutOfBounds,
    ),
    ("i32.const 4 call_indirect (type $none)", 1 + INDIRECT, Trap::TableOutOfBounds),
    ("i32.const 0 call_indirect (type $none)", 1 + INDIRECT, Trap::IndirectCallToNull),
    ("i32.const 1 i32.const 1 call_indirect (type $one)", 2 + INDIRECT, Trap::BadSignature),
    ("i32.const 0x80000000 i32.const -1 i32.div_s drop", 2 + DIVIDE, Trap::IntegerOverflow),
    ("f64.const 0x1p63 i64.trunc_f64_s drop", 2, Trap::IntegerOverflow),
    ("i64.const 1 i64.const 0 i64.rem_s drop", 3, Trap::IntegerDivisionByZero),
    ("f32.const nan i32.trunc_f32_u drop", 2, Trap::BadConversionToInteger),
    ("call $host", CALL, Trap::Host),
];

fn module(body: &str) -> String {
    format!(
        r#"(module
            (type $none (func)) (type $one (func (param i32)))
            (import "env" "refused" (func $host))
            (memory 1) (table $t 4 funcref) (elem (i32.const 1) func $f) (data $d "ab")
            (func $f (export "f") {body}))"#
    )
}

#[test]
fn every_kind_at_every_place_of_a_run() {
    // Four, and an instruction that ends a run.
    let filler = "i32.const 1 drop i32.const 2 drop";
    for (traps, cost, trap) in TRAPPING {
        let places = [
            (format!("{traps} {filler}"), 0),
            (format!("{filler} {traps} {filler}"), 4),
            (format!("{filler} {traps}"), 4),
            (format!("block {filler} i32.const 0 br_if 0 {filler} {traps} {filler} end"), 10),
        ];
        for (body, before) in places {
            let outcome = call(&module(&body), &[]);
            assert_eq!(outcome.ending, Ending::Trap(trap), "{body}");
            assert_eq!(outcome.gas_used, ENTRY + before + cost, "{body}");
        }
    }
}

#[test]
fn what_traps_changes_nothing() {
    let text = r#"(module (memory 1)
        (func (export "f") i32.const 65535 i32.const -1 i32.store)
        (func (export "fill") i32.const 65535 i32.const 255 i32.const 2 memory.fill))"#;
    let bytes = assemble(text);
    let mut machine = instance(&bytes);
    for name in ["f", "fill"] {
        let outcome = machine.call(name, &[], PLENTY, DEEP).unwrap();
        assert_eq!(outcome.ending, Ending::Trap(Trap::MemoryOutOfBounds));
        assert!(machine.memory().iter().all(|byte| *byte == 0));
    }
}

#[test]
fn a_refused_growth_is_noted_until_one_is_granted() {
    let bytes = assemble(
        "(module (memory 1 3) (func (export \"f\") (param i32) (drop (memory.grow (local.get 0)))))",
    );
    let mut machine = instance(&bytes);
    assert!(!machine.memory_full());
    for (pages, full) in [(1, false), (2, true), (-1, true), (0, false), (2, true), (1, false)] {
        machine.call("f", &i32s([pages]), PLENTY, DEEP).expect("the export f");
        assert_eq!(machine.memory_full(), full, "{pages}");
    }
}
