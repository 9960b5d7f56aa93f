//! Glue: the oracle is `dagvault_fuzz::contract::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_fuzz::contract::check(input));
