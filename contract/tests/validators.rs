//! Verdicts of the built-in validators: what is wrong, and what it costs.

#![allow(clippy::unwrap_used, reason = "in a test it is the failure that is wanted")]

use dagvault_contract::json::{Limits, read, write};
use dagvault_contract::{ERRORS_MAX, Value, Verdict, asset_transfer, post_action, transaction};

type Validator = fn(&Value, &Value) -> Verdict;

fn json(text: &str) -> Value {
    read(text, Limits { bytes: 1 << 20, ..Limits::default() })
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn of(validator: Validator, request: &str, rules: &str) -> Verdict {
    let verdict = validator(&json(request), &json(rules));
    assert_eq!(verdict.valid, verdict.errors.is_empty());
    verdict
}

/// The errors are these, in this order.
fn wrong(validator: Validator, request: &str, rules: &str, errors: &[&str]) {
    assert_eq!(of(validator, request, rules).errors, errors, "{request} under {rules}");
}

#[test]
fn the_published_transaction_costs_220() {
    let verdict = of(transaction, r#"{"amount":100,"to":"addr123"}"#, r#"{"min_amount":1}"#);
    assert_eq!(verdict, Verdict { valid: true, cost: 220, errors: vec![] });
    assert_eq!(write(&verdict.to_value()), r#"{"cost":220,"errors":[],"valid":true}"#);
    // Spaces and the order of members are not the request's.
    assert_eq!(of(transaction, r#" { "to":"addr123", "amount":100 }"#, r#"{"min_amount":1}"#).cost, 220);
    // All checks are made whatever fails.
    assert_eq!(of(transaction, r#"{"amount":100,"to":"addr123"}"#, r#"{"min_amount":9}"#).cost, 220);
}

#[test]
fn transactions_are_of_their_form() {
    let rules = "{}";
    wrong(transaction, "{}", rules, &["amount: it is missing", "to: it is missing"]);
    wrong(transaction, "[]", rules, &["request: it is no object"]);
    wrong(transaction, "7", "null", &["request: it is no object", "rules: it is no object"]);
    let address = "to: it is no text of 1 to 128 visible ASCII characters";
    for to in [r#""""#, r#""a b""#, r#""a\n""#, r#""ä""#, "7", &format!("\"{}\"", "a".repeat(129))] {
        wrong(transaction, &format!(r#"{{"amount":1,"to":{to}}}"#), rules, &[address]);
    }
    let amount = "amount: it is no whole number from 0 on";
    wrong(transaction, r#"{"amount":-1,"to":"a"}"#, rules, &[amount]);
    wrong(transaction, r#"{"amount":"1","to":"a"}"#, rules, &[amount]);
    let others = r#"{"amount":1,"to":"a","from":7,"fee":-1,"nonce":"1","memo":[]}"#;
    assert_eq!(of(transaction, others, rules).errors.len(), 4);
    assert!(of(transaction, r#"{"amount":0,"to":"a","fee":0,"nonce":0,"memo":"\n","x":{}}"#, rules).valid);
}

#[test]
fn rules_of_transactions_hold() {
    let request = r#"{"amount":100,"fee":5,"from":"bob","memo":"hello","nonce":4,"to":"ann"}"#;
    for (rule, error) in [
        (r#""min_amount":100"#, None),
        (r#""min_amount":101"#, Some("min_amount: the amount is below")),
        (r#""max_amount":100"#, None),
        (r#""max_amount":99"#, Some("max_amount: the amount is above")),
        (r#""max_fee":5"#, None),
        (r#""max_fee":4"#, Some("max_fee: the fee is above")),
        (r#""min_fee":5"#, None),
        (r#""min_fee":6"#, Some("min_fee: the fee is below")),
        (r#""balance":105"#, None),
        (r#""balance":104"#, Some("balance: amount and fee are above")),
        (r#""next_nonce":4"#, None),
        (r#""next_nonce":5"#, Some("next_nonce: the nonce is another")),
        (r#""max_memo_bytes":5"#, None),
        (r#""max_memo_bytes":4"#, Some("max_memo_bytes: the memo is longer")),
        (r#""allowed_recipients":["x","ann"]"#, None),
        (r#""allowed_recipients":[]"#, Some("allowed_recipients: it is not among the allowed")),
        (r#""denied_recipients":["x"]"#, None),
        (r#""denied_recipients":["ann"]"#, Some("denied_recipients: it is denied")),
        (r#""allowed_senders":["bob"]"#, None),
        (r#""allowed_senders":["ann"]"#, Some("allowed_senders: it is not among the allowed")),
        (r#""denied_senders":["ann"]"#, None),
        (r#""denied_senders":["bob"]"#, Some("denied_senders: it is denied")),
        (r#""required_fields":["memo"]"#, None),
        (r#""required_fields":["memo","more"]"#, Some("required_fields: \"more\" is missing")),
        (r#""allow_unknown_fields":false"#, None),
        (r#""min_amount":"1""#, Some("rules: min_amount must be a whole number")),
        (r#""allowed_recipients":"ann""#, Some("rules: allowed_recipients must be a list of texts")),
        (r#""denied_senders":["bob",7]"#, Some("rules: denied_senders must be a list of texts")),
        (r#""allow_unknown_fields":1"#, Some("rules: allow_unknown_fields must be true or false")),
        (r#""min_amuont":1"#, Some("rules: there is no rule \"min_amuont\"")),
    ] {
        let errors: Vec<&str> = error.into_iter().collect();
        wrong(transaction, request, &format!("{{{rule}}}"), &errors);
    }
    let least = r#"{"amount":18446744073709551615,"to":"a"}"#;
    wrong(transaction, least, r#"{"next_nonce":1}"#, &["next_nonce: there is no nonce"]);
    wrong(transaction, least, r#"{"allowed_senders":["a"]}"#, &["allowed_senders: there is no sender"]);
    let unknown = &["allow_unknown_fields: the request has a member that is not known"];
    wrong(transaction, r#"{"amount":1,"to":"a","x":1}"#, r#"{"allow_unknown_fields":false}"#, unknown);
    // More than 64 bits hold does not come round to nothing.
    let most = r#"{"amount":18446744073709551615,"fee":18446744073709551615,"to":"a"}"#;
    wrong(transaction, most, r#"{"balance":18446744073709551615}"#, &["balance: amount and fee are above"]);
}

#[test]
fn transfers_of_assets_are_checked() {
    let request = r#"{"amount":5,"asset":"gold","from":"bob","to":"ann"}"#;
    for (rule, error) in [
        (r#""allowed_assets":["gold"]"#, None),
        (r#""allowed_assets":["lead"]"#, Some("allowed_assets: it is not among the allowed")),
        (r#""denied_assets":["gold"]"#, Some("denied_assets: it is denied")),
        (r#""min_amount":6"#, Some("min_amount: the amount is below")),
        (r#""max_amount":4"#, Some("max_amount: the amount is above")),
        (r#""allowed_recipients":["bob"]"#, Some("allowed_recipients: it is not among the allowed")),
        (r#""denied_recipients":["ann"]"#, Some("denied_recipients: it is denied")),
        (r#""allowed_senders":["ann"]"#, Some("allowed_senders: it is not among the allowed")),
        (r#""denied_senders":["bob"]"#, Some("denied_senders: it is denied")),
        (r#""balances":{"gold":{"bob":5}}"#, None),
        (r#""balances":{"gold":{"bob":4}}"#, Some("balances: the sender has less")),
        (r#""balances":{"gold":{"ann":9},"lead":{"bob":9}}"#, Some("balances: the sender has less")),
        (
            r#""balances":{"gold":{"bob":"5"}}"#,
            Some("rules: balances must be an object of assets, each an object of holders and whole numbers"),
        ),
        (r#""required_fields":["memo"]"#, Some("required_fields: \"memo\" is missing")),
        (r#""allow_unknown_fields":false"#, None),
        (r#""allow_self":7"#, Some("rules: allow_self must be true or false")),
        (r#""balance":7"#, Some("rules: there is no rule \"balance\"")),
    ] {
        let errors: Vec<&str> = error.into_iter().collect();
        wrong(asset_transfer, request, &format!("{{{rule}}}"), &errors);
    }
    let own = r#"{"amount":5,"asset":"gold","from":"bob","to":"bob"}"#;
    wrong(asset_transfer, own, "{}", &["to: it is the sender"]);
    wrong(asset_transfer, own, r#"{"allow_self":false}"#, &["to: it is the sender"]);
    assert!(of(asset_transfer, own, r#"{"allow_self":true}"#).valid);
    wrong(
        asset_transfer,
        r#"{"amount":0,"asset":"gold","from":"bob","to":"ann"}"#,
        "{}",
        &["amount: it is nothing"],
    );
    assert_eq!(of(asset_transfer, "{}", "{}").errors.len(), 4);
    // 150, 51 bytes and 2, 4 fields, 5 checks.
    assert_eq!(request.len(), 51);
    assert_eq!(of(asset_transfer, request, "{}").cost, 150 + 53 + 40 + 75);
}

#[test]
fn post_actions_are_checked() {
    let request = r#"{"path":"/docs/a.json","value":{"title":"x"}}"#;
    for (rule, error) in [
        (r#""path_prefixes":["mail","docs"]"#, None),
        (r#""path_prefixes":["doc"]"#, Some("path_prefixes: it is not among the allowed")),
        (r#""denied_prefixes":["docs/b"]"#, None),
        (r#""denied_prefixes":["/docs"]"#, Some("denied_prefixes: it is denied")),
        (r#""allowed_extensions":["json"]"#, None),
        (r#""allowed_extensions":["son",""]"#, Some("allowed_extensions: it is not among the allowed")),
        (r#""max_path_bytes":11"#, None),
        (r#""max_path_bytes":10"#, Some("max_path_bytes: the path is longer")),
        (r#""max_value_bytes":13"#, None),
        (r#""max_value_bytes":12"#, Some("max_value_bytes: the value is longer")),
        (r#""required_value_fields":["title"]"#, None),
        (r#""required_value_fields":["text"]"#, Some("required_fields: \"text\" is missing")),
        (r#""required_fields":["method"]"#, Some("required_fields: \"method\" is missing")),
        (r#""allow_unknown_fields":false"#, None),
        (r#""x":false"#, Some("rules: there is no rule \"x\"")),
    ] {
        let errors: Vec<&str> = error.into_iter().collect();
        wrong(post_action, request, &format!("{{{rule}}}"), &errors);
    }
    wrong(post_action, r#"{"path":"a/../b","value":1}"#, "{}", &["path: a part of it is empty, '.' or '..'"]);
    wrong(post_action, r#"{"path":"a","value":null,"method":"PUT"}"#, "{}", &["method: it is not POST"]);
    wrong(post_action, r#"{"path":7}"#, "{}", &["path: it is no text", "value: it is missing"]);
}

#[test]
fn size_is_bounded_and_so_are_errors() {
    let long = format!(r#"{{"amount":1,"to":"a","x":"{}"}}"#, "x".repeat(64 << 10));
    let verdict = of(transaction, &long, "{}");
    assert_eq!(verdict.cost, 100 + 2);
    assert_eq!(verdict.errors, ["request: it is deeper than 32 or longer than 65536 bytes"]);
    let mut deep = Value::Null;
    for _ in 0..33 {
        deep = Value::List(vec![deep]);
    }
    assert!(!post_action(&deep, &Value::from([])).valid);
    let names: Vec<String> = (0..100).map(|number| format!("\"{number}\"")).collect();
    let rules = format!(r#"{{"required_fields":[{}]}}"#, names.join(","));
    let verdict = of(transaction, r#"{"amount":1,"to":"a"}"#, &rules);
    assert_eq!(verdict.errors.len(), ERRORS_MAX + 1);
    assert_eq!(verdict.errors[ERRORS_MAX], "and 68 more");
    // Names are told as far as they are short, and cut between characters.
    let name = format!("a{}", "ä".repeat(1000));
    let rules = format!(r#"{{"{name}":1,"required_fields":["{name}"]}}"#);
    let errors = of(transaction, r#"{"amount":1,"to":"a"}"#, &rules).errors;
    let cut = format!("a{}", "ä".repeat(31));
    let missing = format!("required_fields: {cut:?} is missing");
    assert_eq!(errors, [format!("rules: there is no rule {cut:?}"), missing]);
}
