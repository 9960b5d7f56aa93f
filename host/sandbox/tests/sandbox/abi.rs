//! ABI 1: answers, and modules that lie about pointers and lengths at every edge.

use dagvault_sandbox::value::{Answer, Request};
use dagvault_sandbox::{Call, Function, Manifest, Outcome, Refused, SECTION, Trap};

use crate::support::{YES, abi1, answered, assemble, memory, module, run, run_with, sandbox, seven};

#[test]
fn yes_and_no_are_answers() {
    let yes = run(&module(&abi1(YES, ""), "validator"));
    assert_eq!((yes.outcome, &*yes.output), (Outcome::Ok, &b"\xa1\x62ok\xf5"[..]));
    let no = run(&module(&abi1("(i64.const 0x0000_0410_0000_0005)", ""), "validator"));
    assert_eq!((no.outcome, &*no.output), (Outcome::Reject, &b"\xa1\x62ok\xf4"[..]));
    assert_eq!(yes.gas, no.gas);
}

#[test]
fn the_input_arrives_whole() {
    // The answer is the input's last byte: {"request": 7} ends with it.
    let text = abi1(
        "(i32.store (i32.const 2048) (i32.const 0x6b6f62a2)) (i32.store (i32.const 2052) (i32.const 0x617665f5))
         (i32.store (i32.const 2056) (i32.const 0x0065756c))
         (i32.store8 (i32.const 2059) (i32.load8_u (i32.sub (i32.add (local.get $ptr) (local.get $len)) (i32.const 1))))
         (i64.const 0x0000_0800_0000_000c)",
        "",
    );
    let execution = run(&module(&text, "validator"));
    assert_eq!((execution.outcome, answered(&execution)), (Outcome::Ok, 7));
    let request =
        Request { request: b"\x18\x2a", rules: Some(b"\xa0"), now_ms: Some(5), seed: Some([9; 32]) };
    let bytes = request.write().unwrap();
    dagvault_sandbox::value::check(&bytes).unwrap();
    assert!(Request { request: b"\x18\x01", ..request }.write().is_err());
}

#[test]
fn pointers_and_lengths_at_every_edge_are_checked() {
    // Two pages. What is inside of them is read, and is no answer unless it is one.
    let end: u64 = 2 << 16;
    let cases: [(u64, u64, Trap); 14] = [
        (end - 4, 5, Trap::Pointer),
        (end, 1, Trap::Pointer),
        (end, 0, Trap::Output),
        (0, 0, Trap::Output),
        (end + 1, 0, Trap::Pointer),
        (0, end, Trap::Output),
        (1, end, Trap::Pointer),
        (0, end + 1, Trap::Pointer),
        (0xffff_ffff, 0xffff_ffff, Trap::Output),
        (0xffff_ffff, 1, Trap::Pointer),
        (0xffff_fffe, 2, Trap::Pointer),
        (0x8000_0000, 0, Trap::Pointer),
        (0, 0x7fff_ffff, Trap::Output),
        (1024, 4, Trap::Output),
    ];
    for (ptr, len, trap) in cases {
        let text = abi1(&format!("(i64.const 0x{:016x})", ptr << 32 | len), "");
        assert_eq!(run(&module(&text, "validator")).outcome, Outcome::Trap(trap), "{ptr:x} {len:x}");
    }
    // `alloc` lies: outside, at the very end, across it; no memory.
    for (ptr, outcome) in [
        (-1, Outcome::Trap(Trap::Pointer)),
        (131_072, Outcome::Trap(Trap::Pointer)),
        (131_072 - 9, Outcome::Trap(Trap::Pointer)),
        (131_072 - 10, Outcome::Ok),
        (i32::MIN, Outcome::Trap(Trap::Pointer)),
        (0, Outcome::MemoryLimit),
        (1, Outcome::Ok),
    ] {
        let text = abi1(YES, "").replace("(i32.const 4096)", &format!("(i32.const {ptr})"));
        assert_eq!(run(&module(&text, "validator")).outcome, outcome, "{ptr}");
    }
    assert_eq!(seven().len(), 10);
}

#[test]
fn the_hosts_functions_distrust_pointers_too() {
    for (ptr, len) in [(-1, 1), (131_072, 1), (131_071, 2), (0, -1), (-1, -1), (i32::MIN, i32::MIN)] {
        let text = abi1(&format!("(call $log (i32.const 0) (i32.const {ptr}) (i32.const {len})) {YES}"), "");
        let execution = run_with(&module(&text, "validator"), Some(100_000_000));
        // A length of 4 GiB costs more than there is.
        let expected = if len < 0 { Outcome::OutOfGas } else { Outcome::Trap(Trap::Pointer) };
        assert_eq!(execution.outcome, expected, "{ptr} {len}");
    }
    let text = abi1(&format!("(call $log (i32.const -1) (i32.const 131072) (i32.const 0)) {YES}"), "");
    let execution = run(&module(&text, "validator"));
    assert_eq!((execution.outcome, execution.logs[0].level), (Outcome::Ok, 4));
}

