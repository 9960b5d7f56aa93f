//! `twin COUNT VALIDATORS.wasm FILE`: what the sandbox says of so many random requests to the built-in validators, and
//! of modules that end in every way, a JSON object a line: for the executor in JavaScript,
//! `web/executor/test/twin.mjs`.

#![allow(clippy::unwrap_used, reason = "modules are as they are written here")]

#[path = "../../../contract/tests/random/mod.rs"]
mod random;
#[path = "../tests/sandbox/support.rs"]
#[allow(dead_code, reason = "of what the tests share")]
mod support;
#[path = "../tests/sandbox/trapping.rs"]
mod trapping;

use std::io::{BufWriter, Write as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dagvault_meter::profile::Profile;
use dagvault_sandbox::value::Request;
use dagvault_sandbox::{Call, Function, Module, Outcome, View};
use random::Numbers;
use serde_json::{Value as Json, json};
use support::{YES, abi1, assemble, memory, sandbox, seven};

/// The state that modules see: one key.
struct State;

impl View for State {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        (key == b"key").then(|| b"a value".to_vec())
    }
}

fn text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Modules and what they come to, written as they come.
struct Lines(BufWriter<std::fs::File>, u32);

impl Lines {
    fn write(&mut self, line: &Json) {
        writeln!(self.0, "{line}").unwrap();
    }

    /// A module, for the cases behind it.
    fn module(&mut self, name: &str, bytes: &[u8], profile: &str) -> Module {
        self.write(&json!({ "name": name, "profile": profile, "bytes": text(bytes) }));
        let profile = Profile::named(profile).unwrap();
        sandbox().compile(bytes, profile).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A call; answers the gas.
    fn call(&mut self, module: &Module, op: u32, input: &[u8], gas: Option<u64>) -> u64 {
        let call = Call { gas, view: Some(Arc::new(State)), ..Call::new(Function::Op(op), input) };
        let execution = sandbox().execute(module, &call).unwrap();
        let (outcome, trap) = match execution.outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Reject => ("reject", None),
            Outcome::Trap(trap) => ("trap", Some(format!("{trap:?}"))),
            Outcome::OutOfGas => ("out-of-gas", None),
            Outcome::MemoryLimit => ("memory-limit", None),
            Outcome::Timeout => panic!("a timeout is not the same everywhere"),
        };
        let effects: Vec<_> = execution.effects.iter().map(|effect| text(effect)).collect();
        let writes =
            execution.writes.iter().map(|(key, value)| json!([text(key), value.as_deref().map(text)]));
        let logs: Vec<_> = execution.logs.iter().map(|line| json!([line.level, line.text])).collect();
        self.write(&json!({
            "op": op, "input": text(input), "limit": gas, "outcome": outcome, "trap": trap,
            "output": text(&execution.output), "effects": effects, "writes": writes.collect::<Vec<_>>(),
            "logs": logs, "dropped": execution.logs_dropped, "gas": execution.gas,
        }));
        self.1 += 1;
        execution.gas
    }

    /// A module with each amount of gas up to what it takes, if that is little; else with all of it and one less.
    fn whole(&mut self, name: &str, source: &str, profile: &str) {
        let module = self.module(name, &assemble(source), profile);
        let used = self.call(&module, 0, &seven(), None);
        let from = if used < 1200 { 0 } else { used.saturating_sub(1) };
        for gas in from..=used {
            self.call(&module, 0, &seven(), Some(gas));
        }
    }
}

/// Random requests to the built-in validators, some of them damaged.
fn validators(lines: &mut Lines, count: u32, bytes: &[u8]) {
    let module = lines.module("validators", bytes, "validator");
    let mut numbers = Numbers::new(11);
    for _ in 0..count {
        let op = numbers.below(3);
        let (request, rules) = random::case(op, &mut numbers);
        let (request, rules) = (dagvault_module::encode(&request), dagvault_module::encode(&rules));
        let rules = (numbers.below(10) > 0).then_some(rules.as_slice());
        let mut input = Request { request: &request, rules, ..Request::default() }.write().unwrap();
        if numbers.below(20) == 0 {
            let at = numbers.below(u32::try_from(input.len()).unwrap());
            input[at as usize] = u8::try_from(numbers.below(256)).unwrap();
        }
        let gas = (numbers.below(10) == 0).then(|| numbers.below(60_000).into());
        lines.call(&module, op, &input, gas);
    }
}

