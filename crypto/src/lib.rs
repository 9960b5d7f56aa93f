//! The one cryptographic API of dagvault.
//!
//! | Module | What | Specified by |
//! |-|-|-|
//! | [`secret`] | containers for secret bytes, comparison in constant time | – |
//! | [`hash`] | BLAKE3: hash, keyed hash, key derivation | BLAKE3 paper |
//! | [`sha256`] | SHA-256, HMAC | FIPS 180-4, RFC 2104 |
//! | [`aead`] | XChaCha20-Poly1305, AES-256-GCM | draft-irtf-cfrg-xchacha, RFC 8439, SP 800-38D |
//! | [`committing`] | the block envelope: an AEAD that commits to its key | this crate |
//! | [`hkdf`] | HKDF-SHA-256 | RFC 5869 |
//! | [`argon2id`] | keys from passphrases | RFC 9106 |
//! | [`sign`] | Ed25519 | RFC 8032 |
//! | [`accel`] | a host that computes for the guest | – |
//!
//! Nothing here draws randomness: salts, nonces and seeds are arguments, so that tests can fix them and the
//! wasm guest needs no entropy backend. Nothing here knows formats of the vault either.
//!
//! # Backends
//! The API comes first and is all that callers see: byte arrays and slices in, arrays and [`Error`] out, no
//! type of a dependency. Today each function calls one well-kept crate on every target; those choose
//! instructions at run time on x86-64 and ARM. In wasm kernels of our own stand behind the same API: AES-256-GCM,
//! XChaCha20-Poly1305, SHA-256 and BLAKE3. Each algorithm is a folder with
//! `rustcrypto.rs` (the crate's call, which stays as the oracle of the tests) beside our kernel, written once over
//! vectors of four lanes (`lanes/`, with a file for each instruction set), and chosen by `target_feature` in wasm. All
//! backends give the same bytes, and the vectors of `selftest` run through the one that is in use.
//!
//! # Constant time and erasure
//! No table is indexed by secrets and no branch depends on them in the source of the backends on the supported
//! targets, but for Argon2id, which depends on data by design after the first half of its first pass (RFC 9106,
//! section 3.4.1.3). `cargo xtask constant-time` checks the machine code and the wasm that come out of it;
//! `docs/security.md` says what that proves. Keys, key schedules and hash states are erased on drop. Copies in
//! registers and in dead stack frames are beyond reach of safe code, except after Argon2id, where the calling thread's
//! stack is overwritten too (not that of the helpers which `parallel` brings).
//!
//! # Features
//! * `parallel`: Argon2id fills its lanes on several threads (rayon; native only).
//! * `selftest`: known answers of the standards, without std, callable inside the guest.
//! * `kernels`: every kernel by name, for benchmarks and comparisons of the backends.
//! * `constant-time`: kernels and comparisons tell a checker what is secret (std); for `cargo xtask constant-time`.
//! * `vectors`: the Wycheproof vectors (std), run through any implementation of `selftest::case`.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "vectors", feature = "constant-time"))]
extern crate std;

pub mod accel;
pub mod aead;
pub mod argon2id;
pub mod backend;
pub mod committing;
mod error;
pub mod hash;
pub mod hkdf;
#[cfg(feature = "kernels")]
pub mod kernels;
mod lanes;
#[cfg(feature = "constant-time")]
pub mod secrecy;
#[cfg(not(feature = "constant-time"))]
mod secrecy;
pub mod secret;
#[cfg(feature = "selftest")]
pub mod selftest;
pub mod sha256;
pub mod sign;
#[cfg(feature = "vectors")]
pub mod vectors;

pub use error::Error;
