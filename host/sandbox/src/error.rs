//! Why a module cannot be loaded.

use std::fmt;

use dagvault_core::cbor::CborError;
use dagvault_meter::admit::Refusal;

use crate::module::NoForm;

/// Why a module cannot be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It is not admitted.
    Refused(Refusal),
    /// What it says of itself is not of the form.
    Manifest(CborError),
    /// It cannot be called.
    Form(NoForm),
    /// The process that compiles refused it.
    Told {
        /// What it said.
        detail: String,
    },
    /// The process that compiles ended early, or was ended: it took too long, or too much memory.
    Compiler {
        /// How.
        detail: String,
    },
    /// Its bytes have another SHA-256 than was said.
    Sha256,
    /// As many modules are compiled as may be; try later.
    Overloaded,
    /// The engine does not take it.
    Engine {
        /// What was said.
        detail: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "the module is refused: {refusal}"),
            Self::Manifest(error) => write!(f, "the module's section dagvault:module: {error}"),
            Self::Form(error) => write!(f, "{error}"),
            Self::Told { detail } => f.write_str(detail),
            Self::Compiler { detail } => write!(f, "the module could not be compiled: {detail}"),
            Self::Sha256 => f.write_str("the module has another SHA-256 than was said"),
            Self::Overloaded => f.write_str("too many modules are being compiled; try again later"),
            Self::Engine { detail } => write!(f, "the module cannot be loaded: {detail}"),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Manifest(error) => Some(error),
            Self::Form(error) => Some(error),
            _ => None,
        }
    }
}
