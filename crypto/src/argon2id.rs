//! Argon2id version 1.3 ([RFC 9106](https://www.rfc-editor.org/rfc/rfc9106)): keys from passphrases.
//!
//! Parameters come out of stored data that anyone may have altered, so their bounds are checked before a byte
//! is allocated; the memory is allocated fallibly, and overwritten with zeros afterwards since it holds
//! material derived from the password.
//!
//! Backend: `argon2`. With the crate feature `parallel` it fills the lanes on several threads; the lanes are
//! part of the function, the threads are not, so results are the same.

use crate::{Error, accel};
use alloc::vec::Vec;
use argon2::{Algorithm, Argon2, AssociatedData, Block, ParamsBuilder, Version};
use zeroize::{optimization_barrier, zeroize_stack};

/// Shortest salt, in bytes (RFC 9106, section 3.1, recommends 16).
pub const SALT_BYTES_MIN: usize = 16;
/// Longest salt, in bytes.
pub const SALT_BYTES_MAX: usize = 64;
/// Shortest output, in bytes (RFC 9106, section 3.1).
pub const OUTPUT_BYTES_MIN: usize = 4;
/// Longest output, in bytes.
pub const OUTPUT_BYTES_MAX: usize = 1024;
/// Most passes over the memory.
pub const PASSES_MAX: u32 = 16;
/// Most lanes.
pub const LANES_MAX: u32 = 16;
/// Most memory that [`derive()`] takes, whatever the caller allows, in KiB: 4 GiB.
pub const MEMORY_KIB_MAX: u32 = 4 << 20;
/// Least memory for each lane, in KiB (RFC 9106, section 3.1).
pub const LANE_MEMORY_KIB_MIN: u32 = 8;

/// Bytes of stack overwritten after a derivation: the backend's temporary blocks of 1 KiB each.
const STACK_BYTES: usize = 16 * 1024;

/// The cost of a derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Params {
    /// Memory, in KiB; at least 8 a lane.
    pub memory_kib: u32,
    /// Passes over the memory, 1 to 16.
    pub passes: u32,
    /// Lanes, 1 to 16: how many threads may help.
    pub lanes: u32,
}

impl Params {
    /// The second recommended choice of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes.
    pub const RFC9106_SECOND: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// Checks the bounds, with at most `memory_kib_max` KiB of memory.
    ///
    /// # Errors
    /// [`Error::Parameters`] when a bound is crossed.
    pub const fn check(&self, memory_kib_max: u32) -> Result<(), Error> {
        // The first two conditions bound `lanes`, so the product cannot overflow.
        if self.lanes < 1
            || self.lanes > LANES_MAX
            || self.passes < 1
            || self.passes > PASSES_MAX
            || self.memory_kib < LANE_MEMORY_KIB_MIN * self.lanes
            || self.memory_kib > memory_kib_max
        {
            return Err(Error::Parameters);
        }
        Ok(())
    }
}

/// Fills `out` with the key derived from a password and a salt (RFC 9106, section 3).
///
/// `salt` has 16 to 64 bytes, `out` 4 to 1024; another length of `out` gives unrelated bytes. Callers bound
/// memory by their own limit before, by [`Params::check`].
///
/// # Errors
/// [`Error::Parameters`], [`Error::SaltLength`], [`Error::OutputLength`], [`Error::InputLength`] (a password
/// of 4 GiB), all before anything is allocated; [`Error::Memory`] when the allocation fails.
///
/// # Example
/// ```
/// use dagvault_crypto::argon2id::{self, Params};
/// let cheap = Params { memory_kib: 64, passes: 1, lanes: 1 };
/// let mut key = [0; 32];
/// argon2id::derive(b"correct horse", b"16 bytes of salt", &cheap, &mut key)?;
/// # Ok::<(), dagvault_crypto::Error>(())
/// ```
pub fn derive(password: &[u8], salt: &[u8], params: &Params, out: &mut [u8]) -> Result<(), Error> {
    derive_with(&Inputs { password, salt, secret: b"", data: b"" }, params, out)
}

/// All byte strings that Argon2 takes; the vault uses neither secret nor data, the RFC's vector does.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// What a person knows.
    pub password: &'a [u8],
    /// 16 to 64 bytes.
    pub salt: &'a [u8],
    /// A key that is kept elsewhere, or nothing.
    pub secret: &'a [u8],
    /// Associated data.
    pub data: &'a [u8],
}

