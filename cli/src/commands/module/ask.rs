//! What a module is asked, and what it answers, in JSON.

use std::path::Path;

use dagvault_sandbox::value::{Answer, Request};
use dagvault_sandbox::{
    Call, Execution, Form, Format, Function, Module, Outcome as Ending, json as dag_json,
};
use serde_json::{Value, json};

use super::super::block::read_all;
use crate::args::Ask;
use crate::failure::{Failure, Kind, Outcome};
use crate::output::Out;
use crate::show;

/// Longest request and rules.
const JSON_BYTES_MAX: usize = 1 << 20;

/// A call as the command line says it.
pub(in super::super) struct Asked {
    function: Option<String>,
    op: u32,
    form: Form,
    input: Vec<u8>,
    gas: Option<u64>,
    now_ms: u64,
    seed: [u8; 32],
}

/// JSON as it stands on the command line: itself, `@FILE`, or `@-`.
pub(in super::super) fn json_text(text: &str, what: &str) -> Outcome<String> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let bytes = read_all(Some(Path::new(file)), JSON_BYTES_MAX, what)?;
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{what} is not UTF-8")))
}

fn json_value(text: &str, what: &str) -> Outcome<Value> {
    serde_json::from_str(&json_text(text, what)?).map_err(|error| {
        Failure::usage(format!("{what} is not JSON: {error}")).hint("write JSON, or @FILE for a file with it")
    })
}

fn cbor(value: &Value, what: &str) -> Outcome<Vec<u8>> {
    dag_json::to_cbor(value).map_err(|error| Failure::usage(format!("{what}: {error}")))
}

impl Asked {
    /// What is asked of a module, in the form that it takes.
    pub(in super::super) fn new(module: &Module, ask: &Ask) -> Outcome<Self> {
        let request =
            ask.request.as_deref().map_or(Ok(Value::Null), |text| json_value(text, "the request"))?;
        let rules = ask.rules.as_deref().map(|text| json_value(text, "the rules")).transpose()?;
        let form = module.form();
        let input = match form {
            Form::Abi1 => {
                let request = cbor(&request, "the request")?;
                let rules = rules.map(|rules| cbor(&rules, "the rules")).transpose()?;
                let input =
                    Request { request: &request, rules: rules.as_deref(), now_ms: ask.now, seed: ask.seed };
                input.write().map_err(|error| Failure::usage(format!("the request: {error}")))?
            }
            _ if rules.is_some() => {
                return Err(Failure::usage("this module takes no rules: it is not of ABI 1"));
            }
            _ => request.to_string().into_bytes(),
        };
        let op = match (&ask.function, module.manifest()) {
            (Some(name), Some(manifest)) if form == Form::Abi1 => {
                manifest.number(name).ok_or_else(|| no_function(name, &manifest.functions))?
            }
            (Some(name), None) if form == Form::Abi1 => return Err(no_function(name, &[])),
            (None, _) if form == Form::Named => {
                return Err(Failure::usage("which function of the module is meant is not clear")
                    .hint("name one of its exports with --function"));
            }
            _ => 0,
        };
        let (function, seed) = (ask.function.clone(), ask.seed.unwrap_or_default());
        Ok(Self { function, op, form, input, gas: ask.gas, now_ms: ask.now.unwrap_or(0), seed })
    }

    /// The call, by a module of this binary CID.
    pub(in super::super) fn call<'a>(&'a self, name: &'a [u8]) -> Call<'a> {
        let function = match self.form {
            Form::Abi1 => Function::Op(self.op),
            Form::Named => Function::Named(self.function.as_deref().unwrap_or_default()),
            Form::Program => Function::Program,
        };
        let format = if self.form == Form::Abi1 { Format::Cbor } else { Format::Json };
        let call = Call::new(function, &self.input);
        Call { format, gas: self.gas, now_ms: self.now_ms, seed: self.seed, name, ..call }
    }

