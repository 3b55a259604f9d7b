//! No check passes where there is nothing to tell by: every check that there is, as its own example has it, on runs of which
//! nothing was recorded, whose files cannot be read, that make it break down, and whose fault had no effect. A check that is
//! added is among them by itself.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod support;

use arrow_array::RecordBatch;
use proofload_history::journal::DrainOutcome;
use proofload_history::table::{Row, Source};
use proofload_history::{History, HistoryError, Phase, Table};
use proofload_verify::{
    About, CHECKS, Chain, Expectation, Finding, JudgeInput, Judgement, Plan, PlannedFault, Reference, Verdict, judge,
};
use std::collections::BTreeMap;
use support::{Script, asked};

/// Those that are told by the journal alone, which is read before any check is asked.
const BY_THE_JOURNAL: [&str; 2] = ["attested", "drain"];

/// An expectation of what the example of a check has.
fn expectation(id: &str, about: &About) -> Expectation {
    asked::expectation(id, about.name, &about.example.trim().replace('\n', ", "))
}

/// A plan that expects what the example of a check does, with the chains and expectations that it refers to.
fn plan(about: &About, faults: &[&str]) -> Plan {
    let mut expectations = vec![expectation("asked", about)];
    let mut chains: BTreeMap<String, Chain> = BTreeMap::new();
    for reference in expectations[0].check.references() {
        match reference {
            Reference::Chain(name) => _ = chains.insert(name, Script::chains()["order"].clone()),
            Reference::Expectation(id, name) => {
                let other = CHECKS.iter().find(|about| about.name == name).unwrap();
                expectations.push(expectation(&id, other));
            }
            // What has been acknowledged must be at the stages of chains.
            Reference::Stage(stage) => {
                let mut chain = Script::chains()["order"].clone();
                chain.stages[0].stage = stage;
                chains.insert(format!("to {}", chain.stages[0].stage), chain);
            }
            Reference::Operation(_) | Reference::Traffic(_) | Reference::Fault(_) => {}
        }
    }
    let faults = faults.iter().map(|id| PlannedFault { id: (*id).into(), kind: "kill".into() }).collect();
    Plan { chains, expectations, faults, ..Plan::default() }
}

/// The verdict on a history of which only the example of a check is expected.
fn verdict(about: &About, history: &History, faults: &[&str]) -> Verdict {
    judge(&JudgeInput { history, plan: &plan(about, faults) })
}

fn of_example(verdict: &Verdict) -> &Finding {
    verdict.findings.iter().find(|finding| finding.expectation == "asked").unwrap()
}

/// Holds every check but `known` ones to unknown, and gives what the known ones say.
fn all_unknown_but(known: &[&str], history: &History, says: &str) -> Vec<Judgement> {
    let mut others = Vec::new();
    for about in CHECKS {
        let verdict = verdict(about, history, &[]);
        assert_eq!(verdict.judgement, Judgement::Unknown, "{}: {}", about.name, verdict.sentence);
        let finding = of_example(&verdict);
        if known.contains(&about.name) {
            others.push(finding.judgement);
        } else {
            assert_eq!(finding.judgement, Judgement::Unknown, "{}: {}", about.name, finding.sentence);
            let told = finding.evidence.iter().map(|evidence| &evidence.text).chain([&finding.sentence]);
            assert!(told.into_iter().any(|text| text.contains(says)), "{}: {finding:#?}", about.name);
        }
    }
    others
}

#[test]
fn where_nothing_was_recorded_nothing_is_known() {
    let mut script = Script::new();
    script.unwatched().phases(&[(0.0, Phase::Steady), (60.0, Phase::Drain)]);
    script.drained(61.0, DrainOutcome::Quiet).ended(62.0);
    // The system is at rest, and no fault was to have an effect.
    assert_eq!(all_unknown_but(&BY_THE_JOURNAL, &script.history(), ""), [Judgement::Pass; 2]);
    for about in CHECKS {
        let verdict = verdict(about, &History::default(), &["leader-kill"]);
        assert_eq!(of_example(&verdict).judgement, Judgement::Unknown, "{}", about.name);
    }
}

/// A file that breaks off where nobody expected it.
#[derive(Clone, Copy, Debug)]
struct Unreadable;

impl Source for Unreadable {
    fn pass(&self, _: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        Err(HistoryError::Issued { ids: 7 })
    }
}

/// What a reader meets that has a defect.
#[derive(Clone, Copy, Debug)]
struct Defect;

impl Source for Defect {
    fn pass(&self, _: &mut dyn FnMut(&RecordBatch) -> Result<(), HistoryError>) -> Result<(), HistoryError> {
        panic!("index 7 is out of bounds")
    }
}

/// A good run with the fault of the examples, whose rows come from elsewhere.
fn from(source: impl Source + Copy + 'static) -> History {
    fn table<R: Row>(source: impl Source + 'static, of: &Table<R>) -> Table<R> {
        Table::from_source(source, of.rows())
    }
    let good = Script::good_with(|script, _| _ = script.fault(20.0, 28.0, "leader-cut")).history();
    History {
        operations: table(source, &good.operations),
        observations: table(source, &good.observations),
        series: table(source, &good.series),
        ..good
    }
}

#[test]
fn where_the_files_cannot_be_read_nothing_is_known() {
    let others = all_unknown_but(&BY_THE_JOURNAL, &from(Unreadable), "7 ids were issued");
    assert_eq!(others, [Judgement::Pass; 2]);
}

#[test]
fn a_check_that_breaks_down_knows_nothing() {
    let others = all_unknown_but(&BY_THE_JOURNAL, &from(Defect), "index 7 is out of bounds");
    assert_eq!(others, [Judgement::Pass; 2]);
}

#[test]
fn where_the_fault_had_no_effect_no_expectation_passes_a_run() {
    let attested = |effective| {
        let mut script = Script::good();
        script.injected(20.0, "leader-kill").attested(21.0, "leader-kill", effective).healed(28.0, "leader-kill");
        script.history()
    };
    for about in CHECKS {
        for (history, expected) in [(attested(false), Judgement::Unknown), (attested(true), Judgement::Pass)] {
            let verdict = verdict(about, &history, &["leader-kill"]);
            let of_fault = verdict.findings.iter().find(|finding| finding.expectation == "attested").unwrap();
            assert_eq!(of_fault.judgement, expected, "{}: {}", about.name, of_fault.sentence);
            assert!(expected == Judgement::Pass || verdict.judgement != Judgement::Pass, "{}", about.name);
        }
    }
}
