#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| anyclave_supervisor::fuzz::cpuid_sites(bytes));
