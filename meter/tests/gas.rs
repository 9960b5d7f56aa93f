//! Gas by hand: what each class costs, where traps leave it, and what happens when it is out.

mod support;

use support::{Ending, Machine, Outcome, PLENTY, STACK_BYTES, metered, run};
use wasmtime::{Engine, Trap, Val};

/// Entering a function without locals.
const ENTRY: i64 = 4;

/// Bodies of a function without parameters or results, and what they cost without entering it.
const CLASSES: [(&str, i64); 37] = [
    ("nop", 0),
    ("(block (loop (block)))", 0),
    ("(drop (i32.const 1))", 2),
    ("(drop (f64.const 1))", 2),
    ("(drop (global.get $g))", 2),
    ("(global.set $g (i32.const 1))", 2),
    ("(drop (select (i32.const 1) (i32.const 1) (i32.const 1)))", 5),
    ("(drop (select (result i64) (i64.const 1) (i64.const 1) (i32.const 1)))", 5),
    ("(drop (i64.lt_u (i64.const 1) (i64.const 2)))", 4),
    ("(drop (i32.eqz (i32.const 1)))", 3),
    ("(drop (f32.lt (f32.const 1) (f32.const 2)))", 4),
    ("(drop (i32.rotl (i32.const 1) (i32.const 2)))", 4),
    ("(drop (i64.extend32_s (i64.const 1)))", 3),
    ("(drop (i32.wrap_i64 (i64.const 1)))", 3),
    ("(drop (i64.mul (i64.const 1) (i64.const 2)))", 5),
    ("(drop (i64.rem_u (i64.const 1) (i64.const 2)))", 11),
    ("(drop (i32.trunc_sat_f64_u (f64.const 1)))", 4),
    ("(drop (i64.trunc_f32_s (f32.const 1)))", 4),
    ("(drop (f32.demote_f64 (f64.const 1)))", 4),
    ("(drop (i32.reinterpret_f32 (f32.const 1)))", 4),
    ("(drop (f64.max (f64.const 1) (f64.const 2)))", 7),
    ("(drop (f32.neg (f32.const 1)))", 6),
    ("(drop (f64.sqrt (f64.const 1)))", 14),
    ("(drop (f32.div (f32.const 1) (f32.const 2)))", 15),
    ("(drop (i64.load16_s (i32.const 8)))", 4),
    ("(i64.store32 (i32.const 8) (i64.const 1))", 4),
    ("(drop (i32.add (memory.size) (table.size $t)))", 4),
    ("(drop (memory.grow (i32.const 1)))", 1 + 100 + 1000 + 1),
    ("(drop (table.grow $t (ref.null func) (i32.const 3)))", 1 + 1 + 100 + 3 * 2 + 1),
    ("(block (br 0))", 1),
    ("(block (br_if 0 (i32.const 1)))", 3),
    ("(if (i32.const 1) (then nop) (else unreachable))", 3),
    ("(block (block (br_table 0 1 (i32.const 5))))", 5),
    ("(call $f)", 8 + 4 + 2),
    ("(call_indirect $t (type $none) (i32.const 1))", 1 + 16 + 4 + 2),
    ("(drop (call $next (i32.const 1)))", 1 + 8 + 1),
    ("(drop (ref.is_null (table.get $t (i32.const 1)))) (table.set $t (i32.const 0) (ref.func $f))", 7 + 6),
];