/// As [`derive()`], from all that Argon2 takes.
///
/// # Errors
/// As [`derive()`].
pub fn derive_with(inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Result<(), Error> {
    params.check(MEMORY_KIB_MAX)?;
    if !(SALT_BYTES_MIN..=SALT_BYTES_MAX).contains(&inputs.salt.len()) {
        return Err(Error::SaltLength);
    }
    if !(OUTPUT_BYTES_MIN..=OUTPUT_BYTES_MAX).contains(&out.len()) {
        return Err(Error::OutputLength);
    }
    if u32::try_from(inputs.password.len()).is_err() {
        return Err(Error::InputLength);
    }
    match accel::argon2id(inputs, params, out) {
        Some(()) => Ok(()),
        None => derive_here(inputs, params, out),
    }
}

/// As [`derive_with`] for what was checked, never by a host.
pub(crate) fn derive_here(inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Result<(), Error> {
    let derived = fill_and_finalize(inputs, params, out);
    zeroize_stack::<STACK_BYTES>();
    derived
}

/// Not inlined, so that its frame and those below it are what [`zeroize_stack`] overwrites afterwards.
#[inline(never)]
fn fill_and_finalize(inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Result<(), Error> {
    let backend_params = ParamsBuilder::new()
        .m_cost(params.memory_kib)
        .t_cost(params.passes)
        .p_cost(params.lanes)
        .data(AssociatedData::new(inputs.data).map_err(|_| Error::InputLength)?)
        .output_len(out.len())
        .build()
        .map_err(|_| Error::Parameters)?;
    let block_count = backend_params.block_count();
    let backend = Argon2::new_with_secret(inputs.secret, Algorithm::Argon2id, Version::V0x13, backend_params)
        .map_err(|_| Error::InputLength)?;
    let mut matrix = Matrix::allocate(block_count)?;
    backend
        .hash_password_into_with_memory(inputs.password, inputs.salt, out, matrix.0.as_mut_slice())
        .map_err(|_| Error::Parameters)
}

/// The memory of a derivation, blocks of 1 KiB; erased on drop, after a panic too.
struct Matrix(Vec<Block>);

impl Matrix {
    fn allocate(block_count: usize) -> Result<Self, Error> {
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(block_count).map_err(|_| Error::Memory)?;
        blocks.resize(block_count, Block::new());
        Ok(Self(blocks))
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        // One `memset` and a barrier that keeps it, in place of volatile writes word by word.
        self.0.fill(Block::new());
        optimization_barrier(self.0.as_slice());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Params = Params { memory_kib: 32, passes: 1, lanes: 2 };

    #[test]
    fn bounds_are_exact() {
        let check = |memory_kib, passes, lanes| Params { memory_kib, passes, lanes }.check(1024).is_ok();
        assert!(check(8, 1, 1) && check(128, 16, 16) && check(1024, 3, 4));
        assert!(!check(7, 1, 1) && !check(127, 16, 16) && !check(1025, 3, 4));
        assert!(!check(64, 0, 1) && !check(64, 17, 1));
        assert!(!check(1024, 1, 0) && !check(1024, 1, 17) && !check(u32::MAX, u32::MAX, u32::MAX));
        assert_eq!(Params::RFC9106_SECOND.check(64 * 1024), Ok(()));
    }

    #[test]
    fn lengths_are_bounded() {
        let derive = |salt: usize, out: usize| {
            super::derive(b"password", &[1; 65][..salt], &CHEAP, &mut [0; 1025][..out])
        };
        assert_eq!((derive(16, 4), derive(64, 1024)), (Ok(()), Ok(())));
        assert_eq!((derive(15, 32), derive(65, 32)), (Err(Error::SaltLength), Err(Error::SaltLength)));
        assert_eq!((derive(16, 3), derive(16, 1025)), (Err(Error::OutputLength), Err(Error::OutputLength)));
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        assert_eq!(Matrix::allocate(usize::MAX / 1024).err(), Some(Error::Memory));
        assert_eq!(Matrix::allocate(usize::MAX).err(), Some(Error::Memory));
        let greedy = Params { memory_kib: u32::MAX, passes: 1, lanes: 1 };
        assert_eq!(derive(b"p", &[1; 16], &greedy, &mut [0; 32]), Err(Error::Parameters));
    }

    #[test]
    fn every_input_counts() {
        let derive = |password: &[u8], salt: u8, params: Params| {
            let mut out = [0; 32];
            super::derive(password, &[salt; 16], &params, &mut out).map(|()| out)
        };
        let all = [
            derive(b"a", 1, CHEAP),
            derive(b"b", 1, CHEAP),
            derive(b"a", 2, CHEAP),
            derive(b"a", 1, Params { passes: 2, ..CHEAP }),
            derive(b"a", 1, Params { lanes: 1, ..CHEAP }),
            derive(b"a", 1, Params { memory_kib: 64, ..CHEAP }),
        ];
        for i in 0..all.len() {
            assert!(all[i].is_ok() && !all[..i].contains(&all[i]));
        }
    }
}
