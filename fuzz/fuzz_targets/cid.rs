//! Glue: the oracle is `dagvault_fuzz::cid::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_fuzz::cid::check(input));