/// What a body stands in: a memory of one page, a table of four with a function at 1 and one of another type at 2.
fn around(body: &str) -> String {
    format!(
        "(module
           (type $none (func))
           (import \"env\" \"next\" (func $next (param i32) (result i32)))
           (import \"env\" \"work\" (func $work (param i64)))
           (memory 1) (table $t 4 funcref) (global $g (mut i32) (i32.const 0))
           (elem (table $t) (i32.const 1) func $f $other) (elem $e func $f $f) (data $d \"0123456789\")
           (func $f (local i32 i64))
           (func $other (param i64))
           (func (export \"run\") {body}))"
    )
}

/// Runs with plenty, with exactly enough, and with one too little.
fn costs(text: &str, args: &[Val], gas: i64) {
    let metered = metered(text);
    let machine = Machine::new(&Engine::default(), &metered);
    let outcome = machine.run("run", args, PLENTY, STACK_BYTES);
    assert!(matches!(outcome.ending, Ending::Return(_)), "{text}: {outcome:?}");
    assert_eq!(outcome.gas, gas, "{text}");
    assert_eq!(machine.run("run", args, gas, STACK_BYTES), outcome, "exactly enough: {text}");
    let short = Outcome { ending: Ending::OutOfGas, gas: gas - 1 };
    assert_eq!(machine.run("run", args, gas - 1, STACK_BYTES), short, "one too little: {text}");
}

#[test]
fn every_class_costs_what_the_schedule_says() {
    for (body, cost) in CLASSES {
        costs(&around(body), &[], ENTRY + cost);
    }
}

#[test]
fn lengths_and_counts_cost_on_top() {
    for (bytes, started) in [(0, 0), (1, 1), (64, 1), (65, 2), (65_536, 1024)] {
        let three = format!("(i32.const 0) (i32.const 0) (i32.const {bytes})");
        costs(&around(&format!("(memory.fill {three})")), &[], ENTRY + 3 + 8 + 2 * started);
        costs(&around(&format!("(memory.copy {three})")), &[], ENTRY + 3 + 8 + 2 * started);
    }
    costs(&around("(memory.init $d (i32.const 0) (i32.const 1) (i32.const 9))"), &[], ENTRY + 3 + 8 + 2);
    costs(&around("(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))"), &[], ENTRY + 3 + 8 + 4);
    costs(&around("(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 3))"), &[], ENTRY + 3 + 8 + 6);
    costs(&around("(table.fill $t (i32.const 0) (ref.null func) (i32.const 4))"), &[], ENTRY + 3 + 8 + 8);
    costs(&around("(data.drop $d) (elem.drop $e)"), &[], ENTRY + 16);
    costs(&around("(call $work (i64.const 100))"), &[], ENTRY + 1 + 8 + 100);
    // Growth that fails is paid for all the same.
    costs(&around("(drop (memory.grow (i32.const 1000)))"), &[], ENTRY + 1 + 100 + 1_000_000 + 1);
    costs(
        &around("(drop (table.grow $t (ref.null func) (i32.const 70000)))"),
        &[],
        ENTRY + 2 + 100 + 140_000 + 1,
    );
    // As unsigned: the longest there is.
    let last = (1_i64 << 32) - 1;
    costs(&around("(drop (memory.grow (i32.const -1)))"), &[], ENTRY + 1 + 100 + 1000 * last + 1);
    let outcome =
        run(&around("(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))"), "run", &[], PLENTY, 4096);
    let gas = ENTRY + 3 + 8 + 2 * (1 << 26);
    assert_eq!(outcome, Outcome { ending: Ending::Trap(Trap::MemoryOutOfBounds), gas });
    let outcome = run(
        &around("(table.fill $t (i32.const 0) (ref.null func) (i32.const -1))"),
        "run",
        &[],
        PLENTY,
        4096,
    );
    assert_eq!(
        outcome,
        Outcome { ending: Ending::Trap(Trap::TableOutOfBounds), gas: ENTRY + 3 + 8 + 2 * last }
    );
}

/// Bodies that trap, and what is executed until then.
const TRAPS: [(&str, Trap, i64); 22] = [
    ("(drop (i32.load (i32.const -1)))", Trap::MemoryOutOfBounds, 3),
    ("(drop (i64.load8_u (i32.const 65536)))", Trap::MemoryOutOfBounds, 3),
    ("(f64.store offset=65529 (i32.const 0) (f64.const 0))", Trap::MemoryOutOfBounds, 4),
    (
        "(i32.store (i32.const -4) (i32.add (i32.load (i32.const -4)) (i32.const 1)))",
        Trap::MemoryOutOfBounds,
        4,
    ),
    ("(drop (i32.add (i32.const 1) (i32.load (i32.const -4))))", Trap::MemoryOutOfBounds, 4),
    ("(drop (i32.div_u (i32.const 1) (i32.load (i32.const -4))))", Trap::MemoryOutOfBounds, 4),
    ("(drop (f32.add (f32.const 1) (f32.load (i32.const -4))))", Trap::MemoryOutOfBounds, 4),
    ("(block (br_if 0 (i32.lt_u (i32.load (i32.const -4)) (i32.const 9))))", Trap::MemoryOutOfBounds, 3),
    ("(drop (memory.grow (i32.load (i32.const -4))))", Trap::MemoryOutOfBounds, 3),
    ("(memory.copy (i32.const 0) (i32.const 65530) (i32.const 9))", Trap::MemoryOutOfBounds, 3 + 8 + 2),
    ("(memory.init $d (i32.const 0) (i32.const 5) (i32.const 9))", Trap::MemoryOutOfBounds, 3 + 8 + 2),
    ("(drop (table.get $t (i32.const 4)))", Trap::TableOutOfBounds, 5),
    ("(table.set $t (i32.const 4) (ref.null func))", Trap::TableOutOfBounds, 6),
    ("(call_indirect $t (type $none) (i32.const 4))", Trap::TableOutOfBounds, 17),
    ("(call_indirect $t (type $none) (i32.const 0))", Trap::IndirectCallToNull, 17),
    ("(call_indirect $t (type $none) (i32.const 2))", Trap::BadSignature, 17),
    ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", Trap::IntegerDivisionByZero, 10),
    ("(drop (i64.rem_u (i64.const 1) (i64.const 0)))", Trap::IntegerDivisionByZero, 10),
    ("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", Trap::IntegerOverflow, 10),
    ("(drop (i32.trunc_f64_s (f64.const 1e10)))", Trap::IntegerOverflow, 3),
    ("(drop (i64.trunc_f32_u (f32.const nan)))", Trap::BadConversionToInteger, 3),
    ("unreachable", Trap::UnreachableCodeReached, 1),
];

#[test]
fn a_trap_costs_what_was_executed_wherever_it_is() {
    let engine = Engine::default();
    // Straight code, code that traps by the same kind, and control.
    let fillers = [
        ("", 0),
        ("(drop (i32.const 1))", 2),
        ("(global.set $g (i32.div_u (i32.load (i32.const 4)) (i32.const 7)))", 13),
        ("(loop (drop (i32.load (i32.const 0))))", 4),
        ("(block (br_if 0 (i32.const 1)) (drop (i32.const 1)))", 3),
        ("(call $f)", 14),
        ("(i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.const 1)))", 8),
    ];
    for (body, trap, cost) in TRAPS {
        let mut functions = String::new();
        let mut expected = Vec::new();
        for (before, spent) in fillers {
            for (behind, _) in fillers {
                let name = expected.len();
                functions += &format!("(func (export \"{name}\") {before} {body} {behind})\n");
                expected.push((format!("{before} {body} {behind}"), ENTRY + spent + cost));
            }
        }
        // One module for all of them: compiling takes longer than running.
        let metered = metered(&around(&format!("nop) {functions} (func nop")));
        let machine = Machine::new(&engine, &metered);
        for (name, (text, gas)) in expected.into_iter().enumerate() {
            let outcome = machine.run(&name.to_string(), &[], PLENTY, STACK_BYTES);
            assert_eq!(outcome, Outcome { ending: Ending::Trap(trap), gas }, "{text}");
        }
    }
}

#[test]
fn a_load_fused_with_what_uses_it_is_exact() {
    // The address is not known, so that the engine cannot decide anything ahead.
    let text = |body: &str| {
        format!(
            "(module (memory 1) (func (export \"run\") (param $p i32) (param $q i64) (local $v i32) {body}))"
        )
    };
    let far = [Val::I32(-8), Val::I64(7)];
    let near = [Val::I32(8), Val::I64(7)];
    let entering = 4 + 3;
    // A load of an address is done with the access to it.
    for body in [
        "(drop (i64.load32_s (i32.load (local.get $p)))) (drop (i32.const 1))",
        "(local.set $v (i32.load8_u (local.get $p))) (i64.store (local.get $v) (local.get $q))",
    ] {
        let expected = Outcome { ending: Ending::Trap(Trap::MemoryOutOfBounds), gas: entering + 3 };
        assert_eq!(run(&text(body), "run", &far, PLENTY, STACK_BYTES), expected, "{body}");
    }
    for operation in ["add", "sub", "and", "or", "xor"] {
        let body = format!(
            "(i32.store offset=4 (local.get $p) (i32.{operation} (i32.load offset=4 (local.get $p)) (i32.const 3)))"
        );
        let outcome = run(&text(&body), "run", &far, PLENTY, STACK_BYTES);
        let expected = Outcome { ending: Ending::Trap(Trap::MemoryOutOfBounds), gas: entering + 4 };
        assert_eq!(outcome, expected, "{body}");
        costs(&text(&body), &near, entering + 4 + 1 + 1 + 2);
        let body = format!(
            "(local.set $v (i32.{operation} (i32.const 3) (i32.load (local.get $p))))
             (i32.store (local.get $p) (local.get $v))"
        );
        let outcome = run(&text(&body), "run", &far, PLENTY, STACK_BYTES);
        assert_eq!(outcome, Outcome { gas: entering + 4, ..expected.clone() }, "{body}");
        let body = format!(
            "(i64.store (local.get $p) (i64.{operation} (i64.load (local.get $p)) (local.get $q)))
             (drop (i32.const 1))"
        );
        assert_eq!(run(&text(&body), "run", &far, PLENTY, STACK_BYTES), expected, "{body}");
        let body =
            format!("(drop (i64.{operation} (local.get $q) (i64.load (local.get $p)))) (drop (i32.const 1))");
        assert_eq!(run(&text(&body), "run", &far, PLENTY, STACK_BYTES), expected, "{body}");
    }
}

#[test]
fn a_run_that_can_only_trap_is_exact() {
    // The address is known to be outside: an engine may see that whoever branches there traps.
    let text = "(module (memory 1) (func (export \"run\")
        (drop (i32.load offset=0x70000000 (i32.const 0))) (drop (i32.const 1))))";
    let expected = Outcome { ending: Ending::Trap(Trap::MemoryOutOfBounds), gas: ENTRY + 3 };
    assert_eq!(run(text, "run", &[], PLENTY, STACK_BYTES), expected);
    let text = "(module (memory 1) (func (export \"run\") (local i32) (drop (i32.load (i32.const 4)))
        (loop (drop (i32.load16_u offset=0x70000000 (ref.is_null (ref.null extern)))) (drop (i32.const 1)))))";
    let expected = Outcome { gas: ENTRY + 1 + 4 + 4, ..expected };
    assert_eq!(run(text, "run", &[], PLENTY, STACK_BYTES), expected);
}

#[test]
fn only_what_is_executed_of_a_branch_is_paid() {
    let text = "(module (func (export \"run\") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.mul (i32.const 3) (i32.const 4)))
          (else (i32.const 5)))))";
    costs(text, &[Val::I32(1)], 5 + 1 + 2 + 4);
    costs(text, &[Val::I32(0)], 5 + 1 + 2 + 1);
    let text = "(module (func (export \"run\") (param $n i32)
        (loop $again
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))";
    costs(text, &[Val::I32(10)], 5 + 10 * 6);
    // Out of gas before the trap, by one.
    let text =
        "(module (func (export \"run\") (block (drop (i32.const 1))) (drop (i32.const 1)) unreachable))";
    let short = run(text, "run", &[], 8, STACK_BYTES);
    assert_eq!(short, Outcome { ending: Ending::OutOfGas, gas: 8 });
}

