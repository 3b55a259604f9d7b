//! What was measured, for people: on standard output as it comes, and in a file.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::processors;
use crate::table::Table;

/// Where it is: `bench/lending.md` in Cargo's target folder. Each run begins it anew.
pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench").join("lending.md")
}

/// The report of a run.
pub(crate) struct Report {
    file: File,
}

impl Report {
    /// Begins with what is measured, and on which machine.
    pub(crate) fn begin(chosen: &[&str]) -> Self {
        let path = path();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut report = Self { file: File::create(path).unwrap() };
        let command = format!("cargo bench --bench lending -- {}", chosen.join(" "));
        report.write(&format!("# The reference system beside its raw limits\n\n`{command}`\n"));
        report.write(&processors::machine());
        report
    }

    /// Adds a table as soon as it is measured, so that a run that ends early keeps what it had.
    pub(crate) fn add(&mut self, table: &Table) {
        self.write(&format!("\n{table}"));
    }

    fn write(&mut self, text: &impl Display) {
        println!("{text}");
        writeln!(self.file, "{text}").unwrap();
    }
}
