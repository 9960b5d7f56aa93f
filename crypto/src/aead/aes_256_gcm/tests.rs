//! Every backend against the crates.

use super::*;
use alloc::{vec, vec::Vec};

fn key() -> Secret<KEY_BYTES> {
    Secret::new(core::array::from_fn(|at| 7 * at.to_le_bytes()[0] + 3))
}

fn lengths() -> impl Iterator<Item = usize> {
    let borders = [1024, 2048, 4096, 8192, 16 * 1024].into_iter().flat_map(|at| at - 8..at + 13);
    (0..=600).chain(borders)
}

#[test]
fn seals_as_the_crate_does() {
    for backend in Backend::all() {
        for length in lengths() {
            let plain: Vec<u8> = (0..length).map(|at| ((at * 31) >> 3).to_le_bytes()[0]).collect();
            let (nonce, aad) = ([length.to_le_bytes()[0]; NONCE_BYTES], &plain[..length / 3]);
            let (mut given, mut wanted) = (plain.clone(), plain.clone());
            let tag = seal(backend, &key(), &nonce, aad, &mut given).unwrap();
            let wanted_tag = seal(Backend::RustCrypto, &key(), &nonce, aad, &mut wanted).unwrap();
            assert!(given == wanted, "{} {length}", backend.name());
            assert_eq!(tag, wanted_tag, "{} {length}", backend.name());
            assert_eq!(open(backend, &key(), &nonce, aad, &mut given, &tag), Ok(()));
            assert!(given == plain, "{} {length}", backend.name());
        }
    }
}

#[test]
fn hashes_long_associated_data() {
    for backend in Backend::all() {
        for length in lengths() {
            let aad = vec![0xa5; length];
            let tag = seal(backend, &key(), &[1; NONCE_BYTES], &aad, &mut [0; 5]);
            let wanted = seal(Backend::RustCrypto, &key(), &[1; NONCE_BYTES], &aad, &mut [0; 5]);
            assert_eq!(tag, wanted, "{length}");
        }
    }
}

#[cfg(feature = "kernels")]
#[test]
fn counts_as_the_crate_does() {
    for backend in Backend::all() {
        for before in (0..300).step_by(7).chain([127, 128, 129, 1023, 1024, 1025]) {
            for start in [0, before, 0_u32.wrapping_sub(before), 0x0100_0000 - before, 0x0001_0000 - before] {
                let mut counter = [0x5a; 16];
                counter[12..].copy_from_slice(&start.to_be_bytes());
                for length in [1, 16, 255, 1279, 1280, 1281, 2048, 2049, 5000] {
                    let (mut given, mut wanted) = (vec![0x33; length], vec![0x33; length]);
                    ctr(backend, &key(), &counter, &mut given);
                    ctr(Backend::RustCrypto, &key(), &counter, &mut wanted);
                    assert!(given == wanted, "{} {start:#x} {length}", backend.name());
                }
            }
        }
    }
}
