//! `contract`: built-in validators, and modules as POST actions bring them.

use dagvault_contract::{Value, asset_transfer, json as contract_json, post_action, transaction};

use super::module::{json_text, store};
use crate::args::{Contract, Global};
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;

/// Runs one of the commands on contracts.
pub(super) fn run(global: &Global, command: &Contract, out: &mut Out) -> Outcome<()> {
    match command {
        Contract::WasmUpload { dir, wasm_file, module_name, gas_limit } => {
            let global = Global { vault: Some(dir.clone()), ..global.clone() };
            store::add(&global, module_name, wasm_file, Some("validator"), *gas_limit, out)
        }
        Contract::Validate { validator, request, rules } => validate(validator, request, rules, out),
    }
}

fn value(text: &str, what: &str) -> Outcome<Value> {
    let text = json_text(text, what)?;
    contract_json::read(&text, contract_json::Limits::default())
        .map_err(|error| Failure::usage(format!("{what}: {error}")))
}

fn validate(validator: &str, request: &str, rules: &str, out: &mut Out) -> Outcome<()> {
    let judge = match validator {
        "transaction" => transaction,
        "asset_transfer" => asset_transfer,
        "post_action" => post_action,
        _ => {
            return Err(Failure::usage("there is no such validator")
                .hint("there are transaction, asset_transfer and post_action (docs/contracts.md)"));
        }
    };
    let verdict = judge(&value(request, "the request")?, &value(rules, "the rules")?);
    out.line(&contract_json::write(&verdict.to_value()))?;
    if verdict.valid { Ok(()) } else { Err(Failure::new(Kind::Rejected, "the validator said no")) }
}
