#![no_main]

#[path = "../properties.rs"]
#[allow(dead_code, reason = "each target checks one")]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::fault(input));
