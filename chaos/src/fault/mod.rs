//! What a fault is, and the table of all of them: one kind per file.

mod cut_link;
mod kill;
mod latency;
mod links;
mod packets;
mod partition;
mod pause;
mod peers;
mod poison;
mod victim;

use crate::ChaosError;
use crate::names::Names;
use crate::resolve::Resolved;
use crate::spec::Keys;
use crate::target::Target;
use futures::future::BoxFuture;
use proofload_lab::Lab;
use proofload_lab::manifest::SpecError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What the project knows about a kind of fault: the source of its page, of `proofload list faults` and of the parser.
pub struct About {
    /// The name that an experiment uses: `partition`.
    pub name: &'static str,
    /// What it does to the system, in one sentence.
    pub sentence: &'static str,
    /// The capabilities of the environment that it needs besides those that every run needs, by the names of
    /// [`proofload_lab::Capability`].
    pub needs: &'static [&'static str],
    /// How it is injected.
    pub injected: &'static str,
    /// Who sees that it took effect, and by what.
    pub attested: &'static str,
    /// How it is undone, and what must be seen before that counts.
    pub healed: &'static str,
    /// Which faults may be active at the same time. One that may not is skipped, for the heal of either would end both.
    pub beside: &'static str,
    /// The keys of its table besides [`crate::plan::COMMON_KEYS`], each with what it means.
    pub keys: &'static [(&'static str, &'static str)],
    /// An example of its table in an experiment, complete.
    pub example: &'static str,
    pub(crate) parse: fn(&Draft<'_>) -> Result<Aimed, SpecError>,
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every kind of fault.
pub const FAULTS: &[About] =
    &[kill::ABOUT, pause::ABOUT, partition::ABOUT, latency::ABOUT, cut_link::ABOUT, poison::ABOUT];

/// The key of the faults that hit instances, and what it means.
const TARGET_KEY: (&str, &str) = (
    "target",
    "what it hits, found when it fires: { leader_of = \"topic/0\" }, { follower_of = \"topic/0\" }, { in_sync_of = \"topic/0\" }, { controller_of = \"kafka\" }, { instance = \"kafka-2\" }, { any_of = \"api\" } (or a list), { all_of = \"api\" } or { same_as = \"other-fault\" }",
);

/// A fault with its settings, and what it is to hit.
pub(crate) type Aimed = (Target, Arc<dyn Recipe>);

/// A table `[fault.NAME]` while it is read.
pub(crate) struct Draft<'a> {
    /// The fault's id.
    pub(crate) fault: &'a str,
    /// Its table; unknown keys have been refused.
    pub(crate) keys: &'a Keys<'a>,
    /// The names that it may use.
    pub(crate) names: &'a Names,
}

impl Draft<'_> {
    /// The target under `target`.
    fn target(&self) -> Result<Target, SpecError> {
        Target::parse(self.fault, self.keys.need("target")?, self.names)
    }
}

/// A fault with its settings, not yet aimed.
pub(crate) trait Recipe: Send + Sync + fmt::Debug {
    /// What is done to what, for people: `kill kafka-2`.
    fn words(&self, target: &Target) -> String;

    /// How long it lasts, if its own keys say so.
    fn lasts(&self) -> Option<Duration> {
        None
    }

    /// How long it takes at least until others can have seen its effect.
    fn seen_after(&self) -> Duration {
        Duration::ZERO
    }

    /// Aims at what the target was resolved to, and measures what attestation compares with. Touches nothing.
    ///
    /// # Errors
    /// If the fault could have no effect there: the process does not run, the link does not work.
    fn arm<'a>(&'a self, scene: Scene<'a>) -> BoxFuture<'a, Result<Arc<dyn Fault>, String>>;
}

/// Where a fault is injected.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) lab: &'a Lab,
    /// The fault's id.
    pub(crate) fault: &'a str,
    pub(crate) resolved: &'a Resolved,
}

/// A fault aimed at instances. Whoever drives it ([`crate::life`]) keeps the order, the bounds and the journal.
pub(crate) trait Fault: Send + Sync {
    /// What no other fault may hold at the same time, for the heal of one would end both: `the processes of kafka-2`.
    fn holds(&self) -> Vec<String> {
        Vec::new()
    }

    /// Does it.
    fn inject(&self) -> BoxFuture<'_, Result<(), ChaosError>>;

    /// One look at its effect by others than the injector, each under a name of its own that never changes. Called
    /// until every look has been effective, or the fault is due to be healed.
    fn look(&self) -> BoxFuture<'_, Vec<Look>>;

    /// Undoes it; harmless where nothing was done, or has been undone already.
    fn heal(&self) -> BoxFuture<'_, Result<(), ChaosError>>;

    /// One look at whether everything is whole again.
    fn look_whole(&self) -> BoxFuture<'_, Whole>;
}

/// What an observer sees of a fault's effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether the effect is there.
    pub(crate) effective: bool,
    /// Who looks: `packet counters of kafka-1`.
    pub(crate) observer: String,
    /// What is seen.
    pub(crate) evidence: String,
}

/// What is seen after a heal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Whether the effect is gone.
    pub(crate) healed: bool,
    /// What is seen.
    pub(crate) evidence: String,
}

impl Whole {
    /// Whole if every part is; its evidence tells of all of them.
    fn all(parts: impl IntoIterator<Item = (bool, String)>) -> Self {
        let parts: Vec<(bool, String)> = parts.into_iter().collect();
        let evidence: Vec<&str> = parts.iter().map(|(_, evidence)| evidence.as_str()).collect();
        Self { healed: parts.iter().all(|(healed, _)| *healed), evidence: evidence.join("; ") }
    }
}
