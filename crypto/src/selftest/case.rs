//! One function of bytes to bytes over the whole API.

use super::codec::{accepted, fields, refused};
use crate::{
    Error,
    aead::{self, Suite},
    argon2id::{self, Inputs, Params},
    backend::Backend,
    committing, hash, hkdf,
    secret::Secret,
    sha256, sign,
};
use alloc::{vec, vec::Vec};

/// The refusal of an input that is no case: unknown operation, wrong number of fields, a field of wrong
/// length.
pub const MALFORMED: u8 = 255;

/// What a case asks for; fields, then output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    /// data → digest 32; hashed in pieces as well, which must agree.
    Sha256 = 1,
    /// key, data → code 32.
    Hmac = 2,
    /// data → hash 32; in pieces as well.
    Blake3 = 3,
    /// key 32, data → hash 32; in pieces as well.
    Blake3Keyed = 4,
    /// context (UTF-8), length of the output (u32, little-endian), material → output.
    Blake3Derive = 5,
    /// suite 1, key 32, nonce, aad, plaintext → ciphertext, tag 16.
    Seal = 6,
    /// suite 1, key 32, nonce, aad, ciphertext, tag 16 → plaintext.
    Open = 7,
    /// suite 1, link key 32, salt 32, aad, plaintext → commitment 32, ciphertext, tag 16.
    CommittingSeal = 8,
    /// suite 1, link key 32, salt 32, commitment 32, aad, ciphertext, tag 16 → plaintext.
    CommittingOpen = 9,
    /// salt, ikm, info, length of the output (u32) → output.
    Hkdf = 10,
    /// password, salt, secret, associated data, parameters (memory in KiB, passes, lanes, length of the
    /// output: four u32) → output.
    Argon2id = 11,
    /// seed 32 → public key 32.
    Ed25519Public = 12,
    /// seed 32, message → signature 64.
    Ed25519Sign = 13,
    /// public key 32, message, signature 64 → nothing.
    Ed25519Verify = 14,
    /// data → hash 32, as [`Op::Blake3`], by all workers.
    Blake3Wide = 15,
}

impl Op {
    /// Every operation, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Sha256,
        Self::Hmac,
        Self::Blake3,
        Self::Blake3Keyed,
        Self::Blake3Derive,
        Self::Seal,
        Self::Open,
        Self::CommittingSeal,
        Self::CommittingOpen,
        Self::Hkdf,
        Self::Argon2id,
        Self::Ed25519Public,
        Self::Ed25519Sign,
        Self::Ed25519Verify,
        Self::Blake3Wide,
    ];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&op| op as u8 == number)
    }
}

/// Longest output that a case may ask for, in bytes.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Runs operation `op` (an [`Op`]'s number) on the fields in `input`, as [`super::encode`] writes them; the
/// result is for [`super::answer`]. Bytes that are no case are refused as [`MALFORMED`].
#[must_use]
pub fn case(op: u8, input: &[u8]) -> Vec<u8> {
    let answer = Op::of(op).and_then(|op| match op {
        Op::Sha256 | Op::Hmac => sha2(op, input),
        Op::Blake3 | Op::Blake3Keyed | Op::Blake3Derive | Op::Blake3Wide => blake3(op, input),
        Op::Seal | Op::Open => raw(op, input),
        Op::CommittingSeal | Op::CommittingOpen => envelope(op, input),
        Op::Hkdf | Op::Argon2id => derivation(op, input),
        Op::Ed25519Public | Op::Ed25519Sign | Op::Ed25519Verify => ed25519(op, input),
    });
    answer.unwrap_or_else(|| vec![0, MALFORMED])
}

/// An answer, or `None` for a malformed input.
type Answer = Option<Vec<u8>>;

fn sha2(op: Op, input: &[u8]) -> Answer {
    if op == Op::Hmac {
        let [key, data] = fields(input)?;
        let (head, tail) = data.split_at(data.len() / 3);
        return agreeing(&sha256::hmac(key, &[data]), &sha256::hmac(key, &[head, tail]));
    }
    let [data] = fields(input)?;
    let mut hasher = sha256::Sha256::new();
    data.chunks(61).for_each(|piece| hasher.update(piece));
    agreeing(&sha256::digest(data), &hasher.finalize())
}

fn blake3(op: Op, input: &[u8]) -> Answer {
    match op {
        Op::Blake3Derive => {
            let [context, length, material] = fields(input)?;
            let mut out = output(length)?;
            hash::derive_in(Backend::chosen(), core::str::from_utf8(context).ok()?, &[material], &mut out);
            Some(accepted(&[&out]))
        }
        Op::Blake3Wide => {
            let [data] = fields(input)?;
            Some(accepted(&[&hash::hash_wide(data)]))
        }
        Op::Blake3Keyed => {
            let [key, data] = fields(input)?;
            let key = key.try_into().ok()?;
            let mut hasher = hash::Hasher::new_keyed(key);
            data.chunks(1021).for_each(|piece| hasher.update(piece));
            agreeing(&hash::keyed(key, data), &hasher.finalize())
        }
        _ => {
            let [data] = fields(input)?;
            let mut hasher = hash::Hasher::new();
            data.chunks(1021).for_each(|piece| hasher.update(piece));
            agreeing(&hash::hash(data), &hasher.finalize())
        }
    }
}

