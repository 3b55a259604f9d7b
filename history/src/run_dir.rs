//! The files of a run, and where they lie.

use crate::HistoryError;
use std::path::{Path, PathBuf};

/// The directory of one run: `runs/<experiment>/<UTC instant>/`. It stands on its own.
#[derive(Clone, Debug)]
pub struct RunDir {
    root: PathBuf,
}

/// Where each file of a run lies.
impl RunDir {
    /// The experiment as resolved.
    #[must_use]
    pub fn experiment(&self) -> PathBuf {
        self.root.join("experiment.toml")
    }

    /// The manifest as resolved, variants and overrides applied.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.toml")
    }

    /// Operations, an Arrow IPC stream.
    #[must_use]
    pub fn operations(&self) -> PathBuf {
        self.root.join("operations.arrow")
    }

    /// Observations, an Arrow IPC stream.
    #[must_use]
    pub fn observations(&self) -> PathBuf {
        self.root.join("observations.arrow")
    }

    /// Samples of series, an Arrow IPC stream.
    #[must_use]
    pub fn series(&self) -> PathBuf {
        self.root.join("series.arrow")
    }

    /// The journal, a JSON object a line.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.ndjson")
    }

    /// The lengths and digests of the four files before; missing if the recorder was not closed.
    #[must_use]
    pub fn seal(&self) -> PathBuf {
        self.root.join("seal.json")
    }

    /// Findings and verdict.
    #[must_use]
    pub fn verdict(&self) -> PathBuf {
        self.root.join("verdict.json")
    }

    /// The report for people.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.root.join("report.html")
    }

    /// The report for CI.
    #[must_use]
    pub fn junit(&self) -> PathBuf {
        self.root.join("junit.xml")
    }

    /// The report for a merge request.
    #[must_use]
    pub fn summary(&self) -> PathBuf {
        self.root.join("summary.md")
    }

    /// stdout and stderr of every process.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Copies of what a heal would have destroyed: `FAULT/INSTANCE/...`.
    #[must_use]
    pub fn autopsy(&self) -> PathBuf {
        self.root.join("autopsy")
    }

    /// Data of the components while the run goes on; removed at its end.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }
}

impl RunDir {
    /// An existing run directory.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Makes `out/<experiment>/<now in UTC>/` and points `latest` beside it there.
    ///
    /// # Errors
    /// If the folders or the link cannot be made.
    pub fn create(out: &Path, experiment: &str) -> Result<Self, HistoryError> {
        let parent = out.join(experiment);
        std::fs::create_dir_all(&parent).map_err(HistoryError::file("create", &parent))?;
        let stamp = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        let root = (0..)
            .map(|again| parent.join(if again == 0 { stamp.clone() } else { format!("{stamp}.{again}") }))
            .find_map(|root| match std::fs::create_dir(&root) {
                Ok(()) => Some(Ok(root)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
                Err(error) => Some(Err(HistoryError::file("create", root)(error))),
            })
            .unwrap_or_else(|| Ok(parent.clone()))?;
        let run = Self { root };
        std::fs::create_dir(run.logs()).map_err(HistoryError::file("create", run.logs()))?;
        run.point_latest(&parent)?;
        Ok(run)
    }

    /// Whether a recorder, of whatever process, is writing the history of this run.
    #[must_use]
    pub fn is_recorded_now(&self) -> bool {
        let journal = std::fs::File::open(self.journal());
        journal.is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn point_latest(&self, parent: &Path) -> Result<(), HistoryError> {
        let latest = parent.join("latest");
        let fresh = parent.join(format!(".latest-{}", std::process::id()));
        let name = self.root.file_name().unwrap_or_default();
        // A link renamed over the old one: never a moment without it.
        let _ = std::fs::remove_file(&fresh);
        std::os::unix::fs::symlink(name, &fresh).map_err(HistoryError::file("create", &fresh))?;
        std::fs::rename(&fresh, &latest).map_err(HistoryError::file("create", &latest))
    }
}