#[test]
fn the_functions_own_label_is_left_by_every_branch() {
    let text = "(module (func (export \"run\") (param i32) (result i32 i64)
        (block $a (result i32 i64)
          (i32.const 1) (i64.const 2)
          (br_table $a 1 (local.get 0))
          (drop) (i64.add (i64.const 1)))
        (drop) (drop) (i32.const 3) (i64.const 4)
        (if (param i32 i64) (result i32 i64) (i32.const 0) (then unreachable) (else return))
        (drop) (return (i64.const 7)) (i32.const 1) drop))";
    let values = |a: i32, b: i64| Ending::Return(vec![format!("I32({a})"), format!("I64({b})")]);
    let machine = metered(text);
    let machine = Machine::new(&Engine::default(), &machine);
    let outcome = machine.run("run", &[Val::I32(1)], PLENTY, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: values(1, 2), gas: 5 + 3 + 4 });
    let outcome = machine.run("run", &[Val::I32(0)], PLENTY, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: values(3, 4), gas: 5 + 3 + 4 + 4 + 3 + 1 });
    for leave in ["(br 0)", "(return)", "(br_if 0 (i32.const 1))", "(br_table 0 0 (i32.const 0))"] {
        let text = format!("(module (func (export \"run\") (result f64) (f64.const 2) {leave} ))");
        let outcome = run(&text, "run", &[], PLENTY, STACK_BYTES);
        assert!(matches!(outcome.ending, Ending::Return(_)), "{text}: {outcome:?}");
    }
}

