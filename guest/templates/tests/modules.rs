//! New crates are built as their authors would build them, admitted under their profile, metered, and run by the ABI.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

use std::path::{Path, PathBuf};
use std::process::Command;

use dagvault_meter::admit::admit;
use dagvault_meter::instrument::{GAS, STACK, START, instrument};
use dagvault_meter::profile::{Import, Imports, Profile};
use dagvault_meter::schedule::Schedule;
use dagvault_module::{decode, encode};
use dagvault_template::{Kind, built, new_crate};
use serde_json::{Value as Json, json};
use wasmparser::ValType::{self, I32};
use wasmtime::{Caller, Engine, Extern, Instance, Linker, Memory, Module, Store, Val};

/// A cargo that knows nothing of the one that runs the tests.
fn cargo(folder: &Path, target: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "RUSTFLAGS" {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(folder).env("CARGO_TARGET_DIR", target);
    // The packages are those of the workspace, and there already.
    cargo.env("CARGO_NET_OFFLINE", "true");
    cargo
}

/// Writes a crate, with another `src/lib.rs` where one is given, builds it, and answers its folder and the module.
fn build(kind: Kind, name: &str, source: Option<&str>) -> (PathBuf, Vec<u8>) {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (folder, target) = (root.join(name), root.join("built"));
    let _ = std::fs::remove_dir_all(&folder);
    for (path, text) in new_crate(kind, name).unwrap() {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    if let Some(source) = source {
        std::fs::write(folder.join("src/lib.rs"), source).unwrap();
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    std::fs::copy(workspace.join("rust-toolchain.toml"), folder.join("rust-toolchain.toml")).unwrap();
    let mut cargo = cargo(&folder, &target);
    let status = cargo.args(["build", "--quiet", "--release", "--target", "wasm32-unknown-unknown"]).status();
    assert!(status.unwrap().success(), "{name} was not built");
    let module = std::fs::read(target.join(built(name))).unwrap();
    (folder, module)
}

/// The imports of a profile.
fn imports(kind: Kind) -> Imports {
    let all: [(&str, &[ValType], &[ValType]); 6] = [
        ("log", &[I32; 3], &[]),
        ("state_get", &[I32; 4], &[I32]),
        ("state_set", &[I32; 4], &[]),
        ("state_delete", &[I32; 2], &[]),
        ("effect", &[I32; 2], &[]),
        ("call", &[I32; 7], &[I32]),
    ];
    let count = match kind {
        Kind::Validator => 1,
        Kind::Intent => all.len(),
        Kind::Policy => 0,
    };
    let import = |(name, params, results): &(&str, &[ValType], &[ValType])| Import {
        module: "dagvault".into(),
        name: (*name).into(),
        params: params.to_vec(),
        results: results.to_vec(),
    };
    Imports(all[..count].iter().map(import).collect())
}

/// What a host has of an execution.
#[derive(Default)]
struct Host {
    logs: Vec<String>,
    state: std::collections::BTreeMap<Vec<u8>, Vec<u8>>,
    effects: Vec<Vec<u8>>,
}

/// A metered module in Wasmtime.
struct Machine {
    store: Store<Host>,
    instance: Instance,
}

fn memory(caller: &mut Caller<'_, Host>) -> Memory {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else { panic!("no memory") };
    memory
}

fn bytes(caller: &mut Caller<'_, Host>, pointer: u32, bytes: u32) -> Vec<u8> {
    let memory = memory(caller);
    memory.data(&caller)[pointer as usize..][..bytes as usize].to_vec()
}

fn linker(engine: &Engine) -> Linker<Host> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap("dagvault", "log", |mut caller: Caller<'_, Host>, level: i32, pointer: u32, count: u32| {
            let line = String::from_utf8(bytes(&mut caller, pointer, count)).unwrap();
            caller.data_mut().logs.push(format!("{level} {line}"));
        })
        .unwrap();
    linker
        .func_wrap(
            "dagvault",
            "state_get",
            |mut caller: Caller<'_, Host>, key: u32, count: u32, buffer: u32, room: u32| -> i32 {
                let key = bytes(&mut caller, key, count);
                let Some(value) = caller.data().state.get(&key).cloned() else { return -1 };
                if value.len() <= room as usize {
                    memory(&mut caller).write(&mut caller, buffer as usize, &value).unwrap();
                }
                i32::try_from(value.len()).unwrap()
            },
        )
        .unwrap();
    linker
        .func_wrap(
            "dagvault",
            "state_set",
            |mut caller: Caller<'_, Host>, key: u32, key_count: u32, pointer: u32, count: u32| {
                let (key, value) = (bytes(&mut caller, key, key_count), bytes(&mut caller, pointer, count));
                caller.data_mut().state.insert(key, value);
            },
        )
        .unwrap();
    linker
        .func_wrap("dagvault", "state_delete", |mut caller: Caller<'_, Host>, key: u32, count: u32| {
            let key = bytes(&mut caller, key, count);
            caller.data_mut().state.remove(&key);
        })
        .unwrap();
    linker
        .func_wrap("dagvault", "effect", |mut caller: Caller<'_, Host>, pointer: u32, count: u32| {
            let effect = bytes(&mut caller, pointer, count);
            caller.data_mut().effects.push(effect);
        })
        .unwrap();
    linker
        .func_wrap(
            "dagvault",
            "call",
            |mut caller: Caller<'_, Host>,
             _cid: u32,
             _cid_count: u32,
             operation: i32,
             pointer: u32,
             count: u32,
             buffer: u32,
             room: u32|
             -> i32 {
                let mut output = bytes(&mut caller, pointer, count);
                output.reverse();
                if operation < 0 {
                    return operation;
                }
                if output.len() <= room as usize {
                    memory(&mut caller).write(&mut caller, buffer as usize, &output).unwrap();
                }
                i32::try_from(output.len()).unwrap()
            },
        )
        .unwrap();
    linker
}

