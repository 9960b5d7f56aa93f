//! Values as requests and rules are made of: JSON's, with whole numbers only.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The least number that a value can be.
pub const INTEGER_MIN: i128 = i64::MIN as i128;
/// The greatest number that a value can be.
pub const INTEGER_MAX: i128 = u64::MAX as i128;

/// Members of an object by their names.
pub type Map = BTreeMap<String, Value>;

/// A value of JSON; its numbers are whole ones from [`INTEGER_MIN`] to [`INTEGER_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// An object.
    Map(Map),
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The members, if it is an object.
    #[must_use]
    pub fn map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(number.into())
    }
}

impl<const N: usize> From<[(&str, Value); N]> for Value {
    fn from(members: [(&str, Value); N]) -> Self {
        Self::Map(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}
