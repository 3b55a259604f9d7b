//! The logs of processes: where they lie, and how they end.

use crate::LabError;
use proofload_history::RunDir;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of a log's end is looked at, and how many lines of it are shown.
const TAIL_BYTES: u64 = 16 * 1024;
const TAIL_LINES: usize = 15;

/// What a log says when somebody else has the port, by the runtime that says it.
const PORT_TAKEN: &[&str] = &["Address already in use", "Address in use", "BindException", "EADDRINUSE", "bind() to"];

pub(crate) fn path(run: &RunDir, name: &str) -> PathBuf {
    run.logs().join(format!("{name}.log"))
}

/// Opens a log to append to: a process that is started again goes on in the same file.
pub(crate) fn open(path: &Path) -> Result<File, LabError> {
    OpenOptions::new().create(true).append(true).open(path).map_err(LabError::file("create", path))
}

/// The last lines of a log, each with two spaces before it.
pub(crate) fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| format!("(unreadable: {error})"));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    if last.is_empty() {
        return "  (empty)".to_owned();
    }
    last.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// What the end of a log is likely to mean, for those ends that are known.
pub(crate) fn hint(tail: &str) -> &'static str {
    if PORT_TAKEN.iter().any(|words| tail.contains(words)) {
        " (something else in its host listens on its port already: the Toxiproxy, which takes 8474 and the ports from \
         21000 on, or a second listener of its own)"
    } else {
        ""
    }
}
