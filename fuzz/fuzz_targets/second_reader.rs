//! The target `second_reader` under libFuzzer; what it does stands in `src/`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tollgate_fuzz::run("second_reader", bytes));
