use proofload_history::HistoryError;
use std::path::PathBuf;
use std::time::Duration;

/// Why the lab cannot do what it was asked. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The namespaces cannot be entered.
    #[error("cannot enter the lab: {what} (`proofload doctor` says what this machine lacks)")]
    Enter {
        /// What failed.
        what: String,
    },
    /// A program that a part runs on is not there.
    #[error("cannot find {what}: {how}")]
    MissingBinary {
        /// The program, and who wants it.
        what: String,
        /// How to get it.
        how: String,
    },
    /// A command of the harness's own failed.
    #[error("cannot {doing}: `{command}` ended with {status}: {said}")]
    Command {
        /// What was being done.
        doing: String,
        /// The command line.
        command: String,
        /// `exit 1`, `signal 9`.
        status: String,
        /// What it wrote, stderr first.
        said: String,
    },
    /// A file of the lab cannot be written or read.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    File {
        /// "write", "read", "create", "copy", "mount", "remove" or "start".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A process ended although it was to run.
    #[error("cannot bring up {instance}: it ended with {status} before it was ready{hint}; the end of {log}:\n{tail}", log = log.display())]
    Exited {
        /// The instance.
        instance: String,
        /// `exit 1`, `signal 9`.
        status: String,
        /// What that is likely to mean, beginning with a space; may be empty.
        hint: &'static str,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A process runs and does not answer as it should.
    #[error("cannot bring up {instance}: it was not ready within {within:?}: {last}; the end of {log}:\n{tail}", log = log.display())]
    NotReady {
        /// The instance.
        instance: String,
        /// The bound.
        within: Duration,
        /// What the last probe said.
        last: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// A name that no instance has.
    #[error("cannot {doing} `{name}`: there is no such instance (there are {})", known.join(", "))]
    UnknownInstance {
        /// What was asked for.
        doing: &'static str,
        /// The name.
        name: String,
        /// The instances.
        known: Vec<String>,
    },
    /// There is no such way from one part of the system to another.
    #[error("there is no link from `{from}` to `{to}` (links are the {{link:...}} in the environment of a process)")]
    NoLink {
        /// Where it was to begin.
        from: String,
        /// Where it was to end.
        to: String,
    },
    /// The instance does not run.
    #[error("cannot {doing} {instance}: it does not run")]
    NotRunning {
        /// What was asked for.
        doing: &'static str,
        /// The instance.
        instance: String,
    },
    /// The instance runs already.
    #[error("cannot start {instance} again: it still runs (kill it first)")]
    StillRunning {
        /// The instance.
        instance: String,
    },
    /// A signal, or the wait for its effect, failed.
    #[error("cannot {doing} {instance}: {what}")]
    Signal {
        /// What was asked for.
        doing: &'static str,
        /// The instance.
        instance: String,
        /// What went wrong.
        what: String,
    },
    /// The Toxiproxy of a host does not do what it is asked.
    #[error("cannot {doing} by the Toxiproxy of {host}: {what} (is it running? its log is logs/{host}.toxiproxy.log)")]
    Toxiproxy {
        /// What was being done, with which proxy.
        doing: String,
        /// The host.
        host: String,
        /// What went wrong.
        what: String,
    },
    /// A certificate cannot be made.
    #[error("cannot make the certificate of {of}: {what}")]
    Certificate {
        /// The instance, or the authority.
        of: String,
        /// What went wrong.
        what: String,
    },
    /// A topic cannot be made, or its replicas do not come in sync.
    #[error("cannot create topic `{topic}`: {what}")]
    Topic {
        /// The topic.
        topic: String,
        /// What went wrong.
        what: String,
    },
    /// A database cannot be made.
    #[error("cannot create database `{database}` in {instance}: {what}")]
    Database {
        /// The database.
        database: String,
        /// The instance.
        instance: String,
        /// What went wrong.
        what: String,
    },
    /// The manifest asks for something that cannot be: found only when names are put in place.
    #[error("cannot read {place} of the manifest: {what}")]
    Manifest {
        /// `process.gateway.env.KAFKA`.
        place: String,
        /// What is wrong, and the valid names.
        what: String,
    },
    /// The history cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl LabError {
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