#[test]
fn code_that_cannot_be_reached_costs_nothing() {
    for leave in ["(br 0)", "(return)", "(br_table 0 (i32.const 0))"] {
        let cost = if leave.starts_with("(br_t") { 5 } else { 1 };
        let text = around(&format!(
            "{leave} (i32.add) (drop) (if (i32.const 1) (then (br 1))
               (else (drop (i32.const 1)))) (loop (br 0)) (f32.add) (drop)"
        ));
        costs(&text, &[], ENTRY + cost);
        let text = around(&format!("(block {leave} (i64.store)) (drop (i32.const 1))"));
        costs(&text, &[], ENTRY + cost + if leave == "(return)" { 0 } else { 2 });
        let text =
            around(&format!("(if (i32.const 0) (then {leave} (call_indirect $t (type $none))) (else nop))"));
        costs(&text, &[], ENTRY + 3);
    }
}

#[test]
fn a_refused_growth_is_noted_until_one_is_granted() {
    let text = "(module (memory 1 3) (func (export \"run\") (param i32 i32) (result i32)
        (drop (memory.grow (local.get 0))) (memory.grow (local.get 1))))";
    let metered = metered(text);
    let machine = Machine::new(&Engine::default(), &metered);
    for (first, second, grown, full) in
        [(1, 1, 2, 0), (2, 1, -1, 1), (3, 1, 1, 0), (-1, -1, -1, 1), (0, 3, -1, 1)]
    {
        let outcome = machine.run("run", &[Val::I32(first), Val::I32(second)], PLENTY, STACK_BYTES);
        let ending = Ending::Return(vec![format!("I32({grown})")]);
        assert_eq!((outcome.ending, machine.full.get()), (ending, full), "{first} and {second}");
    }
}

