//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03, A.3.1, which takes the text of RFC 8439, 2.8.2),
//! AES-256-GCM (test cases 13 to 16 of the GCM submission to NIST), and the block envelope.

use super::super::{Algorithm, Failure, Op, Runner};
use crate::aead::Suite;
use alloc::vec::Vec;
use hex_literal::hex;

struct Aead {
    name: &'static str,
    suite: Suite,
    key: [u8; 32],
    nonce: &'static [u8],
    aad: &'static [u8],
    plaintext: &'static [u8],
    /// Ciphertext and tag.
    sealed: &'static [u8],
}

const GCM_KEY: [u8; 32] = hex!("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
const GCM_PLAINTEXT: &[u8; 64] = &hex!(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
);

const AEAD: &[Aead] = &[
    Aead {
        name: "draft-irtf-cfrg-xchacha-03, A.3.1",
        suite: Suite::XChaCha20Poly1305,
        key: hex!("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
        nonce: &hex!("404142434445464748494a4b4c4d4e4f5051525354555657"),
        aad: &hex!("50515253c0c1c2c3c4c5c6c7"),
        plaintext:
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                     sunscreen would be it.",
        sealed: &hex!(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
            "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
            "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
            "21f9664c97637da9768812f615c68b13b52e"
            "c0875924c1c7987947deafd8780acf49"
        ),
    },
    Aead {
        name: "GCM test case 13",
        suite: Suite::Aes256Gcm,
        key: [0; 32],
        nonce: &[0; 12],
        aad: b"",
        plaintext: b"",
        sealed: &hex!("530f8afbc74536b9a963b4f1c4cb738b"),
    },
    Aead {
        name: "GCM test case 14",
        suite: Suite::Aes256Gcm,
        key: [0; 32],
        nonce: &[0; 12],
        aad: b"",
        plaintext: &[0; 16],
        sealed: &hex!("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
    },
    Aead {
        name: "GCM test case 15",
        suite: Suite::Aes256Gcm,
        key: GCM_KEY,
        nonce: &hex!("cafebabefacedbaddecaf888"),
        aad: b"",
        plaintext: GCM_PLAINTEXT,
        sealed: &hex!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
            "b094dac5d93471bdec1a502270e3cc6c"
        ),
    },
    Aead {
        name: "GCM test case 16",
        suite: Suite::Aes256Gcm,
        key: GCM_KEY,
        nonce: &hex!("cafebabefacedbaddecaf888"),
        aad: &hex!("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
        plaintext: GCM_PLAINTEXT.split_at(60).0,
        sealed: &hex!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b"
        ),
    },
];

/// Link key 00…1f, salt 80…9f, associated data "dagvault", plaintext 00, 01, … of 0 or 65 bytes; composed
/// outside this project of Python's `blake3`, libsodium and OpenSSL. They freeze the format: they never
/// change.
struct Envelope {
    suite: Suite,
    plaintext_bytes: usize,
    commitment: [u8; 32],
    /// Ciphertext and tag.
    sealed: &'static [u8],
}

const ENVELOPES: &[Envelope] = &[
    Envelope {
        suite: Suite::XChaCha20Poly1305,
        plaintext_bytes: 0,
        commitment: hex!("27e608d52d789f9b2c92b2e2dfbe6c629d52343927190a723ea7a29ed662e018"),
        sealed: &hex!("f756c912822f6d8ba4f2f14c3d98ea28"),
    },
    Envelope {
        suite: Suite::XChaCha20Poly1305,
        plaintext_bytes: 65,
        commitment: hex!("27e608d52d789f9b2c92b2e2dfbe6c629d52343927190a723ea7a29ed662e018"),
        sealed: &hex!(
            "3d55a3291d46c1e91ae7e6cb22b4b9ba2d1c87cd1df7e9e88f0fe0674e6cd50c"
            "7be2cf2cf79dbc9053a95ac22faaa429239435e5821e57bc42c3a61213365f16"
            "238049167c4072cf28a543c330e72a70d1"
        ),
    },
    Envelope {
        suite: Suite::Aes256Gcm,
        plaintext_bytes: 0,
        commitment: hex!("e6bbf75eaed369d504c9ab66150d54398a640c699d93d0f5f800b3ef0d1e610e"),
        sealed: &hex!("0c23420198add20e22e590c3c3f1643e"),
    },
    Envelope {
        suite: Suite::Aes256Gcm,
        plaintext_bytes: 65,
        commitment: hex!("e6bbf75eaed369d504c9ab66150d54398a640c699d93d0f5f800b3ef0d1e610e"),
        sealed: &hex!(
            "bc69ceb1ea5b6ecf846eda6e8a7a8e72a71f542f3c088e367ee1d63538cabb86"
            "a6e80eadb1d36600eb29ab5cc8fbf816a94144d058b5b355b051470d9bfdcdcb"
            "338ea44726a61d856b31d19a724c31b56b"
        ),
    },
];

pub(in super::super) fn run(runner: &mut Runner<'_>) -> Result<(), Failure> {
    for vector in AEAD {
        let id = (Algorithm::of(vector.suite), vector.name);
        let Aead { key, nonce, aad, plaintext, sealed, .. } = vector;
        let suite = [vector.suite.number()];
        runner.expect(id, Op::Seal, &[&suite, key, nonce, aad, plaintext], Some(sealed))?;
        let (ciphertext, tag) = sealed.split_at(plaintext.len());
        runner.expect(id, Op::Open, &[&suite, key, nonce, aad, ciphertext, tag], Some(plaintext))?;
        let flipped = flipped(tag);
        runner.expect(id, Op::Open, &[&suite, key, nonce, aad, ciphertext, &flipped], None)?;
    }
    let (key, salt) = (bytes_from(0, 32), bytes_from(0x80, 32));
    for vector in ENVELOPES {
        let id = (Algorithm::Committing, "dagvault 2026-11 block envelope v1");
        let (suite, commitment, aad) = ([vector.suite.number()], &vector.commitment, b"dagvault");
        let plaintext = bytes_from(0, vector.plaintext_bytes);
        let (ciphertext, tag) = vector.sealed.split_at(plaintext.len());
        let wanted = [commitment, vector.sealed].concat();
        runner.expect(id, Op::CommittingSeal, &[&suite, &key, &salt, aad, &plaintext], Some(&wanted))?;
        let (wrong_commitment, wrong_tag) = (flipped(commitment), flipped(tag));
        let open = |commitment, tag| [&suite, &key[..], &salt, commitment, aad, ciphertext, tag];
        runner.expect(id, Op::CommittingOpen, &open(commitment, tag), Some(&plaintext))?;
        runner.expect(id, Op::CommittingOpen, &open(&wrong_commitment, tag), None)?;
        runner.expect(id, Op::CommittingOpen, &open(commitment, &wrong_tag), None)?;
    }
    Ok(())
}

fn bytes_from(first: u8, count: usize) -> Vec<u8> {
    (first..=u8::MAX).take(count).collect()
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[0] ^= 0x80;
    bytes
}
