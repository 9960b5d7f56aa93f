//! The Wycheproof vectors, natively.

use dagvault_crypto::{
    backend::{self, Backend},
    selftest,
    vectors::{self, Counts, Tally},
};

#[test]
fn all_vectors() {
    for backend in Backend::all() {
        // For the whole process: the other test runs on any.
        backend::choose(backend);
        all_vectors_on(backend);
    }
}

fn all_vectors_on(backend: Backend) {
    println!("{}", backend.name());
    let counts = vectors::run_all(&mut selftest::case);
    for algorithm in Counts::COVERED {
        let Tally { valid, invalid } = counts.of(algorithm);
        println!("{:>20}: {valid} valid, {invalid} invalid", algorithm.name());
    }
    // Fewer would mean that the selection of vectors got narrower than it was.
    assert!(counts.total() >= 831, "{}", counts.total());
}

#[test]
#[should_panic(expected = "Ed25519")]
fn an_implementation_that_accepts_everything_is_found() {
    vectors::run_all(&mut |op, input| {
        if op == selftest::Op::Ed25519Verify as u8 { vec![1] } else { selftest::case(op, input) }
    });
}
