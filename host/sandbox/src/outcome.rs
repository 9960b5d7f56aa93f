//! How executions end, and what they leave.

use std::fmt;

/// How an execution ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The module said yes.
    Ok,
    /// The module said no.
    Reject,
    /// The module went wrong.
    Trap(Trap),
    /// Less gas was left than something costs.
    OutOfGas,
    /// The wall clock ended it: the only ending that is not the same everywhere.
    Timeout,
    /// It trapped, and its last growth of memory had been refused.
    MemoryLimit,
}

/// The kinds of traps, once as an enumeration, once with their numbers and words.
macro_rules! traps {
    ($($trap:ident = $number:literal, $words:literal, $says:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Trap {
            $(#[doc = $says] $trap,)*
        }

        impl Trap {
            /// Every kind.
            pub const ALL: [Self; [$($number),*].len()] = [$(Self::$trap),*];

            /// Its number in receipts.
            #[must_use]
            pub fn number(self) -> u64 {
                match self {
                    $(Self::$trap => $number,)*
                }
            }

            /// The kind of a number.
            #[must_use]
            pub fn numbered(number: u64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$trap),)*
                    _ => None,
                }
            }

            fn words(self) -> &'static str {
                match self {
                    $(Self::$trap => $words,)*
                }
            }
        }
    };
}

traps! {
    Unreachable = 0, "unreachable", "`unreachable`: what most compilers make of a panic.";
    MemoryOutOfBounds = 1, "memory out of bounds", "Bytes outside the memory or a data segment.";
    TableOutOfBounds = 2, "table out of bounds", "Elements outside a table or an element segment.";
    IndirectCallToNull = 3, "indirect call of null", "An indirect call of a null reference.";
    BadSignature = 4, "indirect call of another type", "An indirect call of a function of another type.";
    IntegerOverflow = 5, "integer overflow", "A quotient or an integer that is not representable.";
    IntegerDivisionByZero = 6, "integer division by zero", "An integer divided by zero.";
    BadConversionToInteger = 7, "not a number made an integer", "NaN made an integer.";
    StackExhausted = 8, "stack exhausted", "Less of the counted stack was left than a function's frame.";
    Pointer = 9, "bad pointer", "A pointer or a length outside the memory was given to the host.";
    Output = 10, "output not of the form", "The output is not of the form.";
    Effect = 11, "effect not of the form", "An effect is not strict dag-cbor.";
    HostLimit = 12, "more than the host takes", "More, or longer, than a function of the host takes.";
    Exit = 13, "exit with an error", "The program ended itself with a code other than 0.";
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Reject => f.write_str("rejected"),
            Self::Trap(trap) => write!(f, "trap: {trap}"),
            Self::OutOfGas => f.write_str("out of gas"),
            Self::Timeout => f.write_str("timeout"),
            Self::MemoryLimit => f.write_str("out of memory"),
        }
    }
}

/// A line of a module's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// From 0, an error, to 4.
    pub level: u8,
    /// Its text, on one line, with everything escaped that a terminal or a log may take for something else.
    pub text: String,
}

/// What an execution came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Execution {
    /// How it ended.
    pub outcome: Outcome,
    /// What the module answered, as it wrote it; empty unless the outcome is `Ok` or `Reject`.
    pub output: Vec<u8>,
    /// Its effects in order, each strict dag-cbor; none unless the outcome is `Ok`.
    pub effects: Vec<Vec<u8>>,
    /// Keys of the state that it wrote or, with `None`, deleted, in their order; none unless the outcome is `Ok`.
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Its log, whatever the outcome.
    pub logs: Vec<Log>,
    /// Lines of the log that were left out.
    pub logs_dropped: u64,
    /// Gas that was used: exact, unless the outcome is `Timeout`.
    pub gas: u64,
}

/// Why nothing was executed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// As many executions run and wait as may; try later.
    Overloaded {
        /// How many run.
        running: usize,
        /// How many wait.
        waiting: usize,
    },
    /// More gas was asked for than the profile allows.
    Gas {
        /// What was asked for.
        asked: u64,
        /// What may be.
        max: u64,
    },
    /// The input is longer than any may be.
    Input {
        /// Its length, bytes.
        bytes: usize,
    },
    /// The module has no such function.
    Function,
    /// The system did not give what an execution needs.
    System {
        /// What was said.
        detail: String,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded { running, waiting } => {
                write!(f, "overloaded: {running} executions run and {waiting} wait; try again later")
            }
            Self::Gas { asked, max } => write!(f, "{asked} gas was asked for; the profile allows {max}"),
            Self::Input { bytes } => write!(f, "the input has {bytes} bytes, too many"),
            Self::Function => f.write_str("the module has no such function"),
            Self::System { detail } => write!(f, "nothing can be executed: {detail}"),
        }
    }
}

impl std::error::Error for Refused {}

/// What ends the guest from within a function of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    OutOfGas,
    Trap(Trap),
    /// The program ended itself without an error.
    Exit,
    /// A module that was called took all of the time.
    Timeout,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Stop {}

impl From<Trap> for Stop {
    fn from(trap: Trap) -> Self {
        Self::Trap(trap)
    }
}
