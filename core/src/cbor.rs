//! Strict dag-cbor: one encoding for each value, and nothing else is accepted.
//!
//! Source: RFC 8949 with the dag-cbor restrictions (shortest integers and lengths, definite lengths, text
//! keys in length-first order without repeats, no floats, tag 42 only). Records are arrays of known
//! length; maps serve only where keys are the user's. A decoder borrows from its input, never allocates
//! more than the input can fill and never recurses by itself.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::ids::Cid;
use crate::wipe::wipe;

const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const TAG_CID: u64 = 42;
const DEPTH_MAX: u8 = 8;

/// Why bytes are not the strict dag-cbor that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends inside a value.
    Truncated,
    /// Bytes follow the value.
    Trailing,
    /// Another type stands where one was expected.
    Type,
    /// A number, length or order that the strict form writes otherwise.
    NotCanonical,
    /// Text that is not UTF-8.
    Utf8,
    /// An unknown tag of an enum, a number out of range, or a record of another length.
    Value,
}

impl fmt::Display for CborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "dag-cbor ends too early",
            Self::Trailing => "bytes follow the dag-cbor value",
            Self::Type => "dag-cbor value of another type",
            Self::NotCanonical => "dag-cbor is not in canonical form",
            Self::Utf8 => "dag-cbor text is not UTF-8",
            Self::Value => "dag-cbor value out of range",
        })
    }
}

impl core::error::Error for CborError {}

/// Takes encoded bytes, in order.
type Sink<'s> = &'s mut dyn FnMut(&[u8]);

/// Appends strict dag-cbor to a buffer, or hands it on in pieces.
#[derive(Default)]
pub struct Encoder<'s> {
    out: Vec<u8>,
    /// What takes the buffer whenever it is full, and long strings as they are, without a copy.
    sink: Option<Sink<'s>>,
}

impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("bytes", &self.out.len()).finish_non_exhaustive()
    }
}

impl<'s> Encoder<'s> {
    /// Bytes that an encoder into a sink gathers.
    const PIECE_BYTES: usize = 4096;

    /// An encoder that appends to `out`.
    #[must_use]
    pub fn new(out: Vec<u8>) -> Self {
        Self { out, sink: None }
    }

    /// An encoder that hands its bytes to `sink`; [`Encoder::finish`] hands on the last.
    pub fn into_sink(sink: Sink<'s>) -> Self {
        Self { out: Vec::with_capacity(Self::PIECE_BYTES), sink: Some(sink) }
    }

    /// The bytes written; none if there is a sink.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }

