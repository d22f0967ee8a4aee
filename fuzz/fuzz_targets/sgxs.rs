#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| anyclave_testkit::fuzz::texts::sgxs(bytes));
