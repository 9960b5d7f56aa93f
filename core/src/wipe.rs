//! Overwriting bytes that were secret.
//!
//! A fill and a barrier that keeps it: as certain as a volatile store for each byte, which no compiler may merge, and
//! for a chunk of a value many times as fast.

use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use zeroize::optimization_barrier;

/// Overwrites bytes by zeros.
pub fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    optimization_barrier(bytes);
}

/// Overwrites a vector by zeros, what lies behind its length included, and empties it.
pub fn wipe_vec(bytes: &mut Vec<u8>) {
    bytes.clear();
    // Fills the allocation as it is: it never grows here.
    bytes.resize(bytes.capacity(), 0);
    optimization_barrier(&bytes[..]);
    bytes.clear();
}

/// Bytes that may be secret, overwritten when they are dropped; silent in `Debug`.
#[derive(Default)]
pub struct Wiped(pub Vec<u8>);

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe_vec(&mut self.0);
    }
}

impl Deref for Wiped {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wiped(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_overwritten() {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(&[7; 80]);
        bytes.truncate(10);
        let place = bytes.as_ptr();
        wipe_vec(&mut bytes);
        assert_eq!((bytes.len(), bytes.as_ptr()), (0, place));
        bytes.resize(bytes.capacity(), 1);
        assert_eq!(bytes.as_ptr(), place);
        wipe(&mut bytes[1..]);
        assert_eq!((bytes[0], bytes[1..].iter().max()), (1, Some(&0)));
    }
}
