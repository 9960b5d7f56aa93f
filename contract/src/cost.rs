//! What validation costs: a table with a version. `docs/contracts.md` publishes it, a test compares.

/// The prices of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Costs {
    /// The number that verdicts can be compared under.
    pub version: u32,
    /// For a transaction, whatever is in it.
    pub transaction: u64,
    /// For a transfer of an asset.
    pub asset_transfer: u64,
    /// For a POST action.
    pub post_action: u64,
    /// For each byte of the one JSON form of request and rules.
    pub per_byte: u64,
    /// For each member of an object and each element of a list, however deep, of request and rules.
    pub per_field: u64,
    /// For each check that is made.
    pub per_check: u64,
}

/// The prices of this build.
pub const COSTS: Costs = Costs {
    version: 1,
    transaction: 100,
    asset_transfer: 150,
    post_action: 120,
    per_byte: 1,
    per_field: 10,
    per_check: 15,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_table_is_this_one() {
        let published = include_str!("../../docs/contracts.md");
        for (what, price) in [
            ("a transaction", COSTS.transaction),
            ("an asset transfer", COSTS.asset_transfer),
            ("a POST action", COSTS.post_action),
            ("each byte", COSTS.per_byte),
            ("each field", COSTS.per_field),
            ("each check", COSTS.per_check),
        ] {
            let row = published.lines().find(|line| line.starts_with(&format!("| {what}")));
            let cell = row.and_then(|row| row.rsplit('|').nth(1)).map(str::trim);
            assert_eq!(cell, Some(price.to_string().as_str()), "{what}");
        }
        assert!(published.contains(&format!("Version {} of the table", COSTS.version)));
    }
}
