//! Why a module is refused.

use core::fmt;

/// The longest part of a module's own name that an error shows, characters.
const SHOWN_CHARS_MAX: usize = 80;

/// Why a module is refused, with the part of it that is at fault. Offsets are those of the module as it was handed in.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not valid WebAssembly of the features that are admitted.
    Invalid {
        /// Place in the module, bytes.
        offset: usize,
        /// The function that it is in.
        function: Option<u32>,
        /// What the validator says.
        reason: String,
    },
    /// It has more of something than the limits allow.
    Limit {
        /// Of what.
        what: &'static str,
        /// What it has, or claims to have.
        count: u64,
        /// What it may have.
        limit: u64,
        /// The function that it is in.
        function: Option<u32>,
    },
    /// It uses an instruction that has no price.
    Instruction {
        /// The function that it is in.
        function: u32,
        /// Place in the module, bytes.
        offset: usize,
        /// The instruction.
        name: String,
    },
    /// It imports what its profile doesn't have.
    Import {
        /// The module that is imported from.
        module: String,
        /// The name there.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It exports a name that is reserved.
    Export {
        /// The name.
        name: String,
    },
    /// The facts that were handed over were made from another module.
    Facts,
}

/// A module's own name: shortened, with everything escaped that a terminal or a log may take for something else.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut = self.0.char_indices().nth(SHOWN_CHARS_MAX).map(|(at, _)| at);
        let escaped = self.0[..cut.unwrap_or(self.0.len())].escape_default();
        write!(f, "\"{escaped}{}\"", if cut.is_some() { "…" } else { "" })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { offset, function: Some(function), reason } => {
                write!(f, "function {function}, at byte {offset}: {}", Shown(reason))
            }
            Self::Invalid { offset, function: None, reason } => {
                write!(f, "at byte {offset}: {}", Shown(reason))
            }
            Self::Limit { what, count, limit, function } => {
                if let Some(function) = function {
                    write!(f, "function {function}: ")?;
                }
                write!(f, "{count} {what}, the limit is {limit}")
            }
            Self::Instruction { function, offset, name } => {
                write!(f, "function {function}, at byte {offset}: {} is not admitted", Shown(name))
            }
            Self::Import { module, name, reason } => {
                write!(f, "the import {} from {} {reason}", Shown(name), Shown(module))
            }
            Self::Export { name } => {
                write!(f, "the export {}: names that begin with dv: are reserved", Shown(name))
            }
            Self::Facts => write!(f, "these facts are of another module"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<wasmparser::Error> for Refusal {
    fn from(error: wasmparser::Error) -> Self {
        Self::Invalid { offset: error.offset(), function: None, reason: error.message().to_owned() }
    }
}

impl Refusal {
    /// The same refusal, with the function that it is in.
    pub(crate) fn within(self, index: u32) -> Self {
        match self {
            Self::Invalid { offset, function: None, reason } => {
                Self::Invalid { offset, function: Some(index), reason }
            }
            other => other,
        }
    }
}

/// Refuses a count above its limit.
pub(crate) fn bound(
    what: &'static str,
    count: u64,
    limit: u32,
    function: Option<u32>,
) -> Result<(), Refusal> {
    let limit = u64::from(limit);
    if count > limit { Err(Refusal::Limit { what, count, limit, function }) } else { Ok(()) }
}
