//! Containers for secret bytes: erased on drop, silent in `Debug`, compared in constant time.
//!
//! What these types cannot do: a value that is moved may leave its old bytes behind, because Rust moves by
//! copying. Fill a secret where it lives ([`Secret::generate`]), and pass references.

use crate::secrecy::declassify;
use alloc::vec::Vec;
use core::fmt;
use dagvault_core::wipe::{wipe, wipe_vec};
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// Compares two byte strings in time that depends on their lengths only.
///
/// Strings of different lengths are unequal (a length is never secret here). The answer is public: callers branch by
/// it.
#[must_use]
pub fn ct_eq(a: &[u8], b: &[u8]) -> bool {
    declassify(a.ct_eq(b).into())
}

/// `N` secret bytes: a key, a seed or a derived value.
///
/// They are overwritten with zeros on drop and never printed, and `==` runs in constant time.
///
/// # Example
/// ```
/// use dagvault_crypto::secret::Secret;
/// let key = Secret::new([7; 32]);
/// assert_eq!(format!("{key:?}"), "Secret<32>(..)");
/// ```
#[derive(Clone)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes over `bytes`; the caller's own copy of the array stays the caller's to erase.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Copies a slice of exactly `N` bytes; `None` for any other length.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Lets `fill` write the `N` bytes, zero before, in place: for random sources and derivations.
    ///
    /// # Errors
    /// Whatever `fill` returns; what it had written by then is erased.
    pub fn generate<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self([0; N]);
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// Lends the bytes out; the one door to them, so that every use can be found by name.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl<const N: usize> ZeroizeOnDrop for Secret<N> {}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        ct_eq(&self.0, &other.0)
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret<{N}>(..)")
    }
}

/// Secret bytes whose number is known at run time only: a password, a stored value.
///
/// The whole allocation is overwritten with zeros on drop; `Debug` shows neither bytes nor length; `==` runs
/// in time that depends on the lengths only. It cannot grow, since growing would leave copies behind.
#[derive(Clone)]
pub struct SecretVec(Vec<u8>);

impl SecretVec {
    /// Takes over an allocation together with its spare capacity.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Copies `bytes` into a fresh allocation.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self::new(bytes.to_vec())
    }

    /// Lends the bytes out.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Lends the bytes out for writing in place, as decryption does; their number stays.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for SecretVec {
    fn drop(&mut self) {
        wipe_vec(&mut self.0);
    }
}

impl ZeroizeOnDrop for SecretVec {}

impl From<Vec<u8>> for SecretVec {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl PartialEq for SecretVec {
    fn eq(&self, other: &Self) -> bool {
        ct_eq(&self.0, &other.0)
    }
}

impl Eq for SecretVec {}

impl fmt::Debug for SecretVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretVec(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    #[test]
    fn takes_exactly_n_bytes() {
        assert!(Secret::<4>::from_slice(&[1, 2, 3, 4]).is_some());
        assert!(Secret::<4>::from_slice(&[1, 2, 3]).is_none());
        assert!(Secret::<4>::from_slice(&[1, 2, 3, 4, 5]).is_none());
    }

    #[test]
    fn debug_is_silent() {
        assert_eq!(format!("{:?}", Secret::new([0xAB; 32])), "Secret<32>(..)");
        assert_eq!(format!("{:?}", SecretVec::from_slice(b"hunter2")), "SecretVec(..)");
    }

    #[test]
    fn compares_contents() {
        assert_eq!(Secret::new([1, 2]), Secret::new([1, 2]));
        assert_ne!(Secret::new([1, 2]), Secret::new([1, 3]));
        assert_eq!(SecretVec::new(vec![1, 2]), SecretVec::from_slice(&[1, 2]));
        assert_ne!(SecretVec::new(vec![1, 2]), SecretVec::from_slice(&[1, 2, 0]));
        assert!(ct_eq(b"", b"") && !ct_eq(b"", b"a"));
    }

    #[test]
    fn generate_fills_in_place_and_hands_errors_on() {
        let secret = Secret::<3>::generate(|bytes| {
            bytes.copy_from_slice(&[1, 2, 3]);
            Ok::<(), ()>(())
        });
        assert_eq!(secret.map(|s| *s.expose()), Ok([1, 2, 3]));
        assert_eq!(Secret::<3>::generate(|_| Err("no entropy")).err(), Some("no entropy"));
    }
}
