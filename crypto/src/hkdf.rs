//! HKDF-SHA-256 ([RFC 5869](https://www.rfc-editor.org/rfc/rfc5869)), for protocols that prescribe it; our
//! own derivations use [`crate::hash::derive`].
//!
//! By the crates `hkdf` and `sha2` everywhere: each block of the output waits for the one before it, so vectors bring
//! nothing, and over a kernel of our own it was slower in wasm.

use crate::Error;
use zeroize::Zeroize as _;

/// Longest output: 255 blocks of SHA-256 (RFC 5869, section 2.3), in bytes.
pub const OUTPUT_BYTES_MAX: usize = 255 * crate::sha256::DIGEST_BYTES;

/// Fills `out` with extract-and-expand of `ikm` under `salt`, for the concatenated `info`.
///
/// An empty salt counts as 32 zero bytes (section 2.2). The boundaries between the pieces of `info` are not
/// encoded.
///
/// # Errors
/// [`Error::OutputLength`] when `out` is longer than [`OUTPUT_BYTES_MAX`]; it is left as it was.
pub fn derive(salt: &[u8], ikm: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    let (mut prk, expander) = hkdf::Hkdf::<sha2::Sha256>::extract(Some(salt), ikm);
    prk.as_mut_slice().zeroize();
    expander.expand_multi_info(info, out).map_err(|_| Error::OutputLength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn output_ends_at_255_blocks() {
        let mut out = vec![0; OUTPUT_BYTES_MAX + 1];
        assert_eq!(derive(b"s", b"k", &[], &mut out), Err(Error::OutputLength));
        assert!(out.iter().all(|&byte| byte == 0));
        assert_eq!(derive(b"s", b"k", &[], &mut out[..OUTPUT_BYTES_MAX]), Ok(()));
    }

    #[test]
    fn info_is_concatenated() {
        let (mut one, mut two) = ([0; 40], [0; 40]);
        assert_eq!(derive(b"s", b"k", &[b"ab", b"", b"c"], &mut one), Ok(()));
        assert_eq!(derive(b"s", b"k", &[b"abc"], &mut two), Ok(()));
        assert_eq!(one, two);
    }
}
