//! JSON of contracts: what is read has one form, is what another reader reads, and can be any action under any rules.

use dagvault_contract::json::{Limits, length, read, write};
use dagvault_contract::processor::{Admitted, Modules, process};
use dagvault_contract::{ERRORS_MAX, INTEGER_MAX, INTEGER_MIN, Value, asset_transfer, transaction};

/// Takes whatever is valid.
struct Anything;

impl Modules for Anything {
    fn admit(&mut self, path: &str, module: &[u8], gas_limit: Option<u64>) -> Result<Admitted, String> {
        assert!(module.starts_with(b"\0asm") && gas_limit != Some(0));
        harmless(path);
        Ok(Admitted { cid: "cid".into(), sha256: [0; 32], gas_limit: gas_limit.unwrap_or(1) })
    }

    fn keep(&mut self, path: &str, value: &[u8]) -> Result<String, String> {
        assert!(std::str::from_utf8(value).is_ok());
        harmless(path);
        Ok("cid".into())
    }
}

/// What is kept somewhere is kept below a folder.
fn harmless(path: &str) {
    assert!(!path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | "..")));
    assert!(!path.contains(char::is_control));
}

/// The same of another reader.
fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(a), Theirs::Bool(b)) => a == b,
        (Value::Integer(a), Theirs::Number(b)) => {
            b.as_u64().map(i128::from).or(b.as_i64().map(i128::from)) == Some(*a)
        }
        (Value::Text(a), Theirs::String(b)) => a == b,
        (Value::List(a), Theirs::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Map(a), Theirs::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

/// Numbers are within their range.
fn bounded(value: &Value) -> bool {
    match value {
        Value::Integer(number) => (INTEGER_MIN..=INTEGER_MAX).contains(number),
        Value::List(list) => list.iter().all(bounded),
        Value::Map(map) => map.values().all(bounded),
        _ => true,
    }
}

/// The oracle.
///
/// # Panics
/// If a text is read as something that another reader or the written form does not agree with, or a verdict is not of
/// its form.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let value = match read(text, limits) {
        Ok(value) => value,
        Err(error) => return assert!(error.offset <= text.len()),
    };
    assert!(bounded(&value));
    let theirs: serde_json::Value = serde_json::from_str(text).expect("another reader reads it");
    assert!(same(&value, &theirs));
    let written = write(&value);
    assert!(written.len() <= text.len() && length(&value) == written.len() as u64);
    let again = read(&written, limits).expect("the written form is read");
    assert!(again == value && write(&again) == written);
    let of = |name: &str| value.map().and_then(|map| map.get(name)).unwrap_or(&Value::Null);
    let rules = of("rules");
    for verdict in [transaction(of("request"), rules), asset_transfer(of("request"), rules)] {
        assert!(verdict.valid == verdict.errors.is_empty() && verdict.errors.len() <= ERRORS_MAX + 1);
        assert!(verdict.errors.iter().all(|error| error.len() < 1024 && !error.contains(char::is_control)));
    }
    let processed = process(of("request"), rules, &mut Anything);
    assert_eq!(processed.verdict.valid, !processed.changes.is_empty());
    let told = processed.to_json();
    assert_eq!(write(&read(&told, limits).expect("what is told is JSON")), told);
}

/// Requests with rules of each kind.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        concat!(
            r#"{"request":{"amount":100,"fee":1,"memo":"\u00e4\ud83d\ude00","to":"addr123"}"#,
            r#","rules":{"balance":7,"min_amount":1}}"#
        ),
        r#"{"request":{"amount":5,"asset":"gold","from":"a","to":"b"},"rules":{"balances":{"gold":{"a":9}}}}"#,
        concat!(
            r#"{"request":{"path":"/m/a.wasm","value":{"gas_limit":9,"wasm_bytes":"AGFzbQEAAAA="}}"#,
            r#","rules":{"path_prefixes":["m"]}}"#
        ),
        concat!(
            r#"{"request":{"path":"docs/a","value":[1,-2,null]}"#,
            r#","rules":{"required_fields":["x\n"],"allow_unknown_fields":false}}"#
        ),
        "[18446744073709551615, -9223372036854775808, 1.5, \"\\ud800\", {\"a\":1,\"a\":2}]",
        " {\"\u{fb33}\":true,\"\u{1f600}\":false}\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
