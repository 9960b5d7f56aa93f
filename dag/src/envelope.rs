//! The envelope: how a payload becomes an opaque block.
//!
//! ```text
//! format 1 | suite 1 | salt 32 | commitment 32 | ciphertext | tag 16
//! plaintext: payload length 4 (little-endian) | payload | zeros up to the size class
//! ```
//! Key, nonce and commitment come from (link key, salt), see [`committing`]. The associated data binds the
//! format, the suite and the block's kind, which is stored nowhere: a reader knows what it follows a link for,
//! a store learns nothing. Sizes are rounded up to the classes of Padmé (Nikitin et al., "Reducing Metadata
//! Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019), at least 256 bytes.

use alloc::vec::Vec;
use core::fmt;

use dagvault_core::ids::Cid;
use dagvault_core::limits::BLOCK_BYTES_MAX;
use dagvault_core::wipe::wipe_vec;
use dagvault_crypto::aead::{Suite, TAG_BYTES};
use dagvault_crypto::backend::Backend;
use dagvault_crypto::{committing, hash, secret::Secret};

use crate::store::Block;

/// Version of the envelope.
pub const FORMAT: u8 = 1;
/// Bytes before the ciphertext.
pub const HEADER_BYTES: usize = 2 + SALT_BYTES + 32;
/// Bytes of the salt.
pub const SALT_BYTES: usize = 32;
/// Bytes that an envelope adds to its payload, padding aside.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + LENGTH_BYTES + TAG_BYTES;
/// Smallest block.
pub const BLOCK_BYTES_MIN: usize = 256;
/// Largest payload.
pub const PAYLOAD_BYTES_MAX: usize = BLOCK_BYTES_MAX - OVERHEAD_BYTES;

const LENGTH_BYTES: usize = 4;

/// What a block holds; bound by its tag, stored nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A leaf of a state tree.
    Leaf = 1,
    /// A branch of a state tree.
    Branch = 2,
    /// A part of a value.
    Chunk = 3,
    /// Links to parts of a value.
    Index = 4,
    /// Older versions of a path.
    History = 5,
    /// A commit.
    Commit = 6,
}

/// Why bytes are not the block that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Too short, too long, or of a size that is no class.
    Size,
    /// A format or suite from a newer version.
    Unsupported,
    /// Key, kind or bytes don't belong together.
    Authentication,
    /// A payload length that the block can't hold, or padding that is not zero.
    Padding,
    /// A payload over [`PAYLOAD_BYTES_MAX`].
    TooLarge,
    /// A sealed block did not open to what was sealed: the machine computes wrongly.
    Fault,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "block of an impossible size",
            Self::Unsupported => "block of a newer format",
            Self::Authentication => "block is not authentic",
            Self::Padding => "block is padded wrongly",
            Self::TooLarge => "payload is too large for a block",
            Self::Fault => "sealed block does not open to what was sealed",
        })
    }
}

impl core::error::Error for EnvelopeError {}

/// The size class of a block whose envelope and payload take `bytes`: Padmé, at least
/// [`BLOCK_BYTES_MIN`], at most [`BLOCK_BYTES_MAX`].
#[must_use]
pub fn size_class(bytes: usize) -> usize {
    let bytes = bytes.max(BLOCK_BYTES_MIN);
    let exponent = bytes.ilog2();
    let kept = exponent.ilog2() + 1;
    let unit = 1_usize << (exponent - kept);
    bytes.next_multiple_of(unit).min(BLOCK_BYTES_MAX)
}

fn associated_data(suite: Suite, kind: Kind) -> [u8; 11] {
    let mut data = *b"dagvault\0\0\0";
    data[8..].copy_from_slice(&[FORMAT, suite as u8, kind as u8]);
    data
}

/// Seals a payload, which comes in pieces, under a fresh link key and salt.
///
/// The link key must be used for this block only, and both drawn at random.
///
/// # Errors
/// `TooLarge` if the payload is over [`PAYLOAD_BYTES_MAX`].
pub fn seal(
    suite: Suite,
    kind: Kind,
    link_key: &Secret<32>,
    salt: &[u8; SALT_BYTES],
    payload: &[&[u8]],
) -> Result<Block, EnvelopeError> {
    let payload_bytes: usize = payload.iter().map(|piece| piece.len()).sum();
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return Err(EnvelopeError::TooLarge);
    }
    let size = size_class(payload_bytes + OVERHEAD_BYTES);
    let mut bytes = Vec::with_capacity(size);
    bytes.push(FORMAT);
    bytes.push(suite as u8);
    bytes.extend_from_slice(salt);
    bytes.extend_from_slice(&[0; 32]);
    let length = u32::try_from(payload_bytes).map_err(|_| EnvelopeError::TooLarge)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    payload.iter().for_each(|piece| bytes.extend_from_slice(piece));
    bytes.resize(size - TAG_BYTES, 0);
    let aad = associated_data(suite, kind);
    let sealed = committing::seal(suite, link_key, salt, &aad, &mut bytes[HEADER_BYTES..])
        .map_err(|_| EnvelopeError::TooLarge)?;
    bytes[2 + SALT_BYTES..HEADER_BYTES].copy_from_slice(&sealed.commitment);
    bytes.extend_from_slice(&sealed.tag);
    Ok(Block { cid: Cid(hash::hash(&bytes)), bytes })
}

