//! Why a module of the registry cannot be had.

use std::fmt;

use dagvault_sandbox::LoadError;

/// Why a module of the registry cannot be had.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RegistryError {
    /// It is not a name of a module; the text says what is wrong.
    Name(String),
    /// There is no such module.
    NotFound(String),
    /// No profile is known: the module says none, and nobody else did.
    NoProfile,
    /// A profile that there is not.
    Profile(String),
    /// More gas than its profile allows.
    Gas {
        /// What was asked for.
        asked: u64,
        /// What may be.
        max: u64,
    },
    /// What is stored is not the module that it says it is.
    Damaged(String),
    /// It cannot be loaded.
    Load(LoadError),
    /// The vault says so.
    Vault(dagvault_api::Error),
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(wrong) => f.write_str(wrong),
            Self::NotFound(what) => write!(f, "not found: module {what}"),
            Self::NoProfile => f.write_str("the module does not say its profile"),
            Self::Profile(name) => write!(f, "there is no profile {name:?}"),
            Self::Gas { asked, max } => write!(f, "{asked} gas was asked for; the profile allows {max}"),
            Self::Damaged(what) => write!(f, "the registry is damaged: {what}"),
            Self::Load(error) => write!(f, "{error}"),
            Self::Vault(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for RegistryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Load(error) => Some(error),
            Self::Vault(error) => Some(error),
            _ => None,
        }
    }
}

impl From<LoadError> for RegistryError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl From<dagvault_api::Error> for RegistryError {
    fn from(error: dagvault_api::Error) -> Self {
        Self::Vault(error)
    }
}
