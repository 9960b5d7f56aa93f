//! What instructions cost: data with a version.

use core::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::Operator;

mod class;

pub use class::Class;
use class::Prices;

/// The highest price of anything. So no product of a price and a 32-bit length leaves 62 bits.
pub const PRICE_MAX: u64 = 1 << 30;

/// The schedule that this build carries, as text.
pub const FIRST: &str = include_str!("../schedules/1.json");

/// The prices of one version.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    version: u32,
    instruction: Prices,
    per_64_bytes: u64,
    per_element: u64,
    per_page: u64,
    entry: u64,
    per_local: u64,
    host: HostPrices,
}

/// What the functions cost that the host offers, on top of their `call`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HostPrices {
    /// `log`.
    pub log: u64,
    /// `state_get`.
    pub state_get: u64,
    /// `state_set`.
    pub state_set: u64,
    /// `state_delete`.
    pub state_delete: u64,
    /// `effect`.
    pub effect: u64,
    /// `call`, without what the called module takes.
    pub call: u64,
    /// Any function of WASI.
    pub wasi: u64,
    /// For each started 64 bytes that go in or out.
    pub per_64_bytes: u64,
}

impl HostPrices {
    /// Each price with its key.
    fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("host.log", self.log),
            ("host.state_get", self.state_get),
            ("host.state_set", self.state_set),
            ("host.state_delete", self.state_delete),
            ("host.effect", self.effect),
            ("host.call", self.call),
            ("host.wasi", self.wasi),
            ("host.per_64_bytes", self.per_64_bytes),
        ]
    }

    /// A price with that of so many bytes.
    #[must_use]
    pub fn with_bytes(&self, price: u64, bytes: u64) -> u64 {
        price.saturating_add(self.per_64_bytes.saturating_mul(bytes.div_ceil(64)))
    }
}

/// Why a text is no schedule.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It is no JSON, or a key is missing, unknown, or there twice, or a price is no whole number.
    Json(serde_json::Error),
    /// Its version is zero.
    Version,
    /// A price is above [`PRICE_MAX`].
    Price {
        /// The key.
        name: &'static str,
        /// The price.
        price: u64,
    },
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the gas schedule cannot be read: {error}"),
            Self::Version => write!(f, "the version of a gas schedule is at least 1"),
            Self::Price { name, price } => {
                write!(f, "the gas schedule's price of {name} is {price}, above {PRICE_MAX}")
            }
        }
    }
}

impl std::error::Error for ScheduleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Json(error) => Some(error),
            Self::Version | Self::Price { .. } => None,
        }
    }
}

impl Schedule {
    /// Reads a schedule from its JSON text.
    ///
    /// # Errors
    ///
    /// When a key is missing or unknown, the version is zero, or a price is above [`PRICE_MAX`].
    pub fn read(text: &str) -> Result<Self, ScheduleError> {
        let schedule: Self = serde_json::from_str(text).map_err(ScheduleError::Json)?;
        if schedule.version == 0 {
            return Err(ScheduleError::Version);
        }
        let others = [
            ("per_64_bytes", schedule.per_64_bytes),
            ("per_element", schedule.per_element),
            ("per_page", schedule.per_page),
            ("entry", schedule.entry),
            ("per_local", schedule.per_local),
        ];
        let classes = Class::ALL.into_iter().map(|class| (class.name(), schedule.instruction.of(class)));
        let others = others.into_iter().chain(schedule.host.named());
        match classes.chain(others).find(|(_, price)| *price > PRICE_MAX) {
            Some((name, price)) => Err(ScheduleError::Price { name, price }),
            None => Ok(schedule),
        }
    }

    /// The JSON text that [`Schedule::read`] reads, the same for the same prices.
    ///
    /// # Panics
    ///
    /// Never: numbers under fixed keys can be written.
    #[must_use]
    #[expect(clippy::expect_used, reason = "there is nothing in it that could fail")]
    pub fn write(&self) -> String {
        serde_json::to_string(self).expect("numbers under fixed keys")
    }

