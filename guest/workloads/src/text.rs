//! Text: numbers of all kinds are written, and read again.

use std::fmt::Write as _;

use dagvault_workloads_guest::Random;

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(9);
    let mut text = String::new();
    let mut sum = 0_u32;
    for round in 0..count {
        text.clear();
        let (number, float) = (random.long(), f64::from(random.short()) / 1024.0);
        let done =
            write!(text, "{round:>6}|{number:#018x}|{float:.3}|{}|{:?}", random.short(), random.word());
        sum = sum.wrapping_mul(31).wrapping_add(text.len() as u32 ^ u32::from(done.is_err()));
        for part in text.split('|') {
            sum ^= part
                .trim()
                .parse::<u32>()
                .unwrap_or_else(|_| part.chars().filter(|c| c.is_alphabetic()).count() as u32);
        }
    }
    sum
}
