//! POST actions.

use super::checks::Checks;
use super::rules::{self, Ruled};
use crate::{Map, Value, json, path};

const KNOWN: [&str; 3] = ["path", "value", "method"];

pub(super) fn action(checks: &mut Checks, request: &Map, rules: &Map) {
    let place = checks.required(request, "path", |value| {
        let text = value.text().ok_or("it is no text")?;
        path::checked(text).map_err(|error| match error {
            path::PathError::Length => "it has not 1 to 1024 bytes",
            path::PathError::Part => "a part of it is empty, '.' or '..'",
            path::PathError::Letter => "it has a control character, a backslash or a turn of direction",
        })
    });
    let value = checks.required(request, "value", Ok);
    checks.optional(request, "method", |method| match method.text() {
        Some("POST") => Ok(()),
        _ => Err("it is not POST"),
    });
    rules::check(checks, rules, |checks, name, rule| match name {
        "path_prefixes" => rules::matching(rule, place, true, |prefix, path| path::below(path, prefix)),
        "denied_prefixes" => rules::matching(rule, place, false, |prefix, path| path::below(path, prefix)),
        "allowed_extensions" => rules::matching(rule, place, true, extended),
        "max_path_bytes" => {
            let bytes = place.map(|path| path.len() as i128);
            rules::number(rule, bytes, |bytes, max| bytes <= max, "the path is longer")
        }
        "max_value_bytes" => {
            let bytes = value.map(|value| i128::from(json::length(value)));
            rules::number(rule, bytes, |bytes, max| bytes <= max, "the value is longer")
        }
        "required_value_fields" => {
            let none = Map::new();
            rules::required(checks, rule, value.and_then(Value::map).unwrap_or(&none))
        }
        "required_fields" => rules::required(checks, rule, request),
        "allow_unknown_fields" => rules::unknown(rule, request, &KNOWN),
        _ => Ruled::Unknown,
    });
}

/// Whether the last part of a path ends with a dot and the extension.
fn extended(extension: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(extension).and_then(|rest| rest.strip_suffix('.'));
    stem.is_some_and(|stem| !stem.is_empty()) && !extension.is_empty()
}
