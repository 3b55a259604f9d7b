//! What can be done to the instances of a lab that is kept: a line of JSON to its conductor, and one back.

use serde::{Deserialize, Serialize};

/// Where the conductor listens, on the lab's private /run: it goes with the lab.
pub(crate) const SOCKET: &str = "/run/proofload.sock";

/// What was done, or why it was not.
pub(crate) type Answer = Result<String, String>;

/// What can be done to an instance, or to a link.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// End every process of an instance without warning (SIGKILL)
    Kill {
        /// The instance: `kafka-2`
        instance: String,
    },
    /// Start an instance again that was killed, on the data that it had, and wait until it is ready
    Start {
        /// The instance: `kafka-2`
        instance: String,
    },
    /// Stop the processes of an instance where they stand (SIGSTOP)
    Pause {
        /// The instance: `kafka-2`
        instance: String,
    },
    /// Let a paused instance go on (SIGCONT)
    Resume {
        /// The instance: `kafka-2`
        instance: String,
    },
    /// Cut the links from one part of the system to another: connections break, and new ones are refused
    Cut {
        /// An instance, or a process with all its instances
        from: String,
        /// An instance, or a component with all its instances
        to: String,
    },
    /// Open links again that were cut
    Heal {
        /// As for `cut`
        from: String,
        /// As for `cut`
        to: String,
    },
}

impl Action {
    /// The names that it speaks of.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Kill { instance }
            | Self::Start { instance }
            | Self::Pause { instance }
            | Self::Resume { instance } => {
                vec![instance]
            }
            Self::Cut { from, to } | Self::Heal { from, to } => vec![from, to],
        }
    }
}
