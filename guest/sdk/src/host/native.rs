//! Natively: a state in memory, for tests.

use core::fmt;
use std::collections::BTreeMap;

use crate::{CallError, Level};

/// Writes a line to stderr.
pub(crate) fn log(level: Level, line: &str) {
    eprintln!("{level:?}: {line}");
}

/// Panics are the test's affair.
pub(crate) fn log_panics() {}

/// A module's CID, the number of its function, and the input, to an output.
type Call = dyn FnMut(&[u8], u32, &[u8]) -> Result<Vec<u8>, CallError>;

/// Answers calls of other modules.
pub(crate) struct Modules(pub(crate) Box<Call>);

impl fmt::Debug for Modules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Modules")
    }
}

/// State, effects and modules.
#[derive(Debug, Default)]
pub(crate) struct World {
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) effects: Vec<Vec<u8>>,
    pub(crate) modules: Option<Modules>,
}

impl World {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.state.get(key).cloned()
    }

    pub(crate) fn set(&mut self, key: &[u8], value: &[u8]) {
        self.state.insert(key.to_vec(), value.to_vec());
    }

    pub(crate) fn delete(&mut self, key: &[u8]) {
        self.state.remove(key);
    }

    pub(crate) fn effect(&mut self, effect: &[u8]) {
        self.effects.push(effect.to_vec());
    }

    pub(crate) fn call(
        &mut self,
        cid: &[u8],
        operation: u32,
        input: &[u8],
        output_bytes_max: usize,
    ) -> Result<Vec<u8>, CallError> {
        let modules = self.modules.as_mut().ok_or(CallError::NotAllowed)?;
        let output = modules.0(cid, operation, input)?;
        if output.len() > output_bytes_max {
            return Err(CallError::TooLong { bytes: output.len() });
        }
        Ok(output)
    }
}
