//! Any bytes as `seal.json`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofload_history_fuzz::seal(bytes));
