//! The block envelope: it opens for exactly one key, salt and suite.

use dagvault_crypto::{
    Error,
    aead::Suite,
    committing::{self, Sealed},
    secret::Secret,
};
use proptest::prelude::*;

const LENGTHS: [usize; 9] = [0, 1, 15, 16, 17, 63, 64, 65, 255 * 1024];

#[derive(Clone)]
struct Envelope {
    suite: Suite,
    key: [u8; 32],
    salt: [u8; 32],
    aad: Vec<u8>,
    sealed: Sealed,
    buf: Vec<u8>,
}

impl Envelope {
    fn seal(suite: Suite, key: [u8; 32], salt: [u8; 32], aad: &[u8], plaintext: &[u8]) -> Self {
        let mut buf = plaintext.to_vec();
        let sealed = committing::seal(suite, &Secret::new(key), &salt, aad, &mut buf)
            .expect("short inputs can be sealed");
        Self { suite, key, salt, aad: aad.to_vec(), sealed, buf }
    }

    fn open(&self) -> Result<Vec<u8>, Error> {
        let (key, mut buf) = (Secret::new(self.key), self.buf.clone());
        let Sealed { commitment, tag } = &self.sealed;
        let opened = committing::open(self.suite, &key, &self.salt, commitment, &self.aad, &mut buf, tag);
        if opened.is_err() {
            assert!(buf.iter().all(|&byte| byte == 0), "a failed opening leaves zeros");
        }
        opened.map(|()| buf)
    }

    /// Flips one bit, counted over all fields but the suite.
    fn flip(&mut self, bit: usize) -> bool {
        let mut byte = bit / 8;
        for field in [
            &mut self.key[..],
            &mut self.salt[..],
            &mut self.aad[..],
            &mut self.sealed.commitment[..],
            &mut self.sealed.tag[..],
            &mut self.buf[..],
        ] {
            if let Some(byte) = field.get_mut(byte) {
                *byte ^= 1 << (bit % 8);
                return true;
            }
            byte -= field.len();
        }
        false
    }
}

#[test]
fn opens_what_it_sealed() {
    for suite in Suite::ALL {
        for length in LENGTHS {
            let plaintext: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[0]).collect();
            let envelope = Envelope::seal(suite, [1; 32], [2; 32], b"aad", &plaintext);
            assert!(envelope.open() == Ok(plaintext), "{suite:?} {length}");
        }
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    for suite in Suite::ALL {
        let envelope = Envelope::seal(suite, [1; 32], [2; 32], b"dag v1", b"a plaintext of 23 bytes");
        let mut bits = 0;
        loop {
            let mut altered = envelope.clone();
            if !altered.flip(bits) {
                break;
            }
            assert_eq!(altered.open(), Err(Error::Authentication), "{suite:?} bit {bits}");
            bits += 1;
        }
        assert_eq!(bits, 8 * (32 + 32 + 6 + 32 + 16 + 23));
    }
}

#[test]
fn the_other_suite_is_refused() {
    for (suite, other) in [(Suite::ALL[0], Suite::ALL[1]), (Suite::ALL[1], Suite::ALL[0])] {
        let mut envelope = Envelope::seal(suite, [1; 32], [2; 32], b"", b"plaintext");
        envelope.suite = other;
        assert_eq!(envelope.open(), Err(Error::Authentication));
    }
}

#[test]
fn commitment_alone_decides_first() {
    // Whole and untouched but for the commitment of another salt: refused although tag and key would fit.
    let mut envelope = Envelope::seal(Suite::Aes256Gcm, [1; 32], [2; 32], b"", b"plaintext");
    let other = committing::commitment(Suite::Aes256Gcm, &Secret::new([1; 32]), &[3; 32]);
    let own = committing::commitment(Suite::Aes256Gcm, &Secret::new([1; 32]), &[2; 32]);
    assert_eq!(own, envelope.sealed.commitment);
    envelope.sealed.commitment = other;
    assert_eq!(envelope.open(), Err(Error::Authentication));
}

#[test]
fn envelopes_of_different_keys_salts_and_suites_share_nothing() {
    let mut commitments = Vec::new();
    for suite in Suite::ALL {
        for (key, salt) in [([1; 32], [1; 32]), ([1; 32], [2; 32]), ([2; 32], [1; 32]), ([2; 32], [2; 32])] {
            commitments.push(committing::commitment(suite, &Secret::new(key), &salt));
        }
    }
    commitments.sort_unstable();
    commitments.dedup();
    assert_eq!(commitments.len(), 8);
}

#[test]
fn an_opening_opens_its_envelope_and_no_other() {
    for suite in Suite::ALL {
        let (key, salt) = (Secret::new([1; 32]), [2; 32]);
        let opening = committing::opening(suite, &key, &salt);
        let mut text = *b"plaintext";
        let sealed = committing::seal(suite, &key, &salt, b"aad", &mut text).unwrap();
        let open = |opening: &Secret<32>, salt: &[u8; 32], commitment: &[u8; 32]| {
            let mut text = text;
            committing::open_by(suite, opening, salt, commitment, b"aad", &mut text, &sealed.tag)
                .map(|()| text)
        };
        assert_eq!(open(&opening, &salt, &sealed.commitment), Ok(*b"plaintext"));
        let refused = Err(Error::Authentication);
        for byte in 0..32 {
            let mut other = *opening.expose();
            other[byte] ^= 1;
            assert_eq!(open(&Secret::new(other), &salt, &sealed.commitment), refused);
            let mut commitment = sealed.commitment;
            commitment[byte] ^= 1;
            assert_eq!(open(&opening, &salt, &commitment), refused);
        }
        // The salt's last byte is the material's second block; the others are in the opening.
        assert_eq!(
            open(&opening, &[&salt[..31], &[9]].concat().try_into().unwrap(), &sealed.commitment),
            refused
        );
        for other in [
            committing::opening(suite, &key, &[3; 32]),
            committing::opening(suite, &Secret::new([4; 32]), &salt),
        ] {
            assert_ne!(other, opening);
            assert_eq!(open(&other, &salt, &sealed.commitment), refused);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn round_trips(
        suite in prop::sample::select(Suite::ALL.to_vec()),
        key: [u8; 32],
        salt: [u8; 32],
        aad in prop::collection::vec(any::<u8>(), 0..100),
        plaintext in prop::collection::vec(any::<u8>(), 0..2000),
        flip: prop::sample::Index,
    ) {
        let envelope = Envelope::seal(suite, key, salt, &aad, &plaintext);
        prop_assert_eq!(envelope.open(), Ok(plaintext.clone()));
        let mut altered = envelope;
        altered.flip(flip.index(8 * (32 + 32 + aad.len() + 32 + 16 + plaintext.len())));
        prop_assert_eq!(altered.open(), Err(Error::Authentication));
    }
}
