//! Untrusted modules: what is admitted can be metered, and what is metered is valid and bounded in size.

use dagvault_meter::admit::{Limits, Refusal, admit};
use dagvault_meter::instrument::{Refunds, TrapKind, instrument};
use dagvault_meter::profile::{Import, Imports};
use dagvault_meter::schedule::Schedule;
use wasmparser::{ValType, Validator};

/// What the modules may import.
fn limits() -> Limits {
    let (params, results) = (vec![ValType::I32], vec![ValType::I64]);
    let next = Import { module: "env".into(), name: "next".into(), params, results };
    Limits { imports: Imports(vec![next]), ..Limits::default() }
}

/// The oracle.
///
/// # Panics
/// If an admitted module cannot be metered, or the metered one is not valid, far larger, or admitted itself.
pub fn check(input: &[u8]) {
    let limits = limits();
    let Ok(facts) = admit(input, &limits) else { return };
    let metered = match instrument(input, &facts, &Schedule::first()) {
        Ok(metered) => metered,
        Err(Refusal::Limit { .. }) => return,
        Err(refusal) => panic!("admitted, and then {refusal}"),
    };
    if let Err(error) = Validator::new().validate_all(&metered.bytes) {
        panic!("metered: {error}");
    }
    assert!(metered.bytes.len() <= 64 * input.len() + 256, "{} of {}", metered.bytes.len(), input.len());
    assert!(metered.refunds.count() <= input.len());
    assert_eq!(Refunds::read(&metered.refunds.write()), Some(metered.refunds.clone()));
    let end = u32::try_from(metered.bytes.len()).expect("within limits");
    for kind in [TrapKind::Memory, TrapKind::Table, TrapKind::Number, TrapKind::Unreachable] {
        assert_eq!(metered.refunds.at(0, kind), 0);
        assert!(metered.refunds.at(end, kind).unsigned_abs() < 1 << 50);
    }
    // The names of the host are there, so it is not metered twice.
    assert!(admit(&metered.bytes, &limits).is_err());
}

/// Modules with every section, and with what is rewritten.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "(module)",
        "(module (import \"env\" \"next\" (func $next (param i32) (result i64))) (memory 1 2) (table 2 4 funcref)
           (global (mut i64) (i64.const 1)) (func $s (drop (call $next (i32.const 1)))) (start $s)
           (export \"run\" (func $r)) (export \"memory\" (memory 0))
           (elem (i32.const 0) $s $r) (data (i32.const 8) \"ab\")
           (func $r (param i32 f64) (result i32 f64) (local i64 i32)
             (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
             (block (result i32 f64) (i32.const 1) (f64.div (local.get 1) (f64.const 3)) (br_table 0 1 (local.get 0)))
             (return)))",
        "(module (memory 1) (table $t 1 externref) (data $d \"abc\")
           (elem $e funcref (ref.null func)) (table $f 3 funcref)
           (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $d)
             (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
             (memory.fill (i32.const 0) (i32.const 1) (i32.const 2))
             (table.init $f $e (i32.const 0) (i32.const 0) (i32.const 1))
             (elem.drop $e)
             (table.copy $f $f (i32.const 0) (i32.const 1) (i32.const 1))
             (drop (table.grow $t (ref.null extern) (memory.grow (i32.const 1))))
             (table.fill $t (i32.const 0) (table.get $t (i32.const 0)) (table.size $t))
             (call_indirect $f (i32.const 0))))",
        "(module (memory 1) (func (param i32 i64)
           (i32.store (local.get 0) (i32.add (i32.load (local.get 0)) (i32.const 1)))
           (if (i32.eqz (local.get 0)) (then (br 1)) (else unreachable)) (i64.store8)
           (drop (f32.demote_f64 (f64.sqrt (f64.convert_i64_s (i64.trunc_sat_f32_u (f32.const nan))))))))",
        "(module (func (drop (v128.const i64x2 0 0))))",
        "(module (func (export \"dv:gas\")))",
    ];
    texts.iter().map(|text| wat::parse_str(text).expect("a seed")).collect()
}
