//! The other forms: functions by their names with JSON, and programs of WASI.

use dagvault_sandbox::{Call, Execution, Form, Format, Function, Module, Outcome, Trap};

use crate::support::{load, module, sandbox};

fn named(body: &str, data: &str) -> Module {
    let text = format!(
        "(module (memory (export \"memory\") 1) (data (i32.const 1024) \"{data}\")
           (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
           (func (export \"validate\") (param $ptr i32) (param $len i32) (result i32) {body}))"
    );
    module(&text, "validator")
}

fn validate(module: &Module) -> Execution {
    sandbox().execute(module, &Call::new(Function::Named("validate"), b"{\"amount\":1}")).unwrap()
}

#[test]
fn the_older_form_is_called_by_name() {
    let yes = named("(i32.const 1024)", "\\0d\\00\\00\\00{\\\"valid\\\":true}");
    assert_eq!(yes.form(), Form::Named);
    let execution = validate(&yes);
    assert_eq!((execution.outcome, &*execution.output), (Outcome::Trap(Trap::Output), &b""[..]));
    let yes = named("(i32.const 1024)", "\\0e\\00\\00\\00{\\\"valid\\\":true}");
    let execution = validate(&yes);
    assert_eq!((execution.outcome, &*execution.output), (Outcome::Ok, &b"{\"valid\":true}"[..]));
    let no = named("(i32.const 1024)", "\\0f\\00\\00\\00{\\\"valid\\\":false}");
    assert_eq!(validate(&no).outcome, Outcome::Reject);
    let other = named("(i32.const 1024)", "\\04\\00\\00\\00[17]");
    assert_eq!((validate(&other).outcome, &*validate(&other).output), (Outcome::Ok, &b"[17]"[..]));
    for name in ["alloc", "memory", "dv:gas", "dv:start", "missing", ""] {
        assert!(sandbox().execute(&yes, &Call::new(Function::Named(name), b"{}")).is_err(), "{name}");
    }
}

#[test]
fn the_older_form_lies_in_vain() {
    for (body, trap) in [
        ("(i32.const -1)", Trap::Pointer),
        ("(i32.const 65533)", Trap::Pointer),
        ("(i32.const 65532)", Trap::Output),
        ("(i32.store (i32.const 100) (i32.const -1)) (i32.const 100)", Trap::Output),
        ("(i32.store (i32.const 100) (i32.const 65433)) (i32.const 100)", Trap::Pointer),
        ("(i32.store (i32.const 100) (i32.const 65432)) (i32.const 100)", Trap::Output),
    ] {
        assert_eq!(validate(&named(body, "")).outcome, Outcome::Trap(trap), "{body}");
    }
}

fn program(body: &str, profile: &str) -> Module {
    let text = format!(
        "(module
           (import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 i32 i32 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"clock_time_get\" (func $clock (param i32 i64 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"random_get\" (func $random (param i32 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"args_sizes_get\" (func $args (param i32 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"path_open\"
             (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"fd_prestat_get\" (func $prestat (param i32 i32) (result i32)))
           (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))
           (memory (export \"memory\") 1) (data (i32.const 16) \"\\00\\02\\00\\00\\0a\\00\\00\\00\")
           (data (i32.const 32) \"one\\0atwo\")
           (func $expect (param i32 i32) (if (i32.ne (local.get 0) (local.get 1)) (then unreachable)))
           ;; Reads up to ten bytes to 512 and writes what was read to a descriptor.
           (func $copy (param $to i32)
             (call $expect (i32.const 0) (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 20)))
             (call $expect (i32.const 0) (call $write (local.get $to) (i32.const 16) (i32.const 1) (i32.const 24))))
           (func (export \"_start\") {body}))"
    );
    module(&text, profile)
}

fn start(module: &Module, input: &[u8]) -> Execution {
    let call =
        Call { format: Format::Json, now_ms: 1_700, seed: [3; 32], ..Call::new(Function::Program, input) };
    sandbox().execute(module, &call).unwrap()
}

#[test]
fn a_program_reads_its_input_and_writes_its_answer() {
    let copy = program("(call $copy (i32.const 1))", "validator");
    let execution = start(&copy, b"{\"ok\":true}");
    // Ten bytes, and there are eleven.
    assert_eq!(execution.outcome, Outcome::Trap(Trap::Output));
    let execution = start(&copy, b"{\"ok\": 17}");
    assert_eq!(execution.outcome, Outcome::Trap(Trap::Output));
    let execution = start(&copy, b"[1,2,3]");
    assert_eq!((execution.outcome, &*execution.output), (Outcome::Ok, &b"[1,2,3]"[..]));
    let twice = program("(call $copy (i32.const 1)) (call $copy (i32.const 1))", "validator");
    assert_eq!(start(&twice, b"{\"ok\":false}").outcome, Outcome::Reject);
    assert_eq!(copy.form(), Form::Program);
}

#[test]
fn a_program_ends_itself() {
    let exits =
        |code: i32| program(&format!("(call $copy (i32.const 1)) (call $exit (i32.const {code}))"), "edge");
    assert_eq!(start(&exits(0), b"1").outcome, Outcome::Ok);
    assert_eq!(start(&exits(1), b"1").outcome, Outcome::Trap(Trap::Exit));
}

#[test]
fn standard_error_is_the_log() {
    let text = "(i32.store (i32.const 16) (i32.const 32)) (i32.store (i32.const 20) (i32.const 7))
        (call $expect (i32.const 0) (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 24)))
        (call $expect (i32.load (i32.const 24)) (i32.const 7)) (call $exit (i32.const 3))";
    let execution = start(&program(text, "validator"), b"");
    let lines: Vec<_> = execution.logs.iter().map(|log| log.text.as_str()).collect();
    assert_eq!(lines, ["one", "two"]);
}

#[test]
fn time_and_randomness_are_inputs_and_there_is_no_authority() {
    let text = "
        (call $expect (i32.const 0) (call $clock (i32.const 0) (i64.const 1) (i32.const 600)))
        (if (i64.ne (i64.load (i32.const 600)) (i64.const 1700000000)) (then unreachable))
        (call $expect (i32.const 0) (call $args (i32.const 600) (i32.const 604)))
        (call $expect (i32.const 0) (i32.load (i32.const 600)))
        (call $expect (i32.const 8) (call $prestat (i32.const 3) (i32.const 600)))
        (call $expect (i32.const 8) (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
          (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 600)))
        (call $expect (i32.const 8) (call $write (i32.const 3) (i32.const 16) (i32.const 1) (i32.const 24)))
        (call $expect (i32.const 0) (call $random (i32.const 1000) (i32.const 100)))
        (call $expect (i32.const 0) (call $random (i32.const 1100) (i32.const 100)))
        (call $expect (i32.const 0) (i64.eq (i64.load (i32.const 1000)) (i64.load (i32.const 1100))))
        ;; Eight random bytes to the log.
        (i32.store (i32.const 16) (i32.const 1000)) (i32.store (i32.const 20) (i32.const 8))
        (drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 24)))
        (call $copy (i32.const 1))";
    let module = program(&text.replace("(call $copy (i32.const 1))", ""), "sealed");
    let first = start(&module, b"");
    assert_eq!(first.outcome, Outcome::Trap(Trap::Output), "{first:?}");
    assert_eq!(start(&module, b""), first);
    let call = Call { seed: [4; 32], now_ms: 1_700, ..Call::new(Function::Program, b"") };
    assert_ne!(sandbox().execute(&module, &call).unwrap().logs, first.logs);
}

#[test]
fn wasi_distrusts_pointers() {
    for body in [
        "(drop (call $read (i32.const 0) (i32.const 65532) (i32.const 1) (i32.const 0)))",
        "(drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 65533)))",
        "(i32.store (i32.const 16) (i32.const -1))
         (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 0)))",
        "(i32.store (i32.const 16) (i32.const 65530))
         (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0)))",
        "(drop (call $random (i32.const 65530) (i32.const 7)))",
        "(drop (call $clock (i32.const 0) (i64.const 0) (i32.const -8)))",
        "(drop (call $args (i32.const 65533) (i32.const 0)))",
    ] {
        assert_eq!(
            start(&program(body, "validator"), b"0123456789").outcome,
            Outcome::Trap(Trap::Pointer),
            "{body}"
        );
    }
    let many = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0)))";
    assert_eq!(start(&program(many, "validator"), b"").outcome, Outcome::Trap(Trap::HostLimit));
    let flood = "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 65536))
        (loop (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))) (br 0))";
    assert_eq!(start(&program(flood, "validator"), b"").outcome, Outcome::Trap(Trap::HostLimit));
}