#[test]
fn deep_recursion_ends_by_the_counted_stack() {
    // A frame of 16 + 8 × (1 + 2) bytes for the first, of 16 + 8 × 1000 and more for the last.
    let plain = "(module (func $f (export \"run\") (param i32) (result i32)
        (i32.add (i32.const 1) (call $f (local.get 0)))))";
    let outcome = run(plain, "run", &[Val::I32(0)], PLENTY, STACK_BYTES);
    // Each call that was entered, and entering it; the last was not entered.
    let calls = i64::from(STACK_BYTES) / 40;
    assert_eq!(outcome, Outcome { ending: Ending::StackExhausted, gas: calls * (5 + 1 + 1 + 8) });
    let indirect = "(module (type $t (func)) (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (export \"run\") (call_indirect (type $t) (i32.const 0))))";
    let outcome = run(indirect, "run", &[], PLENTY, STACK_BYTES);
    assert_eq!(outcome.ending, Ending::StackExhausted);
    // The engine's own frames are larger than ours for a function with few locals and smaller for one with many.
    let locals = "i64 ".repeat(1_000);
    let wide = format!(
        "(module (func $f (export \"run\") (param i64) (result i64) (local {locals})
            (local.set 500 (local.get 0))
            (i64.add (local.get 500) (call $f (i64.add (local.get 0) (i64.const 1))))))"
    );
    let outcome = run(&wide, "run", &[Val::I64(1)], PLENTY, STACK_BYTES);
    assert_eq!(outcome.ending, Ending::StackExhausted);
    // What is given back can be taken again: many calls one after the other.
    let again = "(module (func $g (if (i32.const 0) (then (call $g)))) (func (export \"run\") (local i32)
        (loop (call $g)
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 5000))))))";
    assert_eq!(run(again, "run", &[], PLENTY, 72).ending, Ending::Return(vec![]));
    assert_eq!(run(again, "run", &[], PLENTY, 63).ending, Ending::StackExhausted);
}

