//! Glue: the oracle is `dagvault_fuzz::abi_request::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_fuzz::abi_request::check(input));
