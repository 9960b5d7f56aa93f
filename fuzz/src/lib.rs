//! Oracles for every parser of outside bytes: what must hold for any input, and seeds to begin with.
//!
//! An oracle panics where something is wrong. The fuzz targets feed it with libFuzzer; the tests here feed it with
//! its seeds and with seeded mutations of them, so that it stays alive without a fuzzer.
#![forbid(unsafe_code)]

pub mod abi_answer;
pub mod abi_request;
pub mod car;
pub mod cid;
pub mod contract;
pub mod envelope;
pub mod head;
pub mod module;
pub mod nodes;
pub mod numbers;
pub mod path;
pub mod proof;
pub mod sandbox;
pub mod store;

use dagvault_vault::fuzzing;

/// A fuzz target.
pub struct Target {
    /// Its name, which is also the name of its program.
    pub name: &'static str,
    /// The oracle.
    pub check: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 19] = [
    Target { name: "abi_request", check: abi_request::check, seeds: abi_request::seeds },
    Target { name: "abi_answer", check: abi_answer::check, seeds: abi_answer::seeds },
    Target { name: "contract", check: contract::check, seeds: contract::seeds },
    Target { name: "cid", check: cid::check, seeds: cid::seeds },
    Target { name: "path", check: path::check, seeds: path::seeds },
    Target { name: "envelope", check: envelope::check, seeds: envelope::seeds },
    Target { name: "head", check: head::check, seeds: head::seeds },
    Target { name: "store", check: store::check, seeds: store::seeds },
    Target { name: "store_index", check: store::check_index, seeds: store::index_seeds },
    Target { name: "node", check: fuzzing::node, seeds: nodes::node_seeds },
    Target { name: "history", check: fuzzing::history, seeds: nodes::history_seeds },
    Target { name: "index", check: fuzzing::index, seeds: nodes::index_seeds },
    Target { name: "commit", check: fuzzing::commit, seeds: nodes::commit_seeds },
    Target { name: "car", check: car::check, seeds: car::seeds },
    Target { name: "proof", check: proof::check, seeds: proof::seeds },
    Target { name: "module", check: module::check, seeds: module::seeds },
    Target { name: "sandbox_abi", check: sandbox::check_abi, seeds: sandbox::abi_seeds },
    Target { name: "receipt", check: sandbox::check_receipt, seeds: sandbox::receipt_seeds },
    Target { name: "chunk", check: fuzzing::chunk, seeds: nodes::chunk_seeds },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::Numbers;

    /// Mutated inputs for each target in one test run.
    fn mutations() -> u32 {
        if std::env::var_os("DAGVAULT_FULL").is_some() { 200_000 } else { 5_000 }
    }

    #[test]
    fn every_target_has_a_program_of_its_name() {
        let manifest = include_str!("../Cargo.toml");
        for target in &TARGETS {
            assert!(
                manifest.contains(&format!("path = \"fuzz_targets/{}.rs\"", target.name)),
                "{}",
                target.name
            );
        }
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    }

    #[test]
    fn seeds_and_their_mutations_pass() {
        for target in &TARGETS {
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{}", target.name);
            seeds.iter().for_each(|seed| (target.check)(seed));
            let mut numbers = Numbers::new(11);
            for _ in 0..mutations() {
                let mut input = seeds[numbers.below(seeds.len())].clone();
                for _ in 0..=numbers.below(4) {
                    numbers.mutate(&mut input);
                }
                (target.check)(&input);
            }
        }
    }
}
