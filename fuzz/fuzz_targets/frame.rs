#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smpp_protocol_fuzz::checks::frame(data));
