//! HKDF-SHA-256 (RFC 5869, appendix A), Argon2id (RFC 9106, section 5.3, and the reference implementation).

use super::super::{Algorithm, Failure, Op, Runner};
use alloc::vec::Vec;
use hex_literal::hex;

struct Hkdf {
    name: &'static str,
    ikm: &'static [u8],
    salt: &'static [u8],
    info: &'static [u8],
    okm: &'static [u8],
}

const HKDF: &[Hkdf] = &[
    Hkdf {
        name: "RFC 5869, A.1",
        ikm: &[0x0b; 22],
        salt: &hex!("000102030405060708090a0b0c"),
        info: &hex!("f0f1f2f3f4f5f6f7f8f9"),
        okm: &hex!(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
            "34007208d5b887185865"
        ),
    },
    Hkdf {
        name: "RFC 5869, A.2",
        ikm: &hex!(
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
            "404142434445464748494a4b4c4d4e4f"
        ),
        salt: &hex!(
            "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
            "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
        ),
        info: &hex!(
            "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
            "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
        ),
        okm: &hex!(
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    },
    Hkdf {
        name: "RFC 5869, A.3",
        ikm: &[0x0b; 22],
        salt: b"",
        info: b"",
        okm: &hex!(
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
            "9d201395faa4b61a96c8"
        ),
    },
];

struct Argon2id {
    name: &'static str,
    password: &'static [u8],
    salt: &'static [u8],
    secret: &'static [u8],
    data: &'static [u8],
    /// Memory in KiB, passes, lanes.
    params: [u32; 3],
    tag: &'static [u8],
}

const ARGON2ID: &[Argon2id] = &[
    Argon2id {
        name: "RFC 9106, 5.3",
        password: &[1; 32],
        salt: &[2; 16],
        secret: &[3; 8],
        data: &[4; 12],
        params: [32, 3, 4],
        tag: &hex!("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
    },
    Argon2id {
        name: "phc-winner-argon2, 256 KiB, 2 passes, 1 lane, 64 bytes",
        password: b"password",
        salt: &hex!("000102030405060708090a0b0c0d0e0f"),
        secret: b"",
        data: b"",
        params: [256, 2, 1],
        tag: &hex!(
            "bfe74afa1c7a35157eb6aba8b1ed6bd3f5f8c5d8777d2fa20355fd61eb5916ad"
            "32603f81de831d7b739e13a619da8fa693d9f45a1e2098c32e23ad365c2d7ea6"
        ),
    },
];

pub(in super::super) fn run(runner: &mut Runner<'_>) -> Result<(), Failure> {
    for Hkdf { name, ikm, salt, info, okm } in HKDF {
        let id = (Algorithm::HkdfSha256, *name);
        runner.expect(id, Op::Hkdf, &[salt, ikm, info, &word(okm.len())], Some(okm))?;
    }
    let too_long = word(crate::hkdf::OUTPUT_BYTES_MAX + 1);
    let id = (Algorithm::HkdfSha256, "RFC 5869, 2.3, output too long");
    runner.expect(id, Op::Hkdf, &[b"", b"", b"", &too_long], None)?;

    for Argon2id { name, password, salt, secret, data, params, tag } in ARGON2ID {
        let words: Vec<u8> =
            params.iter().flat_map(|value| value.to_le_bytes()).chain(word(tag.len())).collect();
        let fields = [password, salt, secret, data, &words[..]];
        runner.expect((Algorithm::Argon2id, name), Op::Argon2id, &fields, Some(tag))?;
    }
    let starved: Vec<u8> = [31, 1, 4, 32].iter().flat_map(|value: &u32| value.to_le_bytes()).collect();
    let id = (Algorithm::Argon2id, "RFC 9106, 3.1, too little memory");
    runner.expect(id, Op::Argon2id, &[b"", &[0; 16], b"", b"", &starved], None)
}

/// A length of these small tables as a field.
fn word(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}
