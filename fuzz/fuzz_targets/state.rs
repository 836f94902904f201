#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| igorscope_fuzz::state(data));
