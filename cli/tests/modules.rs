//! Modules through the command: tested, stored, run, with receipts; and exchanged while they are called.
#![cfg(feature = "wasm")]
#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::{DAGVAULT, ENGINES, Folder, Vault};
use dagvault_api::{Engine as _, Protect, Request, Unlock};
use dagvault_meter::schedule::Schedule;
use dagvault_registry::{Live, NewModule, Reference, Registry, RegistryError};
use dagvault_sandbox::value::Answer;
use dagvault_sandbox::{Call, Capacity, Compiler, Function, Library, Manifest, Outcome, Sandbox};
use serde_json::json;

/// A module of ABI 1 that says yes to a short input and answers a number; to a longer one it says no, or traps.
fn module(number: u8) -> Vec<u8> {
    let manifest = Manifest { functions: vec!["judge".into()], profile: Some("validator".into()) };
    let section: String = manifest.write().iter().map(|byte| format!("\\{byte:02x}")).collect();
    let text = format!(
        r#"(module
          (memory (export "memory") 1)
          (data (i32.const 1024) "\a2\62ok\f5\65value\{number:02x}")
          (data (i32.const 1040) "\a2\62ok\f4\66reason\64long")
          (func (export "alloc") (param i32) (result i32) (i32.const 4096))
          (func (export "dealloc") (param i32 i32))
          (func (export "run") (param i32 i32 i32) (result i64)
            (if (i32.gt_u (local.get 2) (i32.const 60)) (then unreachable))
            (if (i32.gt_u (local.get 2) (i32.const 20)) (then (return (i64.const 0x0000_0410_0000_0011))))
            (i64.const 0x0000_0400_0000_000c))
          (@custom "dagvault:module" "{section}"))"#
    );
    wat::parse_str(text).unwrap()
}

fn written(vault: &Vault, name: &str, bytes: &[u8]) -> String {
    vault.folder.write(name, bytes).display().to_string()
}

#[test]
fn a_module_is_tested_stored_run_and_removed() {
    for engine in ENGINES {
        let vault = Vault::new(engine);
        let file = written(&vault, "m.wasm", &module(7));
        let tested = vault.run(&["--json", "module", "test", &file, "--request", "1"]).ok().json();
        assert_eq!((&tested["outcome"], &tested["value"]), (&json!("ok"), &json!(7)));
        let added = vault.run(&["--json", "module", "add", "judge", &file]).ok().json();
        assert_eq!((&added["version"], &added["functions"]), (&json!(1), &json!(["judge"])));
        let cid = added["cid"].as_str().unwrap();
        for of in ["judge", "judge@1", cid] {
            let ran = vault.run(&["--json", "module", "run", of, "--function", "judge"]).ok().json();
            assert_eq!(ran["value"], json!(7), "{of}");
        }
        // The same again is no new version; another one is, and the old one can still be run.
        assert_eq!(vault.run(&["--json", "module", "add", "judge", &file]).ok().json()["version"], json!(1));
        let other = written(&vault, "n.wasm", &module(8));
        assert_eq!(vault.run(&["--json", "module", "add", "judge", &other]).ok().json()["version"], json!(2));
        let value = |of: &str| vault.run(&["--json", "module", "run", of]).ok().json()["value"].clone();
        assert_eq!([value("judge"), value("judge@1"), value("judge@2")], [json!(8), json!(7), json!(8)]);
        assert_eq!(vault.run(&["module", "ls"]).ok().text(), "judge\n");
        vault.run(&["module", "rm", "judge"]).ok();
        assert_eq!(vault.run(&["module", "ls"]).ok().text(), "");
        vault.run(&["module", "run", "judge"]).code(3);
        vault.run(&["module", "rm", "judge"]).code(3);
    }
}

