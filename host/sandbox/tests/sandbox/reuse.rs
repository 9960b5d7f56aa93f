//! Nothing of one execution can be read by the next: memory, tables, globals of thousands of instances that take each
//! other's places.

use dagvault_sandbox::Outcome;

use crate::support::{YES, full, memory, module, run};

/// A module that looks for a mark everywhere, and traps if there is one; then it leaves marks everywhere.
fn marking(pages: u32, grow: u32) -> String {
    let bytes = (pages + grow) << 16;
    format!(
        "(module {} (table $t 64 funcref) (global $g (mut i64) (i64.const 0)) (elem declare func $f) (func $f)
           (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
           (func (export \"dealloc\") (param i32 i32))
           (func (export \"run\") (param i32 i32 i32) (result i64) (local $at i32)
             (if (i64.ne (global.get $g) (i64.const 0)) (then unreachable))
             (drop (memory.grow (i32.const {grow})))
             (local.set $at (i32.const 8192))
             (loop
               (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then unreachable))
               (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1024))) (i32.const {bytes}))))
             (local.set $at (i32.const 0))
             (loop
               (if (i32.eqz (ref.is_null (table.get $t (local.get $at)))) (then unreachable))
               (table.set $t (local.get $at) (ref.func $f))
               (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 64))))
             (global.set $g (i64.const 0x5ec4e75ec4e75ec4))
             (memory.fill (i32.const 8192) (i32.const 0x5e) (i32.const {}))
             (i32.store8 (i32.const 1028) (i32.const 0xf4))
             (i32.store8 (i32.const 1028) (i32.const 0xf5))
             {YES}))",
        memory(pages),
        bytes - 8192
    )
}

#[test]
fn nothing_of_one_execution_is_there_for_the_next() {
    // Different sizes, so that a place is taken by another module's instance as well: below and above what is kept
    // resident, and grown.
    let modules =
        [(1, 0), (3, 0), (1, 2), (8, 8)].map(|(pages, grow)| module(&marking(pages, grow), "validator"));
    let count = if full() { 10_000 } else { 2_000 };
    for turn in 0..count {
        let execution = run(&modules[turn * 7 % 4]);
        assert_eq!(execution.outcome, Outcome::Ok, "{turn}");
    }
}
