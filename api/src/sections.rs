//! Custom sections that a guest must carry, byte for byte: what it can do, on which format, behind which API.

use dagvault_core::abi::{SECTION_CRYPTO, SECTION_DAG, SECTION_VAULT};

/// All of them, by name.
pub const SECTIONS: [(&str, &[u8]); 4] = [
    ("dagvault.api", &SECTION_API),
    ("dagvault.crypto", SECTION_CRYPTO),
    ("dagvault.dag", SECTION_DAG),
    ("dagvault.vault", SECTION_VAULT),
];

/// Content of the section `dagvault.api`: a fingerprint of the sources that say how requests and answers are
/// encoded, so that a host refuses a guest that was built before they changed.
pub const SECTION_API: [u8; 16] = hex(fingerprint(&[
    include_bytes!("error.rs"),
    include_bytes!("graph.rs"),
    include_bytes!("lib.rs"),
    include_bytes!("request.rs"),
    include_bytes!("response.rs"),
    include_bytes!("types.rs"),
]));

/// FNV-1a, 64 bits: it tells accidents apart, not attacks.
const fn fingerprint(sources: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut file = 0;
    while file < sources.len() {
        let mut at = 0;
        while at < sources[file].len() {
            hash = (hash ^ sources[file][at] as u64).wrapping_mul(0x0100_0000_01b3);
            at += 1;
        }
        file += 1;
    }
    hash
}

const fn hex(value: u64) -> [u8; 16] {
    let mut text = [0; 16];
    let mut at = 0;
    while at < 16 {
        text[at] = b"0123456789abcdef"[(value >> (60 - 4 * at) & 15) as usize];
        at += 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_fnv_1a() {
        // Known answers of the algorithm's authors.
        assert_eq!(&hex(fingerprint(&[])), b"cbf29ce484222325");
        assert_eq!(&hex(fingerprint(&[b"a"])), b"af63dc4c8601ec8c");
        assert_eq!(&hex(fingerprint(&[b"foo", b"bar"])), b"85944171f73967e8");
    }
}
