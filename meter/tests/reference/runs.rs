//! Where runs begin: seen by what was stored before the gas was out.

use dagvault_meter::reference::{Ending, Value};

use super::*;

const DEAR: &str = "i32.const 0 i32.const 0 i32.const 0 i32.const 0 drop drop drop drop";

/// Whether the store was executed when what comes behind it was too dear: then it was in a run before.
fn stored_first(body: &str) -> bool {
    stored(&format!(r#"(module (memory 1) (func (export "f") (param i32) {body}))"#), &i32s([0]))
}

/// The same of a whole module.
fn stored(text: &str, arguments: &[Value]) -> bool {
    let text = text.replace("DEAR", DEAR).replace("STORE", "i32.const 0 i32.const 1 i32.store8");
    // One less than it takes: the last run that is entered is not paid.
    let gas = call(&text, arguments).gas_used - 1;
    let bytes = assemble(&text);
    let mut machine = instance(&bytes);
    let outcome = machine.call("f", arguments, gas, DEEP).expect("the export f");
    assert_eq!((outcome.ending, outcome.gas_used), (Ending::OutOfGas, gas));
    machine.memory()[0] == 1
}

#[test]
fn one_run_is_charged_as_one() {
    assert!(!stored_first("STORE DEAR"));
    assert!(!stored_first("STORE nop nop DEAR"));
    assert!(!stored_first("STORE block nop end DEAR"), "a block that no branch names");
    assert!(!stored_first("STORE block DEAR end"));
    assert!(!stored_first("block STORE end DEAR"));
    assert!(!stored_first("loop STORE end DEAR"), "the end of a loop");
    assert!(!stored_first("block loop STORE end end DEAR"));
}

#[test]
fn runs_begin_where_control_can_arrive() {
    assert!(stored_first("STORE loop DEAR end"), "a loop, though no branch names it");
    assert!(stored_first("block STORE local.get 0 br_if 0 end DEAR"), "the end of a block that br_if names");
    assert!(stored_first("block STORE br 0 end DEAR"), "the end of a block that br names");
    assert!(stored_first("block block STORE local.get 0 br_table 1 1 0 end end DEAR"), "that br_table names");
    assert!(stored_first("block block local.get 0 br_table 0 1 end STORE end DEAR"));
    assert!(
        !stored_first("block block local.get 0 br_table 0 0 end STORE end DEAR"),
        "the other is not named"
    );
    assert!(stored_first("block block local.get 0 br_if 1 br 0 end STORE end DEAR"));
    let never = "block block br 0 br 1 block br 2 end end STORE end DEAR";
    assert!(!stored_first(never), "named by what is never executed alone");
    assert!(stored_first("local.get 0 i32.eqz if STORE end DEAR"), "the end of an if");
    assert!(stored_first("local.get 0 i32.eqz if STORE else end DEAR"));
    assert!(stored_first("local.get 0 if else STORE end DEAR"));
    assert!(stored_first("block block STORE br 1 end end DEAR"));
}

#[test]
fn runs_begin_behind_what_ends_them() {
    assert!(stored_first("STORE local.get 0 if end DEAR"));
    assert!(stored_first("STORE local.get 0 if else DEAR end"), "an else");
    assert!(stored_first("STORE local.get 0 i32.eqz if DEAR end"), "behind an if");
    assert!(stored_first("block STORE local.get 0 br_if 0 DEAR end"), "behind a br_if");
    assert!(stored_first("STORE i32.const 0 i32.const 0 i32.const 0 memory.fill DEAR"));
    assert!(stored_first("STORE i32.const 8 i32.const 8 i32.const 0 memory.copy DEAR"));
    assert!(stored_first("STORE i32.const 0 memory.grow drop DEAR"));
    assert!(stored_first("STORE i32.const 1 if (nop) end DEAR"));
    assert!(!stored_first("STORE i32.const 0 i32.load drop DEAR"), "a load may trap and ends no run");
    assert!(!stored_first("STORE i32.const 1 i32.const 1 i32.div_u drop DEAR"));
}

#[test]
fn runs_end_at_calls_and_table_instructions() {
    let in_module = |items: &str, between: &str| {
        let body = format!("STORE {between} DEAR");
        stored(&format!(r#"(module {items} (memory 1) (func $n) (func (export "f") {body}))"#), &[])
    };
    let table = "(table $t 4 funcref) (elem $e func $n) (elem (i32.const 0) $n)";
    let counts = "i32.const 0 i32.const 0 i32.const 0";
    assert!(in_module("", "call $n"));
    assert!(in_module(r#"(import "env" "nothing" (func $h))"#, "call $h"));
    assert!(in_module(table, "i32.const 0 call_indirect"));
    assert!(in_module(table, &format!("{counts} table.copy $t $t")));
    assert!(in_module(table, &format!("{counts} table.init $t $e")));
    assert!(in_module(table, "i32.const 0 ref.null func i32.const 0 table.fill $t"));
    assert!(in_module(table, "ref.null func i32.const 0 table.grow $t drop"));
    assert!(in_module(r#"(data $d "x")"#, &format!("{counts} memory.init $d")));
    assert!(!in_module(table, "i32.const 0 table.get $t drop"));
    assert!(!in_module(table, "i32.const 0 ref.null func table.set $t"));
    assert!(!in_module(table, "elem.drop $e"));
    assert!(!in_module(table, "table.size $t drop"));
    assert!(!in_module(r#"(data $d "x")"#, "data.drop $d memory.size drop"));
}
