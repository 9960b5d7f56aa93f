//! Glue: the oracle is `dagvault_fuzz::store::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_fuzz::store::check(input));
