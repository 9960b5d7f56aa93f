//! The one error of this crate.

use core::fmt;

/// Why an operation of this crate was refused.
///
/// [`Error::Authentication`] is the data's (or the key's) fault, [`Error::Memory`] the machine's, every other
/// variant the caller's. The discriminants are stable: they cross the boundary of a wasm guest as one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Error {
    /// A tag, a commitment or a signature did not verify; deliberately says no more than that.
    Authentication = 1,
    /// The byte names no [`crate::aead::Suite`].
    UnknownSuite = 2,
    /// The nonce has not the length that the suite asks for.
    NonceLength = 3,
    /// A message, associated data or a password is longer than the algorithm may process.
    InputLength = 4,
    /// More (or fewer) output bytes were asked for than the function gives.
    OutputLength = 5,
    /// The salt is shorter or longer than the function takes.
    SaltLength = 6,
    /// Cost parameters lie outside their bounds.
    Parameters = 7,
    /// The working memory could not be allocated.
    Memory = 8,
}

impl Error {
    /// Returns the variant's stable number, 1 to 8.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "authentication failed",
            Self::UnknownSuite => "unknown cipher suite",
            Self::NonceLength => "wrong nonce length for the cipher suite",
            Self::InputLength => "input too long",
            Self::OutputLength => "output length out of bounds",
            Self::SaltLength => "salt length out of bounds",
            Self::Parameters => "cost parameters out of bounds",
            Self::Memory => "not enough memory for the computation",
        })
    }
}

impl core::error::Error for Error {}