    fn flush(&mut self) {
        if let Some(sink) = &mut self.sink {
            sink(&self.out);
            wipe(&mut self.out);
            self.out.clear();
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.sink.is_some() && self.out.len() + bytes.len() > Self::PIECE_BYTES {
            self.flush();
            if let (true, Some(sink)) = (bytes.len() > Self::PIECE_BYTES, &mut self.sink) {
                return sink(bytes);
            }
        }
        self.out.extend_from_slice(bytes);
    }

    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    #[inline]
    fn head(&mut self, major: u8, value: u64) {
        if value < 24 {
            self.append(&[major << 5 | value as u8]);
        } else {
            self.long_head(major << 5, value);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "each arm has checked the range")]
    fn long_head(&mut self, major: u8, value: u64) {
        match value {
            0..=0xff => self.append(&[major | 24, value as u8]),
            0x100..=0xffff => {
                self.append(&[major | 25]);
                self.append(&(value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.append(&[major | 26]);
                self.append(&(value as u32).to_be_bytes());
            }
            _ => {
                self.append(&[major | 27]);
                self.append(&value.to_be_bytes());
            }
        }
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) {
        self.head(UINT, value);
    }

    /// A negative integer: −1 − `value`.
    pub fn negative(&mut self, value: u64) {
        self.head(NEGATIVE, value);
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.head(BYTES, value.len() as u64);
        self.append(value);
    }

    /// A text string.
    pub fn text(&mut self, value: &str) {
        self.head(TEXT, value.len() as u64);
        self.append(value.as_bytes());
    }

    /// The head of an array of `count` items, which follow.
    pub fn array(&mut self, count: usize) {
        self.head(ARRAY, count as u64);
    }

    /// The head of a map of `count` pairs, which follow in length-first order of their keys.
    pub fn map(&mut self, count: usize) {
        self.head(MAP, count as u64);
    }

    /// A truth value.
    pub fn bool(&mut self, value: bool) {
        self.append(&[if value { TRUE } else { FALSE }]);
    }

    /// The absent value.
    pub fn null(&mut self) {
        self.append(&[NULL]);
    }

    /// A link: tag 42 over a zero byte and the binary CID.
    pub fn link(&mut self, cid: Cid) {
        self.link_bytes(&cid.to_bytes());
    }

    /// A link to whatever a binary CID names.
    pub fn link_bytes(&mut self, cid: &[u8]) {
        self.head(TAG, TAG_CID);
        self.head(BYTES, 1 + cid.len() as u64);
        self.append(&[0]);
        self.append(cid);
    }
}

/// Reads strict dag-cbor from a slice.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input, depth: 0 }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `Trailing` if input is left.
    pub fn end(&self) -> Result<(), CborError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CborError::Trailing) }
    }

    /// Steps into an enum, which may hold others of its kind; the depth is bounded so that hostile input
    /// cannot exhaust the stack.
    ///
    /// # Errors
    /// `Value` if records nest deeper than any of ours.
    pub fn enter(&mut self) -> Result<(), CborError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(CborError::Value) } else { Ok(()) }
    }

    /// Steps out again.
    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], CborError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    fn head(&mut self, major: u8) -> Result<u64, CborError> {
        let [first] = self.take_array::<1>()?;
        if first >> 5 != major {
            return Err(CborError::Type);
        }
        let (value, least) = match first & 31 {
            small @ 0..=23 => (u64::from(small), 0),
            24 => (u64::from(self.take_array::<1>()?[0]), 24),
            25 => (u64::from(u16::from_be_bytes(self.take_array()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.take_array()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.take_array()?), 0x1_0000_0000),
            _ => return Err(CborError::NotCanonical),
        };
        if value < least { Err(CborError::NotCanonical) } else { Ok(value) }
    }

    /// A length, which at least `unit` bytes of input each must follow.
    fn length(&mut self, major: u8, unit: usize) -> Result<usize, CborError> {
        let length = usize::try_from(self.head(major)?).map_err(|_| CborError::Truncated)?;
        if length.checked_mul(unit).is_none_or(|least| least > self.rest.len()) {
            return Err(CborError::Truncated);
        }
        Ok(length)
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.head(UINT)
    }

    /// The major type of what stands there: 0 to 7, as RFC 8949 has them.
    ///
    /// # Errors
    /// If nothing does.
    pub fn major(&self) -> Result<u8, CborError> {
        self.rest.first().map(|first| first >> 5).ok_or(CborError::Truncated)
    }

    /// A negative integer: −1 less the answer.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn negative(&mut self) -> Result<u64, CborError> {
        self.head(NEGATIVE)
    }

    /// A byte string.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let length = self.length(BYTES, 1)?;
        self.take(length)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        self.bytes()?.try_into().map_err(|_| CborError::Value)
    }

    /// A text string.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let length = self.length(TEXT, 1)?;
        core::str::from_utf8(self.take(length)?).map_err(|_| CborError::Utf8)
    }

    /// The head of an array; answers how many items follow.
    ///
    /// # Errors
    /// If anything else stands there, or fewer bytes follow than items.
    pub fn array(&mut self) -> Result<usize, CborError> {
        self.length(ARRAY, 1)
    }

    /// The head of an array of exactly `count` items.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn record(&mut self, count: usize) -> Result<(), CborError> {
        if self.array()? == count { Ok(()) } else { Err(CborError::Value) }
    }

    /// The head of a map; answers how many pairs follow.
    ///
    /// # Errors
    /// If anything else stands there, or fewer bytes follow than pairs need.
    pub fn map(&mut self) -> Result<usize, CborError> {
        self.length(MAP, 2)
    }

    /// A truth value.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        match self.take_array()? {
            [FALSE] => Ok(false),
            [TRUE] => Ok(true),
            _ => Err(CborError::Type),
        }
    }

    /// Steps over a null if one stands there, and tells whether it did.
    pub fn null(&mut self) -> bool {
        match self.rest.strip_prefix(&[NULL]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A link.
    ///
    /// # Errors
    /// If anything else stands there, or a CID other than of a block.
    pub fn link(&mut self) -> Result<Cid, CborError> {
        Cid::from_bytes(self.link_bytes()?).ok_or(CborError::Value)
    }

    /// A link to anything; answers the bytes of its CID, unchecked.
    ///
    /// # Errors
    /// If anything else stands there.
    pub fn link_bytes(&mut self) -> Result<&'a [u8], CborError> {
        if self.head(TAG)? != TAG_CID {
            return Err(CborError::Value);
        }
        self.bytes()?.strip_prefix(&[0]).ok_or(CborError::Value)
    }
}