/// As [`seal`], then opens the block again on another backend and compares.
///
/// # Errors
/// As [`seal`]; `Fault` if something else comes out.
pub fn seal_checked(
    suite: Suite,
    kind: Kind,
    link_key: &Secret<32>,
    salt: &[u8; SALT_BYTES],
    payload: &[&[u8]],
) -> Result<Block, EnvelopeError> {
    let block = seal(suite, kind, link_key, salt, payload)?;
    if holds(&block, kind, link_key, payload) { Ok(block) } else { Err(EnvelopeError::Fault) }
}

/// Whether a block has its name and holds this payload, as another backend than that of [`seal`] sees it.
fn holds(block: &Block, kind: Kind, link_key: &Secret<32>, payload: &[&[u8]]) -> bool {
    let other = Backend::chosen().other();
    let Ok(opened) = open_on(other, kind, link_key, block.bytes.clone()) else { return false };
    let mut rest = opened.payload();
    let same = payload.iter().all(|piece| {
        let (now, later) = rest.split_at(piece.len().min(rest.len()));
        rest = later;
        now == *piece
    });
    same && rest.is_empty() && block.cid == Cid(hash::hash_on(other, &block.bytes))
}

/// A decrypted payload, zeroed when dropped.
pub struct Opened {
    buffer: Vec<u8>,
    payload_bytes: usize,
}

impl Opened {
    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let start = HEADER_BYTES + LENGTH_BYTES;
        &self.buffer[start..start + self.payload_bytes]
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        wipe_vec(&mut self.buffer);
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({} bytes)", self.payload_bytes)
    }
}

/// Opens a block in place.
///
/// # Errors
/// `Authentication` if key, kind or bytes don't belong together; `Unsupported` for a newer format; `Size` or
/// `Padding` for bytes that no version wrote.
pub fn open(kind: Kind, link_key: &Secret<32>, block: Vec<u8>) -> Result<Opened, EnvelopeError> {
    open_on(Backend::chosen(), kind, link_key, block)
}

/// What opens this block alone, where its link key opens others too, as that of commits does; see
/// [`committing::opening`]. `None` for what is no block.
#[must_use]
pub fn opening(link_key: &Secret<32>, block: &[u8]) -> Option<Secret<32>> {
    let suite = Suite::try_from(*block.get(1)?).ok()?;
    Some(committing::opening(suite, link_key, block.get(2..)?.first_chunk()?))
}

/// Opens a block by its [`opening`].
///
/// # Errors
/// As [`open`].
pub fn open_by(kind: Kind, opening: &Secret<32>, block: Vec<u8>) -> Result<Opened, EnvelopeError> {
    open_with(kind, block, |suite, salt, commitment, aad, text, tag| {
        committing::open_by(suite, opening, salt, commitment, aad, text, tag)
    })
}

fn open_on(
    backend: Backend,
    kind: Kind,
    link_key: &Secret<32>,
    block: Vec<u8>,
) -> Result<Opened, EnvelopeError> {
    open_with(kind, block, |suite, salt, commitment, aad, text, tag| {
        committing::open_on(backend, suite, link_key, salt, commitment, aad, text, tag)
    })
}

