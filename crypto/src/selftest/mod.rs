//! Known answers of the standards, runnable wherever the crate runs: natively, in the wasm guest, in a
//! browser.
//!
//! Everything goes through one function of bytes to bytes, [`case`]: a guest exports it, and a host then
//! drives the same cases through the guest ([`run_with`]) as through itself ([`run`]); the module `vectors`
//! sends the Wycheproof cases the same way. For tests and start-up checks only: it copies secrets freely.

mod case;
mod codec;
mod known;

pub use case::{MALFORMED, Op, case};
pub use codec::{answer, encode};

use crate::aead::Suite;
use alloc::vec::Vec;

/// An algorithm of this crate, as counts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// HMAC-SHA-256.
    HmacSha256,
    /// BLAKE3 in its three modes.
    Blake3,
    /// XChaCha20-Poly1305.
    XChaCha20Poly1305,
    /// AES-256-GCM.
    Aes256Gcm,
    /// The block envelope.
    Committing,
    /// HKDF-SHA-256.
    HkdfSha256,
    /// Argon2id.
    Argon2id,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// Number of algorithms.
    pub const COUNT: usize = Self::ALL.len();

    /// Every algorithm, in the order of the counts.
    pub const ALL: [Self; 9] = [
        Self::Sha256,
        Self::HmacSha256,
        Self::Blake3,
        Self::XChaCha20Poly1305,
        Self::Aes256Gcm,
        Self::Committing,
        Self::HkdfSha256,
        Self::Argon2id,
        Self::Ed25519,
    ];

    /// Returns the algorithm's common name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::HmacSha256 => "HMAC-SHA-256",
            Self::Blake3 => "BLAKE3",
            Self::XChaCha20Poly1305 => "XChaCha20-Poly1305",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Committing => "block envelope",
            Self::HkdfSha256 => "HKDF-SHA-256",
            Self::Argon2id => "Argon2id",
            Self::Ed25519 => "Ed25519",
        }
    }

    const fn of(suite: Suite) -> Self {
        match suite {
            Suite::XChaCha20Poly1305 => Self::XChaCha20Poly1305,
            Suite::Aes256Gcm => Self::Aes256Gcm,
        }
    }
}

/// How many known answers were right, by algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    passed: [u32; Algorithm::COUNT],
}

impl Report {
    /// Returns the number of right answers of one algorithm.
    #[must_use]
    pub const fn passed(&self, algorithm: Algorithm) -> u32 {
        self.passed[algorithm as usize]
    }

    /// Returns the number of right answers of all algorithms.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.passed.iter().sum()
    }
}

/// A wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose answer.
    pub algorithm: Algorithm,
    /// Which vector, as the standard names it.
    pub vector: &'static str,
    /// The length of the input where vectors differ by that (BLAKE3), in bytes, or else 0.
    pub input_bytes: usize,
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: wrong answer to {}", self.algorithm.name(), self.vector)?;
        if self.input_bytes > 0 {
            write!(f, " ({} bytes)", self.input_bytes)?;
        }
        Ok(())
    }
}

impl core::error::Error for Failure {}

/// Runs all known answers through this very build; some milliseconds, at most 1 MiB of memory.
///
/// # Errors
/// The first wrong answer.
pub fn run() -> Result<Report, Failure> {
    run_with(&mut case)
}

/// Runs all known answers through any implementation of [`case`]: a wasm guest's, say.
///
/// # Errors
/// The first wrong answer.
pub fn run_with(case: &mut dyn FnMut(u8, &[u8]) -> Vec<u8>) -> Result<Report, Failure> {
    let mut runner = Runner { case, report: Report { passed: [0; Algorithm::COUNT] } };
    known::hashes(&mut runner)?;
    known::ciphers(&mut runner)?;
    known::derivations(&mut runner)?;
    known::signatures(&mut runner)?;
    Ok(runner.report)
}

struct Runner<'a> {
    case: &'a mut dyn FnMut(u8, &[u8]) -> Vec<u8>,
    report: Report,
}

impl Runner<'_> {
    /// Asks one case and expects `wanted`: an output, or a refusal.
    fn expect(
        &mut self,
        (algorithm, vector): (Algorithm, &'static str),
        op: Op,
        fields: &[&[u8]],
        wanted: Option<&[u8]>,
    ) -> Result<(), Failure> {
        let given = (self.case)(op as u8, &encode(fields));
        let right = match (answer(&given), wanted) {
            (Ok(output), Some(wanted)) => output == wanted,
            (Err(code), None) => code != MALFORMED,
            _ => false,
        };
        if !right {
            let input_bytes = if algorithm == Algorithm::Blake3 { fields[fields.len() - 1].len() } else { 0 };
            return Err(Failure { algorithm, vector, input_bytes });
        }
        self.report.passed[algorithm as usize] += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_implementation_is_found() {
        let mut right = Vec::new();
        let recorded = run_with(&mut |op, input| {
            right.push(case(op, input));
            right[right.len() - 1].clone()
        });
        assert_eq!(recorded.map(|report| report.total() as usize), Ok(right.len()));
        for wrong in Op::ALL {
            let mut replay = right.iter();
            let mut broken = |op: u8, _: &[u8]| {
                let mut answer = replay.next().cloned().unwrap_or_default();
                if op == wrong as u8 {
                    let last = answer.len() - 1;
                    answer[last] ^= 1;
                }
                answer
            };
            assert!(run_with(&mut broken).is_err(), "{wrong:?} is not covered");
        }
    }
}
