//! The functions of the module; the test of `contract` that compares it with the native twin has them, too.

use dagvault_contract::Value;
use dagvault_module::Verdict;

/// The verdict as the module tells it: rejected with the first error, and the whole of it as the value.
fn told(verdict: dagvault_contract::Verdict) -> Verdict<dagvault_contract::Verdict> {
    let told = match verdict.errors.first() {
        Some(error) => Verdict::reject(error.as_str()),
        None => Verdict::accept(),
    };
    told.with(verdict)
}

/// No rules are an empty object.
fn given(rules: Option<Value>) -> Value {
    rules.unwrap_or_else(|| Value::from([]))
}

pub(crate) fn transaction(request: Value, rules: Option<Value>) -> Verdict<dagvault_contract::Verdict> {
    told(dagvault_contract::transaction(&request, &given(rules)))
}

pub(crate) fn asset_transfer(request: Value, rules: Option<Value>) -> Verdict<dagvault_contract::Verdict> {
    told(dagvault_contract::asset_transfer(&request, &given(rules)))
}

pub(crate) fn post_action(request: Value, rules: Option<Value>) -> Verdict<dagvault_contract::Verdict> {
    told(dagvault_contract::post_action(&request, &given(rules)))
}
