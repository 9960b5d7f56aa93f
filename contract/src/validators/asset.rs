//! Transfers of assets.

use super::checks::{Checks, address, amount, memo};
use super::rules::{self, Ruled};
use crate::{Map, Value};

const KNOWN: [&str; 5] = ["asset", "amount", "from", "to", "memo"];

pub(super) fn transfer(checks: &mut Checks, request: &Map, rules: &Map) {
    let asset = checks.required(request, "asset", address);
    let positive =
        |value| amount(value).and_then(|units| if units > 0 { Ok(units) } else { Err("it is nothing") });
    let units = checks.required(request, "amount", positive);
    let from = checks.required(request, "from", address);
    let to = checks.required(request, "to", address);
    checks.optional(request, "memo", memo);
    let to_self = from.is_some() && from == to && rules.get("allow_self") != Some(&Value::Bool(true));
    checks.check(!to_self, || "to: it is the sender".into());
    rules::check(checks, rules, |checks, name, rule| match name {
        "allow_self" => match rule {
            Value::Bool(_) => Ruled::Holds,
            _ => Ruled::Type("true or false"),
        },
        "allowed_assets" => rules::listed(rule, asset, true),
        "denied_assets" => rules::listed(rule, asset, false),
        "min_amount" => rules::number(rule, units, |units, min| units >= min, "the amount is below"),
        "max_amount" => rules::number(rule, units, |units, max| units <= max, "the amount is above"),
        "allowed_recipients" => rules::listed(rule, to, true),
        "denied_recipients" => rules::listed(rule, to, false),
        "allowed_senders" => rules::listed(rule, from, true),
        "denied_senders" => rules::listed(rule, from, false),
        "balances" => balances(rule, asset, from, units),
        "required_fields" => rules::required(checks, rule, request),
        "allow_unknown_fields" => rules::unknown(rule, request, &KNOWN),
        _ => Ruled::Unknown,
    });
}

/// Units by asset and holder; who is not there has none.
fn balances(rule: &Value, asset: Option<&str>, from: Option<&str>, units: Option<i128>) -> Ruled {
    const WANTED: Ruled = Ruled::Type("an object of assets, each an object of holders and whole numbers");
    let Some(assets) = rule.map() else { return WANTED };
    let numbers = |holders: &Value| {
        holders.map().is_some_and(|map| map.values().all(|value| value.integer().is_some()))
    };
    if !assets.values().all(numbers) {
        return WANTED;
    }
    let (Some(asset), Some(from), Some(units)) = (asset, from, units) else { return Ruled::Holds };
    let there = assets.get(asset).and_then(|holders| holders.map()?.get(from)?.integer()).unwrap_or(0);
    Ruled::holds(units <= there, "the sender has less")
}
