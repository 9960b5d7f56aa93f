//! Glue: the oracle is `dagvault_fuzz::store::check_index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_fuzz::store::check_index(input));
