//! The contract processor: takes POST actions, validates them, and says what changes. It stores nothing itself.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use data_encoding::BASE64;

use crate::{Map, Value, Verdict, json, path, post_action};

/// Bytes of a module.
pub const MODULE_BYTES_MAX: usize = 8 << 20;

/// What every module begins with.
const MODULE_MAGIC: &[u8; 8] = b"\0asm\x01\0\0\0";

/// What an action with a module comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// The name of the module's bytes, as text.
    pub cid: String,
    /// SHA-256 of the same.
    pub sha256: [u8; 32],
    /// Gas of an execution, when nothing else is said.
    pub gas_limit: u64,
}

/// Where modules and values go: admission and storage, which this crate knows nothing of.
pub trait Modules {
    /// Admits a module for a path and keeps it. `gas_limit` is what the action says, if it does.
    ///
    /// # Errors
    ///
    /// In words, why it is not admitted.
    fn admit(&mut self, path: &str, module: &[u8], gas_limit: Option<u64>) -> Result<Admitted, String>;

    /// Keeps a value, in the one JSON form, for a path; answers its CID as text.
    ///
    /// # Errors
    ///
    /// In words, why it is not kept.
    fn keep(&mut self, path: &str, value: &[u8]) -> Result<String, String>;
}

/// A change of state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A path has a value now.
    PutValue {
        /// Where.
        path: String,
        /// The name of the value's one JSON form.
        cid: String,
        /// Bytes of the same.
        bytes_count: u64,
    },
    /// A path has a module now.
    PutModule {
        /// Where.
        path: String,
        /// The module.
        module: Admitted,
        /// Its bytes.
        bytes_count: u64,
    },
}

impl Change {
    /// As a value, for JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::PutValue { path, cid, bytes_count } => Value::from([
                ("put", Value::from("value")),
                ("path", Value::from(path.as_str())),
                ("cid", Value::from(cid.as_str())),
                ("bytes", Value::from(*bytes_count)),
            ]),
            Self::PutModule { path, module, bytes_count } => Value::from([
                ("put", Value::from("module")),
                ("path", Value::from(path.as_str())),
                ("cid", Value::from(module.cid.as_str())),
                ("sha256", Value::Text(data_encoding::HEXLOWER.encode(&module.sha256))),
                ("gas_limit", Value::from(module.gas_limit)),
                ("bytes", Value::from(*bytes_count)),
            ]),
        }
    }
}

/// What an action came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Processed {
    /// The validator's verdict; errors of what came behind it are appended.
    pub verdict: Verdict,
    /// What changes; nothing, where the verdict is not valid.
    pub changes: Vec<Change>,
}

impl Processed {
    /// In the one JSON form: `{"changes": […], "cost": …, "errors": […], "valid": …}`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let Value::Map(mut members) = self.verdict.to_value() else { return String::new() };
        members.insert("changes".into(), Value::List(self.changes.iter().map(Change::to_value).collect()));
        json::write(&Value::Map(members))
    }
}

/// Validates a POST action `{path, value, …}` under the rules of [`post_action`], keeps what it brings, and says what
/// changes.
///
/// An action whose path ends in `.wasm` brings a module: its value is the base64 of the bytes, or an object of these as
/// `wasm_bytes` and a `gas_limit`. The rules then see `{"gas_limit"?, "module_bytes"}`, the number of the bytes, as its
/// value. Nothing is kept of an action that is not valid.
pub fn process(action: &Value, rules: &Value, modules: &mut impl Modules) -> Processed {
    let place = action.map().and_then(|action| action.get("path")?.text());
    let module = place.is_some_and(|path| path.ends_with(".wasm"));
    let outcome = match action {
        Value::Map(action) if module => with_module(action, rules, modules),
        action => with_value(action, rules, modules),
    };
    outcome.unwrap_or_else(|verdict| Processed { verdict, changes: Vec::new() })
}

/// Adds an error to a verdict.
fn failed(mut verdict: Verdict, error: String) -> Verdict {
    verdict.valid = false;
    verdict.errors.push(error);
    verdict
}

