//! Packing: LZ4, then base64, and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dagvault_workloads_guest::{Random, first, words};
use lz4_flex::block::{compress_prepend_size, decompress_size_prepended};

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(6);
    let text = words(&mut random, 300);
    let mut sum = 0_u32;
    for _ in 0..count {
        let encoded = STANDARD.encode(compress_prepend_size(text.as_bytes()));
        let Ok(decoded) = STANDARD.decode(&encoded) else { return 0 };
        let Ok(plain) = decompress_size_prepended(&decoded) else { return 0 };
        sum = sum.wrapping_mul(31).wrapping_add(first(&plain) ^ encoded.len() as u32);
    }
    sum
}
