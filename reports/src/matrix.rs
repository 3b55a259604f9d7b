//! What the negative controls came to: `matrix.json` and `matrix.html`, of many runs.
//!
//! The types are the format. Who counts them up is not this crate's business; how they are shown is.

mod opening;
mod page;
mod tables;

use crate::ReportError;
use proofload_verify::Judgement;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the format of `matrix.json`.
pub const FORMAT: u32 = 1;

/// What the negative controls of some experiments came to, as `matrix.json` holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// The version of this format: 1.
    pub format: u32,
    /// Pass: every broken design was caught in every repeat, and every run of a good design passed. Fail: one was not
    /// caught, or a good design failed. Else unknown.
    pub judgement: Judgement,
    /// The answer as one sentence for people.
    pub sentence: String,
    /// How often each design was to be run.
    pub repeats: u32,
    /// How many runs were to be made.
    pub planned_runs: u32,
    /// How many have been made.
    pub made_runs: u32,
    /// Why it ended before all of them were made; missing if they were, and as long as it goes on.
    pub stopped: Option<String>,
    /// The experiments, in the order in which they were tried.
    pub experiments: Vec<Tried>,
}

/// An experiment, with its good design and its broken ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tried {
    /// Its name.
    pub experiment: String,
    /// Its title.
    pub title: String,
    /// What the good design came to; missing for an experiment that has no control, and so was not run.
    pub good: Option<GoodDesign>,
    /// What each broken design came to; none if the experiment has no control.
    pub controls: Vec<BrokenDesign>,
}

/// What the runs of a good design came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoodDesign {
    /// Pass if every repeat passed, fail if one failed, else unknown.
    pub judgement: Judgement,
    /// How many runs passed.
    pub passed: u32,
    /// How many failed: nothing was broken, and the verdict said that something was.
    pub false_alarms: u32,
    /// How many came to no answer.
    pub unknown: u32,
    /// Why those that did not pass did not: each distinct sentence once.
    pub doubts: Vec<Doubt>,
    /// Every run, in order.
    pub runs: Vec<MadeRun>,
}

/// What the runs of a broken design came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenDesign {
    /// The variant that breaks the design: `acks-one`.
    pub variant: String,
    /// The real-world mistake that it is, as the manifest has it.
    pub mistake: Option<String>,
    /// What must turn red: all of it, or it is not caught.
    pub must_turn_red: Vec<MustTurnRed>,
    /// Pass if it was caught in every repeat, fail if it was not caught in one, else unknown.
    pub judgement: Judgement,
    /// How many runs were red for the reason stated, beside a good design that passed with the same seed.
    pub caught: u32,
    /// How many were not: green, or red for another reason, or beside a good design that did not pass.
    pub not_caught: u32,
    /// How many came to no answer.
    pub unknown: u32,
    /// Why those that were not caught were not: each distinct sentence once.
    pub doubts: Vec<Doubt>,
    /// Every run, in order.
    pub runs: Vec<MadeRun>,
}

/// A promise that a broken design must break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MustTurnRed {
    /// The expectation: `nothing-lost`.
    pub expectation: String,
    /// The check behind it: `delivery`.
    pub check: String,
    /// The reason for which it must turn red, in words.
    pub reason: String,
}

/// Why some runs were not what they should have been.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doubt {
    /// What they came to instead.
    pub answer: Answer,
    /// Why, as a sentence.
    pub sentence: String,
    /// How many of them say so.
    pub times: u32,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeRun {
    /// The repeat that it belongs to, counted from 1.
    pub repeat: u32,
    /// Its seed: that of every design of the experiment in this repeat.
    pub seed: u64,
    /// What it came to.
    pub answer: Answer,
    /// Why, as a sentence.
    pub sentence: String,
    /// Its folder, from the folder of the runs: `broker-kill/2026-03-02T10-15-00Z`.
    pub run: String,
    /// Whether it came to an answer of its own, so that its folder has a report.
    pub judged: bool,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A broken design turned red for the reason stated, and the good one beside it passed.
    Caught,
    /// A broken design did not turn red, or for another reason, or the good one beside it did not pass.
    NotCaught,
    /// A good design passed.
    Passed,
    /// A good design failed.
    FalseAlarm,
    /// The evidence does not suffice, or there is none.
    Unknown,
}

impl Answer {
    /// The word for people: `not caught`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::NotCaught => "not caught",
            Self::Passed => "passed",
            Self::FalseAlarm => "false alarm",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is what the run should come to (pass), the opposite (fail), or neither.
    #[must_use]
    pub fn judgement(self) -> Judgement {
        match self {
            Self::Caught | Self::Passed => Judgement::Pass,
            Self::NotCaught | Self::FalseAlarm => Judgement::Fail,
            Self::Unknown => Judgement::Unknown,
        }
    }
}

impl Matrix {
    /// `matrix.json`: pretty, with a final newline, the same bytes for the same matrix.
    ///
    /// # Errors
    /// If it cannot be written as JSON; a defect of proofload.
    pub fn json(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// `matrix.html`: one page, no script, nothing fetched. `runs` is the way from the page's folder to the folder of
    /// the runs, `../..`, for the links to their reports.
    #[must_use]
    pub fn html(&self, runs: &str) -> String {
        page::page(self, runs).into_string()
    }

    /// Every good design that was run.
    pub fn good_designs(&self) -> impl Iterator<Item = &GoodDesign> {
        self.experiments.iter().filter_map(|tried| tried.good.as_ref())
    }

    /// Every broken design, with the name of its experiment.
    pub fn broken_designs(&self) -> impl Iterator<Item = (&str, &BrokenDesign)> {
        self.experiments.iter().flat_map(|tried| tried.controls.iter().map(|one| (tried.experiment.as_str(), one)))
    }
}

/// The JSON Schema of `matrix.json`, as `reports/matrix.schema.json` holds it.
#[must_use]
pub fn matrix_schema() -> serde_json::Value {
    schemars::schema_for!(Matrix).to_value()
}
