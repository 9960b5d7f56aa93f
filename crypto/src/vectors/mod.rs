//! The Wycheproof vectors (C2SP/wycheproof), driven through any implementation of
//! [`selftest::case`](crate::selftest::case): this build's own, or a wasm guest's behind a closure.
//!
//! Test support: it uses std, and it panics at the first wrong answer, naming the vector.
//!
//! ```
//! use dagvault_crypto::{selftest, vectors};
//! let counts = vectors::run_all(&mut selftest::case);
//! assert!(counts.of(selftest::Algorithm::Ed25519).invalid > 0);
//! ```

mod drive;

use crate::selftest::Algorithm;
use alloc::vec::Vec;

/// How many vectors of one algorithm gave the right answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Vectors that must be accepted, and were, with the right output.
    pub valid: u32,
    /// Vectors that must be refused, and were.
    pub invalid: u32,
}

/// The vectors run, by algorithm; those without Wycheproof vectors have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    tallies: [Tally; Algorithm::COUNT],
}

impl Counts {
    /// The algorithms that Wycheproof has vectors for.
    pub const COVERED: [Algorithm; 5] = [
        Algorithm::Aes256Gcm,
        Algorithm::XChaCha20Poly1305,
        Algorithm::HkdfSha256,
        Algorithm::HmacSha256,
        Algorithm::Ed25519,
    ];

    /// Returns the tally of one algorithm.
    #[must_use]
    pub const fn of(&self, algorithm: Algorithm) -> Tally {
        self.tallies[algorithm as usize]
    }

    /// Returns the number of vectors run.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.tallies.iter().map(|tally| tally.valid + tally.invalid).sum()
    }

    fn add(&mut self, algorithm: Algorithm, valid: bool) {
        let tally = &mut self.tallies[algorithm as usize];
        *(if valid { &mut tally.valid } else { &mut tally.invalid }) += 1;
    }
}

/// Runs every vector that fits the API through `case` (operation, input → answer) and counts.
///
/// Every covered algorithm has run valid and invalid vectors when this returns.
///
/// # Panics
/// At the first wrong answer, and when an algorithm of [`Counts::COVERED`] had no valid or no invalid vector.
pub fn run_all(case: &mut dyn FnMut(u8, &[u8]) -> Vec<u8>) -> Counts {
    let mut counts = Counts::default();
    drive::aead(case, &mut counts);
    drive::hkdf(case, &mut counts);
    drive::hmac(case, &mut counts);
    drive::ed25519(case, &mut counts);
    for algorithm in Counts::COVERED {
        let tally = counts.of(algorithm);
        assert!(tally.valid > 0 && tally.invalid > 0, "{}: {tally:?}", algorithm.name());
    }
    counts
}
