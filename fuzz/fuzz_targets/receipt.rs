//! Glue: the oracle is `dagvault_fuzz::sandbox::check_receipt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_fuzz::sandbox::check_receipt(input));
