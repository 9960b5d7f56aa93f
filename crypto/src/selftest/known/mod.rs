//! The known answers, a file a family.

mod blake3_lengths;
mod ciphers;
mod derivations;
mod hashes;
mod signatures;

pub(super) use ciphers::run as ciphers;
pub(super) use derivations::run as derivations;
pub(super) use hashes::run as hashes;
pub(super) use signatures::run as signatures;
