//! What a check says: three-valued, with counts, evidence and the first offenders.

use crate::Listing;
use proofload_history::{At, Id};

/// The answer of a check, and of a run. Ordered so that the worst of several is their maximum.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The promise was kept, and the evidence suffices to say so.
    Pass,
    /// The evidence does not suffice: absence of evidence is never a pass.
    Unknown,
    /// The promise was broken.
    Fail,
}

/// Whether a finding stands whatever the load was.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Loss, repeats, order, balance: stands whatever the load was.
    Safety,
    /// Latency, availability, budget, recovery: unknown when the load was invalid.
    Performance,
}

/// What one expectation came to.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// The expectation's id in the experiment: `nothing-lost`.
    pub expectation: String,
    /// The check behind it: `delivery`.
    pub check: String,
    /// Safety or performance.
    pub class: Class,
    /// The answer.
    pub judgement: Judgement,
    /// The answer as one sentence for people, with the figures that matter.
    pub sentence: String,
    /// Figures by name; the unit is last in the name: `lost_intents`, `p95_ms`. In the order to be shown.
    pub figures: Vec<Figure>,
    /// What supports the answer, as label and text, in the order to be shown.
    pub evidence: Vec<Evidence>,
    /// How many offenders there are in all.
    pub offenders_total: u64,
    /// The first offenders, at most [`MAX_OFFENDERS`], ordered by instant and id.
    pub offenders: Vec<Offender>,
    /// Every offender, for the file of all of them.
    #[serde(skip)]
    #[schemars(skip)]
    pub listing: Listing,
    /// Why the expectation was not judged in this run (it names a fault, and the run had none): it counts for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
}

/// How many offenders a finding names.
pub const MAX_OFFENDERS: usize = 100;

/// A figure of a finding.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Figure {
    /// Its name, unit last.
    pub name: String,
    /// Its value; missing for one that is infinite or was not reached.
    pub value: Option<f64>,
}

/// A line of evidence.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    /// What it is about.
    pub label: String,
    /// What was seen.
    pub text: String,
}

/// One intent, or one instant, that breaks the promise.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Offender {
    /// The intent, where it is about one.
    #[schemars(with = "Option<String>")]
    pub id: Option<Id>,
    /// What is wrong with it: `lost`, `repeated`, `unexpected`, ...
    pub defect: String,
    /// The stage where it shows: the first one that misses it, the one that has it twice.
    pub stage: Option<String>,
    /// The instant that locates it: when it was acknowledged, when it was seen the second time.
    #[schemars(with = "Option<u64>")]
    pub at: Option<At>,
    /// The faults that were active then.
    pub during: Vec<String>,
    /// The last place where it was seen, positions, whatever helps to find it.
    pub detail: String,
}

impl Finding {
    /// A finding with nothing but an answer; the judge fills in the expectation.
    #[must_use]
    pub fn new(check: &str, class: Class, judgement: Judgement, sentence: impl Into<String>) -> Self {
        Self {
            expectation: String::new(),
            check: check.to_owned(),
            class,
            judgement,
            sentence: sentence.into(),
            figures: Vec::new(),
            evidence: Vec::new(),
            offenders_total: 0,
            offenders: Vec::new(),
            listing: Listing::default(),
            skipped: None,
        }
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, name: &str, value: impl Into<Option<f64>>) -> Self {
        self.figures.push(Figure { name: name.to_owned(), value: value.into() });
        self
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn evidence(mut self, label: &str, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence { label: label.to_owned(), text: text.into() });
        self
    }
}
