//! Any bytes as `journal.ndjson`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofload_history_fuzz::journal(bytes));
