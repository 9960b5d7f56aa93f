//! The contract processor over a store in memory.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

use std::collections::BTreeMap;

use dagvault_contract::json::{Limits, read};
use dagvault_contract::processor::{Admitted, MODULE_BYTES_MAX, Modules, Processed, process};
use dagvault_contract::{Map, Value};
use data_encoding::BASE64;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Keeps everything, names it by its length, and refuses what is called so.
#[derive(Default)]
struct Kept(BTreeMap<String, Vec<u8>>);

impl Modules for Kept {
    fn admit(&mut self, path: &str, module: &[u8], gas_limit: Option<u64>) -> Result<Admitted, String> {
        let gas_limit = gas_limit.unwrap_or(7);
        if gas_limit > 1000 {
            return Err("the gas limit is above 1000".into());
        }
        self.0.insert(path.into(), module.into());
        Ok(Admitted { cid: format!("cid-{}", module.len()), sha256: [0xab; 32], gas_limit })
    }

    fn keep(&mut self, path: &str, value: &[u8]) -> Result<String, String> {
        if path.contains("full") {
            return Err("there is no room".into());
        }
        self.0.insert(path.into(), value.into());
        Ok(format!("cid-{}", value.len()))
    }
}

fn json(text: &str) -> Value {
    read(text, Limits { bytes: 1 << 20, ..Limits::default() }).unwrap()
}

/// What an action comes to, and what is kept of it.
fn of(action: &Value, rules: &str) -> (Processed, Kept) {
    let mut kept = Kept::default();
    let processed = process(action, &json(rules), &mut kept);
    assert_eq!(processed.verdict.valid, processed.verdict.errors.is_empty());
    assert_eq!(processed.changes.len(), kept.0.len());
    (processed, kept)
}

fn action(path: &str, value: Value) -> Value {
    Value::from([("path", path.into()), ("value", value)])
}

fn error(action: &Value, rules: &str) -> String {
    let (processed, kept) = of(action, rules);
    assert!(kept.0.is_empty() && processed.changes.is_empty());
    let [error] = processed.verdict.errors.as_slice() else { panic!("{:?}", processed.verdict.errors) };
    error.clone()
}

#[test]
fn values_are_kept_in_their_one_form() {
    let (processed, kept) =
        of(&json(r#"{"path":"/docs/a","value":{"b":1,"a":[]}}"#), r#"{"path_prefixes":["docs"]}"#);
    assert_eq!(kept.0["docs/a"], br#"{"a":[],"b":1}"#);
    let expected = r#"{"changes":[{"bytes":14,"cid":"cid-14","path":"docs/a","put":"value"}],"cost":"#;
    assert!(processed.to_json().starts_with(expected), "{}", processed.to_json());
    assert!(processed.to_json().ends_with(r#","errors":[],"valid":true}"#));
}

#[test]
fn modules_come_as_base64_alone_or_with_a_gas_limit() {
    let (processed, kept) = of(&action("m/a.wasm", Value::Text(BASE64.encode(MODULE))), "{}");
    assert_eq!(kept.0["m/a.wasm"], MODULE);
    let sha256 = "ab".repeat(32);
    let change = format!(
        r#"{{"bytes":8,"cid":"cid-8","gas_limit":7,"path":"m/a.wasm","put":"module","sha256":"{sha256}"}}"#
    );
    assert!(processed.to_json().contains(&change), "{}", processed.to_json());
    let with = |gas_limit: Value| {
        let members = [("wasm_bytes", Value::Text(BASE64.encode(MODULE))), ("gas_limit", gas_limit)];
        action("m/a.wasm", Value::from(members))
    };
    let (processed, _) = of(&with(Value::from(9)), r#"{"max_value_bytes":32}"#);
    assert!(processed.to_json().contains(r#""gas_limit":9,"#));
    // As docs/contracts.md shows it.
    assert_eq!(of(&with(Value::from(7)), "{}").0.verdict.cost, 252);
    assert_eq!(error(&with(Value::from(1001)), "{}"), "value: the gas limit is above 1000");
    assert_eq!(error(&with(Value::from(0)), "{}"), "value: gas_limit is no whole number above 0");
    assert_eq!(error(&with("9".into()), "{}"), "value: gas_limit is no whole number above 0");
    assert_eq!(
        error(&with(Value::from(9)), r#"{"max_value_bytes":31}"#),
        "max_value_bytes: the value is longer"
    );
    assert_eq!(
        error(&with(Value::from(9)), r#"{"path_prefixes":["n"]}"#),
        "path_prefixes: it is not among the allowed"
    );
}

#[test]
fn what_carries_no_module_is_refused() {
    let text = |text: &str| error(&action("a.wasm", text.into()), "{}");
    assert_eq!(text(""), "value: it is no WebAssembly module of version 1");
    assert_eq!(text("AGFzbQEAAA=="), "value: it is no WebAssembly module of version 1");
    assert!(text("AGFzbQEAAAA").contains("it is no base64"));
    assert!(text("AGFzbQEAAAB=").contains("it is no base64"));
    assert!(text("AGFzbQEA AAA=").contains("it is no base64"));
    assert!(text(&"A".repeat(MODULE_BYTES_MAX / 3 * 4 + 8)).contains("more than"));
    let wanted = "value: a module is base64 text, or an object of wasm_bytes and gas_limit";
    assert_eq!(error(&action("a.wasm", Value::Null), "{}"), wanted);
    let bytes = Value::from([("wasm_bytes", Value::List(vec![]))]);
    assert_eq!(error(&action("a.wasm", bytes), "{}"), "value: wasm_bytes is no base64 text");
    let more = Value::from([("wasm_bytes", "".into()), ("more", Value::Null)]);
    assert_eq!(error(&action("a.wasm", more), "{}"), "value: it has others than wasm_bytes and gas_limit");
}

#[test]
fn names_are_checked_and_refusals_told() {
    let module = || Value::Text(BASE64.encode(MODULE));
    for path in ["../a.wasm", "a/../b.wasm", "a\n.wasm", "//a.wasm", "a\u{202e}.wasm"] {
        assert!(error(&action(path, module()), "{}").starts_with("path: "), "{path}");
    }
    assert_eq!(error(&action("full", Value::Null), "{}"), "value: there is no room");
    let (processed, _) = of(&Value::Map(Map::new()), "{}");
    assert_eq!(processed.verdict.errors, ["path: it is missing", "value: it is missing"]);
    assert!(!of(&Value::Null, "{}").0.verdict.valid);
}
