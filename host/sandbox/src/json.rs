//! JSON as dag-cbor and back, as dag-json writes it: bytes are `{"/": {"bytes": …}}` in base64 without padding, links
//! `{"/": …}`. There are no fractions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use dagvault_core::cbor::{CborError, Decoder, Encoder};
use dagvault_core::cid::AnyCid;
use serde_json::{Map, Value, json};

use crate::value::check;

/// Why JSON is not a value of a module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum JsonError {
    /// A number that is no whole one of 64 bits.
    Fraction,
    /// An object with the key `/` that is neither bytes nor a link.
    Reserved,
    /// More levels than a value may have.
    Depth,
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fraction => "a number is not a whole one of 64 bits",
            Self::Reserved => "an object has the key \"/\", but is neither bytes nor a link",
            Self::Depth => "it nests too deep",
        })
    }
}

impl std::error::Error for JsonError {}

/// The strict dag-cbor of a JSON value.
///
/// # Errors
/// What dag-cbor, or a module, cannot be given.
pub fn to_cbor(value: &Value) -> Result<Vec<u8>, JsonError> {
    let mut encoder = Encoder::default();
    write(value, &mut encoder)?;
    let bytes = encoder.finish();
    check(&bytes).map_err(|_| JsonError::Depth)?;
    Ok(bytes)
}

// Its depth is that of `serde_json`, 128.
fn write(value: &Value, to: &mut Encoder<'_>) -> Result<(), JsonError> {
    match value {
        Value::Null => to.null(),
        Value::Bool(value) => to.bool(*value),
        Value::String(text) => to.text(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => to.uint(number),
            (None, Some(number)) => to.negative(!number.cast_unsigned()),
            (None, None) => return Err(JsonError::Fraction),
        },
        Value::Array(items) => {
            to.array(items.len());
            items.iter().try_for_each(|item| write(item, to))?;
        }
        Value::Object(fields) if fields.contains_key("/") => match special(fields) {
            Some(Special::Bytes(bytes)) => to.bytes(&bytes),
            Some(Special::Link(cid)) => to.link_bytes(&cid),
            None => return Err(JsonError::Reserved),
        },
        Value::Object(fields) => {
            to.map(fields.len());
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
            for (key, value) in fields {
                to.text(key);
                write(value, to)?;
            }
        }
    }
    Ok(())
}

/// What JSON has no type for.
enum Special {
    Bytes(Vec<u8>),
    Link(Vec<u8>),
}

fn special(fields: &Map<String, Value>) -> Option<Special> {
    let inner = fields.get("/").filter(|_| fields.len() == 1)?;
    match inner {
        Value::String(cid) => AnyCid::parse(cid).ok().map(|cid| Special::Link(cid.to_bytes())),
        Value::Object(inner) if inner.len() == 1 => {
            inner.get("bytes")?.as_str().and_then(|text| BASE64.decode(text).ok()).map(Special::Bytes)
        }
        _ => None,
    }
}

/// The JSON of strict dag-cbor.
///
/// # Errors
/// If the bytes are not strict dag-cbor.
pub fn of_cbor(bytes: &[u8]) -> Result<Value, CborError> {
    check(bytes)?;
    read(&mut Decoder::new(bytes))
}

// Its depth is what `check` allows.
fn read(from: &mut Decoder<'_>) -> Result<Value, CborError> {
    match from.major()? {
        0 => from.uint().map(Value::from),
        1 => {
            // −1 less the number; below −2⁶³ JSON's readers take it for a fraction.
            let number = i64::try_from(from.negative()?).map_err(|_| CborError::Value)?;
            Ok(Value::from(!number))
        }
        2 => from.bytes().map(|bytes| json!({ "/": { "bytes": BASE64.encode(bytes) } })),
        3 => from.text().map(Value::from),
        4 => {
            let count = from.array()?;
            (0..count).map(|_| read(from)).collect::<Result<_, _>>().map(Value::Array)
        }
        5 => {
            let count = from.map()?;
            let fields = (0..count).map(|_| Ok((from.text()?.to_owned(), read(from)?)));
            fields.collect::<Result<_, _>>().map(Value::Object)
        }
        6 => {
            let cid = AnyCid::from_bytes(from.link_bytes()?).map_err(|_| CborError::Value)?;
            Ok(json!({ "/": cid.to_string() }))
        }
        _ if from.null() => Ok(Value::Null),
        _ => from.bool().map(Value::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_dag_cbor_and_back() {
        let cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
        let value = json!({
            "b": [0, 23, 24, u64::MAX, -1, -25, i64::MIN, true, false, null],
            "aa": { "text": "ü", "bytes": { "/": { "bytes": "AQI" } }, "link": { "/": cid } },
            "a": "",
        });
        let bytes = to_cbor(&value).unwrap();
        assert_eq!(of_cbor(&bytes).unwrap(), value);
        // Shorter keys first.
        assert_eq!(&bytes[..6], b"\xa3\x61a\x60\x61b");
        assert_eq!(to_cbor(&json!(-25)).unwrap(), [0x38, 24]);
    }

    #[test]
    fn what_dag_cbor_has_not_is_refused() {
        assert_eq!(to_cbor(&json!(1.5)), Err(JsonError::Fraction));
        assert_eq!(to_cbor(&json!(1e30)), Err(JsonError::Fraction));
        for reserved in [
            json!({ "/": 1 }),
            json!({ "/": "x" }),
            json!({ "/": { "bytes": "*" } }),
            json!({ "/": "", "a": 1 }),
        ] {
            assert_eq!(to_cbor(&reserved), Err(JsonError::Reserved), "{reserved}");
        }
        let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(to_cbor(&deep), Err(JsonError::Depth));
        assert_eq!(of_cbor(&[0x3b, 0xff, 0, 0, 0, 0, 0, 0, 0]), Err(CborError::Value));
        assert!(of_cbor(&[0xf9, 0, 0]).is_err());
    }
}
