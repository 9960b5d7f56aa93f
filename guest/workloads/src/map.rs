//! Maps: a hash map of words, a tree of numbers.

use std::collections::{BTreeMap, HashMap};

use dagvault_workloads_guest::Random;

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(7);
    let (mut hashed, mut ordered) = (HashMap::new(), BTreeMap::new());
    for round in 0..count {
        *hashed.entry(random.word()).or_insert(0_u32) += round;
        *hashed.entry(random.word()).or_insert(1) ^= round;
        *ordered.entry(random.short() % 512).or_insert(0_u32) += round;
        if round % 3 == 0 {
            ordered.remove(&(random.short() % 512));
        }
    }
    // Not in the hash map's order, which nobody promises.
    let hashed = hashed.values().fold(0, |sum, count| sum ^ count);
    ordered.range(100..).fold(hashed, |sum, (key, count)| sum.rotate_left(1) ^ key ^ count)
}
