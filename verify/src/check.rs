//! What a check is, and what it may look up.

use crate::statistics::quantile::PerMille;
use crate::{Budget, Class, Finding};
use proofload_history::{History, HistoryError};
use std::collections::BTreeMap;

/// A promise that a history keeps or breaks. Pure: no I/O, no clock, no randomness.
pub trait Check: Send + Sync + std::fmt::Debug {
    /// Judges the history. A panic in here becomes unknown, and so does an error.
    ///
    /// # Errors
    /// If the history cannot be read any more, or claims what cannot be.
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError>;

    /// The faults that this expectation speaks of; without them in the run it is skipped.
    fn faults(&self) -> Vec<String> {
        Vec::new()
    }

    /// What its settings name in the manifest and the experiment, so that the names are resolved before anything is
    /// started.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// The latency that it holds an operation to, for `recovery` to refer to; only `latency` has one.
    fn band(&self) -> Option<&Band> {
        None
    }
}

/// A name that an expectation's settings use, to be resolved in the table of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A chain of the manifest.
    Chain(String),
    /// A stage of the manifest.
    Stage(String),
    /// An operation of the manifest.
    Operation(String),
    /// A traffic of the experiment.
    Traffic(String),
    /// A fault of the experiment.
    Fault(String),
    /// Another expectation of the experiment, whose check is the one named second.
    Expectation(String, &'static str),
}

/// Limits on the latency of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// The operation.
    pub operation: String,
    /// Quantiles with their limits in nanoseconds, in ascending order; at least one.
    pub limits: Vec<(PerMille, u64)>,
}

/// What a check may look up besides the history.
#[derive(Debug)]
pub struct Context<'a> {
    /// The chains of the system, by name.
    pub chains: &'a BTreeMap<String, Chain>,
    /// The other expectations of the experiment, by id: `recovery` refers to a `latency`.
    pub expectations: &'a [crate::Expectation],
    /// The faults that the experiment planned; none in a run without faults.
    pub faults: &'a [PlannedFault],
    /// How much it may hold in memory.
    pub budget: Budget,
}

/// A fault as the experiment plans it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// Its id in the experiment: `leader-cut`.
    pub id: String,
    /// Its kind: `partition`.
    pub kind: String,
}

/// The order of stages that an acknowledged operation must pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The operation that starts it.
    pub operation: String,
    /// The stages in order.
    pub stages: Vec<ChainStage>,
}

/// A stage of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainStage {
    /// Its name.
    pub stage: String,
    /// What it is for a reader: `stored by origination`.
    pub title: String,
    /// Whether an id may stand there more than once: allowed in logs, forbidden in effects.
    pub repeats_allowed: bool,
    /// Whom the stage is for; everybody if there is none.
    pub only_if: Option<Condition>,
}

/// Whom a stage is for: an intent that an earlier stage of the chain has in one of these states must be there, and one
/// that it has in none of them must not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The earlier stage.
    pub stage: String,
    /// States at that stage, by name.
    pub states: Vec<String>,
}

impl Condition {
    /// Whether the state of a row of the earlier stage is one of the states; `None` if it has none.
    #[must_use]
    pub fn holds(&self, state: Option<&str>) -> Option<bool> {
        let state = state?;
        Some(self.states.iter().any(|wanted| wanted == state))
    }
}

/// What the project knows about a check: the source of its page, of `proofload list checks` and of the parser.
pub struct About {
    /// The name that an experiment uses: `delivery`.
    pub name: &'static str,
    /// Safety or performance.
    pub class: Class,
    /// The invariant, in one sentence.
    pub invariant: &'static str,
    /// What it costs in time and memory.
    pub cost: &'static str,
    /// The smallest history that it turns red on, in words.
    pub counterexample: &'static str,
    /// The keys of its table in an experiment, each with what it means.
    pub keys: &'static [(&'static str, &'static str)],
    /// The figures of its findings, each with what it means. In a name STAGE stands for the name of a stage, FAULT for that
    /// of a fault, GAUGE for that of a gauge that drains, and pN for a quantile: p50, p90, p95, p99, p999.
    pub figures: &'static [FigureTable],
    /// An example of its table in an experiment, complete.
    pub example: &'static str,
    /// Reads its table, without the key `check`.
    pub parse: fn(toml::de::ValueDeserializer<'_>) -> Result<Box<dyn Check>, toml::de::Error>,
}

/// The quantiles that can be promised.
pub(crate) const QUANTILES: [PerMille; 5] = [PerMille(500), PerMille(900), PerMille(950), PerMille(990), PerMille(999)];

/// Names of figures, each with what it means: of those that are told together.
pub type FigureTable = &'static [(&'static str, &'static str)];

/// What figures can be about: the names in a system and an experiment.
#[derive(Debug, Default)]
pub struct Subjects<'a> {
    /// Those of the stages.
    pub stages: Vec<&'a str>,
    /// Those of the faults.
    pub faults: Vec<&'a str>,
    /// Those of the gauges that drain.
    pub gauges: Vec<&'a str>,
}

impl About {
    /// The names of all figures that its findings can have about these.
    #[must_use]
    pub fn figure_names(&self, about: &Subjects<'_>) -> Vec<String> {
        let names = self.figures.iter().copied().flatten().map(|(name, _)| (*name).to_owned()).collect();
        let quantiles = QUANTILES.map(|of| of.to_string());
        let quantiles = quantiles.each_ref().map(String::as_str);
        let filled = |names: Vec<String>, place: &str, values: &[&str]| {
            let fill = |name: String| match name.contains(place) {
                true => values.iter().map(|value| name.replace(place, value)).collect(),
                false => vec![name],
            };
            names.into_iter().flat_map(fill).collect::<Vec<String>>()
        };
        let places =
            [("pN", &quantiles[..]), ("STAGE", &about.stages), ("FAULT", &about.faults), ("GAUGE", &about.gauges)];
        places.into_iter().fold(names, |names, (place, values)| filled(names, place, values))
    }
}
