//! Randomness and time, which every engine gets from its host.

use dagvault_core::error::StoreError;

/// Randomness and time, from the host.
pub trait System: Send + Sync {
    /// Fills `out` with random bytes fit for keys.
    ///
    /// # Errors
    /// `Io` if the source fails.
    fn random(&self, out: &mut [u8]) -> Result<(), StoreError>;

    /// Milliseconds since 1970 UTC.
    fn now_ms(&self) -> u64;
}

/// The operating system's randomness and clock.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, Default)]
pub struct OsSystem;

#[cfg(feature = "std")]
impl System for OsSystem {
    fn random(&self, out: &mut [u8]) -> Result<(), StoreError> {
        use dagvault_core::error::StoreErrorKind;
        getrandom::fill(out)
            .map_err(|error| StoreError::new(StoreErrorKind::Io, alloc::format!("random: {error}")))
    }

    fn now_ms(&self) -> u64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A fixed sequence of random bytes and times, for tests and comparisons of engines: never for real keys.
#[derive(Debug)]
pub struct FixedSystem {
    seed: [u8; 32],
    drawn: dagvault_core::sync::AtomicU64,
}

impl FixedSystem {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self { seed: bytes, drawn: dagvault_core::sync::AtomicU64::new(0) }
    }

    fn draw(&self) -> u64 {
        self.drawn.fetch_add(1, dagvault_core::sync::Ordering::Relaxed)
    }
}

impl System for FixedSystem {
    fn random(&self, out: &mut [u8]) -> Result<(), StoreError> {
        let mut hasher = blake3::Hasher::new_keyed(&self.seed);
        hasher.update(&self.draw().to_le_bytes());
        hasher.finalize_xof().fill(out);
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        1_700_000_000_000
    }
}
