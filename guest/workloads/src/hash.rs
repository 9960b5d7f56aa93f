//! Hashing: SHA-256 and BLAKE3 of a kibibyte.

use dagvault_workloads_guest::{Random, first};
use sha2::{Digest as _, Sha256};

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(1);
    let mut data: Vec<u8> = (0..1024).map(|_| random.short().to_le_bytes()[0]).collect();
    for _ in 0..count {
        let sha256 = Sha256::digest(&data);
        data[..32].copy_from_slice(&sha256);
        let blake3 = blake3::hash(&data);
        data[32..64].copy_from_slice(blake3.as_bytes());
    }
    first(&data[32..])
}
