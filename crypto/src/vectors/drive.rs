//! From Wycheproof's test sets to cases.

use super::Counts;
use crate::{
    Error,
    aead::{Suite, TAG_BYTES},
    selftest::{Algorithm, MALFORMED, Op, answer, encode},
};
use alloc::vec::Vec;
use wycheproof::TestResult;

type Case<'a> = &'a mut dyn FnMut(u8, &[u8]) -> Vec<u8>;

fn ask(case: Case<'_>, op: Op, fields: &[&[u8]]) -> Result<Vec<u8>, u8> {
    answer(&case(op as u8, &encode(fields))).map(<[u8]>::to_vec)
}

/// Keys of 256 bits, tags of 128. A nonce of another length than the suite's must be refused as such, even
/// where the standard would allow it.
pub(super) fn aead(case: Case<'_>, counts: &mut Counts) {
    use wycheproof::aead::{TestName, TestSet};
    for (name, suite, algorithm) in [
        (TestName::AesGcm, Suite::Aes256Gcm, Algorithm::Aes256Gcm),
        (TestName::XChaCha20Poly1305, Suite::XChaCha20Poly1305, Algorithm::XChaCha20Poly1305),
    ] {
        let set = TestSet::load(name).expect("the vectors are well-formed");
        for group in set.test_groups.iter().filter(|group| (group.key_size, group.tag_size) == (256, 128)) {
            for test in &group.tests {
                let at = std::format!("{} {}: {}", algorithm.name(), test.tc_id, test.comment);
                let fits = test.nonce.len() == suite.nonce_bytes();
                // Vectors with a nonce of impossible length have no tag.
                let tag = if fits { &test.tag[..] } else { &[0; TAG_BYTES] };
                let (key, nonce, aad) = (&test.key[..], &test.nonce[..], &test.aad[..]);
                let sealed = ask(case, Op::Seal, &[&[suite.number()], key, nonce, aad, &test.pt]);
                let opened = ask(case, Op::Open, &[&[suite.number()], key, nonce, aad, &test.ct, tag]);
                let expected = [&test.ct[..], tag].concat();
                if !fits {
                    assert_eq!(sealed, Err(Error::NonceLength.code()), "{at}");
                    assert_eq!(opened, Err(Error::NonceLength.code()), "{at}");
                } else if test.result.must_fail() {
                    assert_ne!(sealed, Ok(expected), "{at}");
                    assert_eq!(opened, Err(Error::Authentication.code()), "{at}");
                } else {
                    assert_eq!(sealed, Ok(expected), "{at}");
                    assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "{at}");
                }
                counts.add(algorithm, fits && !test.result.must_fail());
            }
        }
    }
}

pub(super) fn hkdf(case: Case<'_>, counts: &mut Counts) {
    use wycheproof::hkdf::{TestName, TestSet};
    let set = TestSet::load(TestName::HkdfSha256).expect("the vectors are well-formed");
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let length = u32::try_from(test.size).expect("outputs of vectors are small").to_le_bytes();
        let derived = ask(case, Op::Hkdf, &[&test.salt, &test.ikm, &test.info, &length]);
        let valid = test.result == TestResult::Valid;
        let wanted = if valid { Ok(&test.okm[..]) } else { Err(Error::OutputLength.code()) };
        assert_eq!(derived.as_deref().map_err(|code| *code), wanted, "HKDF {}: {}", test.tc_id, test.comment);
        counts.add(Algorithm::HkdfSha256, valid);
    }
}

/// Codes of 256 bits, and their prefixes of 128.
pub(super) fn hmac(case: Case<'_>, counts: &mut Counts) {
    use wycheproof::mac::{TestName, TestSet};
    let set = TestSet::load(TestName::HmacSha256).expect("the vectors are well-formed");
    for group in &set.test_groups {
        for test in &group.tests {
            let code = ask(case, Op::Hmac, &[&test.key, &test.msg]).unwrap_or_default();
            let valid = test.result == TestResult::Valid;
            let at = std::format!("HMAC {}: {}", test.tc_id, test.comment);
            assert_eq!(code.len(), 32, "{at}");
            assert_eq!(code[..group.tag_size / 8] == test.tag[..], valid, "{at}");
            counts.add(Algorithm::HmacSha256, valid);
        }
    }
}

/// Signatures of another length than 64 bytes are refused as malformed: the API takes arrays.
pub(super) fn ed25519(case: Case<'_>, counts: &mut Counts) {
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).expect("the vectors are well-formed");
    for group in &set.test_groups {
        for test in &group.tests {
            let verified = ask(case, Op::Ed25519Verify, &[&group.key.pk, &test.msg, &test.sig]);
            let valid = test.result == TestResult::Valid;
            let wanted = match (valid, test.sig.len()) {
                (true, _) => Ok(Vec::new()),
                (false, 64) => Err(Error::Authentication.code()),
                (false, _) => Err(MALFORMED),
            };
            assert_eq!(verified, wanted, "Ed25519 {}: {}", test.tc_id, test.comment);
            counts.add(Algorithm::Ed25519, valid);
        }
    }
}
