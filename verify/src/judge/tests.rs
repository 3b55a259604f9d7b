//! The rules by which findings become a verdict.

use super::*;
use crate::testing::{Script, expectation};
use crate::{Check, Verdict};
use proofload_history::journal::LoadAudit;

fn plan() -> Plan {
    let latency = format!("of = \"{}\"\nduring = \"steady\"\np95 = \"100ms\"", Script::OPERATION);
    Plan {
        experiment: "test".into(),
        title: "A test".into(),
        hypothesis: "All is well.".into(),
        variants: Vec::new(),
        chains: Script::chains(),
        expectations: vec![
            expectation("nothing-lost", "delivery", "chain = \"order\""),
            expectation("fast", "latency", &latency),
        ],
        faults: Vec::new(),
        without_faults: false,
    }
}

/// The verdict on a run that expects nothing lost and quick answers.
pub(crate) fn judged_run(script: &Script) -> Verdict {
    judge(&JudgeInput { history: &script.history(), plan: &plan() })
}

fn finding<'a>(verdict: &'a Verdict, id: &str) -> &'a Finding {
    verdict.findings.iter().find(|finding| finding.expectation == id).unwrap()
}

#[derive(Debug)]
struct Panics;

impl Check for Panics {
    fn judge(&self, _: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        panic!("index 7 is out of bounds")
    }
}

#[test]
fn a_good_run_passes_and_says_so_in_one_sentence() {
    let mut script = Script::good();
    script.fault(20.0, 28.0, "leader-kill");
    let verdict = judged_run(&script);
    assert_eq!(verdict.judgement, Judgement::Pass, "{}", verdict.sentence);
    insta::assert_snapshot!(verdict.sentence, @"PASS: 1,200 place_order were sent and 1,200 acknowledged while leader-kill hit kafka-2; none was lost, none was done twice.");
}

#[test]
fn a_run_that_breaks_its_promise_says_which_one_first() {
    let verdict = judged_run(&Script::good_with(|script, id| {
        script.gone("db.row", id);
    }));
    assert_eq!(verdict.judgement, Judgement::Fail);
    insta::assert_snapshot!(verdict.sentence, @"FAIL: nothing-lost: Of 1,200 place_order acknowledged 1 was lost, none was done twice; the first is lost at db.row, at 30.0 s. 1,200 place_order were sent and 1,200 acknowledged.");
}

#[test]
fn a_check_that_panics_is_unknown_and_the_others_are_judged() {
    let mut plan = plan();
    plan.expectations.push(Expectation { id: "broken".into(), check_name: "order".into(), check: Box::new(Panics) });
    let verdict = judge(&JudgeInput { history: &Script::good().history(), plan: &plan });
    assert_eq!(verdict.judgement, Judgement::Unknown);
    assert!(finding(&verdict, "broken").sentence.contains("index 7 is out of bounds"));
    assert_eq!(finding(&verdict, "nothing-lost").judgement, Judgement::Pass);
}

fn overloaded() -> LoadAudit {
    LoadAudit {
        traffic: "orders".into(),
        scheduled: 12_000_000,
        sent: 1_200,
        unsent_generator: 11_998_800,
        goose_requests: 1_200,
        ..LoadAudit::default()
    }
}

#[test]
fn an_invalid_load_makes_performance_unknown_and_leaves_safety() {
    let mut script = Script::good_with(|script, id| {
        script.gone("db.row", id);
    });
    script.without(|event| matches!(event, Event::LoadAudited(_))).audit(overloaded());
    let verdict = judged_run(&script);
    assert_eq!(finding(&verdict, "load").judgement, Judgement::Unknown);
    assert_eq!(finding(&verdict, "load").sentence, "The generator could not keep up: asked for 200,000/s, sent 20/s.");
    let fast = finding(&verdict, "fast");
    assert_eq!(fast.judgement, Judgement::Unknown);
    assert!(fast.evidence[0].text.contains("p95 was 20.0 ms"), "{:?}", fast.evidence[0]);
    assert_eq!(finding(&verdict, "nothing-lost").judgement, Judgement::Fail);
    assert_eq!(verdict.judgement, Judgement::Fail);
}

