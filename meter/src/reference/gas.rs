//! The counter of gas.

use super::Stop;

/// Gas, counted as instructions are executed.
#[derive(Debug)]
pub(super) struct Gas {
    limit: u64,
    /// The sum of what was executed; the one that it was not enough for is not in it.
    executed: u64,
}

impl Gas {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, executed: 0 }
    }

    pub(super) fn left(&self) -> u64 {
        self.limit - self.executed
    }

    /// Takes what an instruction costs, or a part of it.
    pub(super) fn charge(&mut self, cost: u64) -> Result<(), Stop> {
        let executed = self.executed.checked_add(cost).filter(|executed| *executed <= self.limit);
        self.executed = executed.ok_or(Stop::OutOfGas)?;
        Ok(())
    }

    /// Takes a price for each of `count` things.
    pub(super) fn charge_each(&mut self, count: u64, price: u64) -> Result<(), Stop> {
        self.charge(count.checked_mul(price).ok_or(Stop::OutOfGas)?)
    }

    /// Gas used when it is not out.
    pub(super) fn executed(&self) -> u64 {
        self.executed
    }

    /// Gas used when it is out.
    pub(super) fn all(&self) -> u64 {
        self.limit
    }
}
