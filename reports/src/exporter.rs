//! What an exporter is, and the table of all of them.

use proofload_history::{History, HistoryError};
use proofload_verify::{Chain, Verdict};
use std::collections::BTreeMap;
use std::io::Write;

/// A run and what it came to: the input of every report.
#[derive(Debug)]
pub struct Judged<'a> {
    /// What the run came to.
    pub verdict: &'a Verdict,
    /// What it was judged by.
    pub history: &'a History,
    /// The ways that intents must go, by name.
    pub chains: &'a BTreeMap<String, Chain>,
    /// How the reader names the run: the path of its folder, relative to the working folder.
    pub run: String,
}

/// Turns a judged run into one file. Pure: the same run gives the same bytes.
pub trait Exporter: Sync {
    /// The name that the command uses: `html`.
    fn name(&self) -> &'static str;

    /// The file in the run directory: `report.html`.
    fn file(&self) -> &'static str;

    /// Writes the file's content.
    ///
    /// # Errors
    /// If `out` cannot be written or the history cannot be read, or the format's own library refuses; the last is a
    /// defect of proofload.
    fn render(&self, judged: &Judged<'_>, out: &mut dyn Write) -> Result<(), ReportError>;
}

/// Every exporter, in the order in which a run writes their files.
pub static EXPORTERS: &[&dyn Exporter] = &[
    &crate::json::Json,
    &crate::offenders::Offenders,
    &crate::traces::Traces,
    &crate::junit::Junit,
    &crate::markdown::Markdown,
    &crate::html::Html,
];

/// What can go wrong while a report is rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The verdict, or the matrix of a self-test, cannot be written as JSON.
    #[error("cannot write json: {0}")]
    Json(#[from] serde_json::Error),
    /// The findings cannot be written as JUnit.
    #[error("cannot write the findings as junit xml: {0}")]
    Junit(#[from] quick_junit::SerializeError),
    /// What was rendered cannot be written.
    #[error(transparent)]
    Write(#[from] std::io::Error),
    /// The rows of the history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The timeline cannot be drawn.
    #[error("cannot draw the timeline: {0}")]
    Timeline(String),
}
