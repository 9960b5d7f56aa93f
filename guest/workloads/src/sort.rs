//! Sorting: numbers, stably and not, and words.

use dagvault_workloads_guest::Random;

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(5);
    let mut sum = 0;
    for _ in 0..count {
        let mut numbers: Vec<u32> = (0..1000).map(|_| random.short()).collect();
        numbers.sort_unstable();
        let mut pairs: Vec<(u32, u64)> = (0..300).map(|_| (random.short() % 50, random.long())).collect();
        pairs.sort_by_key(|pair| pair.0);
        let mut names: Vec<&str> = (0..200).map(|_| random.word()).collect();
        names.sort();
        sum ^= numbers[7] ^ numbers[500] ^ pairs[100].1 as u32 ^ names[99].len() as u32;
    }
    sum
}