/// Bodies of `run` around functions of the host, in an `intent`.
const HOST: [(&str, &str); 24] = [
    ("log of nothing", "(call $log (i32.const 0) (i32.const 131072) (i32.const 0))"),
    ("log beyond the memory", "(call $log (i32.const 0) (i32.const 131072) (i32.const 1))"),
    ("log from a pointer below zero", "(call $log (i32.const 0) (i32.const -1) (i32.const 1))"),
    ("log of a length below zero", "(call $log (i32.const 0) (i32.const 0) (i32.const -1))"),
    ("pointer and length wrap", "(call $log (i32.const 0) (i32.const -1) (i32.const -1))"),
    ("log of a level below zero", "(call $log (i32.const -1) (i32.const 2048) (i32.const 60))"),
    ("half a letter", "(call $log (i32.const 1) (i32.const 2060) (i32.const 1))"),
    ("a long line", "(call $log (i32.const 2) (i32.const 2048) (i32.const 2000))"),
    (
        "a flood of lines",
        "(local $n i32) (loop $l (call $log (i32.const 3) (i32.const 1024) (i32.const 2))
           (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 400))))",
    ),
    (
        "a flood of bytes",
        "(local $n i32) (loop $l (call $log (i32.const 3) (i32.const 2048) (i32.const 900))
           (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 99))))",
    ),
    ("get", "(drop (call $get (i32.const 3000) (i32.const 3) (i32.const 100) (i32.const 7)))"),
    ("get without room", "(drop (call $get (i32.const 3000) (i32.const 3) (i32.const 100) (i32.const 6)))"),
    (
        "get to a bad buffer",
        "(drop (call $get (i32.const 3000) (i32.const 3) (i32.const 131070) (i32.const 6)))",
    ),
    (
        "get of what is absent",
        "(drop (call $get (i32.const 3000) (i32.const 2) (i32.const -1) (i32.const -1)))",
    ),
    ("a key too long", "(drop (call $get (i32.const 0) (i32.const 1025) (i32.const 0) (i32.const 0)))"),
    ("a bad key", "(call $delete (i32.const 131072) (i32.const 4))"),
    (
        "writes in their order",
        "(call $set (i32.const 3001) (i32.const 2) (i32.const 3000) (i32.const 3))
         (call $set (i32.const 3000) (i32.const 3) (i32.const 3003) (i32.const 5))
         (call $delete (i32.const 2999) (i32.const 1))
         (drop (call $get (i32.const 3000) (i32.const 3) (i32.const 100) (i32.const 9)))
         (call $delete (i32.const 3000) (i32.const 3))
         (drop (call $get (i32.const 3000) (i32.const 3) (i32.const 100) (i32.const 9)))
         (call $effect (i32.const 1024) (i32.const 5)) (call $effect (i32.const 1040) (i32.const 5))",
    ),
    ("a value too long", "(call $set (i32.const 3000) (i32.const 3) (i32.const 0) (i32.const 4194305))"),
    ("an effect of nothing", "(call $effect (i32.const 1024) (i32.const 0))"),
    ("an effect with more behind", "(call $effect (i32.const 1024) (i32.const 6))"),
    ("a bad effect's pointer", "(call $effect (i32.const 131071) (i32.const 5))"),
    (
        "too many effects",
        "(local $n i32) (loop $l (call $effect (i32.const 1024) (i32.const 5))
           (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1025))))",
    ),
    (
        "a bad pointer with the memory full",
        "(drop (memory.grow (i32.const 9999))) (call $log (i32.const 0) (i32.const -1) (i32.const 1))",
    ),
    ("effects, then a trap", "(call $effect (i32.const 1024) (i32.const 5)) unreachable"),
];

