//! What functions are given beside their request.

use core::fmt::Display;
use core::ops::Deref;

/// What an execution was given by its host; the same input gives the same answer, everywhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inputs {
    /// The time that counts, milliseconds since 1970. There is no other clock.
    pub now_ms: Option<u64>,
    /// What random numbers may be drawn from. There is no other randomness.
    pub seed: Option<[u8; 32]>,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// It failed.
    Error,
    /// It may be wrong.
    Warn,
    /// Worth knowing.
    Info,
    /// For who looks for a fault.
    Debug,
    /// Every step.
    Trace,
}

/// What a validator is given: the [`Inputs`], and a log.
#[derive(Debug, Default)]
pub struct Context {
    inputs: Inputs,
}

impl Context {
    /// One with these inputs; in tests, for functions that want one. There the log goes to stderr.
    #[must_use]
    pub fn new(inputs: Inputs) -> Self {
        Self { inputs }
    }

    /// Writes a line to the host's log, which is bounded.
    pub fn log(&self, level: Level, line: impl Display) {
        crate::host::log(level, &line.to_string());
    }

    /// Writes a line that is worth knowing.
    pub fn info(&self, line: impl Display) {
        self.log(Level::Info, line);
    }
}

impl Deref for Context {
    type Target = Inputs;

    fn deref(&self) -> &Inputs {
        &self.inputs
    }
}
