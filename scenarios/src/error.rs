use proofload_history::HistoryError;
use std::path::PathBuf;
use std::time::Duration;

/// Why traffic could not be made, or not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum GeneratorError {
    /// The entry of the system is no address.
    #[error("`{url}` is not where traffic can be sent: write a URL such as http://198.18.0.10:8080")]
    BaseUrl {
        /// As given.
        url: String,
    },
    /// Two traffics share a name or a stream, or a stream is too high.
    #[error("traffic `{traffic}` {wrong}")]
    Traffic {
        /// Which.
        traffic: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// There is no traffic at all.
    #[error("the load has no traffic")]
    NoTraffic,
    /// A name that templates use and the load does not have.
    #[error("the operation `{operation}` shows the credential `{credential}`, and the load has none of that name")]
    UnknownCredential {
        /// The operation.
        operation: String,
        /// The credential.
        credential: String,
    },
    /// What clients would show cannot be got, so the traffic cannot begin.
    #[error(
        "cannot get the credential `{name}` number {number} within {} s: {why}; does its issuer run, and know it?",
        within.as_secs()
    )]
    Credential {
        /// Its name.
        name: String,
        /// Its number, from 1.
        number: u32,
        /// How long was tried.
        within: Duration,
        /// What the last attempt came to.
        why: String,
    },
    /// TLS without anybody to trust.
    #[error("`{url}` speaks TLS, and there is no certificate authority to trust")]
    NoAuthority {
        /// Where the traffic enters.
        url: String,
    },
    /// The certificate authority cannot be read.
    #[error("cannot read the certificate authority {}: {source}", path.display())]
    ReadAuthority {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate authority is none.
    #[error("{} holds no certificate in PEM that can be trusted: {source}", path.display())]
    Authority {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: reqwest::Error,
    },
    /// Ctrl-C was not reserved, so Goose would take it.
    #[error("Ctrl-C is not reserved: call ctrl_c::reserve() before any other handler of SIGINT is set")]
    CtrlC,
    /// Ctrl-C cannot be reserved.
    #[error("cannot reserve Ctrl-C: {0}")]
    ReserveCtrlC(#[source] ctrlc::Error),
    /// The HTTP client cannot be made.
    #[error("cannot make the HTTP client: {0}")]
    Client(#[source] reqwest::Error),
    /// A pacer's thread cannot be started.
    #[error("cannot start the thread of a pacer: {0}")]
    Thread(#[source] std::io::Error),
    /// A pacer died; a defect of proofload.
    #[error("the pacer of `{traffic}` died")]
    PacerDied {
        /// Whose.
        traffic: String,
    },
    /// Goose failed.
    #[error("Goose failed: {0}")]
    Goose(#[source] Box<goose::GooseError>),
    /// Goose ended before it was told to; a defect.
    #[error("Goose ended while {during}")]
    GooseEnded {
        /// What was being done.
        during: &'static str,
    },
    /// Goose does not do what it was told within its bound.
    #[error("Goose has not {what} within {} s (is the machine overloaded?)", within.as_secs())]
    GooseStuck {
        /// `started 2179 users`.
        what: String,
        /// The bound.
        within: Duration,
    },
    /// The history cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl GeneratorError {
    /// Whether the system that the traffic needs is not there, or a file cannot be written, rather than the generator failing.
    #[must_use]
    pub fn is_of_the_environment(&self) -> bool {
        matches!(self, Self::Credential { .. } | Self::History(HistoryError::File { .. }))
    }
}

impl From<goose::GooseError> for GeneratorError {
    fn from(error: goose::GooseError) -> Self {
        Self::Goose(Box::new(error))
    }
}
