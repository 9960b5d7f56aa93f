//! Block envelopes: arbitrary bytes, and blocks whose tag is right but whose plaintext is arbitrary, as one who may
//! write to a space could make them. What opens is exactly what sealing the payload gives.

use dagvault_crypto::aead::{Suite, TAG_BYTES};
use dagvault_crypto::committing;
use dagvault_crypto::secret::Secret;
use dagvault_dag::envelope::{FORMAT, HEADER_BYTES, Kind, SALT_BYTES, open, seal, size_class};

const KINDS: [Kind; 6] = [Kind::Leaf, Kind::Branch, Kind::Chunk, Kind::Index, Kind::History, Kind::Commit];
const SALT: [u8; SALT_BYTES] = [3; SALT_BYTES];

fn key() -> Secret<32> {
    Secret::new([5; 32])
}

/// The oracle. The first byte chooses the kind, the suite and whether the rest is a block or its plaintext.
///
/// # Panics
/// If a block opens that sealing would not make.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let kind = KINDS[usize::from(*choice) % KINDS.len()];
    if choice & 0x80 == 0 {
        // Nobody has sealed this under our key.
        let sealed = rest.get(2..2 + SALT_BYTES).is_some_and(|salt| salt == SALT);
        assert!(open(kind, &key(), rest.to_vec()).is_err() || sealed, "a block from nowhere opens");
        return;
    }
    let suite = if choice & 0x40 == 0 { Suite::XChaCha20Poly1305 } else { Suite::Aes256Gcm };
    let Some(block) = authentic(suite, kind, rest) else { return };
    if let Ok(opened) = open(kind, &key(), block.clone()) {
        let again =
            seal(suite, kind, &key(), &SALT, &[opened.payload()]).expect("what fitted once fits again");
        assert_eq!(again.bytes, block, "a second form of a block");
    }
}

/// A block with a true tag over any plaintext; `None` if it is larger than a block.
fn authentic(suite: Suite, kind: Kind, plaintext: &[u8]) -> Option<Vec<u8>> {
    let size = size_class(HEADER_BYTES + plaintext.len() + TAG_BYTES);
    let mut text = plaintext.to_vec();
    text.resize(size.checked_sub(HEADER_BYTES + TAG_BYTES)?, 0);
    let mut data = *b"dagvault\0\0\0";
    data[8..].copy_from_slice(&[FORMAT, suite as u8, kind as u8]);
    let sealed = committing::seal(suite, &key(), &SALT, &data, &mut text).ok()?;
    let mut block = vec![FORMAT, suite as u8];
    block.extend_from_slice(&SALT);
    block.extend_from_slice(&sealed.commitment);
    block.extend_from_slice(&text);
    block.extend_from_slice(&sealed.tag);
    (block.len() == size).then_some(block)
}

/// Whole blocks, and plaintexts with right and wrong lengths.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (choice, kind) in (0_u8..).zip(KINDS) {
        let block = seal(Suite::XChaCha20Poly1305, kind, &key(), &SALT, &[b"payload"]).expect("small");
        seeds.push([&[choice][..], &block.bytes].concat());
        for length in [0_u32, 7, 8, 300, u32::MAX] {
            for suite in [0, 0x40] {
                let head = [&[0x80 | suite | choice][..], &length.to_le_bytes()].concat();
                seeds.push([&head[..], b"payload"].concat());
            }
        }
    }
    seeds
}
