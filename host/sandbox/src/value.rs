//! What modules hand out: any value of strict dag-cbor, and the answer that is made of them.

use dagvault_core::cbor::{CborError, Decoder, Encoder};
use dagvault_core::limits::MODULE_VALUE_DEPTH_MAX;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::call::Format;

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// What is still to be read of an array or a map.
enum Open<'a> {
    Array(u64),
    /// Pairs, and the key before.
    Map(u64, Option<&'a [u8]>),
}

/// Reads one value, of any type but floats, and answers what follows it. It takes no memory but for the nesting.
///
/// # Errors
/// If the bytes do not begin with a strict value, or it nests deeper than [`MODULE_VALUE_DEPTH_MAX`].
pub fn skip(input: &[u8]) -> Result<&[u8], CborError> {
    let mut rest = input;
    let mut open: Vec<Open<'_>> = Vec::new();
    loop {
        match open.last_mut() {
            Some(Open::Array(0) | Open::Map(0, _)) => {
                open.pop();
            }
            Some(Open::Array(left)) => {
                *left -= 1;
                rest = item(rest, &mut open)?;
            }
            Some(Open::Map(left, last)) => {
                *left -= 1;
                let (key, behind) = string(rest, TEXT)?;
                // Length first, and none twice.
                if last.is_some_and(|last| (last.len(), last) >= (key.len(), key)) {
                    return Err(CborError::NotCanonical);
                }
                *last = Some(key);
                rest = item(behind, &mut open)?;
            }
            None => rest = item(rest, &mut open)?,
        }
        if open.is_empty() {
            return Ok(rest);
        }
    }
}

/// Whether the bytes are one strict value.
///
/// # Errors
/// What is wrong with them.
pub fn check(input: &[u8]) -> Result<(), CborError> {
    if skip(input)?.is_empty() { Ok(()) } else { Err(CborError::Trailing) }
}

/// Reads what begins here, without what is in it.
fn item<'a>(input: &'a [u8], open: &mut Vec<Open<'a>>) -> Result<&'a [u8], CborError> {
    let first = *input.first().ok_or(CborError::Truncated)?;
    let major = first >> 5;
    match major {
        BYTES | TEXT => return string(input, major).map(|(_, rest)| rest),
        UINT | NEGATIVE => return head(input).map(|(_, rest)| rest),
        ARRAY | MAP => {
            let (count, rest) = head(input)?;
            // Each takes a byte at least.
            if count > rest.len() as u64 {
                return Err(CborError::Truncated);
            }
            if open.len() == MODULE_VALUE_DEPTH_MAX {
                return Err(CborError::Value);
            }
            open.push(if major == ARRAY { Open::Array(count) } else { Open::Map(count, None) });
            return Ok(rest);
        }
        TAG => {
            // A link: a zero, then the bytes of a CID.
            let rest = input.strip_prefix(&[0xd8, 42]).ok_or(CborError::Value)?;
            let (cid, rest) = string(rest, BYTES)?;
            return if cid.len() > 1 && cid[0] == 0 { Ok(rest) } else { Err(CborError::Value) };
        }
        _ => {}
    }
    match first {
        0xf4..=0xf6 => Ok(&input[1..]),
        _ => Err(CborError::Type),
    }
}

/// The number of a head, in its shortest form.
fn head(input: &[u8]) -> Result<(u64, &[u8]), CborError> {
    let (first, rest) = input.split_first().ok_or(CborError::Truncated)?;
    let (count, least) = match first & 31 {
        small @ 0..=23 => return Ok((u64::from(small), rest)),
        24 => (1, 24),
        25 => (2, 0x100),
        26 => (4, 0x1_0000),
        27 => (8, 0x1_0000_0000),
        _ => return Err(CborError::NotCanonical),
    };
    let (bytes, rest) = rest.split_at_checked(count).ok_or(CborError::Truncated)?;
    let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    if value < least { Err(CborError::NotCanonical) } else { Ok((value, rest)) }
}

fn string(input: &[u8], major: u8) -> Result<(&[u8], &[u8]), CborError> {
    if input.first().is_some_and(|first| first >> 5 != major) {
        return Err(CborError::Type);
    }
    let (count, rest) = head(input)?;
    let count = usize::try_from(count).map_err(|_| CborError::Truncated)?;
    let (bytes, rest) = rest.split_at_checked(count).ok_or(CborError::Truncated)?;
    if major == TEXT && core::str::from_utf8(bytes).is_err() {
        return Err(CborError::Utf8);
    }
    Ok((bytes, rest))
}