#[test]
fn what_a_module_comes_to_is_told_by_the_exit_code() {
    let vault = Vault::new("native");
    let file = written(&vault, "m.wasm", &module(7));
    let test = |request: &str, more: &[&str]| {
        vault.run(&[&["--json", "module", "test", &file, "--request", request], more].concat())
    };
    test("1", &[]).ok();
    let rejected = test("\"a longer request\"", &[]).code(14);
    assert_eq!(rejected.json()["reason"], json!("long"));
    let trapped = test(&json!("x".repeat(60)).to_string(), &[]).code(15).json();
    assert_eq!(trapped["outcome"], json!("trap: unreachable"));
    let out = test("1", &["--gas", "3"]).code(15).json();
    assert_eq!((&out["outcome"], &out["gas"]), (&json!("out of gas"), &json!(3)));
    for (request, more) in [
        ("{", &[][..]),
        ("1.5", &[]),
        ("@/does/not/exist", &[]),
        ("1", &["--function", "other"]),
        ("1", &["--rules", "nonsense"]),
        ("1", &["--seed", "12"]),
        ("1", &["--profile", "nothing"]),
        ("1", &["--gas", "100000001"]),
    ] {
        let run = test(request, more);
        assert!([1, 2].contains(&run.code), "{request} {more:?}: {}", run.code);
        run.code(if request.starts_with('@') { 1 } else { 2 });
    }
    for (name, bytes) in [("empty", &b""[..]), ("junk", b"junk"), ("cut", &module(7)[..60])] {
        let bad = written(&vault, name, bytes);
        vault.run(&["module", "test", &bad, "--profile", "waf"]).code(2);
        vault.run(&["module", "add", "bad", &bad, "--profile", "waf"]).code(2);
    }
    for name in ["", "Upper", "a/b", "..", "a@1"] {
        vault.run(&["module", "add", name, &file]).code(2);
    }
    assert_eq!(vault.run(&["module", "ls"]).ok().text(), "");
}

#[test]
fn receipts_hold_for_what_they_are_of() {
    let vault = Vault::new("native");
    let (file, other) = (written(&vault, "m.wasm", &module(7)), written(&vault, "n.wasm", &module(8)));
    vault.run(&["module", "add", "judge", &file]).ok();
    let at = |name: &str| vault.folder.at(name).display().to_string();
    let (first, second) = (at("first"), at("second"));
    vault.run(&["module", "run", "judge", "--request", "1", "--receipt", &first]).ok();
    // A refusal has its receipt as well.
    let long = json!("a longer request").to_string();
    let chained = ["module", "run", "judge", "--request", &long, "--receipt", &second, "--previous", &first];
    vault.run(&chained).code(14);
    vault.run(&chained).code(6);
    let shown = |file: &str| vault.run(&["--json", "receipt", "show", file]).ok().json();
    assert_eq!(shown(&second)["previous"], shown(&first)["receipt"]);
    let check = |receipt: &str, module: &str, request: &str| {
        vault.run(&["receipt", "check", receipt, "--module", module, "--request", request])
    };
    check(&first, &file, "1").ok();
    check(&second, &file, &long).ok();
    check(&first, &file, "2").code(5);
    check(&first, &other, "1").code(5);
    let mut bytes = std::fs::read(&first).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        bytes[at] ^= 1;
        let changed = written(&vault, "changed", &bytes);
        // Every byte is signed, or is the form.
        let run = vault.run(&["receipt", "show", &changed]);
        assert!([2, 5].contains(&run.code), "byte {at}: {}", run.code);
        bytes[at] ^= 1;
    }
}

