//! Glue: the oracle is `dagvault_vault::fuzzing::node`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| dagvault_vault::fuzzing::node(input));
