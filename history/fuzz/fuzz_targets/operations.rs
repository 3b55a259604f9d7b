//! Any bytes as `operations.arrow`.

#![no_main]

use proofload_history::Operation;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofload_history_fuzz::table::<Operation>(bytes));
