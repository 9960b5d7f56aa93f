//! The host's accelerators: what it offers at the start, and the calls.

use dagvault_core::abi::{
    ACCEL_CIPHER_PARTS, ACCEL_DECLINED, ACCEL_DERIVATION_PARTS, ACCEL_DONE, ACCEL_NOT_AUTHENTIC,
    ACCEL_PART_BYTES, ACCEL_PARTS_MAX, LOG_NOTICE,
};
use dagvault_crypto::accel::{self, Host};
use dagvault_crypto::aead::{Suite, TAG_BYTES};
use dagvault_crypto::argon2id::{Inputs, Params};
use dagvault_crypto::secret::Secret;

use crate::imports::{self, address};
use crate::system;

/// Asks the host what it computes, and takes what it computes rightly.
pub(crate) fn start() {
    // SAFETY: the call has no pointers.
    let offered = unsafe { imports::accelerators() };
    // Bits that a later host may have are not ours.
    let Ok(offered) = u32::try_from(offered) else { return };
    for wrong in accel::offer(&Imports, offered) {
        system::log(
            LOG_NOTICE,
            format_args!("the host computes {} wrongly: its accelerator is off", wrong.name()),
        );
    }
}

/// The host behind the imports.
struct Imports;

/// A table of parts, as the ABI has it.
type Table<const N: usize> = [[u8; ACCEL_PART_BYTES]; N];

fn row(part: &[u8]) -> [u8; ACCEL_PART_BYTES] {
    row_at(part.as_ptr(), part.len())
}

/// A row for what the host writes: its address comes from a pointer that may be written through.
fn row_mut(part: &mut [u8]) -> [u8; ACCEL_PART_BYTES] {
    row_at(part.as_mut_ptr(), part.len())
}

fn row_at(place: *const u8, bytes: usize) -> [u8; ACCEL_PART_BYTES] {
    (u64::from(address(place)) | (bytes as u64) << 32).to_le_bytes()
}

fn rows(parts: &[&[u8]]) -> Option<Table<{ ACCEL_PARTS_MAX as usize }>> {
    let mut table = [[0; ACCEL_PART_BYTES]; ACCEL_PARTS_MAX as usize];
    table.get_mut(..parts.len())?.iter_mut().zip(parts).for_each(|(to, part)| *to = row(part));
    Some(table)
}

/// Done, if the host has not declined.
fn done(answer: i64) -> Option<()> {
    match answer {
        ACCEL_DONE => Some(()),
        ACCEL_DECLINED => None,
        // Buffers may be half-written: there is no way on.
        other => panic!("an accelerator answered {other}"),
    }
}

impl Host for Imports {
    fn seal(
        &self,
        suite: Suite,
        key: &Secret<32>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
    ) -> Option<[u8; TAG_BYTES]> {
        let mut tag = [0; TAG_BYTES];
        let table: Table<ACCEL_CIPHER_PARTS> =
            [row(key.expose()), row(nonce), row(aad), row_mut(buf), row_mut(&mut tag)];
        // SAFETY: the table and what it names are alive during the call; the host writes the message and the tag,
        // which are borrowed exclusively.
        let answer = unsafe { imports::accel_seal(suite.number().into(), address(table.as_ptr())) };
        done(answer).map(|()| tag)
    }

    fn open(
        &self,
        suite: Suite,
        key: &Secret<32>,
        nonce: &[u8],
        aad: &[u8],
        buf: &mut [u8],
        tag: &[u8; TAG_BYTES],
    ) -> Option<bool> {
        let table: Table<ACCEL_CIPHER_PARTS> =
            [row(key.expose()), row(nonce), row(aad), row_mut(buf), row(tag)];
        // SAFETY: the table and what it names are alive during the call; the host writes the message only, which
        // is borrowed exclusively.
        let answer = unsafe { imports::accel_open(suite.number().into(), address(table.as_ptr())) };
        if answer == ACCEL_NOT_AUTHENTIC { Some(false) } else { done(answer).map(|()| true) }
    }

    fn sha256(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let table = rows(parts)?;
        let mut out = [0; 32];
        let (from, to) = (address(table.as_ptr()), address(out.as_mut_ptr()));
        // SAFETY: the table and what it names are alive during the call; the host writes 32 bytes at `out`.
        done(unsafe { imports::accel_sha256(from, parts.len() as u32, to) }).map(|()| out)
    }

    fn blake3(&self, key: Option<&[u8; 32]>, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let table = rows(parts)?;
        let mut out = [0; 32];
        let key = key.map_or(0, |key| address(key.as_ptr()));
        let (from, to) = (address(table.as_ptr()), address(out.as_mut_ptr()));
        // SAFETY: the key, the table and what it names are alive during the call; the host writes 32 bytes at
        // `out`.
        done(unsafe { imports::accel_blake3(key, from, parts.len() as u32, to) }).map(|()| out)
    }

    fn argon2id(&self, inputs: &Inputs<'_>, params: &Params, out: &mut [u8]) -> Option<()> {
        let Inputs { password, salt, secret, data } = *inputs;
        let table: Table<ACCEL_DERIVATION_PARTS> =
            [row(password), row(salt), row(secret), row(data), row_mut(out)];
        let Params { memory_kib, passes, lanes } = *params;
        // SAFETY: the table and what it names are alive during the call; the host writes the key, which is
        // borrowed exclusively.
        done(unsafe { imports::accel_argon2id(address(table.as_ptr()), memory_kib, passes, lanes) })
    }
}
