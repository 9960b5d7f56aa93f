//! Modules that trap, in each way at ten places.

use dagvault_sandbox::Trap;

use crate::support::{YES, memory};

/// What traps, with the operands that the places supply unknown to the compiler: `$zero` is a global that is 0.
pub(crate) const TRAPS: [(&str, Trap); 16] = [
    ("unreachable", Trap::Unreachable),
    ("(drop (i32.load (i32.sub (global.get $zero) (i32.const 4))))", Trap::MemoryOutOfBounds),
    ("(i64.store (i32.sub (global.get $zero) (i32.const 7)) (i64.const 1))", Trap::MemoryOutOfBounds),
    ("(drop (i32.load offset=0x70000000 (i32.const 0)))", Trap::MemoryOutOfBounds),
    ("(memory.fill (i32.const 131070) (i32.const 1) (i32.const 9))", Trap::MemoryOutOfBounds),
    ("(memory.init $d (i32.const 0) (i32.const 5) (i32.const 9))", Trap::MemoryOutOfBounds),
    ("(drop (table.get $t (i32.const 4)))", Trap::TableOutOfBounds),
    ("(table.init $t $e (i32.const 3) (i32.const 0) (i32.const 2))", Trap::TableOutOfBounds),
    ("(call_indirect $t (type $none) (i32.const 9))", Trap::TableOutOfBounds),
    ("(call_indirect $t (type $none) (i32.const 0))", Trap::IndirectCallToNull),
    ("(call_indirect $t (type $none) (i32.const 2))", Trap::BadSignature),
    ("(drop (i32.div_s (i32.const 1) (global.get $zero)))", Trap::IntegerDivisionByZero),
    ("(drop (i64.rem_u (i64.const 1) (i64.extend_i32_u (global.get $zero))))", Trap::IntegerDivisionByZero),
    (
        "(drop (i32.div_s (i32.const 0x80000000) (i32.sub (global.get $zero) (i32.const 1))))",
        Trap::IntegerOverflow,
    ),
    ("(drop (i32.trunc_f64_s (f64.const 1e10)))", Trap::IntegerOverflow),
    ("(drop (i64.trunc_f32_u (f32.const nan)))", Trap::BadConversionToInteger),
];

/// Where it stands: in `run`, in `alloc`, in `dealloc`, in the start function, in a function that is called.
pub(crate) const PLACES: [(&str, &str); 10] = [
    ("run", "@"),
    ("run", "(global.set $g (i32.load (i32.const 8))) @ (drop (i32.mul (i32.const 3) (i32.const 4)))"),
    (
        "run",
        "(loop $l (if (i32.eq (local.get $len) (i32.const 3)) (then @))
              (local.set $len (i32.sub (local.get $len) (i32.const 1))) (br $l))",
    ),
    (
        "run",
        "(if (global.get $zero) (then nop) (else (drop (i32.const 1)) @ (drop (i32.const 2)))) (drop (i32.const 3))",
    ),
    ("run", "(drop (i32.const 1)) (call $f) (drop (i32.const 2))"),
    ("run", "(call_indirect $t (type $none) (i32.const 1)) (drop (i32.const 2))"),
    (
        "run",
        "(block (br_if 0 (global.get $zero)) (drop (memory.grow (i32.const 0))) @ (drop (i32.load (i32.const 0))))",
    ),
    ("alloc", "(drop (i64.const 1)) @ (drop (i64.const 1))"),
    ("dealloc", "(block @) (drop (i64.const 1))"),
    ("start", "(global.set $g (i32.const 5)) @ (global.set $g (i32.const 6))"),
];

/// A module with a trap at a place.
pub(crate) fn text((place, code): (&str, &str), trap: &str) -> String {
    let body = |of: &str| if of == place { code.replace('@', trap) } else { String::new() };
    let start = if place == "start" { "(start $s)" } else { "" };
    format!(
        "(module {}
           (type $none (func)) (type $wide (func (param i64)))
           (table $t 4 funcref) (elem (table $t) (i32.const 1) func $f $wide) (elem $e func $f $f)
           (data $d \"0123456789\")
           (global $g (mut i32) (i32.const 0)) (global $zero (mut i32) (i32.const 0))
           (func $f (type $none) (local i32) (drop (i32.const 7)) {trap} (drop (i32.const 8)))
           (func $wide (type $wide))
           (func $s {}) {start}
           (func (export \"alloc\") (param $len i32) (result i32) {} (i32.const 4096))
           (func (export \"dealloc\") (param $ptr i32) (param $len i32) {})
           (func (export \"run\") (param $op i32) (param $ptr i32) (param $len i32) (result i64) {} {YES}))",
        memory(2),
        body("start"),
        body("alloc"),
        body("dealloc"),
        body("run"),
    )
}
