//! How a start and how a call can fail.

use std::fmt;

use dagvault_api::Error;

/// Why an engine did not start.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The module is not one that this host runs.
    Refused {
        /// What is wrong with it.
        detail: String,
    },
    /// A field of the configuration is out of its range.
    Config {
        /// Which, and the range.
        detail: String,
    },
    /// Wasmtime or the system did not give what an engine needs.
    System {
        /// What was said.
        detail: String,
    },
}

impl StartError {
    pub(crate) fn refused(detail: impl Into<String>) -> Self {
        Self::Refused { detail: detail.into() }
    }

    pub(crate) fn system(what: &str, error: &dyn fmt::Display) -> Self {
        Self::System { detail: format!("{what}: {error:#}") }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { detail } => write!(f, "the engine module is refused: {detail}"),
            Self::Config { detail } => write!(f, "the engine's configuration: {detail}"),
            Self::System { detail } => write!(f, "the engine cannot start: {detail}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Refused { detail } => Self::GuestMisbehaved { detail },
            StartError::Config { detail } => Self::BadRequest { detail },
            StartError::System { .. } => Self::Io { detail: error.to_string() },
        }
    }
}

/// How a call ended other than by an answer; each of these ends the instances too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// WebAssembly trapped, or the host's side of an import panicked.
    Trap(String),
    /// The deadline passed.
    Deadline,
    /// The guest broke the ABI.
    Misbehaved(String),
}

impl Failure {
    pub(crate) fn misbehaved(detail: impl Into<String>) -> Self {
        Self::Misbehaved(detail.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(detail) => write!(f, "trap: {detail}"),
            Self::Deadline => f.write_str("deadline"),
            Self::Misbehaved(detail) => write!(f, "misbehaved: {detail}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return own,
            Err(error) => error,
        };
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(wasmtime::Trap::Interrupt) => Self::Deadline,
            Some(trap) => Self::Trap(trap.to_string()),
            None => Self::Trap(error.to_string()),
        }
    }
}