#[test]
fn a_generator_that_cannot_keep_up_gives_unknown_and_says_so_first() {
    let mut script = Script::good();
    script.without(|event| matches!(event, Event::LoadAudited(_))).audit(overloaded());
    let verdict = judged_run(&script);
    assert_eq!(verdict.judgement, Judgement::Unknown);
    assert!(
        verdict.sentence.starts_with("UNKNOWN: The generator could not keep up: asked for 200,000/s"),
        "{}",
        verdict.sentence
    );
}

#[test]
fn a_run_without_faults_skips_what_speaks_of_one_and_passes_on_the_rest() {
    let mut plan = plan();
    plan.without_faults = true;
    plan.faults.push(PlannedFault { id: "leader-cut".into(), kind: "partition".into() });
    plan.expectations.push(expectation(
        "recovers",
        "recovery",
        "to = \"fast\"\nafter = \"leader-cut\"\nwithin = \"15s\"",
    ));
    let verdict = judge(&JudgeInput { history: &Script::good().history(), plan: &plan });
    assert!(finding(&verdict, "recovers").skipped.is_some());
    assert_eq!(verdict.judgement, Judgement::Pass, "{}", verdict.sentence);
    assert!(verdict.sentence.contains("not judged: recovers"), "{}", verdict.sentence);
    assert!(verdict.limits.iter().any(|limit| limit.contains("without its faults")));
}

#[test]
fn a_run_of_which_no_expectation_was_judged_is_unknown() {
    let recovers = expectation("recovers", "recovery", "to = \"fast\"\nafter = \"cut\"\nwithin = \"15s\"");
    let plan = Plan { expectations: vec![recovers], without_faults: true, ..plan() };
    let verdict = judge(&JudgeInput { history: &Script::good().history(), plan: &plan });
    assert_eq!(verdict.judgement, Judgement::Unknown);
    assert!(verdict.sentence.contains("no expectation was judged"), "{}", verdict.sentence);
}

#[test]
fn a_fail_of_an_interrupted_run_says_that_it_was_interrupted() {
    let mut script = Script::good_with(|script, id| {
        script.gone("db.row", id);
    });
    let verdict = judged_run(script.event(50.0, Event::Interrupted { by: "SIGINT".into() }));
    assert_eq!(verdict.judgement, Judgement::Fail);
    assert!(
        verdict.sentence.ends_with("Besides, the run was interrupted by SIGINT at 50.0 s."),
        "{}",
        verdict.sentence
    );
}

#[test]
fn the_sentence_tells_a_band_that_was_never_left_from_one_that_was_come_back_to() {
    let mut plan = plan();
    plan.expectations.push(expectation("recovers", "recovery", "to = \"fast\"\nafter = \"cut\"\nwithin = \"15s\""));
    let history = Script::good().fault(20.0, 28.0, "cut").history();
    let verdict = judge(&JudgeInput { history: &history, plan: &plan });
    let says = "never out of band after cut began and after cut healed";
    assert!(verdict.sentence.contains(says), "{}", verdict.sentence);
}

#[test]
fn a_fault_that_was_planned_and_not_injected_is_unknown() {
    let mut plan = plan();
    plan.faults.push(PlannedFault { id: "leader-cut".into(), kind: "partition".into() });
    let mut script = Script::good();
    script.event(20.0, Event::FaultSkipped { fault: "leader-cut".into(), because: "no steady state".into() });
    let verdict = judge(&JudgeInput { history: &script.history(), plan: &plan });
    assert_eq!(verdict.judgement, Judgement::Unknown);
    assert!(verdict.sentence.contains("no steady state"), "{}", verdict.sentence);
    assert_eq!(verdict.faults[0].injected_s, None);
}