#[test]
fn profiles_without_imports_have_none() {
    let text = "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32))))";
    for profile in ["policy", "zk"] {
        assert!(load(text, profile).unwrap_err().to_string().contains("sched_yield"));
    }
    let text = "(module (import \"dagvault\" \"state_delete\" (func (param i32 i32))))";
    assert!(load(text, "validator").unwrap_err().to_string().contains("state_delete"));
}

#[test]
fn what_is_no_json_is_no_answer() {
    let deep = "[".repeat(200);
    for (answer, outcome) in [
        ("{", Outcome::Trap(Trap::Output)),
        ("{\"ok\":1}", Outcome::Trap(Trap::Output)),
        ("{\"ok\":true,\"ok\":false}", Outcome::Trap(Trap::Output)),
        ("[1,2", Outcome::Trap(Trap::Output)),
        (deep.as_str(), Outcome::Trap(Trap::Output)),
        ("1 1", Outcome::Trap(Trap::Output)),
        (" {\"ok\":null,\"more\":[{}]}", Outcome::Ok),
        ("null", Outcome::Ok),
        ("{\"ok\":false}", Outcome::Reject),
    ] {
        let data = format!("\\{:02x}\\00\\00\\00{}", answer.len(), answer.replace('"', "\\\""));
        assert_eq!(validate(&named("(i32.const 1024)", &data)).outcome, outcome, "{answer}");
    }
}