impl Machine {
    fn new(kind: Kind, module: &[u8]) -> Self {
        let limits = Profile::named(kind.name()).unwrap().limits(imports(kind));
        let facts = admit(module, &limits).unwrap();
        let metered = instrument(module, &facts, &Schedule::first()).unwrap();
        let engine = Engine::default();
        let mut store = Store::new(&engine, Host::default());
        let module = Module::new(&engine, &metered.bytes).unwrap();
        let instance = linker(&engine).instantiate(&mut store, &module).unwrap();
        let mut machine = Self { store, instance };
        machine.global(GAS).set(&mut machine.store, Val::I64(10_000_000)).unwrap();
        machine.global(STACK).set(&mut machine.store, Val::I32(64 << 10)).unwrap();
        if let Some(start) = machine.instance.get_func(&mut machine.store, START) {
            start.call(&mut machine.store, &[], &mut []).unwrap();
        }
        machine
    }

    fn global(&mut self, name: &str) -> wasmtime::Global {
        self.instance.get_global(&mut self.store, name).unwrap()
    }

    /// The output for an input, by the ABI: `Err` where it trapped.
    fn run(&mut self, operation: u32, input: &[u8]) -> Result<Vec<u8>, wasmtime::Error> {
        let (store, instance) = (&mut self.store, &self.instance);
        let alloc = instance.get_typed_func::<u32, u32>(&mut *store, "alloc").unwrap();
        let dealloc = instance.get_typed_func::<(u32, u32), ()>(&mut *store, "dealloc").unwrap();
        let run = instance.get_typed_func::<(u32, u32, u32), u64>(&mut *store, "run").unwrap();
        let memory = instance.get_memory(&mut *store, "memory").unwrap();
        let count = u32::try_from(input.len()).unwrap();
        let pointer = alloc.call(&mut *store, count).unwrap();
        assert_ne!(pointer, 0);
        memory.write(&mut *store, pointer as usize, input).unwrap();
        let answer = run.call(&mut *store, (operation, pointer, count))?;
        let (at, length) = (answer >> 32, u32::try_from(answer & 0xffff_ffff).unwrap());
        let at = u32::try_from(at).unwrap();
        let output = memory.data(&*store)[at as usize..][..length as usize].to_vec();
        dealloc.call(&mut *store, (at, length)).unwrap();
        dealloc.call(&mut *store, (pointer, count)).unwrap();
        Ok(output)
    }

    fn json(&mut self, operation: u32, input: &Json) -> Json {
        decode(&self.run(operation, &encode(input)).unwrap()).unwrap()
    }
}

/// The input that the files of a template make.
fn input(folder: &Path) -> Json {
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let request: Json = serde_json::from_slice(&read("request.json").unwrap()).unwrap();
    match read("rules.json") {
        Some(rules) => {
            json!({ "request": request, "rules": serde_json::from_slice::<Json>(&rules).unwrap() })
        }
        None => json!({ "request": request }),
    }
}

/// The content of the section `dagvault:module`.
fn section(module: &[u8]) -> Json {
    let sections = wasmparser::Parser::new(0).parse_all(module);
    let named = sections.filter_map(|payload| match payload.unwrap() {
        wasmparser::Payload::CustomSection(section) if section.name() == "dagvault:module" => {
            Some(decode(section.data()).unwrap())
        }
        _ => None,
    });
    let all: Vec<Json> = named.collect();
    assert_eq!(all.len(), 1);
    all.into_iter().next().unwrap()
}