#[test]
fn operands_that_lie_on_the_stack_are_in_the_frame() {
    // Three at most: the block's result and two for the addition. What is behind the branch doesn't count.
    let text = "(module (func $f (export \"run\") (local i64) (if (i32.const 0) (then (call $f)))
        (i32.const 1) (block (result i32) (i32.add (i32.const 2) (i32.const 3))) drop drop
        br 0 (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 1) unreachable))";
    assert_eq!(run(text, "run", &[], PLENTY, 16 + 8 * 4).ending, Ending::Return(vec![]));
    assert_eq!(
        run(text, "run", &[], PLENTY, 16 + 8 * 4 - 1),
        Outcome { ending: Ending::StackExhausted, gas: 0 }
    );
}

#[test]
fn what_needs_little_takes_nothing_from_the_stack() {
    let ending = |text: &str| run(text, "run", &[], PLENTY, 0).ending;
    // Frames of 16 + 8 × locals: 4096 together, or 8 more.
    let chain = |locals: usize| {
        format!(
            "(module (type $t (func)) (table 1 funcref)
               (func $a (export \"run\") (call $b) (call $c)) (func $b (local {}) (call $c))
               (func $c (local {}) (br 0) (call_indirect (type $t) (i32.const 0)) (call $c)))",
            "i64 ".repeat(100),
            "i64 ".repeat(locals)
        )
    };
    assert_eq!(ending(&chain(406)), Ending::Return(vec![]));
    assert_eq!(ending(&chain(407)), Ending::StackExhausted);
    for deep in [
        "(module (func $a (export \"run\") (if (i32.const 0) (then (call $a)))))",
        "(module (func $a (if (i32.const 0) (then (call $b)))) (func $b (export \"run\") (call $a)))",
        "(module (func (export \"run\") (call $a)) (func $a (if (i32.const 0) (then (call $a)))))",
        "(module (type $t (func)) (table 1 funcref)
           (func (export \"run\") (if (i32.const 0) (then (call_indirect (type $t) (i32.const 0))))))",
    ] {
        assert_eq!(ending(deep), Ending::StackExhausted, "{deep}");
    }
    // What the host does is not on the guest's stack.
    let hosted = around("(drop (call $next (i32.const 1)))");
    assert_eq!(ending(&hosted), Ending::Return(vec![]));
}

#[test]
fn a_trap_counts_if_what_was_executed_was_paid() {
    // Of the constants behind the trap nothing has to be there; what stands before it is paid when it traps, or not.
    for (body, cost) in [
        ("(drop (i32.load (local.get 0))) (drop (i32.const 1))", 5 + 3),
        ("(if (local.get 0) (then unreachable))", 5 + 3 + 1),
        ("(block (br_if 0 (i32.eqz (local.get 0))) unreachable)", 5 + 2 + 2 + 1),
        (
            "(block (br_if 0 (local.get 0)) (return)) (drop (i32.load offset=0x70000000 (i32.const 0)))",
            5 + 3 + 3,
        ),
        ("(drop (i32.div_u (i32.const 7) (i32.eqz (local.get 0)))) (drop (i32.const 1))", 5 + 3 + 8),
    ] {
        let text = format!("(module (memory 1) (func (export \"run\") (param i32) {body}))");
        let outcome = |gas| run(&text, "run", &[Val::I32(-1)], gas, STACK_BYTES);
        let exact = outcome(cost);
        assert!(matches!(exact.ending, Ending::Trap(_)), "{body}: {exact:?}");
        assert_eq!(exact.gas, cost, "{body}");
        assert_eq!(outcome(PLENTY), exact, "{body}");
        assert_eq!(outcome(cost - 1), Outcome { ending: Ending::OutOfGas, gas: cost - 1 }, "{body}");
    }
}

#[test]
fn labels_are_arrived_at_with_the_same_to_pay() {
    // Paths of different length to one label, to labels of one `br_table`, and back to a loop that is one of them.
    let text = "(module (memory 1) (func (export \"run\") (param $n i32) (param $way i32) (result i32)
        (loop $again
          (block $out
            (block $a
              (block $b
                (br_if $b (i32.eq (local.get $way) (i32.const 3)))
                (drop (i32.add (i32.const 1) (i32.const 2)))
                (br_table $a $b $out $again (local.get $way)))
              (drop (i32.load (i32.const 0)))
              (local.set $way (i32.const 2)))
            (local.set $way (i32.add (local.get $way) (i32.const 1))))
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $way)))";
    // Of each round: to the `br_table`, what is behind it, and the end.
    let head = 3 + 2 + 4 + 1 + 4;
    let (a, b, last) = (4, 2 + 1 + 1 + 2, 6);
    let round = |way: i32| match way {
        0 => (head + a + last, 1),
        1 => (head + b + a + last, 3),
        3 => (3 + 2 + b + a + last, 3),
        _ => (head + last, way),
    };
    for (n, mut way) in [(1, 0), (1, 1), (1, 2), (1, 3), (5, 0), (7, 1), (3, 3), (2, 2)] {
        let args = [Val::I32(n), Val::I32(way)];
        let mut gas = 4 + 2 + 1;
        for _ in 0..n {
            let (cost, next) = round(way);
            (gas, way) = (gas + cost, next);
        }
        costs(text, &args, gas);
    }
}

#[test]
fn a_start_function_waits_for_the_host_and_is_metered() {
    let text = |start: &str| {
        format!(
            "(module (global $g (mut i32) (i32.const 0)) (func $s {start}) (start $s)
               (func (export \"run\") (result i32) (global.get $g)))"
        )
    };
    let outcome = run(&text("(global.set $g (i32.const 7))"), "run", &[], PLENTY, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: Ending::Return(vec!["I32(7)".into()]), gas: 4 + 2 + 4 + 1 });
    let outcome = run(&text("(loop (br 0))"), "run", &[], 1_000, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: Ending::OutOfGas, gas: 1_000 });
    let outcome = run(&text("unreachable"), "run", &[], 1_000, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: Ending::Trap(Trap::UnreachableCodeReached), gas: 5 });
}

