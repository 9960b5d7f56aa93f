//! Rules: each is one check, and one that is unknown or of another type fails, so that a slip of the pen in the rules
//! never lets anything through.

use alloc::format;

use super::checks::Checks;
use crate::{Map, Value};

/// What a rule came to.
pub(super) enum Ruled {
    /// It holds, or what it is about is already told to be wrong.
    Holds,
    /// It does not: why.
    Broken(&'static str),
    /// The rule itself is not of the type that it must have.
    Type(&'static str),
    /// There is no such rule.
    Unknown,
}

impl Ruled {
    pub(super) fn holds(holds: bool, otherwise: &'static str) -> Self {
        if holds { Self::Holds } else { Self::Broken(otherwise) }
    }
}

/// Makes a check of each rule, in the order of their names.
pub(super) fn check(
    checks: &mut Checks,
    rules: &Map,
    mut rule: impl FnMut(&mut Checks, &str, &Value) -> Ruled,
) {
    for (name, value) in rules {
        let ruled = rule(checks, name, value);
        let error = match ruled {
            Ruled::Holds => None,
            Ruled::Broken(wrong) => Some(format!("{name}: {wrong}")),
            Ruled::Type(wanted) => Some(format!("rules: {name} must be {wanted}")),
            // The name is an outsider's to choose only where the rules are.
            Ruled::Unknown => Some(format!("rules: there is no rule {:?}", shortened(name))),
        };
        checks.check(error.is_none(), || error.unwrap_or_default());
    }
}

/// A rule that compares a number; nothing to say where there is none.
pub(super) fn number(
    rule: &Value,
    number: Option<i128>,
    holds: fn(i128, i128) -> bool,
    otherwise: &'static str,
) -> Ruled {
    match (rule.integer(), number) {
        (None, _) => Ruled::Type("a whole number"),
        (Some(_), None) => Ruled::Holds,
        (Some(rule), Some(number)) => Ruled::holds(holds(number, rule), otherwise),
    }
}

/// A list of texts, if it is one.
fn texts(rule: &Value) -> Option<impl Iterator<Item = &str>> {
    let list = rule.list()?;
    list.iter().all(|value| value.text().is_some()).then(|| list.iter().filter_map(Value::text))
}

/// A rule that lists what a text may be, or may not be.
pub(super) fn listed(rule: &Value, text: Option<&str>, allowed: bool) -> Ruled {
    matching(rule, text, allowed, |entry, text| entry == text)
}

/// The same by another comparison.
pub(super) fn matching(
    rule: &Value,
    text: Option<&str>,
    allowed: bool,
    like: fn(&str, &str) -> bool,
) -> Ruled {
    let Some(mut list) = texts(rule) else { return Ruled::Type("a list of texts") };
    let Some(text) = text else { return Ruled::Holds };
    let there = list.any(|entry| like(entry, text));
    Ruled::holds(there == allowed, if allowed { "it is not among the allowed" } else { "it is denied" })
}

/// As much of a name as errors tell.
fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}

/// A rule that lists members that must be there: one more check for each.
pub(super) fn required(checks: &mut Checks, rule: &Value, request: &Map) -> Ruled {
    let Some(list) = texts(rule) else { return Ruled::Type("a list of texts") };
    for name in list {
        checks.check(request.contains_key(name), || {
            format!("required_fields: {:?} is missing", shortened(name))
        });
    }
    Ruled::Holds
}

/// A rule that says whether there may be other members than `known`.
pub(super) fn unknown(rule: &Value, request: &Map, known: &[&str]) -> Ruled {
    match rule {
        Value::Bool(true) => Ruled::Holds,
        Value::Bool(false) => {
            let strangers = request.keys().any(|name| !known.contains(&name.as_str()));
            Ruled::holds(!strangers, "the request has a member that is not known")
        }
        _ => Ruled::Type("true or false"),
    }
}
