//! What is not run is an error.

use dagvault_meter::reference::{Ending, Error, Limits, Machine, Trap, Value};

use super::*;

fn refusal(text: &str) -> Error {
    let bytes = assemble(text);
    Machine::new(&bytes, &Table, LIMITS, Env).err().expect("a refusal")
}

#[test]
fn features_beyond_those_that_are_run() {
    for text in [
        "(module (func (param v128)))",
        "(module (func i32x4.splat (i32.const 1) drop))",
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "(module (memory 1) (memory 1))",
        "(module (func $f return_call $f))",
        "(module (tag))",
        "(module (type (struct)))",
        "(module (func (param (ref func))))",
        "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        "(module (func (param i64 i64 i64 i64) (result i64 i64)
            local.get 0 local.get 1 local.get 2 local.get 3 i64.add128))",
    ] {
        assert!(matches!(refusal(text), Error::Invalid(_)), "{text}");
    }
    assert!(matches!(Machine::new(b"\0asm\x0d\0\x01\0", &Table, LIMITS, Env), Err(Error::Invalid(_))));
    assert!(matches!(Machine::new(b"", &Table, LIMITS, Env), Err(Error::Invalid(_))));
}

#[test]
fn imports_that_are_no_functions() {
    for import in ["(memory 1)", "(table 1 funcref)", "(global i32)"] {
        let text = format!(r#"(module (import "env" "x" {import}))"#);
        assert!(matches!(refusal(&text), Error::Unsupported(_)), "{import}");
    }
}

#[test]
fn more_than_the_limits() {
    assert!(matches!(refusal("(module (memory 17))"), Error::TooLarge(_)));
    assert!(matches!(refusal("(module (table 1001 funcref))"), Error::TooLarge(_)));
    let bytes = assemble(r#"(module (memory 1) (func (export "f") (result i32) i32.const 16 memory.grow))"#);
    for (memory_pages, result) in [(16, -1), (17, 1)] {
        let limits = Limits { memory_pages, ..LIMITS };
        let mut machine = Machine::new(&bytes, &Table, limits, Env).unwrap();
        let outcome = machine.call("f", &[], PLENTY, DEEP).unwrap();
        assert_eq!(outcome.ending, Ending::Return(i32s([result]).to_vec()));
    }
}

#[test]
fn segments_that_do_not_fit() {
    let data = refusal(r#"(module (memory 1) (data (i32.const 65535) "ab"))"#);
    assert!(matches!(data, Error::Instantiation(Trap::MemoryOutOfBounds)));
    let elements = refusal("(module (table 1 funcref) (elem (i32.const 1) 0) (func))");
    assert!(matches!(elements, Error::Instantiation(Trap::TableOutOfBounds)));
}

#[test]
fn calls_that_do_not_fit() {
    let bytes = assemble(r#"(module (memory (export "m") 1) (func (export "f") (param i32)))"#);
    let mut machine = instance(&bytes);
    assert!(matches!(machine.call("g", &[], PLENTY, DEEP), Err(Error::NoSuchExport)));
    assert!(matches!(machine.call("m", &[], PLENTY, DEEP), Err(Error::NoSuchExport)));
    assert!(matches!(machine.call("f", &[], PLENTY, DEEP), Err(Error::Arguments)));
    assert!(matches!(machine.call("f", &[Value::F32(0)], PLENTY, DEEP), Err(Error::Arguments)));
    let bytes = assemble(r#"(module (func (export "f") (param funcref)))"#);
    let mut machine = instance(&bytes);
    assert!(machine.call("f", &[Value::FuncRef(Some(0))], PLENTY, DEEP).is_ok());
    let unknown = machine.call("f", &[Value::FuncRef(Some(1))], PLENTY, DEEP);
    assert!(matches!(unknown, Err(Error::Arguments)));
}

#[test]
fn locals_are_taken_from_the_stack() {
    let functions = "(func (local".to_owned() + &" i64".repeat(50_000) + "))";
    let one = assemble(&format!(r#"(module {functions} (func (export "f") call 0))"#));
    let mut machine = instance(&one);
    let frame = 16 + 8 * 50_000;
    let outcome = machine.call("f", &[], PLENTY, 16 + frame).unwrap();
    assert_eq!(outcome.ending, Ending::Return(Vec::new()));
    assert_eq!(outcome.gas_used, ENTRY + CALL + ENTRY + 50_000 * LOCAL);
    let outcome = machine.call("f", &[], PLENTY, 15 + frame).unwrap();
    assert_eq!(outcome.ending, Ending::StackExhausted);
}
