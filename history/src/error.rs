use std::path::PathBuf;

/// What can go wrong while a history is written or read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A file of the run directory cannot be opened, read or written.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    File {
        /// "open", "read", "write", "create", "lock" or "remove".
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An Arrow file is damaged, or of a shape that this version does not know.
    #[error("cannot read {path}: {what} (was it written by another version of proofload, or damaged?)", path = path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file says that it is of another version.
    #[error(
        "cannot read {path}: it is of format {format}, and this version of proofload reads format {known} (judge the run \
         with the version that recorded it)",
        path = path.display(), known = crate::FORMAT
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says.
        format: String,
    },
    /// A file is not the one that was sealed at the end of the run.
    #[error("{path} is not what the run recorded: {what} (it was damaged or replaced: judge a whole copy of the run)", path = path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// How that is known.
        what: String,
    },
    /// The seal is none.
    #[error("cannot read {path}: {source} (it was damaged: judge a whole copy of the run)", path = path.display())]
    Seal {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// A line of the journal is not a journal entry.
    #[error(
        "cannot read {path}: line {line}: {source} (was it written by another version of proofload, or damaged?)",
        path = path.display()
    )]
    Journal {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The journal claims more ids than a run can have issued.
    #[error("the journal says that {ids} ids were issued, more than a run can: it is damaged")]
    Issued {
        /// How many it claims.
        ids: u64,
    },
    /// A source gives batches of another shape than its table has; a defect of the source.
    #[error("cannot read rows of {table}: a batch has other columns")]
    Columns {
        /// The table.
        table: &'static str,
    },
    /// Something was to be recorded after the record was closed; a defect of proofload.
    #[error("cannot write {path}: the record of the run is closed", path = path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// A row cannot be encoded; a defect of proofload.
    #[error("cannot encode rows of {table}: {source}")]
    Encode {
        /// The table.
        table: &'static str,
        /// What Arrow said.
        source: arrow_schema::ArrowError,
    },
}

impl HistoryError {
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
