//! What is admitted, and how refusals name the part at fault.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

use dagvault_meter::admit::{Facts, Limits, Refusal, admit};
use dagvault_meter::profile::{Floats, Import, Imports};
use wasmparser::ValType;

fn limits() -> Limits {
    let next = Import {
        module: "env".into(),
        name: "next".into(),
        params: vec![ValType::I32],
        results: vec![ValType::I64],
    };
    Limits { imports: Imports(vec![next]), ..Limits::default() }
}

fn attempt(text: &str, limits: &Limits) -> Result<Facts, Refusal> {
    admit(&wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")), limits)
}

/// The text of the refusal.
fn refused(text: &str, limits: &Limits) -> String {
    attempt(text, limits).expect_err(text).to_string()
}

#[test]
fn what_is_admitted_is_known() {
    let text = "(module (import \"env\" \"next\" (func (param i32) (result i64))) (memory 1)
        (func $s) (start $s) (func (export \"run\") (param i64 f32)
        (local i32 i32) (drop (i32.add (i32.const 1) (i32.const 2)))))";
    let facts = attempt(text, &limits()).unwrap();
    assert_eq!(facts.imports(), [("env".to_owned(), "next".to_owned())]);
    assert_eq!(facts.start(), Some(1));
    assert_eq!(
        (facts.exports().len(), facts.exports()[0].name.as_str(), facts.exports()[0].index),
        (1, "run", 2)
    );
    assert_eq!((facts.functions()[1].locals, facts.functions()[1].operands), (4, 2));
    assert_eq!(facts.functions()[1].frame(), 16 + 8 * 6);
    assert_eq!(facts.signature(0).unwrap().results, [ValType::I64]);
    assert_eq!(facts.signature(2).unwrap().params, [ValType::I64, ValType::F32]);
    assert!(facts.signature(3).is_none());
}

#[test]
fn features_that_are_not_listed_are_refused_by_name() {
    let cases = [
        ("(func (drop (v128.const i64x2 0 0)))", "SIMD"),
        ("(func (result i32) (i32x4.extract_lane 0 (i32x4.splat (i32.const 1))))", "SIMD"),
        ("(func (param v128))", "SIMD"),
        ("(memory 1 1 shared)", "thread"),
        ("(func atomic.fence)", "thread"),
        ("(func $f (return_call $f))", "tail call"),
        ("(tag)", "exceptions"),
        ("(func (try_table))", "exceptions"),
        ("(memory i64 1)", "memory64"),
        ("(memory 1) (memory 1)", "memories"),
        ("(memory 1 (pagesize 1))", "page size"),
        ("(type (struct))", "gc"),
        ("(func (param (ref func)))", "function"),
        (
            "(func (param i64 i64 i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))",
            "wide",
        ),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", "constant"),
        ("(table 1 externref) (table i64 1 funcref)", "memory64"),
    ];
    for (text, feature) in cases {
        let refusal = refused(&format!("(module {text})"), &limits());
        assert!(refusal.to_lowercase().contains(&feature.to_lowercase()), "{text}: {refusal}");
    }
    // A component.
    assert!(admit(b"\0asm\x0d\0\x01\0", &limits()).is_err());
    let floats = Limits { floats: Floats::Refused, ..limits() };
    for text in ["(func (drop (f32.const 1)))", "(func (param f64))", "(global f64 (f64.const 1))"] {
        let refusal = refused(&format!("(module {text})"), &floats);
        assert!(refusal.contains("floating"), "{text}: {refusal}");
    }
    assert!(
        attempt("(module (func (param i64) (drop (i64.mul (local.get 0) (local.get 0)))))", &floats).is_ok()
    );
}

#[test]
fn imports_are_those_of_the_profile() {
    let cases = [
        ("(import \"env\" \"other\" (func))", "the import \"other\" from \"env\" is not one"),
        ("(import \"env2\" \"next\" (func (param i32) (result i64)))", "\"next\" from \"env2\""),
        ("(import \"env\" \"next\" (func (param i64) (result i64)))", "another type"),
        ("(import \"env\" \"next\" (func (param i32)))", "another type"),
        ("(import \"env\" \"next\" (memory 1))", "no function"),
        ("(import \"env\" \"next\" (global i32))", "no function"),
        ("(import \"e\\1b[2Jnv\" \"a\\0ab\" (func))", "\"a\\nb\" from \"e\\u{1b}[2Jnv\""),
    ];
    for (text, says) in cases {
        let refusal = refused(&format!("(module {text})"), &limits());
        assert!(refusal.contains(says), "{text}: {refusal}");
    }
    let twice = "(import \"env\" \"next\" (func (param i32) (result i64)))".repeat(2);
    assert_eq!(attempt(&format!("(module {twice})"), &limits()).unwrap().imports().len(), 2);
    let refusal = refused(&format!("(module (import \"env\" \"{}\" (func)))", "x".repeat(5_000)), &limits());
    assert!(refusal.len() < 200, "{}", refusal.len());
}

#[test]
fn names_of_the_host_are_refused() {
    for name in ["dv:gas", "dv:stack", "dv:start", "dv:"] {
        let refusal = refused(&format!("(module (func (export \"{name}\")))"), &limits());
        assert!(refusal.contains(name), "{refusal}");
    }
    assert!(attempt("(module (func (export \"dv\") (export \"DV:gas\")))", &limits()).is_ok());
}

/// One module at each limit is admitted, and with one more of it is not.
#[test]
fn limits_are_exact_and_named() {
    let deep = |depth: usize| format!("(func {} {})", "block ".repeat(depth), "end ".repeat(depth));
    let operands =
        |count: usize| format!("(func {} {})", "i32.const 1 ".repeat(count), "drop ".repeat(count));
    let targets = |count: usize| format!("(func (br_table {} 0 (i32.const 0)))", "0 ".repeat(count));
    let segments = |count: usize| format!("(memory 1) {}", "(data \"x\") ".repeat(count));
    let elements = |count: usize| format!("(func $f) {}", "(elem func $f) ".repeat(count));
    let exports = |count: usize| (0..count).map(|at| format!("(func (export \"{at}\"))")).collect::<String>();
    type Make<'a> = &'a dyn Fn(usize) -> String;
    type Set = fn(&mut Limits);
    let cases: [(&str, Make<'_>, Set); 17] = [
        ("types", &|n| "(type (func))".repeat(n), |limits| limits.types = 3),
        ("parameters", &|n| format!("(func (param {}))", "i32 ".repeat(n)), |limits| limits.params = 3),
        ("results", &|n| format!("(type (func (result {})))", "i32 ".repeat(n)), |limits| limits.results = 3),
        ("imports", &|n| "(import \"env\" \"next\" (func (param i32) (result i64)))".repeat(n), |limits| {
            limits.imports_count = 3
        }),
        ("functions", &|n| "(func)".repeat(n), |limits| limits.functions = 3),
        ("tables", &|n| "(table 1 funcref)".repeat(n), |limits| limits.tables = 3),
        ("elements of a table", &|n| format!("(table {n} funcref)"), |limits| limits.table_elements = 3),
        ("pages of memory", &|n| format!("(memory {n})"), |limits| limits.memory_pages = 3),
        ("globals", &|n| "(global i32 (i32.const 1))".repeat(n), |limits| limits.globals = 3),
        ("exports", &exports, |limits| limits.exports = 3),
        ("name of an export", &|n| format!("(func (export \"{}\"))", "x".repeat(n)), |limits| {
            limits.name_bytes = 3
        }),
        ("element segments", &elements, |limits| limits.element_segments = 3),
        ("data segments", &segments, |limits| limits.data_segments = 3),
        ("locals", &|n| format!("(func (param i32) (local {}))", "i32 ".repeat(n - 1)), |limits| {
            limits.locals = 3
        }),
        // The function is a block, too.
        ("nested blocks", &|n| deep(n - 1), |limits| limits.nesting = 3),
        ("operands", &operands, |limits| limits.operands = 3),
        ("branch targets", &targets, |limits| limits.branch_targets = 3),
    ];
    for (name, make, set) in cases {
        let mut limits = limits();
        set(&mut limits);
        let fits = format!("(module {})", make(3));
        assert!(attempt(&fits, &limits).is_ok(), "{name}: {fits}");
        let refusal = refused(&format!("(module {})", make(4)), &limits);
        assert!(
            refusal.contains(&format!("4 {name}")) || refusal.contains("4 bytes in the name"),
            "{name}: {refusal}"
        );
    }
    let bytes = wat::parse_str("(module (func nop nop))").unwrap();
    let exact = Limits { module_bytes: u32::try_from(bytes.len()).unwrap(), body_bytes: 4, ..limits() };
    assert!(admit(&bytes, &exact).is_ok());
    let refusal = admit(&bytes, &Limits { body_bytes: 3, ..exact.clone() }).unwrap_err().to_string();
    assert!(refusal.contains("function 0: 4 bytes of code"), "{refusal}");
    assert!(admit(&bytes, &Limits { module_bytes: exact.module_bytes - 1, ..exact }).is_err());
}

#[test]
fn refusals_of_code_name_function_and_place() {
    let refusal = attempt("(module (func) (func (result i32) i64.const 1))", &limits()).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid { function: Some(1), offset: 1.., .. }), "{refusal}");
    assert!(refusal.to_string().starts_with("function 1, at byte "), "{refusal}");
}

#[test]
fn claimed_counts_make_no_room() {
    // A section of a few bytes that claims 2^28 entries, for each section with a count.
    for id in [1_u8, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12] {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        bytes.extend([id, 5, 0x80, 0x80, 0x80, 0x80, 0x01]);
        assert!(admit(&bytes, &limits()).is_err(), "section {id}");
    }
    // 2^32 - 1 locals in a body of nine bytes.
    let mut bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x0a\x0b\x01\x09\x01".to_vec();
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b, 0x0b]);
    let refusal = admit(&bytes, &limits()).unwrap_err();
    assert!(matches!(refusal, Refusal::Limit { what: "locals", count: 4_294_967_295, .. }), "{refusal}");
}
