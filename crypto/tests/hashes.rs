//! The known answers and the Wycheproof vectors of hashes, codes and derivations on every backend of this machine.

use dagvault_crypto::backend::{self, Backend};
use dagvault_crypto::selftest::{self, Algorithm};
use dagvault_crypto::vectors::{self, Tally};

// One test, for a process of its own: the choice is the process's.
#[test]
fn every_backend_gives_the_known_answers() {
    for backend in Backend::all() {
        backend::choose(backend);
        let report = selftest::run().unwrap_or_else(|failure| panic!("{}: {failure}", backend.name()));
        for algorithm in [Algorithm::Sha256, Algorithm::HmacSha256, Algorithm::Blake3, Algorithm::HkdfSha256]
        {
            assert!(report.passed(algorithm) > 0, "{}: {algorithm:?} was not tested", backend.name());
        }
        let counts = vectors::run_all(&mut selftest::case);
        for algorithm in [Algorithm::HmacSha256, Algorithm::HkdfSha256] {
            let Tally { valid, invalid } = counts.of(algorithm);
            println!("{:>12} {:>12}: {valid} valid, {invalid} invalid", backend.name(), algorithm.name());
        }
    }
}