    /// The schedule that this build carries: `meter/schedules/1.json`.
    ///
    /// # Panics
    ///
    /// Never: a test reads it.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is part of the program")]
    pub fn first() -> Self {
        Self::read(FIRST).expect("the schedule of this build is one")
    }

    /// The number that receipts name it by.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What an instruction costs, without what depends on its operands; `None` when it is not admitted.
    #[must_use]
    pub fn cost(&self, operator: &Operator<'_>) -> Option<u64> {
        match operator {
            Operator::End
            | Operator::Else
            | Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::Nop => Some(0),
            operator => Class::of(operator).map(|class| self.instruction.of(class)),
        }
    }

    /// For each started 64 bytes of a `memory.copy`, `memory.fill` or `memory.init`.
    #[must_use]
    pub fn per_64_bytes(&self) -> u64 {
        self.per_64_bytes
    }

    /// For each element of a `table.copy`, `table.fill`, `table.init` or `table.grow`.
    #[must_use]
    pub fn per_element(&self) -> u64 {
        self.per_element
    }

    /// For each page that a `memory.grow` asks for.
    #[must_use]
    pub fn per_page(&self) -> u64 {
        self.per_page
    }

    /// What the functions of the host cost.
    #[must_use]
    pub fn host(&self) -> &HostPrices {
        &self.host
    }

    /// What entering a function costs that has this many parameters and locals together.
    #[must_use]
    pub fn entering(&self, locals: u32) -> u64 {
        self.entry.saturating_add(self.per_local.saturating_mul(u64::from(locals)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_of_this_build_is_read() {
        let schedule = Schedule::first();
        assert_eq!(schedule.version(), 1);
        assert_eq!(schedule.cost(&Operator::I32DivU), Some(8));
        assert_eq!(schedule.cost(&Operator::End), Some(0));
        assert_eq!(schedule.cost(&Operator::AtomicFence), None);
        assert_eq!(schedule.cost(&Operator::ReturnCall { function_index: 0 }), None);
        assert_eq!(schedule.entering(3), 7);
        assert_eq!(Schedule::read(&schedule.write()).unwrap(), schedule);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        let changed = |from: &str, to: &str| {
            assert!(FIRST.contains(from), "{from} is not there");
            Schedule::read(&FIRST.replacen(from, to, 1))
        };
        assert!(matches!(changed("\"version\": 1", "\"version\": 0"), Err(ScheduleError::Version)));
        for (from, to) in [
            ("\"per_local\": 1", "\"per_local\": 1, \"more\": 1"),
            ("\"per_local\": 1", "\"per_local\": 1, \"per_local\": 1"),
            ("\"constant\": 1, ", ""),
            ("\"constant\": 1, ", "\"constant\": 1, \"constants\": 1, "),
            ("\"constant\": 1, ", "\"constant\": -1, "),
            ("\"constant\": 1, ", "\"constant\": 1.5, "),
            ("\"entry\": 4,", ""),
            ("\"wasi\": 40,", ""),
            ("\"wasi\": 40,", "\"wasi\": 40, \"wasm\": 1,"),
            ("\"version\": 1", "\"version\": 4294967296"),
        ] {
            assert!(matches!(changed(from, to), Err(ScheduleError::Json(_))), "{from} → {to}");
        }
        for (from, to, wrong) in [
            ("\"load\": 2", "\"load\": 1073741825", "load"),
            ("\"per_page\": 1000", "\"per_page\": 18446744073709551615", "per_page"),
            ("\"wasi\": 40", "\"wasi\": 1073741825", "host.wasi"),
        ] {
            assert!(matches!(changed(from, to), Err(ScheduleError::Price { name, .. }) if name == wrong));
        }
        assert!(changed("\"load\": 2", "\"load\": 1073741824").is_ok());
    }
}
