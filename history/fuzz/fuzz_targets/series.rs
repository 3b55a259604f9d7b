//! Any bytes as `series.arrow`.

#![no_main]

use proofload_history::Sample;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofload_history_fuzz::table::<Sample>(bytes));
