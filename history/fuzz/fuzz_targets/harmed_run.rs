//! A run whose files came to any harm: sealed or not, held or not.

#![no_main]

type Harmed = (bool, bool, Vec<(u8, u8, u32, Vec<u8>)>);

libfuzzer_sys::fuzz_target!(|harmed: Harmed| proofload_history_fuzz::harmed_run(harmed));
