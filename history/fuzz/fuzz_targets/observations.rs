//! Any bytes as `observations.arrow`.

#![no_main]

use proofload_history::Observation;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| proofload_history_fuzz::table::<Observation>(bytes));