fn raw(op: Op, input: &[u8]) -> Answer {
    if op == Op::Seal {
        let [suite, key, nonce, aad, plaintext] = fields(input)?;
        let (suite, key, mut buf) = (suite_of(suite)?, Secret::from_slice(key)?, plaintext.to_vec());
        return Some(match aead::seal_in_place(suite, &key, nonce, aad, &mut buf) {
            Ok(tag) => accepted(&[&buf, &tag]),
            Err(error) => refused(error),
        });
    }
    let [suite, key, nonce, aad, ciphertext, tag] = fields(input)?;
    let (suite, key, mut buf) = (suite_of(suite)?, Secret::from_slice(key)?, ciphertext.to_vec());
    opened(aead::open_in_place(suite, &key, nonce, aad, &mut buf, tag.try_into().ok()?), &buf)
}

fn envelope(op: Op, input: &[u8]) -> Answer {
    if op == Op::CommittingSeal {
        let [suite, key, salt, aad, plaintext] = fields(input)?;
        let (suite, key, mut buf) = (suite_of(suite)?, Secret::from_slice(key)?, plaintext.to_vec());
        let salt = salt.try_into().ok()?;
        return Some(match committing::seal(suite, &key, salt, aad, &mut buf) {
            Ok(sealed) => accepted(&[&sealed.commitment, &buf, &sealed.tag]),
            Err(error) => refused(error),
        });
    }
    let [suite, key, salt, commitment, aad, ciphertext, tag] = fields(input)?;
    let (suite, key, mut buf) = (suite_of(suite)?, Secret::from_slice(key)?, ciphertext.to_vec());
    let (salt, commitment, tag) = (salt.try_into().ok()?, commitment.try_into().ok()?, tag.try_into().ok()?);
    opened(committing::open(suite, &key, salt, commitment, aad, &mut buf, tag), &buf)
}

fn derivation(op: Op, input: &[u8]) -> Answer {
    let (derived, out) = if op == Op::Hkdf {
        let [salt, ikm, info, length] = fields(input)?;
        let mut out = output(length)?;
        let (head, tail) = info.split_at(info.len() / 2);
        (hkdf::derive(salt, ikm, &[head, tail], &mut out), out)
    } else {
        let [password, salt, secret, data, params] = fields(input)?;
        let (params, length) = params.split_at_checked(12)?;
        let mut out = output(length)?;
        let params = Params {
            memory_kib: word(&params[..4])?,
            passes: word(&params[4..8])?,
            lanes: word(&params[8..])?,
        };
        (argon2id::derive_with(&Inputs { password, salt, secret, data }, &params, &mut out), out)
    };
    Some(match derived {
        Ok(()) => accepted(&[&out]),
        Err(error) => refused(error),
    })
}

fn ed25519(op: Op, input: &[u8]) -> Answer {
    match op {
        Op::Ed25519Public => {
            let [seed] = fields(input)?;
            Some(accepted(&[&sign::SigningKey::from_seed(&Secret::from_slice(seed)?).verifying_key()]))
        }
        Op::Ed25519Sign => {
            let [seed, message] = fields(input)?;
            Some(accepted(&[&sign::SigningKey::from_seed(&Secret::from_slice(seed)?).sign(message)]))
        }
        _ => {
            let [public, message, signature] = fields(input)?;
            opened(sign::verify(public.try_into().ok()?, message, signature.try_into().ok()?), &[])
        }
    }
}

/// Accepts what two ways of computing agree on; an empty output, which no vector wants, when they do not.
fn agreeing(one: &[u8], other: &[u8]) -> Answer {
    Some(accepted(&[if one == other { one } else { &[] }]))
}

/// Accepts the plaintext, or refuses, where it also insists on an erased buffer.
fn opened(result: Result<(), Error>, buf: &[u8]) -> Answer {
    match result {
        Ok(()) => Some(accepted(&[buf])),
        Err(error) => buf.iter().all(|&byte| byte == 0).then(|| refused(error)),
    }
}

fn suite_of(field: &[u8]) -> Option<Suite> {
    let [number] = field else { return None };
    Suite::try_from(*number).ok()
}

fn word(field: &[u8]) -> Option<u32> {
    field.try_into().ok().map(u32::from_le_bytes)
}

fn output(length: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(word(length)?).ok()?;
    (length <= OUTPUT_BYTES_MAX).then(|| vec![0; length])
}
