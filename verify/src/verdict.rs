//! What a run came to: all findings, and one answer.

use crate::{Finding, Judgement};

/// The verdict of a run, as `verdict.json` holds it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Verdict {
    /// The version of this format: 1.
    pub format: u32,
    /// The experiment's name.
    pub experiment: String,
    /// Its title.
    pub title: String,
    /// What it set out to prove.
    pub hypothesis: String,
    /// The answer.
    pub judgement: Judgement,
    /// The answer as one sentence for people.
    pub sentence: String,
    /// Variants applied to the system.
    pub variants: Vec<String>,
    /// Settings of the system that were changed for this run: `process.gateway.replicas=3`.
    #[serde(default)]
    pub sets: Vec<String>,
    /// The seed of the run.
    pub seed: u64,
    /// Whether the run came to its end.
    pub complete: bool,
    /// Figures of the whole run: `sent_operations`, `ok_operations`, `indeterminate_intents`, ...
    pub figures: Vec<crate::finding::Figure>,
    /// The phases that began.
    pub phases: Vec<PhaseSpan>,
    /// The faults, injected or not.
    pub faults: Vec<FaultSummary>,
    /// What each expectation came to, in the experiment's order, after those that every run is held to (`load`, `attested`).
    pub findings: Vec<Finding>,
    /// What this run cannot show, as sentences.
    pub limits: Vec<String>,
}

/// A phase and its bounds.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct PhaseSpan {
    /// Its name.
    pub phase: String,
    /// Seconds since the start of the run.
    pub from_s: f64,
    /// Seconds since the start of the run.
    pub to_s: f64,
}

/// What was done to the system.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct FaultSummary {
    /// Its id in the experiment.
    pub fault: String,
    /// Its kind.
    pub kind: String,
    /// What it hit.
    pub targets: Vec<String>,
    /// Why there and then; for a fault that was not injected, why not.
    pub because: String,
    /// Seconds since the start of the run; missing for a fault that was not injected.
    pub injected_s: Option<f64>,
    /// Seconds since the start of the run.
    pub healed_s: Option<f64>,
    /// Whether another observer than the injector saw its effect.
    pub attested: bool,
    /// Who looked and what was seen.
    pub attestation: Vec<String>,
    /// Operations at risk of its defect.
    pub exposed: Option<u64>,
}
