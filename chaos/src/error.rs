use proofload_history::HistoryError;
use proofload_lab::LabError;

/// What can go wrong while a fault is injected or healed.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The lab refused, or a command in it failed.
    #[error("cannot {doing}: {source}")]
    Lab {
        /// What was being done, with the instance or link.
        doing: String,
        /// What the lab said.
        source: Box<LabError>,
    },
    /// The brokers refused.
    #[error("cannot {doing}: {said}")]
    Brokers {
        /// What was being done, with the topic.
        doing: String,
        /// What they said.
        said: String,
    },
    /// A step took longer than its bound.
    #[error("gave up to {doing} after {seconds} s")]
    Slow {
        /// What was being done.
        doing: String,
        /// The bound.
        seconds: u64,
    },
    /// The journal cannot be written; nothing is injected that it does not tell of.
    #[error("cannot write the journal: {0}")]
    Journal(#[from] HistoryError),
}

impl ChaosError {
    /// Wraps what the lab says while doing `doing`.
    pub(crate) fn lab(doing: impl Into<String>) -> impl FnOnce(LabError) -> Self {
        let doing = doing.into();
        move |source| Self::Lab { doing, source: Box::new(source) }
    }
}