#[test]
fn contracts_are_judged_and_uploaded() {
    let vault = Vault::new("native");
    let request = r#"{"amount":100,"to":"addr123"}"#;
    let judged =
        vault.run(&["contract", "validate", "transaction", request, "--rules", r#"{"min_amount":1}"#]).ok();
    assert_eq!(judged.text(), "{\"cost\":220,\"errors\":[],\"valid\":true}\n");
    vault.run(&["contract", "validate", "transaction", "{}", "--rules", r#"{"min_amount":1}"#]).code(14);
    vault.run(&["contract", "validate", "nothing", "{}"]).code(2);
    vault.run(&["contract", "validate", "transaction", "{\"amount\":1.5}"]).code(2);
    let (file, folder) = (written(&vault, "m.wasm", &module(7)), vault.path().display().to_string());
    let upload = ["contract", "wasm-upload", "--dir", &folder, "--wasm-file", &file, "--module-name", "up"];
    vault.run(&[&upload[..], &["--gas-limit", "5000"]].concat()).ok();
    assert_eq!(vault.run(&["--json", "module", "show", "up"]).ok().json()["gas"], json!(5000));
    vault.run(&[&upload[..], &["--gas-limit", "100000001"]].concat()).code(2);
}

/// A vault in memory.
fn engine() -> dagvault_vault::NativeEngine {
    let store = Arc::new(dagvault_dag::memory::MemoryStore::new());
    let system = Arc::new(dagvault_dag::system::OsSystem);
    let engine = dagvault_vault::NativeEngine::new(store, system, 1).unwrap();
    let unlock = Unlock::KeyFile { bytes: vec![7; 32].into() };
    let protect = Protect { unlock, kdf: dagvault_api::KdfParams::default() };
    engine.call(&Request::Create { protect, paranoid: false }).unwrap();
    engine
}

fn library(folder: &Folder) -> Library {
    let sandbox = Arc::new(Sandbox::new(Schedule::first(), Capacity::default()).unwrap());
    let compiler = Compiler::new(PathBuf::from(DAGVAULT), vec!["compile-module".into()]);
    Library::new(sandbox, compiler, Some(&folder.at("cache")), 64 << 20).unwrap()
}

#[test]
fn a_new_version_is_taken_over_without_a_failed_call() {
    let folder = Folder::new();
    let (engine, library) = (engine(), Arc::new(library(&folder)));
    let registry = Registry::new(&engine);
    let add = |number: u8| {
        let new = NewModule { name: "judge", bytes: &module(number), profile: None, gas: None };
        registry.add(&library, &new).unwrap()
    };
    let first = add(0);
    let live = Live::new(library.clone());
    let never = |name: &str, error: RegistryError| panic!("{name}: {error}");
    assert_eq!(live.refresh(&registry, never).unwrap(), ["judge"]);
    assert!(live.refresh(&registry, never).unwrap().is_empty());
    let (done, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) {
                    let loaded = live.named("judge").unwrap();
                    let input = dagvault_sandbox::value::Request { request: &[1], ..Default::default() };
                    let input = input.write().unwrap();
                    let call = Call::new(Function::Op(0), &input);
                    let execution = library.sandbox().execute(&loaded.module, &call).unwrap();
                    assert_eq!(execution.outcome, Outcome::Ok);
                    let number = Answer::read(&execution.output).unwrap().value.unwrap()[0];
                    assert!(number >= newest, "an older version came back");
                    newest = number;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 1..=5 {
            let before = calls.load(Ordering::Relaxed);
            while calls.load(Ordering::Relaxed) < before + 10 {
                std::thread::yield_now();
            }
            add(number);
            assert_eq!(live.refresh(&registry, never).unwrap(), ["judge"]);
        }
        done.store(true, Ordering::Relaxed);
    });
    // By its content, as other modules call it: the newest only.
    let newest = registry.find(&Reference::parse("judge").unwrap()).unwrap();
    assert!(live.content(&newest.cid().to_bytes()).is_some());
    assert!(live.content(&first.cid().to_bytes()).is_none());
    registry.remove("judge").unwrap();
    assert_eq!(live.refresh(&registry, never).unwrap(), ["judge"]);
    assert!(live.named("judge").is_none());
}

#[test]
fn a_module_whose_bytes_were_exchanged_is_not_loaded() {
    let folder = Folder::new();
    let (engine, library) = (engine(), library(&folder));
    let registry = Registry::new(&engine);
    let new = NewModule { name: "judge", bytes: &module(1), profile: None, gas: None };
    let entry = registry.add(&library, &new).unwrap();
    // Somebody with the vault's keys puts other bytes there, and leaves what is said of them.
    let item = dagvault_api::PutItem {
        path: format!("{}/judge", dagvault_registry::PREFIX).into(),
        value: module(2).into(),
        meta: Default::default(),
        expected: None,
        skip_equal: false,
        codec: dagvault_api::Codec::Raw {},
    };
    engine.call(&Request::Put { items: vec![item] }).unwrap();
    let found = registry.find(&Reference::parse("judge").unwrap()).unwrap();
    assert_eq!(found.sha256, entry.sha256);
    let fresh = Folder::new();
    let other = self::library(&fresh);
    assert!(matches!(registry.load(&other, &found), Err(RegistryError::Damaged(_))));
}