fn open_with(
    kind: Kind,
    mut block: Vec<u8>,
    decrypt: impl FnOnce(
        Suite,
        &[u8; SALT_BYTES],
        &[u8; 32],
        &[u8],
        &mut [u8],
        &[u8; TAG_BYTES],
    ) -> Result<(), dagvault_crypto::Error>,
) -> Result<Opened, EnvelopeError> {
    if block.len() < BLOCK_BYTES_MIN
        || block.len() > BLOCK_BYTES_MAX
        || size_class(block.len()) != block.len()
    {
        return Err(EnvelopeError::Size);
    }
    if block[0] != FORMAT {
        return Err(EnvelopeError::Unsupported);
    }
    let suite = Suite::try_from(block[1]).map_err(|_| EnvelopeError::Unsupported)?;
    let (header, rest) = block.split_at_mut(HEADER_BYTES);
    let (ciphertext, tag) = rest.split_last_chunk_mut::<TAG_BYTES>().ok_or(EnvelopeError::Size)?;
    let salt = header[2..].first_chunk::<SALT_BYTES>().ok_or(EnvelopeError::Size)?;
    let commitment = header[2 + SALT_BYTES..].first_chunk::<32>().ok_or(EnvelopeError::Size)?;
    let aad = associated_data(suite, kind);
    decrypt(suite, salt, commitment, &aad, ciphertext, tag).map_err(|_| EnvelopeError::Authentication)?;
    let length = ciphertext.first_chunk::<LENGTH_BYTES>().ok_or(EnvelopeError::Size)?;
    let payload_bytes = u32::from_le_bytes(*length) as usize;
    let opened = Opened { payload_bytes, buffer: block };
    let padding_start = (HEADER_BYTES + LENGTH_BYTES)
        .checked_add(payload_bytes)
        .filter(|end| *end <= opened.buffer.len() - TAG_BYTES)
        .ok_or(EnvelopeError::Padding)?;
    let padding = &opened.buffer[padding_start..opened.buffer.len() - TAG_BYTES];
    let expected = size_class(payload_bytes + OVERHEAD_BYTES);
    if expected != opened.buffer.len() || padding.iter().any(|byte| *byte != 0) {
        return Err(EnvelopeError::Padding);
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn key(seed: u8) -> Secret<32> {
        Secret::new([seed; 32])
    }

    #[test]
    fn blocks_round_trip_at_every_kind_of_length() {
        for suite in [Suite::XChaCha20Poly1305, Suite::Aes256Gcm] {
            for length in [0, 1, 165, 166, 167, 170, 171, 1000, 4096, 65_537, PAYLOAD_BYTES_MAX] {
                let payload = vec![7; length];
                let block = seal(suite, Kind::Chunk, &key(1), &[2; 32], &[&payload]).unwrap();
                assert_eq!(block.bytes.len(), size_class(length + OVERHEAD_BYTES));
                assert_eq!(open(Kind::Chunk, &key(1), block.bytes).unwrap().payload(), payload);
            }
            let over = vec![0; PAYLOAD_BYTES_MAX + 1];
            assert_eq!(
                seal(suite, Kind::Chunk, &key(1), &[2; 32], &[&over]).err(),
                Some(EnvelopeError::TooLarge)
            );
        }
    }

    #[test]
    fn every_flipped_bit_another_key_and_another_kind_are_refused() {
        let block = seal(Suite::XChaCha20Poly1305, Kind::Leaf, &key(1), &[2; 32], &[b"value"]).unwrap();
        assert!(open(Kind::Leaf, &key(1), block.bytes.clone()).is_ok());
        for bit in 0..block.bytes.len() * 8 {
            let mut bytes = block.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(open(Kind::Leaf, &key(1), bytes).is_err(), "bit {bit}");
        }
        let refused = Some(EnvelopeError::Authentication);
        assert_eq!(open(Kind::Branch, &key(1), block.bytes.clone()).err(), refused);
        assert_eq!(open(Kind::Leaf, &key(3), block.bytes.clone()).err(), refused);
        for cut in [0, 1, 255, block.bytes.len() - 1] {
            assert!(open(Kind::Leaf, &key(1), block.bytes[..cut].to_vec()).is_err());
        }
    }

    #[test]
    fn size_classes_are_few_monotonic_and_cost_at_most_an_eighth() {
        let mut classes = vec![];
        for bytes in 1..=BLOCK_BYTES_MAX {
            let class = size_class(bytes);
            assert!(class >= bytes && class == size_class(class));
            assert!(class - bytes.max(BLOCK_BYTES_MIN) <= bytes.max(BLOCK_BYTES_MIN) / 8);
            if classes.last() != Some(&class) {
                classes.push(class);
            }
        }
        assert!(classes.is_sorted() && classes.len() < 256, "{}", classes.len());
    }

    #[test]
    fn a_fault_anywhere_in_a_block_is_seen() {
        for suite in Suite::ALL {
            let payload: [&[u8]; 2] = [b"head", &[7; 700]];
            let block = seal_checked(suite, Kind::Chunk, &key(1), &[2; 32], &payload).unwrap();
            assert!(holds(&block, Kind::Chunk, &key(1), &payload));
            for at in 0..block.bytes.len() {
                let mut bytes = block.bytes.clone();
                bytes[at] ^= 1;
                // The hash may have been taken before or after the fault.
                for cid in [block.cid, Cid(hash::hash(&bytes))] {
                    let faulty = Block { cid, bytes: bytes.clone() };
                    assert!(!holds(&faulty, Kind::Chunk, &key(1), &payload), "byte {at}");
                }
            }
            assert!(!holds(&block, Kind::Chunk, &key(1), &[b"head"]));
            assert!(!holds(&block, Kind::Chunk, &key(1), &[b"head", &[7; 700], b"more"]));
            let misnamed = Block { cid: Cid([0; 32]), bytes: block.bytes };
            assert!(!holds(&misnamed, Kind::Chunk, &key(1), &payload));
        }
    }
}
