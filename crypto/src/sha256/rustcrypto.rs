//! The crates `sha2` and `hmac`.

use super::DIGEST_BYTES;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}
