//! What an intent is given: state, effects, and other modules.

use core::fmt;
use core::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host;
use crate::{Context, Inputs, Level};

/// What an intent is given. What it changes counts only when it answers that it is accepted.
///
/// Natively, for tests, it is a state in memory that begins empty, and effects are kept to be looked at.
#[derive(Debug, Default)]
pub struct Intent {
    context: Context,
    world: host::World,
}

/// Why a call of another module has no output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// It rejected its input.
    Rejected,
    /// It failed.
    Failed,
    /// It may not be called: too deep, already running, or unknown.
    NotAllowed,
    /// It answered more than there was room for.
    TooLong {
        /// Bytes of its output.
        bytes: usize,
    },
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected => f.write_str("the module that was called rejected its input"),
            Self::Failed => f.write_str("the module that was called failed"),
            Self::NotAllowed => f.write_str("the module may not be called"),
            Self::TooLong { bytes } => {
                write!(f, "the module that was called answered {bytes} bytes, too many")
            }
        }
    }
}

impl std::error::Error for CallError {}

impl Intent {
    /// One with these inputs and, natively, an empty state.
    #[must_use]
    pub fn new(inputs: Inputs) -> Self {
        Self { context: Context::new(inputs), world: host::World::default() }
    }

    /// Writes a line to the host's log, which is bounded.
    pub fn log(&self, level: Level, line: impl fmt::Display) {
        self.context.log(level, line);
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.world.get(key)
    }

    /// Gives a key a value.
    pub fn set(&mut self, key: &[u8], value: &[u8]) {
        self.world.set(key, value);
    }

    /// Takes a key and its value away.
    pub fn delete(&mut self, key: &[u8]) {
        self.world.delete(key);
    }

    /// The value of a key, read as dag-cbor; `None` where there is none.
    ///
    /// # Errors
    ///
    /// When the value is not of the type.
    pub fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, String> {
        self.get(key).map(|value| crate::decode(&value)).transpose()
    }

    /// Gives a key a value as dag-cbor.
    pub fn write<T: Serialize + ?Sized>(&mut self, key: &[u8], value: &T) {
        self.set(key, &crate::encode(value));
    }

    /// Tells something to be done outside, in the order told, when this is accepted.
    pub fn effect<T: Serialize + ?Sized>(&mut self, effect: &T) {
        self.world.effect(&crate::encode(effect));
    }

    /// Runs a function of another module, within the gas that is left, and answers its output; there is room for
    /// `output_bytes_max`.
    ///
    /// # Errors
    ///
    /// When it rejects, fails, may not be called, or answers more.
    pub fn call(
        &mut self,
        cid: &[u8],
        operation: u32,
        input: &[u8],
        output_bytes_max: usize,
    ) -> Result<Vec<u8>, CallError> {
        self.world.call(cid, operation, input, output_bytes_max)
    }

    /// What was told, in order, as dag-cbor. Natively only.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn effects(&self) -> &[Vec<u8>] {
        &self.world.effects
    }

    /// Answers calls of other modules by a function of the module's CID, the number of its function, and the input.
    /// Natively only; without it no module may be called.
    #[cfg(not(target_family = "wasm"))]
    #[must_use]
    pub fn with_modules(
        mut self,
        modules: impl FnMut(&[u8], u32, &[u8]) -> Result<Vec<u8>, CallError> + 'static,
    ) -> Self {
        self.world.modules = Some(host::Modules(Box::new(modules)));
        self
    }
}

impl Deref for Intent {
    type Target = Inputs;

    fn deref(&self) -> &Inputs {
        &self.context
    }
}
