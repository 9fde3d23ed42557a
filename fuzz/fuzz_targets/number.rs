//! The target `number` under libFuzzer; what it does stands in `src/`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tollgate_fuzz::run("number", bytes));