#[test]
fn a_failing_host_function_costs_the_call() {
    let text = around("(drop (i32.const 1)) (drop (call $next (i32.const -1))) (drop (i32.const 1))");
    let outcome = run(&text, "run", &[], PLENTY, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: Ending::Host, gas: ENTRY + 2 + 1 + 8 });
    let outcome = run(&around("(call $work (i64.const 100))"), "run", &[], ENTRY + 9 + 99, STACK_BYTES);
    assert_eq!(outcome, Outcome { ending: Ending::OutOfGas, gas: ENTRY + 9 + 99 });
}

/// What a function of a float does, and the bits that come out.
const NANS: [(&str, &str); 32] = [
    ("(i32.reinterpret_f32 (f32.add (f32.const -nan:0x200001) (f32.const 1)))", "I32(2143289344)"),
    ("(i32.reinterpret_f32 (f32.demote_f64 (f64.const -nan:0x4000000000001)))", "I32(2143289344)"),
    ("(i32.reinterpret_f32 (f32.sqrt (f32.const -1)))", "I32(2143289344)"),
    // What a NaN goes into next shows its bits, or not.
    ("(i32.reinterpret_f32 (f32.neg (f32.sqrt (f32.const -1))))", "I32(-4194304)"),
    ("(i32.reinterpret_f32 (f32.mul (f32.const 2) (f32.sqrt (f32.const -1))))", "I32(2143289344)"),
    ("(i32.trunc_sat_f32_s (f32.sqrt (f32.const -1)))", "I32(0)"),
    ("(f32.eq (local.tee 0 (f32.sqrt (f32.const -1))) (local.get 0))", "I32(0)"),
    ("(i32.reinterpret_f32 (block (result f32) (f32.sqrt (f32.const -1))))", "I32(2143289344)"),
    ("(i32.reinterpret_f32 (f32.copysign (f32.const 1) (f32.sqrt (f32.const -1))))", "I32(1065353216)"),
    ("(i32.reinterpret_f32 (f32.nearest (f32.const -nan)))", "I32(2143289344)"),
    ("(i32.reinterpret_f32 (f32.neg (f32.const nan:0x200001)))", "I32(-6291455)"),
    ("(i32.reinterpret_f32 (f32.copysign (f32.const nan:0x400001) (f32.const -1)))", "I32(-4194303)"),
    ("(i32.reinterpret_f32 (f32.add (f32.const -0) (f32.const -0)))", "I32(-2147483648)"),
    (
        "(i32.wrap_i64 (i64.shr_u (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0))) (i64.const 32)))",
        "I32(2146959360)",
    ),
    ("(i32.wrap_i64 (i64.reinterpret_f64 (f64.promote_f32 (f32.const -nan:0x200001))))", "I32(0)"),
    (
        "(i32.wrap_i64 (i64.reinterpret_f64 (f64.min (f64.const nan:0x8000000000001) (f64.const 1))))",
        "I32(0)",
    ),
    // Through a local that only arithmetic writes, through one that comes from it, and from one round to the next.
    ("(local.set $x (f32.sqrt (f32.const -1))) (i32.reinterpret_f32 (local.get $x))", "I32(2143289344)"),
    (
        "(local.set $x (f32.sqrt (f32.const -1))) (local.set $y (local.get $x))
             (i32.reinterpret_f32 (f32.neg (local.get $y)))",
        "I32(-4194304)",
    ),
    (
        "(local.set $x (f32.const 1))
             (loop (local.set $x (f32.add (local.get $x) (f32.sqrt (f32.const -1))))
               (br_if 0 (f32.eq (local.get $x) (local.get $x))))
             (f32.store (i32.const 8) (local.get $x)) (i32.load (i32.const 8))",
        "I32(2143289344)",
    ),
    ("(i32.reinterpret_f32 (local.tee $x (f32.sqrt (f32.const -1))))", "I32(2143289344)"),
    (
        "(drop (local.tee $x (f32.sqrt (f32.const -1)))) (i32.reinterpret_f32 (local.get $x))",
        "I32(2143289344)",
    ),
    ("(i32.reinterpret_f32 (local.tee 0 (f32.sqrt (f32.const -1))))", "I32(2143289344)"),
    // A local that a load has written, too: what is loaded stays, what is computed is canonical.
    ("(local.set $x (f32.load (i32.const 4))) (i32.reinterpret_f32 (local.get $x))", "I32(-6291455)"),
    (
        "(local.set $x (f32.sqrt (f32.const -1))) (local.set $y (local.get $x))
             (local.set $x (f32.load (i32.const 4))) (local.set $y (local.get $x))
             (i32.reinterpret_f32 (local.get $y))",
        "I32(-6291455)",
    ),
    (
        "(local.set $x (f32.load (i32.const 4))) (local.set $x (f32.sqrt (f32.const -1)))
             (i32.reinterpret_f32 (local.get $x))",
        "I32(2143289344)",
    ),
    ("(local.set $x (f32.const nan:0x200001)) (i32.reinterpret_f32 (local.get $x))", "I32(2141192193)"),
    // Where it is not on top, or goes elsewhere.
    ("(call $bits (f32.sqrt (f32.const -1)) (i32.const 1))", "I32(2143289344)"),
    ("(i32.reinterpret_f32 (f32.copysign (f32.sqrt (f32.const -1)) (f32.const 1)))", "I32(2143289344)"),
    (
        "(i32.reinterpret_f32 (select (f32.sqrt (f32.const -1)) (f32.const 1) (i32.const 1)))",
        "I32(2143289344)",
    ),
    ("(global.set $g (f32.sqrt (f32.const -1))) (i32.reinterpret_f32 (global.get $g))", "I32(2143289344)"),
    (
        "(f32.sqrt (f32.const -1)) (if (param f32) (result f32) (i32.const 1) (then) (else))
             (i32.reinterpret_f32)",
        "I32(2143289344)",
    ),
    (
        "(i32.reinterpret_f32 (block (result f32)
               (drop (br_if 0 (f32.sqrt (f32.const -1)) (i32.const 1))) (f32.const 1)))",
        "I32(2143289344)",
    ),
];

#[test]
fn nans_of_arithmetic_are_canonical_and_others_stay() {
    for (body, result) in NANS {
        let text = format!(
            "(module (memory 1) (global $g (mut f32) (f32.const 0)) (data (i32.const 4) \"\\01\\00\\a0\\ff\")
               (func $bits (param f32 i32) (result i32) (i32.reinterpret_f32 (local.get 0)))
               (func (export \"run\") (param f32 f64) (result i32) (local $x f32) (local $y f32) {body}))"
        );
        let outcome = run(&text, "run", &[Val::F32(0), Val::F64(0)], PLENTY, STACK_BYTES);
        assert_eq!(outcome.ending, Ending::Return(vec![result.into()]), "{body}");
    }
}
