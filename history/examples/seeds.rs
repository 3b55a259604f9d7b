//! Writes what the fuzzers of `history/fuzz` begin with: the files of a small run, whole, cut, and in two batches.
//!
//!     cargo run -p proofload-history --example seeds

#![expect(clippy::unwrap_used, reason = "seeds that cannot be written end `make fuzz`")]
#![expect(dead_code, reason = "the tests do more harm than this")]

#[path = "../tests/harm/mod.rs"]
mod harm;

use arrow_ipc::writer::StreamWriter;
use proofload_history::table::Row;
use proofload_history::{Observation, Operation, RunDir, Sample, Table};
use std::path::Path;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let files = harm::trial::record(folder.path(), 1);
    for (file, bytes) in harm::trial::FILES.iter().zip(files) {
        let bytes = bytes.unwrap();
        let (target, _) = file.split_once('.').unwrap();
        write(target, "whole", &bytes);
        write(target, "cut", &bytes[..bytes.len() * 9 / 10]);
    }
    let run = RunDir::at(folder.path());
    write("operations", "batches", &in_batches::<Operation>(&run.operations()));
    write("observations", "batches", &in_batches::<Observation>(&run.observations()));
    write("series", "batches", &in_batches::<Sample>(&run.series()));
    // Its input is no file: the fuzzer finds its way from anywhere.
    write("harmed_run", "some", &[1; 64]);
}

/// The rows of a table in batches of two.
fn in_batches<R: Row>(path: &Path) -> Vec<u8> {
    let mut hold = u64::MAX;
    let (table, _) = Table::<R>::open(path, &mut hold).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &R::schema()).unwrap();
    for rows in table.to_vec().unwrap().chunks(2) {
        writer.write(&R::encode(rows).unwrap()).unwrap();
    }
    writer.into_inner().unwrap()
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}
