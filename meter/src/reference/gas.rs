//! The counter of gas.

use super::Stop;

/// Gas, counted twice: as runs are charged, and as instructions are executed.
#[derive(Debug)]
pub(super) struct Gas {
    limit: u64,
    left: u64,
    /// The sum of what was executed.
    executed: u64,
}

impl Gas {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, left: limit, executed: 0 }
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Takes the fixed costs of a run that is entered.
    pub(super) fn enter_run(&mut self, cost: u64) -> Result<(), Stop> {
        // What was charged before is executed by now: only a trap leaves a run early.
        assert_eq!(self.limit - self.left, self.executed, "a run was left before its end");
        self.left = self.left.checked_sub(cost).ok_or(Stop::OutOfGas)?;
        Ok(())
    }

    /// Counts an instruction whose run was charged.
    pub(super) fn execute(&mut self, cost: u64) {
        self.executed += cost;
    }

    /// Takes what an instruction costs on top of its fixed cost.
    pub(super) fn charge(&mut self, cost: u64) -> Result<(), Stop> {
        self.left = self.left.checked_sub(cost).ok_or(Stop::OutOfGas)?;
        self.executed += cost;
        Ok(())
    }

    /// Takes a price for each of `count` things.
    pub(super) fn charge_each(&mut self, count: u64, price: u64) -> Result<(), Stop> {
        self.charge(count.checked_mul(price).ok_or(Stop::OutOfGas)?)
    }

    /// Gas used by a return or when the stack is exhausted.
    pub(super) fn charged(&self) -> u64 {
        self.limit - self.left
    }

    /// Gas used by a trap: what stands behind it in its run was charged but not executed.
    pub(super) fn executed(&self) -> u64 {
        self.executed
    }

    /// Gas used when it is out.
    pub(super) fn all(&self) -> u64 {
        self.limit
    }
}
