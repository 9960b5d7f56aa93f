//! A host behind the public functions, in a process of its own: there is one for each process.

use std::sync::atomic::{AtomicU32, Ordering};

use dagvault_core::abi::{ACCEL_ALGORITHMS, ACCEL_EVERY_LENGTH};
use dagvault_crypto::accel::{self, Algorithm, Host};
use dagvault_crypto::aead::{self, Suite};
use dagvault_crypto::argon2id::{self, Inputs, Params};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::{Error, hash, secret::Secret, sha256};

/// Computes on the crates; wrong in SHA-256, without Argon2id.
struct Counting;

static CALLS: AtomicU32 = AtomicU32::new(0);

fn called() {
    CALLS.fetch_add(1, Ordering::Relaxed);
}

/// How often the host was called by `run`.
fn calls(run: impl FnOnce()) -> u32 {
    let before = CALLS.load(Ordering::Relaxed);
    run();
    CALLS.load(Ordering::Relaxed) - before
}

impl Host for Counting {
    fn seal(
        &self,
        suite: Suite,
        key: &Secret<32>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
    ) -> Option<[u8; 16]> {
        called();
        aead::seal_in_place_on(Backend::RustCrypto, suite, key, nonce, aad, buf).ok()
    }

    fn open(
        &self,
        suite: Suite,
        key: &Secret<32>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; 16],
    ) -> Option<bool> {
        called();
        let sealed = buf.to_vec();
        let opened = aead::open_in_place_on(Backend::RustCrypto, suite, key, nonce, aad, buf, tag).is_ok();
        if !opened {
            buf.copy_from_slice(&sealed);
        }
        Some(opened)
    }

    fn sha256(&self, _: &[&[u8]]) -> Option<[u8; 32]> {
        called();
        Some([7; 32])
    }

    fn blake3(&self, key: Option<&[u8; 32]>, parts: &[&[u8]]) -> Option<[u8; 32]> {
        called();
        let mut hasher = key.map_or_else(hash::Hasher::new, hash::Hasher::new_keyed);
        parts.iter().for_each(|part| hasher.update(part));
        Some(hasher.finalize())
    }

    fn argon2id(&self, _: &Inputs<'_>, _: &Params, _: &mut [u8]) -> Option<()> {
        called();
        None
    }
}

#[test]
fn what_is_offered_and_right_is_used_for_what_is_long() {
    let data = vec![0x5a; 5000];
    let (key, params) = (Secret::new([1; 32]), Params { memory_kib: 32, passes: 1, lanes: 1 });
    let derived = || {
        let mut out = [0; 32];
        argon2id::derive(b"words", &[2; 16], &params, &mut out).map(|()| out)
    };
    let results = || (sha256::digest(&data), hash::hash(&data), hash::keyed(&[3; 32], &data), derived());
    let before = results();
    assert_eq!(Backend::chosen(), Backend::RustCrypto);
    assert!(calls(|| assert_eq!(results(), before)) == 0);

    let wrong: Vec<_> = accel::offer(&Counting, ACCEL_ALGORITHMS).collect();
    assert_eq!(wrong, [Algorithm::Sha256]);
    assert_eq!(accel::used().count(), 4);
    assert_eq!(Backend::chosen(), Backend::Host);
    // Both hashes, and the derivation that it declines.
    assert_eq!(calls(|| assert_eq!(results(), before)), 3);
    assert_eq!(calls(|| assert_ne!(hash::hash(&data[..100]), [0; 32])), 0);
    for suite in Suite::ALL {
        let nonce = vec![4; suite.nonce_bytes()];
        let mut buf = data.clone();
        let seal = |buf: &mut [u8]| aead::seal_in_place(suite, &key, &nonce, b"aad", buf);
        let mut tag = [0; 16];
        assert_eq!(calls(|| tag = seal(&mut buf).unwrap()), 1);
        let mut ours = data.clone();
        let kernel = Backend::fastest_kernel();
        assert_eq!(aead::seal_in_place_on(kernel, suite, &key, &nonce, b"aad", &mut ours), Ok(tag));
        assert!(ours == buf);
        let open =
            |buf: &mut [u8], tag: &[u8; 16]| aead::open_in_place(suite, &key, &nonce, b"aad", buf, tag);
        assert_eq!(calls(|| assert_eq!(open(&mut buf, &tag), Ok(()))), 1);
        assert!(buf == data);
        tag[3] ^= 1;
        assert_eq!(calls(|| assert_eq!(open(&mut ours, &tag), Err(Error::Authentication))), 1);
        assert!(ours.iter().all(|byte| *byte == 0));
        // Too long for a call, and a nonce that no host sees.
        assert_eq!(calls(|| assert!(seal(&mut vec![0; 300 * 1024]).is_ok())), 0);
        let odd = aead::seal_in_place(suite, &key, &nonce[1..], b"", &mut buf);
        assert_eq!(odd, Err(Error::NonceLength));
        let mut short = [0; 16];
        let is_host = calls(|| assert!(seal(&mut short).is_ok())) == 1;
        assert_eq!(is_host, suite == Suite::Aes256Gcm);
    }

    assert_eq!(accel::offer(&Counting, ACCEL_ALGORITHMS | ACCEL_EVERY_LENGTH).count(), 1);
    assert_eq!(calls(|| assert_ne!(hash::hash(b"short"), [0; 32])), 1);
    assert_eq!(accel::offer(&Counting, 0).count(), 0);
    assert_eq!((accel::used().count(), Backend::chosen()), (0, Backend::RustCrypto));
    assert_eq!(calls(|| assert_eq!(results(), before)), 0);
}