/// A value with one strict dag-cbor form.
pub trait Wire<'a>: Sized {
    /// Appends the value.
    fn encode(&self, to: &mut Encoder<'_>);

    /// Reads a value.
    ///
    /// # Errors
    /// If the input is anything but what `encode` writes.
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError>;
}

/// The dag-cbor of one value.
#[must_use]
pub fn to_vec<'a, T: Wire<'a>>(value: &T) -> Vec<u8> {
    let mut encoder = Encoder::default();
    value.encode(&mut encoder);
    encoder.finish()
}

/// Reads the one value that `input` is.
///
/// # Errors
/// If `input` is anything but what [`to_vec`] writes.
pub fn from_slice<'a, T: Wire<'a>>(input: &'a [u8]) -> Result<T, CborError> {
    let mut decoder = Decoder::new(input);
    let value = T::decode(&mut decoder)?;
    decoder.end()?;
    Ok(value)
}

macro_rules! wire_uint {
    ($($int:ty),*) => {$(
        impl<'a> Wire<'a> for $int {
            fn encode(&self, to: &mut Encoder<'_>) {
                to.uint(u64::from(*self));
            }
            fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
                Self::try_from(from.uint()?).map_err(|_| CborError::Value)
            }
        }
    )*};
}
// Not `u8`: a `Vec<u8>` would then read as an array of numbers, where bytes are meant.
wire_uint!(u16, u32, u64);

impl<'a> Wire<'a> for bool {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.bool(*self);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.bool()
    }
}

impl<'a> Wire<'a> for Cid {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.link(*self);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.link()
    }
}

impl<'a, const N: usize> Wire<'a> for [u8; N] {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.bytes(self);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.fixed()
    }
}

impl<'a> Wire<'a> for Cow<'a, [u8]> {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.bytes(self);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.bytes().map(Cow::Borrowed)
    }
}

impl<'a> Wire<'a> for Cow<'a, str> {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.text(self);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.text().map(Cow::Borrowed)
    }
}