/// What a module answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer<'a> {
    /// Yes or no.
    pub ok: bool,
    /// Why not, in the module's words.
    pub reason: Option<&'a str>,
    /// What it answers, strict dag-cbor.
    pub value: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    /// Reads the map of `ok` and, where there are, `value` and `reason`.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn read(output: &'a [u8]) -> Result<Self, CborError> {
        check(output)?;
        let mut decoder = Decoder::new(output);
        let mut left = decoder.map()?;
        let mut answer = Self { ok: false, reason: None, value: None };
        // In the one order that is strict: the shortest first.
        if left == 0 || decoder.text()? != "ok" {
            return Err(CborError::Value);
        }
        answer.ok = decoder.bool()?;
        left -= 1;
        let mut rest = &output[1 + 3 + 1..];
        if left > 0 && rest.starts_with(b"\x65value") {
            let begin = &rest[6..];
            rest = skip(begin)?;
            answer.value = Some(&begin[..begin.len() - rest.len()]);
            left -= 1;
        }
        if left > 0 && rest.starts_with(b"\x66reason") {
            let mut decoder = Decoder::new(&rest[7..]);
            answer.reason = Some(decoder.text()?);
            decoder.end()?;
            left -= 1;
        }
        if left == 0 { Ok(answer) } else { Err(CborError::Value) }
    }

    /// The map that [`Answer::read`] reads.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let count = 1 + usize::from(self.value.is_some()) + usize::from(self.reason.is_some());
        let mut encoder = Encoder::default();
        encoder.map(count);
        encoder.text("ok");
        encoder.bool(self.ok);
        let mut bytes = encoder.finish();
        if let Some(value) = self.value {
            bytes.extend_from_slice(b"\x65value");
            bytes.extend_from_slice(value);
        }
        let mut encoder = Encoder::new(bytes);
        if let Some(reason) = self.reason {
            encoder.text("reason");
            encoder.text(reason);
        }
        encoder.finish()
    }
}

/// What an older module may say of its verdict; whatever else it answers is its own.
#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    ok: Option<bool>,
    #[serde(default)]
    valid: Option<bool>,
}

/// Whether an answer is a yes; `None` if it is not of the form.
pub(crate) fn says_yes(output: &[u8], format: Format) -> Option<bool> {
    match format {
        Format::Cbor => Answer::read(output).ok().map(|answer| answer.ok),
        Format::Json if output.trim_ascii_start().starts_with(b"{") => {
            let verdict: Verdict = serde_json::from_slice(output).ok()?;
            Some(verdict.ok != Some(false) && verdict.valid != Some(false))
        }
        Format::Json => serde_json::from_slice::<IgnoredAny>(output).ok().map(|_| true),
    }
}

/// What a module of ABI 1 is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Request<'a> {
    /// What is asked: strict dag-cbor.
    pub request: &'a [u8],
    /// By what rules: strict dag-cbor.
    pub rules: Option<&'a [u8]>,
    /// The time, milliseconds since 1970.
    pub now_ms: Option<u64>,
    /// Random bytes.
    pub seed: Option<[u8; 32]>,
}

impl Request<'_> {
    /// The map that the module reads.
    ///
    /// # Errors
    /// If the request or the rules are not strict dag-cbor.
    pub fn write(&self) -> Result<Vec<u8>, CborError> {
        check(self.request)?;
        self.rules.map_or(Ok(()), check)?;
        let optional = [self.rules.is_some(), self.now_ms.is_some(), self.seed.is_some()];
        let mut encoder = Encoder::default();
        encoder.map(1 + optional.iter().filter(|there| **there).count());
        if let Some(seed) = &self.seed {
            encoder.text("seed");
            encoder.bytes(seed);
        }
        let mut bytes = encoder.finish();
        if let Some(rules) = self.rules {
            bytes.extend_from_slice(b"\x65rules");
            bytes.extend_from_slice(rules);
        }
        let mut encoder = Encoder::new(bytes);
        if let Some(now_ms) = self.now_ms {
            encoder.text("now_ms");
            encoder.uint(now_ms);
        }
        let mut bytes = encoder.finish();
        bytes.extend_from_slice(b"\x67request");
        bytes.extend_from_slice(self.request);
        Ok(bytes)
    }
}
