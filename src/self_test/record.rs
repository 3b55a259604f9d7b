//! The folder of a self-test: `self-test/<UTC instant>/` beside the runs, with `latest` beside it.

use crate::files::{self, Unwritten};
use anyhow::Context as _;
use proofload_history::RunDir;
use proofload_reports::Matrix;
use std::path::{Path, PathBuf};

/// The name of the folder that holds the self-tests.
const NAME: &str = "self-test";
/// The way from a self-test's folder to that of the runs.
const RUNS: &str = "../..";

/// Where the matrix is written.
pub(crate) struct Record {
    folder: PathBuf,
}

impl Record {
    /// Makes the folder below `out`, the folder of the runs.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn create(out: &Path) -> anyhow::Result<Self> {
        // Its name is made as that of a run; it has no processes of its own that would write logs.
        let run = RunDir::create(out, NAME).map_err(Unwritten::of)?;
        std::fs::remove_dir(run.logs()).with_context(|| format!("cannot remove {}", run.logs().display()))?;
        Ok(Self { folder: run.root().to_owned() })
    }

    /// Writes `matrix.json` and `matrix.html`, in place of what they were.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn write(&self, matrix: &Matrix) -> anyhow::Result<()> {
        files::write(&self.folder.join("matrix.json"), matrix.json()?.as_bytes())?;
        files::write(&self.page(), matrix.html(RUNS).as_bytes())
    }

    /// The page for people.
    pub(crate) fn page(&self) -> PathBuf {
        self.folder.join("matrix.html")
    }
}
