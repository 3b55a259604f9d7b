//! The keys of an experiment that stand outside its tables of traffic, faults, expectations and controls.

use proofload_history::{Period, Phase};
use proofload_lab::manifest::Circumstances;
use std::time::Duration;

/// The version of the format of experiments that this program reads.
pub(crate) const FORMAT: u32 = 1;

/// The largest seed: ids carry 48 bits of it.
pub(crate) const MAX_SEED: u64 = (1 << 48) - 1;

/// What an experiment says of itself.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// Must be [`FORMAT`].
    pub(crate) format: toml::Spanned<u32>,
    /// A headline.
    pub(crate) title: String,
    /// The promise, as a sentence that can be wrong.
    pub(crate) hypothesis: String,
    /// The manifest: the name of a system, or the path of its file.
    pub(crate) system: toml::Spanned<String>,
    /// The circumstances that it is about, which every run of it shares: settings of the manifest by dotted path.
    #[serde(default)]
    pub(crate) set: Circumstances,
    /// What `--tag` selects by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// The seed of arrivals, ids and choices.
    #[serde(default = "default_seed", deserialize_with = "seed")]
    pub(crate) seed: u64,
    /// How long each phase lasts.
    pub(crate) phases: Phases,
    /// What must hold before a fault is injected.
    #[serde(default)]
    pub(crate) steady: Steady,
    /// Variants applied; written by `run` when it stores the experiment as resolved.
    #[serde(default)]
    pub(crate) variants: Vec<String>,
    /// Settings that `--set` changed, as it gave them; written by `run`, and part of the manifest beside it already.
    #[serde(default)]
    pub(crate) sets: Option<toml::Spanned<Vec<String>>>,
    /// Whether the faults are left out; written by `run --without-faults`.
    #[serde(default)]
    pub(crate) without_faults: bool,
}

impl Header {
    /// The settings that `--set` changed.
    pub(crate) fn sets(&self) -> &[String] {
        self.sets.as_ref().map_or(&[], |sets| sets.get_ref().as_slice())
    }
}

fn default_seed() -> u64 {
    1
}

/// How long each phase lasts.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phases {
    pub(crate) warm_up: Period,
    pub(crate) steady: Period,
    #[serde(default = "none")]
    pub(crate) fault: Period,
    #[serde(default = "none")]
    pub(crate) recovery: Period,
    /// The bound of the drain; it ends as soon as the system is quiet.
    #[serde(default = "a_minute")]
    pub(crate) drain_max: Period,
    /// How long work may be left without moving before it counts as stuck: longer than the longest session time-out
    /// and the longest retry of the system.
    #[serde(default = "twenty_seconds")]
    pub(crate) stuck_after: Period,
}

fn seed<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    use serde::Deserialize as _;
    let seed = u64::deserialize(deserializer)?;
    if seed > MAX_SEED {
        return Err(serde::de::Error::custom(format!("the seed {seed} is too large: {MAX_SEED} at most")));
    }
    Ok(seed)
}

fn none() -> Period {
    Period(Duration::ZERO)
}

fn a_minute() -> Period {
    Period(Duration::from_secs(60))
}

fn twenty_seconds() -> Period {
    Period(Duration::from_secs(20))
}

impl Phases {
    /// How long traffic flows.
    pub(crate) fn traffic(&self) -> Duration {
        self.lengths().iter().map(|(_, length)| *length).sum()
    }

    /// The phases with traffic, in order, and how long each lasts.
    pub(crate) fn lengths(&self) -> [(Phase, Duration); 4] {
        [
            (Phase::WarmUp, self.warm_up.0),
            (Phase::Steady, self.steady.0),
            (Phase::Fault, self.fault.0),
            (Phase::Recovery, self.recovery.0),
        ]
    }
}

/// What must hold at the end of the steady phase, before the first fault.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Steady {
    /// All of them unless the experiment says otherwise.
    #[serde(default = "every_probe")]
    pub(crate) probes: Vec<SteadyProbe>,
}

impl Default for Steady {
    fn default() -> Self {
        Self { probes: every_probe() }
    }
}

fn every_probe() -> Vec<SteadyProbe> {
    vec![SteadyProbe::Ready, SteadyProbe::InSync, SteadyProbe::LagFlat, SteadyProbe::NoErrors]
}

/// A condition on a system that nothing has been done to yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SteadyProbe {
    /// Every component and process answers its probe.
    Ready,
    /// Every replica of every topic is in sync.
    InSync,
    /// No draining gauge grows.
    LagFlat,
    /// At least 99 % of the operations of the phase are ok.
    NoErrors,
}

impl SteadyProbe {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::InSync => "in_sync",
            Self::LagFlat => "lag_flat",
            Self::NoErrors => "no_errors",
        }
    }
}
