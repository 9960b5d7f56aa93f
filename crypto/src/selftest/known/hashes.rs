//! SHA-256 (FIPS 180-4; NIST's example values), HMAC-SHA-256 (RFC 4231), BLAKE3.

use super::{
    super::{Algorithm, Failure, Op, Runner},
    blake3_lengths::{CONTEXT, KEY, LENGTHS},
};
use crate::hash::WIDE_BYTES_MIN;
use alloc::{vec, vec::Vec};
use hex_literal::hex;

const SHA256: &[(&str, &[u8], [u8; 32])] = &[
    ("NIST, empty", b"", hex!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")),
    ("NIST, 24 bits", b"abc", hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")),
    (
        "NIST, 448 bits",
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        hex!("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    ),
    (
        "NIST, 896 bits",
        b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs\
          mnopqrstnopqrstu",
        hex!("cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"),
    ),
];

const MILLION_A: [u8; 32] = hex!("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

/// Name, key, data, code.
type Hmac = (&'static str, &'static [u8], &'static [u8], [u8; 32]);

/// RFC 4231, section 4; of case 4.6 the whole code, of which the RFC prints the first 16 bytes.
const HMAC: &[Hmac] = &[
    (
        "RFC 4231, 4.2",
        &[0x0b; 20],
        b"Hi There",
        hex!("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    ),
    (
        "RFC 4231, 4.3",
        b"Jefe",
        b"what do ya want for nothing?",
        hex!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ),
    (
        "RFC 4231, 4.4",
        &[0xaa; 20],
        &[0xdd; 50],
        hex!("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    ),
    (
        "RFC 4231, 4.5",
        &hex!("0102030405060708090a0b0c0d0e0f10111213141516171819"),
        &[0xcd; 50],
        hex!("82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    ),
    (
        "RFC 4231, 4.6",
        &[0x0c; 20],
        b"Test With Truncation",
        hex!("a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5"),
    ),
    (
        "RFC 4231, 4.7",
        &[0xaa; 131],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        hex!("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ),
    (
        "RFC 4231, 4.8",
        &[0xaa; 131],
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs \
          to be hashed before being used by the HMAC algorithm.",
        hex!("9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ),
];

/// Enough to be spread.
const WIDE_BYTES: usize = 300_000;
const _: () = assert!(WIDE_BYTES > WIDE_BYTES_MIN);
/// BLAKE3 of so many bytes of the pattern of the official vectors, by hash-wasm 4.13.
const WIDE: [u8; 32] = hex!("6cc9dce05d4cff8c5bef5c5a24681e42b13f03e34a0bc5e66f65a91d48c944fa");

pub(in super::super) fn run(runner: &mut Runner<'_>) -> Result<(), Failure> {
    for (name, data, digest) in SHA256 {
        runner.expect((Algorithm::Sha256, name), Op::Sha256, &[data], Some(digest))?;
    }
    let million = vec![b'a'; 1_000_000];
    runner.expect((Algorithm::Sha256, "NIST, a million a"), Op::Sha256, &[&million], Some(&MILLION_A))?;
    for (name, key, data, code) in HMAC {
        runner.expect((Algorithm::HmacSha256, name), Op::Hmac, &[key, data], Some(code))?;
    }
    let long: Vec<u8> = (0..=250).cycle().take(WIDE_BYTES).collect();
    runner.expect((Algorithm::Blake3, "by all workers"), Op::Blake3Wide, &[&long], Some(&WIDE))?;
    for vector in LENGTHS {
        let data: Vec<u8> = (0..=250).cycle().take(vector.bytes).collect();
        runner.expect((Algorithm::Blake3, "hash"), Op::Blake3, &[&data], Some(&vector.hash))?;
        runner.expect(
            (Algorithm::Blake3, "keyed_hash"),
            Op::Blake3Keyed,
            &[KEY, &data],
            Some(&vector.keyed),
        )?;
        for length in [1, 32, 64, 88, 131] {
            runner.expect(
                (Algorithm::Blake3, "derive_key"),
                Op::Blake3Derive,
                &[CONTEXT, &u32::to_le_bytes(length), &data],
                Some(&vector.derived[..length as usize]),
            )?;
        }
    }
    Ok(())
}