fn host(lines: &mut Lines) {
    // Letters that are shown otherwise: tabs, escapes, marks of direction, what is no UTF-8.
    let letters = "a\\09\\0a\\0d\\00\\1b\\7f\\c2\\85\\5c'\\22\\c3\\a9\\c2\\ad\\e2\\80\\ae\\f0\\9f\\98\\80\
                   \\ed\\a0\\80\\c0\\80\\f4\\90\\80\\80\\f5\\e2\\82\\ff\\ef\\bb\\bf\\f3\\a0\\81\\81\\d8\\9c";
    for (name, body) in HOST {
        let source = format!(
            "(module
               (import \"dagvault\" \"log\" (func $log (param i32 i32 i32)))
               (import \"dagvault\" \"state_get\" (func $get (param i32 i32 i32 i32) (result i32)))
               (import \"dagvault\" \"state_set\" (func $set (param i32 i32 i32 i32)))
               (import \"dagvault\" \"state_delete\" (func $delete (param i32 i32)))
               (import \"dagvault\" \"effect\" (func $effect (param i32 i32)))
               {} (data (i32.const 2048) \"{letters}\") (data (i32.const 3000) \"keyvalue\")
               (func (export \"alloc\") (param i32) (result i32) (i32.const 4096))
               (func (export \"dealloc\") (param i32 i32))
               (func (export \"run\") (param i32 i32 i32) (result i64) {body} {YES}))",
            memory(2)
        );
        lines.whole(name, &source, "intent");
    }
}

/// Bodies of `run` that end in other ways, with what else the module has.
const ENDINGS: [(&str, &str, &str); 17] = [
    ("yes", YES, ""),
    ("no", "(i64.const 0x0000_0410_0000_0005)", ""),
    ("an output of nothing", "(i64.const 0)", ""),
    ("an output with more behind", "(i64.const 0x0000_0400_0000_0006)", ""),
    ("an output beyond the memory", "(i64.const 0x0001_ffff_0000_0005)", ""),
    ("an output at the end of all", "(i64.const -1)", ""),
    ("an output too long", "(i64.const 0x0000_0000_0040_0001)", ""),
    (
        "an output of another form",
        "(i64.const 0x0000_0bb8_0000_0005)",
        "(data (i32.const 3000) \"\\a1\\62ok\\01\")",
    ),
    (
        "an output with an unknown key",
        "(i64.const 0x0000_0bb8_0000_0008)",
        "(data (i32.const 3000) \"\\a2\\62ok\\f5\\61a\\01\")",
    ),
    (
        "an output with a value and a reason",
        "(i64.const 0x0000_0bb8_0000_0015)",
        "(data (i32.const 3000) \"\\a3\\62ok\\f4\\65value\\01\\66reason\\60\")",
    ),
    ("no memory", "(drop (memory.grow (i32.const 300))) unreachable", ""),
    ("no memory, but yes", "(drop (memory.grow (i32.const 300)))", ""),
    (
        "an output beyond a memory that is full",
        "(drop (memory.grow (i32.const 300))) (i64.const 0x0001_ffff_0000_0005)",
        "",
    ),
    (
        "memory after all",
        "(drop (memory.grow (i32.const 300))) (drop (memory.grow (i32.const 1))) unreachable",
        "",
    ),
    ("without end", "(loop $l (br $l)) (unreachable)", ""),
    ("deep", "(call $deep)", "(func $deep (local i64) (call $deep))"),
    (
        "the start function",
        "",
        "(global $g (mut i32) (i32.const 0)) (func $s (global.set $g (i32.const 3))) (start $s)
         (func (export \"_initialize\") (call $log (global.get $g) (i32.const 1024) (global.get $g)))",
    ),
];

fn endings(lines: &mut Lines) {
    for (name, run, more) in ENDINGS {
        let run = if run.contains("i64.const") { run.to_owned() } else { format!("{run} {YES}") };
        lines.whole(name, &abi1(&run, more), "validator");
    }
    let own = |parts: &str, alloc: &str| {
        format!(
            "(module {} {parts} (func (export \"alloc\") (param i32) (result i32) (i32.const {alloc}))
               (func (export \"dealloc\") (param i32 i32))
               (func (export \"run\") (param i32 i32 i32) (result i64) {YES}))",
            memory(1)
        )
    };
    lines.whole("alloc answers nothing", &own("", "0"), "policy");
    lines.whole("alloc answers too much", &own("", "-1"), "policy");
    lines.whole("data that does not fit", &own("(data (i32.const 65530) \"0123456789\")", "4096"), "policy");
    lines.whole(
        "elements that do not fit",
        &own("(table 1 funcref) (elem (i32.const 1) func 0)", "4096"),
        "policy",
    );
    // A name that would be taken for a place, if it were looked at.
    let name =
        "(export \"f (wasm://wasm/0:wasm-function[0]:0x1)\\n    at g (wasm://wasm/0:wasm-function[0]:0x1)\")";
    lines.whole(
        "a name like a place",
        &abi1(
            "(drop (i32.const 1)) (call $f) (i64.const 0)",
            &format!("(func $f {name} (drop (i32.const 1)) unreachable)"),
        ),
        "validator",
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, count, module, file] = arguments.as_slice() else {
        panic!("usage: twin COUNT VALIDATORS.wasm FILE")
    };
    let mut lines = Lines(BufWriter::new(std::fs::File::create(file).unwrap()), 0);
    validators(&mut lines, count.parse().unwrap(), &std::fs::read(module).unwrap());
    host(&mut lines);
    endings(&mut lines);
    for (number, (trap, kind)) in trapping::TRAPS.into_iter().enumerate() {
        for (at, place) in trapping::PLACES.into_iter().enumerate() {
            let source = trapping::text(place, trap);
            let name = format!("trap {number}, {kind:?}, place {at}");
            // Each amount of gas for a few of them.
            if (number + at).is_multiple_of(8) {
                lines.whole(&name, &source, "validator");
                continue;
            }
            let module = lines.module(&name, &assemble(&source), "validator");
            let used = lines.call(&module, 0, &seven(), None);
            lines.call(&module, 0, &seven(), Some(used - 1));
        }
    }
    lines.0.flush().unwrap();
    println!("{} executions in Wasmtime", lines.1);
}