#[test]
fn a_host_function_is_paid_before_it_works() {
    let module = module(
        &abi1(&format!("(call $log (i32.const 0) (i32.const 0) (i32.const 65)) {YES}"), ""),
        "validator",
    );
    let whole = run(&module);
    assert_eq!((whole.outcome, whole.logs.len()), (Outcome::Ok, 1));
    let mut ends = Vec::new();
    for gas in 0..=whole.gas {
        let execution = run_with(&module, Some(gas));
        assert_eq!(execution.gas, gas);
        ends.push((execution.outcome == Outcome::Ok, execution.logs.len()));
    }
    // First too little for the call, then enough for it and not for the rest, at last enough.
    assert!(ends.is_sorted());
    let short = ends.iter().filter(|end| **end == (false, 1)).count();
    // What comes behind: the constant of the answer, the entry of dealloc and its two parameters.
    assert_eq!(short, 1 + 4 + 2);
    assert_eq!(ends.last(), Some(&(true, 1)));
}

#[test]
fn functions_are_those_that_the_module_names() {
    let manifest =
        Manifest { functions: vec!["validate".into(), "price".into()], profile: Some("validator".into()) };
    let mut bytes = assemble(&abi1(YES, ""));
    let mut section = vec![u8::try_from(SECTION.len()).unwrap()];
    section.extend_from_slice(SECTION.as_bytes());
    section.extend(manifest.write());
    let plain = bytes.clone();
    bytes.push(0);
    bytes.push(u8::try_from(section.len()).unwrap());
    bytes.extend(&section);
    let profile = dagvault_meter::profile::Profile::named("validator").unwrap();
    let module = sandbox().compile(&bytes, profile).unwrap();
    assert_eq!(module.manifest(), Some(&manifest));
    assert_eq!(manifest.number("price"), Some(1));
    let input = seven();
    for (op, known) in [(0, true), (1, true), (2, false), (u32::MAX, false)] {
        let called = sandbox().execute(&module, &Call::new(Function::Op(op), &input));
        assert_eq!(called.is_ok(), known, "{op}");
    }
    let plain = sandbox().compile(&plain, profile).unwrap();
    assert_eq!(sandbox().execute(&plain, &Call::new(Function::Op(1), &input)), Err(Refused::Function));
    assert_eq!(sandbox().execute(&plain, &Call::new(Function::Program, &input)), Err(Refused::Function));
    assert_eq!(sandbox().execute(&plain, &Call::new(Function::Named("run"), &input)), Err(Refused::Function));
    // Twice, or cut off, it is refused.
    bytes.push(0);
    bytes.push(u8::try_from(section.len()).unwrap());
    bytes.extend(&section);
    assert!(sandbox().compile(&bytes, profile).is_err());
}

#[test]
fn references_are_taken_as_they_are() {
    let text = abi1(
        &format!(
            "(table.set $t (i32.const 1) (ref.null extern)) (drop (table.grow $t (ref.null extern) (i32.const 9)))
             (if (i32.eqz (ref.is_null (table.get $t (i32.const 5)))) (then unreachable)) {YES}"
        ),
        "(table $t 2 externref) (global (mut externref) (ref.null extern))",
    );
    let module = module(&text, "validator");
    for _ in 0..500 {
        assert_eq!(run(&module).outcome, Outcome::Ok);
    }
}

#[test]
fn what_is_no_form_is_refused() {
    let refused = |text: &str| crate::support::load(text, "validator").unwrap_err().to_string();
    assert!(refused("(module)").contains("alloc"));
    let alloc = "(func (export \"alloc\") (param i32) (result i32) (i32.const 1))";
    assert!(refused(&format!("(module {alloc})")).contains("memory"));
    let run = "(func (export \"run\") (param i32 i32 i32) (result i64) (i64.const 0))";
    assert!(refused(&format!("(module {} {alloc} {run})", memory(1))).contains("dealloc"));
    assert!(refused("(module (import \"env\" \"now\" (func)))").contains("now"));
}

#[test]
fn only_strict_answers_are_answers() {
    let good: [&[u8]; 4] = [
        b"\xa1\x62ok\xf5",
        b"\xa2\x62ok\xf4\x66reason\x62no",
        b"\xa2\x62ok\xf5\x65value\xa1\x61a\x82\x01\x20",
        b"\xa3\x62ok\xf5\x65value\xf6\x66reason\x60",
    ];
    for bytes in good {
        let answer = Answer::read(bytes).unwrap();
        assert_eq!(answer.write(), bytes);
    }
    let bad: [&[u8]; 15] = [
        b"",
        b"\xf5",
        b"\xa0",
        b"\xa1\x62ok\x01",
        b"\xa1\x62ok\xf5\x00",
        b"\xa1\x62no\xf5",
        b"\xa2\x62ok\xf5\x62ok\xf5",
        b"\xa2\x62ok\xf5\x64more\x01",
        b"\xa2\x66reason\x60\x62ok\xf5",
        b"\xa2\x62ok\xf5\x66reason\x01",
        b"\xa2\x62ok\xf5\x65value",
        b"\xa2\x62ok\xf5\x65value\x18\x01",
        b"\xa2\x62ok\xf5\x65value\xfb\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\xa2\x62ok\xf5\x65value\x9f\xff",
        b"\xbf\x62ok\xf5\xff",
    ];
    for bytes in bad {
        assert!(Answer::read(bytes).is_err(), "{bytes:x?}");
    }
    let deep = |depth: usize| [vec![0x81; depth], vec![0]].concat();
    assert!(dagvault_sandbox::value::check(&deep(64)).is_ok());
    assert!(dagvault_sandbox::value::check(&deep(65)).is_err());
    assert!(dagvault_sandbox::value::check(&[0x9b, 0, 0, 0, 0xff, 0, 0, 0, 0]).is_err());
}
