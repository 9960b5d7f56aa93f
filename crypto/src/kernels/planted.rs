//! Leaks, planted on purpose: a checker of constant time that does not report each of them is broken.

use super::{Kernel, key, nonce};
use crate::aead::{self, Suite};
use crate::backend::Backend;
use core::hint::black_box;

/// All of them.
pub const PLANTED: [Kernel; 6] = [
    Kernel { name: "planted-table", run: |_, buf| table(buf) },
    Kernel { name: "planted-branch", run: |_, buf| branch(buf) },
    Kernel { name: "planted-compare", run: |_, buf| compare(buf) },
    Kernel { name: "planted-key", run: |_, _| branch(key().expose()) },
    Kernel { name: "planted-tag", run: |backend, buf| branch_by_tag(backend, buf) },
    Kernel { name: "planted-division", run: |_, buf| divide(buf) },
];

/// A substitution by a table.
fn table(buf: &mut [u8]) {
    let table: [u8; 256] = black_box(core::array::from_fn(|index| index.to_le_bytes()[0] ^ 0x63));
    buf.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
}

/// Work for bits that are set only.
fn branch(buf: &[u8]) {
    let mut sum = 1;
    for &byte in buf {
        if byte & 1 == 1 {
            sum = more(sum);
        }
    }
    black_box(sum);
}

#[inline(never)]
fn more(sum: u32) -> u32 {
    black_box(sum).wrapping_mul(3)
}

/// The same by what a whole kernel makes of its key: secrets are followed through it.
fn branch_by_tag(backend: Backend, buf: &mut [u8]) {
    let nonce = nonce();
    let sealed = aead::seal_in_place_on(backend, Suite::XChaCha20Poly1305, &key(), &nonce, b"", buf);
    branch(&sealed.unwrap_or_default());
}

/// An end at the first byte that differs.
fn compare(buf: &mut [u8]) {
    let (a, b) = buf.split_at(buf.len() / 2);
    if a == b {
        black_box(more(1));
    }
}

/// A division, whose time depends on its operands on many processors.
fn divide(buf: &mut [u8]) {
    let divisor = buf.first().map_or(1, |&byte| u32::from(byte) | 1);
    black_box(black_box(1_000_003_u32) / divisor);
}
