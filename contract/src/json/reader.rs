//! A strict reader that is bounded before it makes room.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{INTEGER_MAX, INTEGER_MIN, Map, Value};

/// What a text may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Its bytes.
    pub bytes: usize,
    /// Lists and objects within one another.
    pub depth: usize,
    /// Elements of lists and members of objects, all together.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 10, depth: 32, fields: 8192 }
    }
}

/// Why a text was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JsonError {
    /// What is wrong.
    pub wrong: Wrong,
    /// Where, in bytes from the beginning.
    pub offset: usize,
}

/// What is wrong with a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Wrong {
    /// It has more bytes than the limit.
    Bytes,
    /// Lists and objects are too deep in one another.
    Depth,
    /// There are too many elements and members.
    Fields,
    /// It ends too early.
    End,
    /// It is no JSON here.
    Syntax,
    /// Something stands behind the value.
    Trailing,
    /// A name stands twice in an object.
    Twice,
    /// A number with a fraction or an exponent.
    Fraction,
    /// Minus zero.
    MinusZero,
    /// A number out of range.
    Range,
    /// A control character in a text.
    Control,
    /// An escape of half a character.
    Surrogate,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = match self.wrong {
            Wrong::Bytes => "the JSON is too long",
            Wrong::Depth => "lists and objects are too deep in one another",
            Wrong::Fields => "there are too many elements and members",
            Wrong::End => "the JSON ends too early",
            Wrong::Syntax => "this is no JSON",
            Wrong::Trailing => "something stands behind the value",
            Wrong::Twice => "a name stands twice in an object",
            Wrong::Fraction => {
                "numbers are whole here: count in the smallest unit, without a fraction or an exponent"
            }
            Wrong::MinusZero => "minus zero is no number here",
            Wrong::Range => "a number is out of range: from -2^63 to 2^64-1",
            Wrong::Control => "a control character must be escaped",
            Wrong::Surrogate => "half of a surrogate pair",
        };
        write!(f, "{wrong} (at byte {})", self.offset)
    }
}

impl core::error::Error for JsonError {}

