//! Big integers: powers modulo a number of 512 bits, and factorials in decimal.

use dagvault_workloads_guest::Random;
use num_bigint::BigUint;

/// Does it `count` times; answers what came out.
#[unsafe(no_mangle)]
pub extern "C" fn run(count: u32) -> u32 {
    let mut random = Random::new(4);
    let mut number = || BigUint::from_slice(&[0; 16].map(|_: u32| random.short() | 1));
    let (modulus, mut base, exponent) = (number(), number(), BigUint::from(0x1_0001_u32));
    let mut sum = 0;
    for round in 0..count {
        base = base.modpow(&exponent, &modulus);
        let factorial: BigUint = (1..=30 + round % 8).map(BigUint::from).product();
        sum ^= factorial.to_string().bytes().fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte));
    }
    sum ^ base.iter_u32_digits().fold(0, |sum, digit| sum ^ digit)
}