    /// Asks for at most so much gas.
    pub(in super::super) fn within(&mut self, most: Option<u64>) {
        self.gas = match (self.gas, most) {
            (Some(asked), Some(most)) => Some(asked.min(most)),
            (asked, most) => asked.or(most),
        };
    }
}

fn no_function(name: &str, there: &[String]) -> Failure {
    let failure = Failure::usage(format!("the module has no function {}", show::safe(name)));
    if there.is_empty() {
        return failure.hint("it names none: leave --function out");
    }
    failure.hint(format!("it has {}", show::safe(&there.join(", "))))
}

/// Shows what an execution came to; it fails unless the module said yes.
pub(in super::super) fn tell(module: &Module, execution: &Execution, out: &mut Out) -> Outcome<()> {
    let (value, reason) = answered(module, execution);
    if out.json {
        out.object(&object(execution, &value, reason.as_deref()))?;
    } else {
        for log in &execution.logs {
            out.note(&format!("log {}: {}", LEVELS[usize::from(log.level.min(4))], log.text));
        }
        if execution.logs_dropped > 0 {
            out.note(&format!("{} lines of the log were left out", execution.logs_dropped));
        }
        let mut line = |name: &str, text: &str| out.line(&format!("{name:<8} {}", show::safe(text)));
        line("outcome", &execution.outcome.to_string())?;
        if let Some(reason) = &reason {
            line("reason", reason)?;
        }
        if !value.is_null() {
            line("value", &value.to_string())?;
        }
        line("gas", &execution.gas.to_string())?;
        for effect in &execution.effects {
            line(
                "effect",
                &dag_json::of_cbor(effect).map_or_else(|_| show::hex(effect), |value| value.to_string()),
            )?;
        }
        for (key, value) in &execution.writes {
            let value = value.as_deref().map_or_else(|| "deleted".to_owned(), shown);
            line("state", &format!("{} = {value}", shown(key)))?;
        }
    }
    match execution.outcome {
        Ending::Ok => Ok(()),
        Ending::Reject => Err(Failure::new(Kind::Rejected, "the module said no")),
        ending => Err(Failure::new(Kind::Module, format!("the module came to no answer: {ending}"))),
    }
}

const LEVELS: [&str; 5] = ["error", "warning", "info", "debug", "trace"];

/// Bytes as text where they are, else in hexadecimal.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if show::is_plain_text(bytes) => text.to_owned(),
        _ => format!("0x{}", show::hex(bytes)),
    }
}

/// What the module answered, and why not.
fn answered(module: &Module, execution: &Execution) -> (Value, Option<String>) {
    if execution.output.is_empty() {
        return (Value::Null, None);
    }
    if module.form() != Form::Abi1 {
        return (serde_json::from_slice(&execution.output).unwrap_or(Value::Null), None);
    }
    // The sandbox has read it already.
    let Ok(answer) = Answer::read(&execution.output) else { return (Value::Null, None) };
    let value = answer.value.map_or(Value::Null, |value| {
        dag_json::of_cbor(value).unwrap_or_else(|_| json!({ "dag_cbor": show::hex(value) }))
    });
    (value, answer.reason.map(str::to_owned))
}

fn object(execution: &Execution, value: &Value, reason: Option<&str>) -> Value {
    let bytes = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": show::base64(bytes) }),
    };
    let effects = execution.effects.iter().map(|effect| dag_json::of_cbor(effect).unwrap_or(Value::Null));
    let writes = execution.writes.iter();
    let writes =
        writes.map(|(key, value)| json!({ "key": bytes(key), "value": value.as_deref().map(bytes) }));
    let logs = execution.logs.iter();
    let logs = logs.map(|log| json!({ "level": LEVELS[usize::from(log.level.min(4))], "text": log.text }));
    json!({
        "outcome": execution.outcome.to_string(), "gas": execution.gas, "value": value, "reason": reason,
        "effects": effects.collect::<Vec<_>>(), "state": writes.collect::<Vec<_>>(),
        "logs": logs.collect::<Vec<_>>(), "logs_dropped": execution.logs_dropped,
    })
}
