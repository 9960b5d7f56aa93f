//! Transactions.

use super::checks::{Checks, address, amount, memo};
use super::rules::{self, Ruled};
use crate::Map;

const KNOWN: [&str; 6] = ["amount", "to", "from", "fee", "nonce", "memo"];

pub(super) fn transaction(checks: &mut Checks, request: &Map, rules: &Map) {
    let units = checks.required(request, "amount", amount);
    let to = checks.required(request, "to", address);
    let from = checks.optional(request, "from", address);
    let fee = checks.optional(request, "fee", amount);
    let nonce = checks.optional(request, "nonce", amount);
    let note = checks.optional(request, "memo", memo);
    // A fee that is not there is none; one that is wrong is told already. Two numbers of 64 bits: no overflow.
    let fee_or_none = if request.contains_key("fee") { fee } else { Some(0) };
    let spent = units.zip(fee_or_none).map(|(units, fee)| units + fee);
    rules::check(checks, rules, |checks, name, rule| match name {
        "min_amount" => rules::number(rule, units, |units, min| units >= min, "the amount is below"),
        "max_amount" => rules::number(rule, units, |units, max| units <= max, "the amount is above"),
        "max_fee" => rules::number(rule, fee_or_none, |fee, max| fee <= max, "the fee is above"),
        "min_fee" => rules::number(rule, fee_or_none, |fee, min| fee >= min, "the fee is below"),
        "balance" => rules::number(rule, spent, |spent, there| spent <= there, "amount and fee are above"),
        "next_nonce" if !request.contains_key("nonce") => Ruled::Broken("there is no nonce"),
        "next_nonce" => rules::number(rule, nonce, |nonce, next| nonce == next, "the nonce is another"),
        "max_memo_bytes" => {
            let bytes = note.map(|note| note.len() as i128);
            rules::number(rule, bytes, |bytes, max| bytes <= max, "the memo is longer")
        }
        "allowed_recipients" => rules::listed(rule, to, true),
        "denied_recipients" => rules::listed(rule, to, false),
        "allowed_senders" if !request.contains_key("from") => Ruled::Broken("there is no sender"),
        "allowed_senders" => rules::listed(rule, from, true),
        "denied_senders" => rules::listed(rule, from, false),
        "required_fields" => rules::required(checks, rule, request),
        "allow_unknown_fields" => rules::unknown(rule, request, &KNOWN),
        _ => Ruled::Unknown,
    });
}
