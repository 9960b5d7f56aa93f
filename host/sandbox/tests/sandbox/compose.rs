//! Intents: the state, effects, and modules that call one another.

use std::collections::BTreeMap;
use std::sync::Arc;

use dagvault_sandbox::{Call, Execution, Function, Module, Modules, Outcome, Trap, View};

use crate::support::{YES, memory, module, sandbox, seven};

struct State(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for State {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key).cloned()
    }
}

#[derive(Default)]
struct Others(BTreeMap<Vec<u8>, Module>);

impl Modules for Others {
    fn module(&self, cid: &[u8]) -> Option<Module> {
        self.0.get(cid).cloned()
    }
}

/// An intent module: `old` holds `new1` in the state; keys are at 512.
fn intent(run: &str) -> Module {
    let text = format!(
        "(module
           (import \"dagvault\" \"state_get\" (func $get (param i32 i32 i32 i32) (result i32)))
           (import \"dagvault\" \"state_set\" (func $set (param i32 i32 i32 i32)))
           (import \"dagvault\" \"state_delete\" (func $delete (param i32 i32)))
           (import \"dagvault\" \"effect\" (func $effect (param i32 i32)))
           (import \"dagvault\" \"call\" (func $call (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
           (import \"dagvault\" \"log\" (func $log (param i32 i32 i32)))
           {} (data (i32.const 512) \"oldnew1AB\\a1\\62ok\\f5\")
           (func $expect (param i32 i32) (if (i32.ne (local.get 0) (local.get 1)) (then unreachable)))
           (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
           (func (export \"dealloc\") (param i32 i32))
           (func (export \"run\") (param $op i32) (param $ptr i32) (param $len i32) (result i64) {run} {YES}))",
        memory(2)
    );
    module(&text, "intent")
}

fn execute(module: &Module, others: Others, gas: Option<u64>) -> Execution {
    let view = State([(b"old".to_vec(), b"new1".to_vec())].into());
    let input = seven();
    let call = Call {
        view: Some(Arc::new(view)),
        modules: Some(Arc::new(others)),
        name: b"A",
        gas,
        ..Call::new(Function::Op(0), &input)
    };
    sandbox().execute(module, &call).unwrap()
}

#[test]
fn the_state_is_read_and_changed_only_on_yes() {
    let run = "
        (call $expect (call $get (i32.const 512) (i32.const 3) (i32.const 8192) (i32.const 4)) (i32.const 4))
        (call $expect (i32.load (i32.const 8192)) (i32.load (i32.const 515)))
        (call $expect (call $get (i32.const 512) (i32.const 3) (i32.const 8196) (i32.const 3)) (i32.const 4))
        (call $expect (i32.load (i32.const 8196)) (i32.const 0))
        (call $expect (call $get (i32.const 515) (i32.const 4) (i32.const 0) (i32.const 0)) (i32.const -1))
        (call $set (i32.const 515) (i32.const 4) (i32.const 512) (i32.const 3))
        (call $expect (call $get (i32.const 515) (i32.const 4) (i32.const 8192) (i32.const 9)) (i32.const 3))
        (call $delete (i32.const 512) (i32.const 3))
        (call $expect (call $get (i32.const 512) (i32.const 3) (i32.const 0) (i32.const 0)) (i32.const -1))
        (call $effect (i32.const 1024) (i32.const 5))";
    let yes = execute(&intent(run), Others::default(), None);
    assert_eq!(yes.outcome, Outcome::Ok);
    assert_eq!(yes.writes, [(b"new1".to_vec(), Some(b"old".to_vec())), (b"old".to_vec(), None)]);
    assert_eq!(yes.effects, [b"\xa1\x62ok\xf5".to_vec()]);
    for (end, outcome) in [
        ("(return (i64.const 0x0000_0410_0000_0005))", Outcome::Reject),
        ("unreachable", Outcome::Trap(Trap::Unreachable)),
        ("(return (i64.const 0))", Outcome::Trap(Trap::Output)),
    ] {
        let no = execute(&intent(&format!("{run} {end}")), Others::default(), None);
        assert_eq!((no.outcome, no.writes.len(), no.effects.len()), (outcome, 0, 0), "{end}");
    }
}

#[test]
fn more_than_the_host_takes_is_a_trap() {
    for (run, trap) in [
        ("(drop (call $get (i32.const 0) (i32.const 1025) (i32.const 0) (i32.const 0)))", Trap::HostLimit),
        (
            "(drop (call $get (i32.const 0) (i32.const 3) (i32.const 131070) (i32.const 9)))",
            Trap::Unreachable,
        ),
        ("(drop (call $get (i32.const 512) (i32.const 3) (i32.const 131070) (i32.const 9)))", Trap::Pointer),
        ("(call $effect (i32.const 1024) (i32.const 4))", Trap::Effect),
        ("(call $effect (i32.const 131071) (i32.const 2))", Trap::Pointer),
        ("(loop (call $effect (i32.const 1024) (i32.const 5)) (br 0))", Trap::HostLimit),
        (
            "(loop (call $set (i32.const 512) (i32.const 3) (i32.const 0) (i32.const 131072)) (br 0))",
            Trap::HostLimit,
        ),
    ] {
        let execution = execute(&intent(&format!("{run} unreachable")), Others::default(), Some(100_000_000));
        assert_eq!(execution.outcome, Outcome::Trap(trap), "{run}");
    }
}

#[test]
fn modules_call_one_another_on_the_callers_gas() {
    // The name B is at 520.
    let calls =
        "(call $expect (call $call (i32.const 520) (i32.const 1) (i32.const 0) (i32.const 521) (i32.const 5)
                   (i32.const 8192) (i32.const 100)) (i32.const @))";
    let caller = |answer: i32| intent(&calls.replace('@', &answer.to_string()));
    let others = |name: &[u8], module: Module| Others([(name.to_vec(), module)].into());
    let plain = intent("");
    let alone = execute(&plain, Others::default(), None);
    let called = execute(&caller(5), others(b"B", plain), None);
    assert_eq!(called.outcome, Outcome::Ok);
    assert!(called.gas > alone.gas + 2000);
    // What a module that said yes has changed stays, of others nothing.
    let writer = |end: &str| {
        intent(&format!("(call $set (i32.const 512) (i32.const 3) (i32.const 515) (i32.const 1)) {end}"))
    };
    assert_eq!(execute(&caller(5), others(b"B", writer("")), None).writes.len(), 1);
    let rejecting = writer("(return (i64.const 0x0000_0410_0000_0005))");
    let execution = execute(&caller(-1), others(b"B", rejecting), None);
    assert_eq!((execution.outcome, execution.writes.len()), (Outcome::Ok, 0));
    let execution = execute(&caller(-2), others(b"B", writer("unreachable")), None);
    assert_eq!((execution.outcome, execution.writes.len()), (Outcome::Ok, 0));
    // Unknown, and itself.
    assert_eq!(execute(&caller(-3), Others::default(), None).outcome, Outcome::Ok);
    let itself =
        "(call $expect (call $call (i32.const 519) (i32.const 1) (i32.const 0) (i32.const 521) (i32.const 5)
                    (i32.const 0) (i32.const 0)) (i32.const -3))";
    let itself = intent(itself);
    assert_eq!(execute(&itself, others(b"A", itself.clone()), None).outcome, Outcome::Ok);
    // One that never ends takes all of the gas, and no more.
    let execution = execute(&caller(-2), others(b"B", intent("(loop (br 0))")), Some(100_000));
    assert_eq!((execution.outcome, execution.gas), (Outcome::OutOfGas, 100_000));
    // One that logs is heard.
    let loud = intent("(call $log (i32.const 2) (i32.const 512) (i32.const 3))");
    assert_eq!(execute(&caller(5), others(b"B", loud), None).logs[0].text, "old");
}

#[test]
fn depth_is_bounded() {
    // Each module is named by one byte and calls the one with the next name; the fourth may call no more.
    let calling = |name: u8| {
        intent(&format!(
            "(i32.store8 (i32.const 600) (i32.const {name}))
             (call $expect (i32.const {}) (call $call (i32.const 600) (i32.const 1) (i32.const 0) (i32.const 521)
               (i32.const 5) (i32.const 0) (i32.const 0)))",
            if name == b'E' { -3 } else { 5 }
        ))
    };
    let others = [b'B', b'C', b'D', b'E'].map(|name| (vec![name], calling(name + 1)));
    assert_eq!(execute(&calling(b'B'), Others(others.into()), None).outcome, Outcome::Ok);
}
