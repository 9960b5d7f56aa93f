//! Regular expressions: what they match in a text, by alternatives, classes and repetition.

use dagvault_workloads_guest::{Random, words};
use regex::Regex;

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    thread_local! {
        static PATTERNS: Vec<Regex> = [
            r"[a-z]+@[a-z]+\.org",
            r"(?-u:\b)[0-9]{4}-[0-9]{2}-[0-9]{2}(?-u:\b)",
            r"(?:intent|policy) (?:of|the) [a-z]+",
        ]
            .into_iter()
            .map(|pattern| Regex::new(pattern).expect("a regular expression"))
            .collect();
    }
    let mut random = Random::new(3);
    let text = words(&mut random, 200);
    let mut sum = 0_u32;
    PATTERNS.with(|patterns| {
        for _ in 0..count {
            for found in patterns.iter().flat_map(|pattern| pattern.find_iter(&text)) {
                sum = sum.wrapping_mul(31).wrapping_add(found.start() as u32 ^ found.len() as u32);
            }
        }
    });
    sum
}