impl<'a> Wire<'a> for String {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.text(self);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.text().map(Self::from)
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Option<T> {
    fn encode(&self, to: &mut Encoder<'_>) {
        match self {
            Some(value) => value.encode(to),
            None => to.null(),
        }
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        if from.null() { Ok(None) } else { T::decode(from).map(Some) }
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Vec<T> {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.array(self.len());
        self.iter().for_each(|item| item.encode(to));
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        // No reservation by the claimed count: memory follows what is really there.
        let count = from.array()?;
        (0..count).map(|_| T::decode(from)).collect()
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for alloc::boxed::Box<T> {
    fn encode(&self, to: &mut Encoder<'_>) {
        (**self).encode(to);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        T::decode(from).map(Self::new)
    }
}

/// A byte string that owns its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    /// Only the length: the bytes may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl<'a> Wire<'a> for Bytes {
    fn encode(&self, to: &mut Encoder<'_>) {
        to.bytes(&self.0);
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        from.bytes().map(|bytes| Self(bytes.to_vec()))
    }
}

/// The order of keys in a dag-cbor map: shorter first, then by bytes.
fn key_order(a: &str, b: &str) -> core::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl<'a, T: Wire<'a>> Wire<'a> for BTreeMap<String, T> {
    fn encode(&self, to: &mut Encoder<'_>) {
        let mut pairs: Vec<_> = self.iter().collect();
        pairs.sort_by(|a, b| key_order(a.0, b.0));
        to.map(pairs.len());
        for (key, value) in pairs {
            to.text(key);
            value.encode(to);
        }
    }
    fn decode(from: &mut Decoder<'a>) -> Result<Self, CborError> {
        let mut map = Self::new();
        let mut last: Option<&'a str> = None;
        for _ in 0..from.map()? {
            let key = from.text()?;
            if last.is_some_and(|last| key_order(last, key).is_ge()) {
                return Err(CborError::NotCanonical);
            }
            last = Some(key);
            map.insert(String::from(key), T::decode(from)?);
        }
        Ok(map)
    }
}

/// Defines [`Wire`] for a struct as the array of its fields in order.
///
/// `wire_struct!(Name<'a> { first, second })`; leave the lifetime out where the struct has none.
#[macro_export]
macro_rules! wire_struct {
    ($name:ident $(<$life:lifetime>)? { $($field:ident),* $(,)? }) => {
        impl<'a> $crate::cbor::Wire<'a> for $name $(<$life>)? {
            fn encode(&self, to: &mut $crate::cbor::Encoder<'_>) {
                to.array([$(stringify!($field)),*].len());
                $($crate::cbor::Wire::encode(&self.$field, to);)*
            }
            fn decode(from: &mut $crate::cbor::Decoder<'a>) -> Result<Self, $crate::cbor::CborError> {
                from.record([$(stringify!($field)),*].len())?;
                Ok(Self { $($field: $crate::cbor::Wire::decode(from)?),* })
            }
        }
    };
}

/// Defines [`Wire`] for an enum of struct-like variants as the array of a number and the fields in order.
///
/// `wire_enum!(Name<'a> { 0 => Empty {}, 1 => Pair { left, right } })`.
#[macro_export]
macro_rules! wire_enum {
    ($name:ident $(<$life:lifetime>)? { $($tag:literal => $variant:ident { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl<'a> $crate::cbor::Wire<'a> for $name $(<$life>)? {
            fn encode(&self, to: &mut $crate::cbor::Encoder<'_>) {
                match self {
                    $(Self::$variant { $($field),* } => {
                        let fields: &[&str] = &[$(stringify!($field)),*];
                        to.array(1 + fields.len());
                        to.uint($tag);
                        $($crate::cbor::Wire::encode($field, to);)*
                    })*
                }
            }
            fn decode(from: &mut $crate::cbor::Decoder<'a>) -> Result<Self, $crate::cbor::CborError> {
                from.enter()?;
                let count = from.array()?;
                let value = match from.uint()? {
                    $($tag => {
                        let fields: &[&str] = &[$(stringify!($field)),*];
                        if count != 1 + fields.len() {
                            return Err($crate::cbor::CborError::Value);
                        }
                        Ok(Self::$variant { $($field: $crate::cbor::Wire::decode(from)?),* })
                    })*
                    _ => Err($crate::cbor::CborError::Value),
                };
                from.leave();
                value
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(PartialEq, Debug)]
    struct Pair<'a> {
        left: u64,
        right: Cow<'a, [u8]>,
    }
    wire_struct!(Pair<'a> { left, right });

    #[derive(PartialEq, Debug)]
    enum Shape {
        Empty {},
        Named { name: String, parts: Vec<u32> },
    }
    wire_enum!(Shape { 0 => Empty {}, 1 => Named { name, parts } });

    #[test]
    fn integers_have_one_form() {
        for (value, bytes) in [
            (0_u64, &[0_u8][..]),
            (23, &[23]),
            (24, &[24, 24]),
            (255, &[24, 255]),
            (256, &[25, 1, 0]),
            (65_536, &[26, 0, 1, 0, 0]),
            (u64::MAX, &[27, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            assert_eq!(to_vec(&value), bytes);
            assert_eq!(from_slice::<u64>(bytes), Ok(value));
        }
        for bad in [&[24_u8, 23][..], &[25, 0, 255], &[26, 0, 0, 255, 255], &[27, 0, 0, 0, 0, 1, 1, 1, 1]] {
            assert_eq!(from_slice::<u64>(bad), Err(CborError::NotCanonical));
        }
        assert_eq!(from_slice::<u16>(&[26, 0, 1, 0, 0]), Err(CborError::Value));
        assert_eq!(from_slice::<u64>(&[0x1f]), Err(CborError::NotCanonical));
    }

    #[test]
    fn records_and_enums_round_trip_and_refuse_other_lengths() {
        let pair = Pair { left: 7, right: Cow::Borrowed(b"xyz") };
        let bytes = to_vec(&pair);
        assert_eq!(bytes, [0x82, 7, 0x43, b'x', b'y', b'z']);
        assert_eq!(from_slice::<Pair<'_>>(&bytes), Ok(pair));
        let shape = Shape::Named { name: "n".into(), parts: [1, 2].into() };
        assert_eq!(from_slice::<Shape>(&to_vec(&shape)), Ok(shape));
        assert_eq!(from_slice::<Shape>(&to_vec(&Shape::Empty {})), Ok(Shape::Empty {}));
        assert_eq!(from_slice::<Shape>(&[0x82, 0, 0]), Err(CborError::Value));
        assert_eq!(from_slice::<Shape>(&[0x81, 9]), Err(CborError::Value));
        assert_eq!(from_slice::<Shape>(&[0x81, 0, 0]), Err(CborError::Trailing));
    }

    #[test]
    fn claimed_lengths_are_held_against_the_input() {
        assert_eq!(from_slice::<Vec<u64>>(&[0x9b, 0xff, 0, 0, 0, 0, 0, 0, 0]), Err(CborError::Truncated));
        assert_eq!(from_slice::<Bytes>(&[0x5a, 0xff, 0xff, 0xff, 0xff]), Err(CborError::Truncated));
    }

    #[test]
    fn map_keys_come_length_first_and_once() {
        let map: BTreeMap<String, u64> = [("bb".into(), 1), ("a".into(), 2), ("c".into(), 3)].into();
        let bytes = to_vec(&map);
        assert_eq!(bytes, [0xa3, 0x61, b'a', 2, 0x61, b'c', 3, 0x62, b'b', b'b', 1]);
        assert_eq!(from_slice(&bytes), Ok(map));
        let twice = [0xa2, 0x61, b'a', 2, 0x61, b'a', 3];
        assert_eq!(from_slice::<BTreeMap<String, u64>>(&twice), Err(CborError::NotCanonical));
        let unordered = [0xa2, 0x61, b'c', 2, 0x61, b'a', 3];
        assert_eq!(from_slice::<BTreeMap<String, u64>>(&unordered), Err(CborError::NotCanonical));
    }

    #[test]
    fn links_are_tag_42() {
        let cid = Cid([9; 32]);
        let bytes = to_vec(&cid);
        assert_eq!(bytes[..5], [0xd8, 42, 0x58, 37, 0]);
        assert_eq!(from_slice::<Cid>(&bytes), Ok(cid));
        let mut other = bytes;
        other[1] = 43;
        assert_eq!(from_slice::<Cid>(&other), Err(CborError::Value));
    }
}
