//! JSON with one form for each value.
//!
//! [`write`] gives RFC 8785's form: no spaces, members by their names' UTF-16 units, the shortest escapes. Numbers are
//! whole ones, written out whatever their size. [`read`] takes any JSON of such values within [`Limits`], and refuses
//! what RFC 8259 leaves open: names that stand twice, lone surrogates, fractions, exponents, minus zero.

mod reader;
mod writer;

pub use reader::{JsonError, Limits, Wrong, read};
pub use writer::{length, write};
