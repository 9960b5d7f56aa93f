//! Requests to the engines over a store in memory.

use dagvault_benches::{case, vault};

fn main() {
    case::criterion(&vault::cases());
}