/// Reads one value, with spaces where JSON allows them.
///
/// # Errors
///
/// What is wrong first, and where.
pub fn read(text: &str, limits: Limits) -> Result<Value, JsonError> {
    if text.len() > limits.bytes {
        return Err(JsonError { wrong: Wrong::Bytes, offset: limits.bytes });
    }
    let mut reader = Reader { text, at: 0, depth: limits.depth, fields: limits.fields };
    let value = reader.value()?;
    reader.space();
    match reader.at == text.len() {
        true => Ok(value),
        false => Err(reader.wrong(Wrong::Trailing)),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How much deeper it may go.
    depth: usize,
    /// How many more there may be.
    fields: usize,
}

impl Reader<'_> {
    fn wrong(&self, wrong: Wrong) -> JsonError {
        JsonError { wrong, offset: self.at }
    }

    /// What is wrong where something else was expected.
    fn unexpected(&self) -> JsonError {
        self.wrong(if self.at == self.text.len() { Wrong::End } else { Wrong::Syntax })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes a byte if it is the next.
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        self.space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.deeper(Self::list),
            Some(b'{') => self.deeper(Self::map),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for byte in word.bytes() {
            if !self.take(byte) {
                return Err(self.unexpected());
            }
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let negative = self.take(b'-');
        let begin = self.at;
        let mut number = 0_i128;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // In range before, so it does not overflow.
            number = number * 10 + i128::from(digit - b'0');
            if number > INTEGER_MAX {
                return Err(self.wrong(Wrong::Range));
            }
            self.at += 1;
        }
        let digits = self.at - begin;
        if digits == 0 {
            return Err(self.unexpected());
        }
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(self.wrong(Wrong::Fraction));
        }
        if digits > 1 && self.text.as_bytes()[begin] == b'0' {
            return Err(JsonError { wrong: Wrong::Syntax, offset: begin });
        }
        match (negative, number) {
            (true, 0) => Err(self.wrong(Wrong::MinusZero)),
            (true, _) if -number < INTEGER_MIN => Err(self.wrong(Wrong::Range)),
            (true, _) => Ok(Value::Integer(-number)),
            (false, _) => Ok(Value::Integer(number)),
        }
    }

    fn deeper(&mut self, read: fn(&mut Self) -> Result<Value, JsonError>) -> Result<Value, JsonError> {
        self.depth = self.depth.checked_sub(1).ok_or_else(|| self.wrong(Wrong::Depth))?;
        self.at += 1;
        let value = read(self)?;
        self.depth += 1;
        Ok(value)
    }

    /// Counts an element or a member.
    fn field(&mut self) -> Result<(), JsonError> {
        self.fields = self.fields.checked_sub(1).ok_or_else(|| self.wrong(Wrong::Fields))?;
        Ok(())
    }

    fn list(&mut self) -> Result<Value, JsonError> {
        let mut list = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::List(list));
        }
        loop {
            self.field()?;
            list.push(self.value()?);
            self.space();
            if self.take(b']') {
                return Ok(Value::List(list));
            }
            if !self.take(b',') {
                return Err(self.unexpected());
            }
        }
    }

    fn map(&mut self) -> Result<Value, JsonError> {
        let mut map = Map::new();
        self.space();
        if self.take(b'}') {
            return Ok(Value::Map(map));
        }
        loop {
            self.field()?;
            self.space();
            let begin = self.at;
            let name = self.string()?;
            if map.contains_key(&name) {
                return Err(JsonError { wrong: Wrong::Twice, offset: begin });
            }
            self.space();
            if !self.take(b':') {
                return Err(self.unexpected());
            }
            let value = self.value()?;
            map.insert(name, value);
            self.space();
            if self.take(b'}') {
                return Ok(Value::Map(map));
            }
            if !self.take(b',') {
                return Err(self.unexpected());
            }
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        if !self.take(b'"') {
            return Err(self.unexpected());
        }
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let special = |byte: u8| byte == b'"' || byte == b'\\' || byte < b' ';
            let Some(plain) = rest.bytes().position(special) else {
                self.at = self.text.len();
                return Err(self.unexpected());
            };
            string.push_str(&rest[..plain]);
            self.at += plain;
            if self.take(b'"') {
                return Ok(string);
            }
            if !self.take(b'\\') {
                return Err(self.wrong(Wrong::Control));
            }
            string.push(self.escape()?);
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            Some(letter @ (b'"' | b'\\' | b'/')) => char::from(letter),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(letter)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let begin = self.at;
        let half = Err(JsonError { wrong: Wrong::Surrogate, offset: begin });
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !(self.take(b'\\') && self.take(b'u')) {
                    return half;
                }
                match self.unit()? {
                    second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return half,
                }
            }
            other => other,
        };
        char::from_u32(code).map_or(half, Ok)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            unit = unit << 4 | digit.ok_or_else(|| self.unexpected())?;
            self.at += 1;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::write;

    fn wrong(text: &str) -> (Wrong, usize) {
        let error = read(text, Limits::default()).unwrap_err();
        (error.wrong, error.offset)
    }

    #[test]
    fn what_is_json_is_read() {
        for (text, form) in [
            (" null ", "null"),
            ("[ ]", "[]"),
            ("{ }\r\n", "{}"),
            ("\t[1 , -2,0]", "[1,-2,0]"),
            (
                "{\"b\": {\"c\":[]}, \"a\":\"\\u0061\\/\\ud83d\\ude00\\n\"}",
                "{\"a\":\"a/😀\\n\",\"b\":{\"c\":[]}}",
            ),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("\"\u{7f}ä\"", "\"\u{7f}ä\""),
        ] {
            assert_eq!(write(&read(text, Limits::default()).unwrap()), form, "{text}");
        }
    }

    #[test]
    fn what_is_not_is_refused_with_its_place() {
        for (text, expected) in [
            ("", (Wrong::End, 0)),
            ("[", (Wrong::End, 1)),
            ("[1,]", (Wrong::Syntax, 3)),
            ("{\"a\"", (Wrong::End, 4)),
            ("{\"a\" 1}", (Wrong::Syntax, 5)),
            ("{a:1}", (Wrong::Syntax, 1)),
            ("nul", (Wrong::End, 3)),
            ("nulL", (Wrong::Syntax, 3)),
            ("1 2", (Wrong::Trailing, 2)),
            ("{\"a\":1,\"\\u0061\":2}", (Wrong::Twice, 7)),
            ("1.5", (Wrong::Fraction, 1)),
            ("1e3", (Wrong::Fraction, 1)),
            ("-0", (Wrong::MinusZero, 2)),
            ("01", (Wrong::Syntax, 0)),
            ("+1", (Wrong::Syntax, 0)),
            ("-", (Wrong::End, 1)),
            ("18446744073709551616", (Wrong::Range, 19)),
            ("-9223372036854775809", (Wrong::Range, 20)),
            ("\"a\n\"", (Wrong::Control, 2)),
            ("\"a", (Wrong::End, 2)),
            ("\"\\x\"", (Wrong::Syntax, 2)),
            ("\"\\ud800\"", (Wrong::Surrogate, 3)),
            ("\"\\udc00\"", (Wrong::Surrogate, 3)),
            ("\"\\ud800\\u0061\"", (Wrong::Surrogate, 3)),
            ("\"\\u00g0\"", (Wrong::Syntax, 5)),
            ("\u{feff}1", (Wrong::Syntax, 0)),
            ("NaN", (Wrong::Syntax, 0)),
        ] {
            assert_eq!(wrong(text), expected, "{text}");
        }
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { bytes: 20, depth: 2, fields: 3 };
        let wrong = |text: &str| read(text, limits).unwrap_err().wrong;
        assert!(read("[[1,2]]", limits).is_ok());
        assert_eq!(wrong("[[[1]]]"), Wrong::Depth);
        assert_eq!(wrong("[1,2,3,4]"), Wrong::Fields);
        assert_eq!(wrong("[[1,2],3]"), Wrong::Fields);
        assert!(read("[[],[]]", limits).is_ok());
        assert_eq!(wrong(&" ".repeat(21)), Wrong::Bytes);
        assert_eq!(read(&"[".repeat(1 << 16), Limits::default()).unwrap_err().wrong, Wrong::Depth);
    }

    #[test]
    fn a_fraction_is_told_what_to_do() {
        let error = read("{\"amount\":1.5}", Limits::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "numbers are whole here: count in the smallest unit, without a fraction or an exponent (at byte 11)"
        );
    }
}
