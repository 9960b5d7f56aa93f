//! The one form of a value.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::{Map, Value};

/// Takes what is written, piece by piece.
trait Sink {
    fn put(&mut self, text: &str);
}

impl Sink for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// Only counts.
struct Count(u64);

impl Sink for Count {
    fn put(&mut self, text: &str) {
        self.0 += text.len() as u64;
    }
}

/// The form of a value.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    put(value, &mut out);
    out
}

/// How many bytes [`write`] gives.
#[must_use]
pub fn length(value: &Value) -> u64 {
    let mut count = Count(0);
    put(value, &mut count);
    count.0
}

fn put(value: &Value, out: &mut impl Sink) {
    match value {
        Value::Null => out.put("null"),
        Value::Bool(true) => out.put("true"),
        Value::Bool(false) => out.put("false"),
        Value::Integer(number) => out.put(&digits(*number)),
        Value::Text(text) => put_text(text, out),
        Value::List(list) => {
            out.put("[");
            for (at, value) in list.iter().enumerate() {
                if at > 0 {
                    out.put(",");
                }
                put(value, out);
            }
            out.put("]");
        }
        Value::Map(map) => {
            out.put("{");
            put_members(map, out);
            out.put("}");
        }
    }
}

/// The number written out: by 64 bits where it fits, since 32-bit machines divide 128 bits slowly.
fn digits(number: i128) -> String {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => number.to_string(),
        (_, Ok(number)) => number.to_string(),
        _ => number.to_string(),
    }
}

fn put_members(map: &Map, out: &mut impl Sink) {
    let member = |(at, (name, value)): (usize, (&String, &Value))| {
        if at > 0 {
            out.put(",");
        }
        put_text(name, out);
        out.put(":");
        put(value, out);
    };
    // The order of UTF-16 units is that of UTF-8 but for what stands above U+D7FF.
    if map.keys().all(|name| name.chars().all(|letter| letter < '\u{e000}')) {
        map.iter().enumerate().for_each(member);
    } else {
        let mut sorted: Vec<_> = map.iter().collect();
        sorted.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
        sorted.into_iter().enumerate().for_each(member);
    }
}

fn put_text(text: &str, out: &mut impl Sink) {
    out.put("\"");
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter < ' ' || letter == '"' || letter == '\\') {
        out.put(&rest[..at]);
        let byte = rest.as_bytes()[at];
        match byte {
            b'"' => out.put("\\\""),
            b'\\' => out.put("\\\\"),
            0x08 => out.put("\\b"),
            0x09 => out.put("\\t"),
            0x0a => out.put("\\n"),
            0x0c => out.put("\\f"),
            0x0d => out.put("\\r"),
            other => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
                let mut escape = String::from("\\u00");
                escape.push(digit(other >> 4));
                escape.push(digit(other));
                out.put(&escape);
            }
        }
        rest = &rest[at + 1..];
    }
    out.put(rest);
    out.put("\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_form() {
        let text = |text: &str| Value::Text(text.into());
        let value = Value::from([
            ("b", Value::List(vec![Value::Null, Value::Bool(true), Value::Bool(false)])),
            ("a", Value::Integer(-5)),
            ("", text("\u{0}\u{1f}\u{8}\t\n\u{c}\r\"\\/\u{7f}é\u{2028}😀")),
        ]);
        let expected = "{\"\":\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}é\u{2028}😀\",\
            \"a\":-5,\"b\":[null,true,false]}";
        assert_eq!(write(&value), expected);
        assert_eq!(length(&value), expected.len() as u64);
    }

    #[test]
    fn members_are_in_the_order_of_utf_16() {
        // RFC 8785, section 3.2.3.
        let names = ["\u{20ac}", "\r", "\u{fb33}", "1", "\u{1f600}", "\u{80}", "\u{f6}"];
        let value = Value::Map(names.iter().map(|name| ((*name).into(), Value::Null)).collect());
        let order = ["\\r", "1", "\u{80}", "\u{f6}", "\u{20ac}", "\u{1f600}", "\u{fb33}"];
        let members: Vec<_> = order.iter().map(|name| format!("\"{name}\":null")).collect();
        assert_eq!(write(&value), format!("{{{}}}", members.join(",")));
    }
}
