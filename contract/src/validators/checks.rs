//! Checks that are counted, and what they found.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{ADDRESS_BYTES_MAX, Verdict};
use crate::cost::COSTS;
use crate::{Map, Value};

/// Errors that a verdict tells.
pub const ERRORS_MAX: usize = 32;

/// What was checked so far.
pub(super) struct Checks {
    cost: u64,
    errors: Vec<String>,
    untold: u64,
}

impl Checks {
    pub(super) fn new(base: u64) -> Self {
        Self { cost: base, errors: Vec::new(), untold: 0 }
    }

    /// Pays for reading so much.
    pub(super) fn read(&mut self, bytes: u64, fields: u64) {
        self.cost += bytes * COSTS.per_byte + fields * COSTS.per_field;
    }

    /// Tells an error.
    pub(super) fn fail(&mut self, error: String) {
        match self.errors.len() < ERRORS_MAX {
            true => self.errors.push(error),
            false => self.untold += 1,
        }
    }

    /// Makes one check.
    pub(super) fn check(&mut self, holds: bool, error: impl FnOnce() -> String) {
        self.cost += COSTS.per_check;
        if !holds {
            self.fail(error());
        }
    }

    /// Makes one check whose outcome is a value.
    fn checked<T>(&mut self, found: Result<T, String>) -> Option<T> {
        self.cost += COSTS.per_check;
        found.map_err(|error| self.fail(error)).ok()
    }

    /// A member that must be there and of a form.
    pub(super) fn required<'a, T>(
        &mut self,
        request: &'a Map,
        name: &str,
        form: impl FnOnce(&'a Value) -> Result<T, &'static str>,
    ) -> Option<T> {
        let found = request.get(name).ok_or("it is missing").and_then(form);
        self.checked(found.map_err(|wrong| format!("{name}: {wrong}")))
    }

    /// A member that must be of a form if it is there.
    pub(super) fn optional<'a, T>(
        &mut self,
        request: &'a Map,
        name: &str,
        form: impl FnOnce(&'a Value) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = request.get(name)?;
        self.checked(form(value).map_err(|wrong| format!("{name}: {wrong}")))
    }

    pub(super) fn verdict(mut self) -> Verdict {
        if self.untold > 0 {
            self.errors.push(format!("and {} more", self.untold));
        }
        Verdict { valid: self.errors.is_empty(), cost: self.cost, errors: self.errors }
    }
}

/// A number of units: whole and not negative.
pub(super) fn amount(value: &Value) -> Result<i128, &'static str> {
    value.integer().filter(|number| *number >= 0).ok_or("it is no whole number from 0 on")
}

/// An address, or the name of an asset: visible ASCII.
pub(super) fn address(value: &Value) -> Result<&str, &'static str> {
    let visible = |text: &&str| {
        (1..=ADDRESS_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    value.text().filter(visible).ok_or("it is no text of 1 to 128 visible ASCII characters")
}

/// A memo.
pub(super) fn memo(value: &Value) -> Result<&str, &'static str> {
    value
        .text()
        .filter(|text| text.len() <= super::MEMO_BYTES_MAX)
        .ok_or("it is no text of at most 1024 bytes")
}