#[test]
fn what_did_not_come_to_its_end_never_passes() {
    let unended = Script::good().without(|event| matches!(event, Event::RunEnded {})).clone();
    let interrupted = Script::good().event(50.0, Event::Interrupted { by: "SIGINT".into() }).clone();
    let damaged = Script::good().damaged("the file of operations breaks off").clone();
    for script in [unended, interrupted, damaged] {
        let verdict = judged_run(&script);
        assert_eq!(verdict.judgement, Judgement::Unknown, "{}", verdict.sentence);
        assert!(!verdict.complete);
    }
}

#[test]
fn an_experiment_that_expects_nothing_is_unknown() {
    let plan = Plan { expectations: Vec::new(), ..plan() };
    let verdict = judge(&JudgeInput { history: &Script::good().history(), plan: &plan });
    assert_eq!(verdict.judgement, Judgement::Unknown);
}

#[test]
fn an_empty_history_is_unknown() {
    let verdict = judge(&JudgeInput { history: &History::default(), plan: &plan() });
    assert_eq!(verdict.judgement, Judgement::Unknown);
    assert!(verdict.findings.iter().all(|finding| finding.judgement != Judgement::Fail));
}

#[test]
fn the_verdict_is_the_same_byte_for_byte_on_any_number_of_threads() {
    let mut script = Script::good_with(|script, id| {
        script.gone("log.in", id).seen("db.row", Script::id(3)).everywhere(proofload_history::Id::of("a stranger"));
    });
    script.fault(20.0, 28.0, "leader-cut").fault(30.0, 33.0, "leader-kill");
    let history = script.history();
    let mut plan = plan();
    plan.expectations.push(expectation(
        "recovers",
        "recovery",
        "to = \"fast\"\nafter = \"leader-cut\"\nwithin = \"15s\"",
    ));
    let bytes =
        |threads| serde_json::to_string(&judge_on(&JudgeInput { history: &history, plan: &plan }, threads)).unwrap();
    assert_eq!(bytes(1), bytes(8));
    assert_eq!(bytes(8), bytes(8));
}

#[test]
fn a_verdict_reads_back_as_it_was_written() {
    let verdict = judged_run(&Script::good());
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
}

#[test]
fn the_figures_of_a_run_are_named_by_unit_phase_and_operation() {
    let verdict = judged_run(&Script::good());
    let value = |name: &str| {
        verdict.figures.iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no {name}")).value
    };
    assert_eq!(value("sent_operations"), Some(1_200.0));
    assert_eq!(value("ok_intents"), Some(1_200.0));
    assert_eq!(value("lost_intents"), Some(0.0));
    assert_eq!(value("offered_per_s.steady.place_order"), Some(20.0));
    assert_eq!(value("p95_ms.steady.place_order"), Some(20.0));
}

#[test]
fn where_every_answer_was_a_refusal_there_is_no_quantile() {
    let mut script = Script::new();
    script.phases(&[(0.0, proofload_history::Phase::Steady), (10.0, proofload_history::Phase::Drain)]);
    for n in 0..10 {
        script.timed(n, n as f64, 5, proofload_history::Outcome::Fail);
    }
    let figures = judged_run(&script).figures;
    assert!(figures.iter().any(|figure| figure.name == "offered_per_s.steady.place_order"));
    assert!(figures.iter().all(|figure| !figure.name.starts_with("p95_ms")), "{figures:?}");
}

#[test]
fn the_limits_say_what_a_zero_is_worth_and_what_a_kill_cannot_show() {
    let mut script = Script::good();
    script.fault(20.0, 28.0, "leader-kill");
    let limits = judged_run(&script).limits.join("\n");
    assert!(limits.contains("unsynced writes"), "{limits}");
    assert!(
        limits.contains("no loss in 1 injection of leader-kill that put any at risk bounds the chance of a loss per injection at 95 %"),
        "{limits}"
    );
}