/// The verdict and the path of a valid action.
fn validated<'a>(action: &'a Value, rules: &Value) -> Result<(Verdict, &'a str), Verdict> {
    let verdict = post_action(action, rules);
    if !verdict.valid {
        return Err(verdict);
    }
    // What is valid has a path.
    let place = action.map().and_then(|action| action.get("path")?.text());
    match place.map(path::checked) {
        Some(Ok(path)) => Ok((verdict, path)),
        _ => Err(failed(verdict, "path: it is none".into())),
    }
}

fn with_value(action: &Value, rules: &Value, modules: &mut impl Modules) -> Result<Processed, Verdict> {
    let (verdict, path) = validated(action, rules)?;
    let value = action.map().and_then(|action| action.get("value")).unwrap_or(&Value::Null);
    let written = json::write(value);
    match modules.keep(path, written.as_bytes()) {
        Ok(cid) => {
            let change = Change::PutValue { path: path.into(), cid, bytes_count: written.len() as u64 };
            Ok(Processed { verdict, changes: Vec::from([change]) })
        }
        Err(error) => Err(failed(verdict, format!("value: {error}"))),
    }
}

fn with_module(action: &Map, rules: &Value, modules: &mut impl Modules) -> Result<Processed, Verdict> {
    let carried = carried(action.get("value").unwrap_or(&Value::Null));
    // Costs and rules are of the action without the bytes, whose price is that of admission.
    let mut described = action.clone();
    let value = match &carried {
        Ok((module, gas_limit)) => {
            let mut members = Map::from([("module_bytes".into(), Value::from(module.len() as u64))]);
            members.extend(gas_limit.map(|gas_limit| ("gas_limit".into(), Value::from(gas_limit))));
            Value::Map(members)
        }
        Err(_) => Value::Null,
    };
    described.insert("value".into(), value);
    let described = Value::Map(described);
    let (module, gas_limit) = match carried {
        Ok(carried) => carried,
        Err(error) => return Err(failed(post_action(&described, rules), format!("value: {error}"))),
    };
    let (verdict, path) = validated(&described, rules)?;
    match modules.admit(path, &module, gas_limit) {
        Ok(admitted) => {
            let bytes_count = module.len() as u64;
            let change = Change::PutModule { path: path.into(), module: admitted, bytes_count };
            Ok(Processed { verdict, changes: Vec::from([change]) })
        }
        Err(error) => Err(failed(verdict, format!("value: {error}"))),
    }
}

/// The module that a value carries, and the gas limit that it says.
fn carried(value: &Value) -> Result<(Vec<u8>, Option<u64>), String> {
    let (text, gas_limit) = match value {
        Value::Text(text) => (text, None),
        Value::Map(members) => {
            if members.keys().any(|name| name != "wasm_bytes" && name != "gas_limit") {
                return Err("it has others than wasm_bytes and gas_limit".into());
            }
            let Some(Value::Text(text)) = members.get("wasm_bytes") else {
                return Err("wasm_bytes is no base64 text".into());
            };
            let gas_limit = match members.get("gas_limit") {
                None => None,
                Some(Value::Integer(number)) if *number > 0 => u64::try_from(*number).ok(),
                Some(_) => return Err("gas_limit is no whole number above 0".into()),
            };
            (text, gas_limit)
        }
        _ => return Err("a module is base64 text, or an object of wasm_bytes and gas_limit".into()),
    };
    // Checked before there is room made for it.
    if text.len() > MODULE_BYTES_MAX.div_ceil(3) * 4 {
        return Err(format!("the module has more than {MODULE_BYTES_MAX} bytes"));
    }
    let module = BASE64.decode(text.as_bytes()).map_err(|error| format!("it is no base64: {error}"))?;
    match module.starts_with(MODULE_MAGIC) {
        true => Ok((module, gas_limit)),
        false => Err("it is no WebAssembly module of version 1".into()),
    }
}
