//! The known answers of the standards, natively.

use dagvault_crypto::backend::{self, Backend};
use dagvault_crypto::selftest::{self, Algorithm, MALFORMED, Op, answer, case, encode};

#[test]
fn all_answers_are_right() {
    for backend in Backend::all() {
        // For the whole process: the other tests run on any.
        backend::choose(backend);
        let report = selftest::run().unwrap_or_else(|failure| panic!("{}: {failure}", backend.name()));
        for algorithm in Algorithm::ALL {
            let passed = report.passed(algorithm);
            println!("{:>20}: {passed} on {}", algorithm.name(), backend.name());
            assert!(passed > 0, "{algorithm:?} was not tested");
        }
    }
}

#[test]
fn argon2id_of_64_mib_equals_the_reference() {
    // From phc-winner-argon2 by argon2-cffi 25: too much memory for the self-test in a small guest.
    let mut key = [0; 32];
    let salt: [u8; 16] = std::array::from_fn(|i| i.to_le_bytes()[0]);
    let params = dagvault_crypto::argon2id::Params::RFC9106_SECOND;
    dagvault_crypto::argon2id::derive(b"correct horse battery staple", &salt, &params, &mut key).unwrap();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "853b272a44db1421c02962669a55eb0994f3cab385ed1c4c79253eee19bab49e");
}

#[test]
fn malformed_cases_are_refused() {
    for op in 0..=u8::MAX {
        for input in [&[][..], &[1], &[0xff; 16], &encode(&[&[][..]; 9])] {
            assert_eq!(answer(&case(op, input)), Err(MALFORMED), "operation {op}");
        }
    }
    let short_key = encode(&[&[1], &[0; 31], &[0; 24], b"", b""]);
    assert_eq!(answer(&case(Op::Seal as u8, &short_key)), Err(MALFORMED));
    let unknown_suite = encode(&[&[3], &[0; 32], &[0; 24], b"", b""]);
    assert_eq!(answer(&case(Op::Seal as u8, &unknown_suite)), Err(MALFORMED));
    assert_eq!(answer(&case(Op::Blake3Derive as u8, &encode(&[b"c", &[0xff; 4], b"m"]))), Err(MALFORMED));
}