#[test]
fn templates_are_built_tested_and_run() {
    for (kind, function) in
        [(Kind::Validator, "validate"), (Kind::Intent, "transfer"), (Kind::Policy, "allow")]
    {
        let name = format!("my-{}", kind.name());
        let (folder, module) = build(kind, &name, None);
        println!("{name}: {} bytes", module.len());
        assert!(module.len() < 100 << 10, "{name} has {} bytes", module.len());
        assert_eq!(section(&module), json!({ "abi": 1, "profile": kind.name(), "functions": [function] }));
        let mut machine = Machine::new(kind, &module);
        let mut given = input(&folder);
        let accepted = machine.json(0, &given);
        assert_eq!(accepted["ok"], true, "{name}: {accepted}");
        given["request"] = json!({});
        let rejected = machine.json(0, &given);
        assert_eq!(rejected["ok"], false);
        assert!(rejected["reason"].as_str().unwrap().contains("missing field"), "{rejected}");
        assert!(machine.json(1, &given)["reason"].as_str().unwrap().contains("no function 1"));
        assert_eq!(machine.json(0, &json!(7))["ok"], false);
        let host = machine.store.data();
        match kind {
            Kind::Validator => assert_eq!(host.logs, ["2 100 units to alice"]),
            Kind::Intent => {
                assert_eq!(host.state[&b"balance/alice"[..]], encode(&10));
                assert_eq!(host.effects, [encode(&json!({ "to": "alice", "amount": 10 }))]);
            }
            Kind::Policy => assert!(host.logs.is_empty()),
        }
        let tests = cargo(&folder, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("built"))
            .args(["test", "--quiet"])
            .output();
        let tests = tests.unwrap();
        assert!(tests.status.success(), "{}", String::from_utf8_lossy(&tests.stderr));
        assert!(String::from_utf8_lossy(&tests.stdout).contains("1 passed"));
    }
}

/// What the templates do not do.
const EVERYTHING: &str = r#"
use dagvault_module::{CallError, Intent, Reject, intents};

fn panics(request: u64, _: &mut Intent) -> Result<u64, Reject> {
    let list = [1, 2, 3];
    Ok(list[request as usize])
}

fn state(request: Vec<String>, intent: &mut Intent) -> Result<usize, Reject> {
    for key in &request {
        intent.set(key.as_bytes(), key.repeat(1000).as_bytes());
    }
    let long = intent.get(request[0].as_bytes()).ok_or("it is not there")?;
    intent.delete(request[0].as_bytes());
    if intent.get(request[0].as_bytes()).is_some() || long != request[0].repeat(1000).as_bytes() {
        return Err("it is still there, or another".into());
    }
    Ok(long.len())
}

fn calls(request: i64, intent: &mut Intent) -> Result<String, Reject> {
    match intent.call(b"cid", request as u32, b"olleh", 5) {
        Ok(output) => Ok(String::from_utf8(output)?),
        Err(CallError::NotAllowed) => Err("not allowed".into()),
        Err(other) => Err(other.into()),
    }
}

fn too_long(_: u64, intent: &mut Intent) -> Result<Vec<u8>, Reject> {
    Ok(intent.call(b"cid", 0, b"olleh", 4)?)
}

intents!(panics, state, calls, too_long);
"#;

#[test]
fn several_functions_have_all_that_there_is() {
    let (_, module) = build(Kind::Intent, "everything", Some(EVERYTHING));
    let functions = ["panics", "state", "calls", "too_long"];
    assert_eq!(section(&module), json!({ "abi": 1, "profile": "intent", "functions": functions }));
    let mut machine = Machine::new(Kind::Intent, &module);
    assert_eq!(machine.json(0, &json!({ "request": 2 }))["value"], 3);
    assert_eq!(machine.json(1, &json!({ "request": ["one", "two"] }))["value"], 3000);
    assert_eq!(machine.store.data().state.len(), 1);
    assert_eq!(machine.json(2, &json!({ "request": 7 }))["value"], "hello");
    for (operation, reason) in [(-1, "rejected"), (-2, "failed"), (-3, "not allowed"), (-9, "failed")] {
        let output = machine.json(2, &json!({ "request": operation }));
        assert!(output["reason"].as_str().unwrap().contains(reason), "{output}");
    }
    assert!(machine.json(3, &json!({ "request": 0 }))["reason"].as_str().unwrap().contains("5 bytes"));
    let trapped = machine.run(0, &encode(&json!({ "request": 3 }))).unwrap_err();
    let trap = trapped.downcast_ref::<wasmtime::Trap>();
    assert_eq!(trap, Some(&wasmtime::Trap::UnreachableCodeReached));
    let [line] = machine.store.data().logs.as_slice() else { panic!("{:?}", machine.store.data().logs) };
    assert!(
        line.starts_with("0 panicked at src/lib.rs:6:8") && line.contains("index out of bounds"),
        "{line}"
    );
}

#[test]
fn what_is_no_function_of_a_module_does_not_compile() {
    let wrong = [
        (
            "use dagvault_module::{Context, Verdict};\n#[dagvault_module::policy]\n\
             fn f(_: u64, _: &Context) -> Verdict { Verdict::accept() }",
            "can't be a function of a module of the profile",
        ),
        ("#[dagvault_module::validator]\nstruct A;", "this attribute is for a function"),
        ("#[dagvault_module::validator]\nfn f<T>(_: T) {}", "can't be generic"),
        ("#[dagvault_module::validator]\nasync fn f(_: u8) {}", "can't be async"),
        ("#[dagvault_module::validator(a)]\nfn f(_: u8) {}", "takes no arguments"),
    ];
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = root.join("wrong");
    let _ = std::fs::remove_dir_all(&folder);
    for (path, text) in new_crate(Kind::Policy, "wrong").unwrap() {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for (source, said) in wrong {
        std::fs::write(folder.join("src/lib.rs"), source).unwrap();
        let output = cargo(&folder, &root.join("built")).args(["check", "--quiet"]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{source}\n{text}");
    }
}
