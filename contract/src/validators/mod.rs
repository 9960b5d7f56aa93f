//! The built-in validators. Each makes all its checks, whatever fails, and says what they cost.

mod asset;
mod checks;
mod post;
mod rules;
mod transfer;

use alloc::string::String;
use alloc::vec::Vec;

use crate::cost::COSTS;
use crate::{Map, Value, json};
use checks::Checks;

pub use checks::ERRORS_MAX;

/// Bytes of a request, and of its rules, in the one JSON form.
pub const DOCUMENT_BYTES_MAX: u64 = 64 << 10;
/// Lists and objects within one another.
const DEPTH_MAX: u32 = 32;
/// Bytes of an address or the name of an asset.
pub const ADDRESS_BYTES_MAX: usize = 128;
/// Bytes of a memo.
pub const MEMO_BYTES_MAX: usize = 1024;

/// What a validator says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether the request is within the rules.
    pub valid: bool,
    /// What finding that out costs, by [`COSTS`].
    pub cost: u64,
    /// What is wrong, in the order of the checks; at most [`ERRORS_MAX`], and a line that says how many more.
    pub errors: Vec<String>,
}

impl Verdict {
    /// As a value, for JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let errors = self.errors.iter().map(|error| Value::from(error.as_str())).collect();
        Value::from([
            ("valid", Value::Bool(self.valid)),
            ("cost", Value::from(self.cost)),
            ("errors", Value::List(errors)),
        ])
    }
}

/// Validates a transaction `{amount, to, from?, fee?, nonce?, memo?, …}`.
#[must_use]
pub fn transaction(request: &Value, rules: &Value) -> Verdict {
    validate(COSTS.transaction, request, rules, transfer::transaction)
}

/// Validates a transfer `{asset, amount, from, to, memo?, …}`.
#[must_use]
pub fn asset_transfer(request: &Value, rules: &Value) -> Verdict {
    validate(COSTS.asset_transfer, request, rules, asset::transfer)
}

/// Validates a POST action `{path, value, method?, …}`.
#[must_use]
pub fn post_action(request: &Value, rules: &Value) -> Verdict {
    validate(COSTS.post_action, request, rules, post::action)
}

/// What all of them do: sizes first, then the checks.
fn validate(base: u64, request: &Value, rules: &Value, check: fn(&mut Checks, &Map, &Map)) -> Verdict {
    let mut checks = Checks::new(base);
    let mut maps = [None, None];
    for ((name, value), map) in [("request", request), ("rules", rules)].into_iter().zip(&mut maps) {
        // Before anything is paid for: what is too large costs the base and nothing more.
        let fields = fields(value, DEPTH_MAX);
        let bytes = fields.map(|_| json::length(value)).filter(|bytes| *bytes <= DOCUMENT_BYTES_MAX);
        let (Some(fields), Some(bytes)) = (fields, bytes) else {
            checks.fail(alloc::format!(
                "{name}: it is deeper than {DEPTH_MAX} or longer than {DOCUMENT_BYTES_MAX} bytes"
            ));
            continue;
        };
        checks.read(bytes, fields);
        *map = value.map();
        if map.is_none() {
            checks.fail(alloc::format!("{name}: it is no object"));
        }
    }
    if let [Some(request), Some(rules)] = maps {
        check(&mut checks, request, rules);
    }
    checks.verdict()
}

/// Members and elements, however deep; `None` when deeper than `depth`.
fn fields(value: &Value, depth: u32) -> Option<u64> {
    let values: &mut dyn Iterator<Item = &Value> = match value {
        Value::List(list) => &mut list.iter(),
        Value::Map(map) => &mut map.values(),
        _ => return Some(0),
    };
    let depth = depth.checked_sub(1)?;
    let mut sum = 0;
    for value in values {
        sum += 1 + fields(value, depth)?;
    }
    Some(sum)
}
