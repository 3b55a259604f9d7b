//! The rules by which findings become a verdict.

use super::*;
use crate::checks::starvation::Moments;
use crate::testing::{Script, expectation};
use crate::{Check, Verdict};
use proofload_history::journal::LoadAudit;

/// A plan that expects nothing lost and quick answers.
pub(super) fn plan() -> Plan {
    let latency = format!("of = \"{}\"\nduring = \"steady\"\np95 = \"100ms\"", Script::OPERATION);
    Plan {
        experiment: "test".into(),
        title: "A test".into(),
        hypothesis: "All is well.".into(),
        variants: Vec::new(),
        sets: Vec::new(),
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

#[derive(Debug)]
struct Unreadable;

impl Check for Unreadable {
    fn judge(&self, _: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        Err(HistoryError::Issued { ids: 7 })
    }
}

#[test]
fn a_check_that_cannot_read_the_history_is_unknown_and_says_why() {
    let unreadable = Expectation { id: "unread".into(), check_name: "order".into(), check: Box::new(Unreadable) };
    let plan = Plan { expectations: vec![unreadable], ..plan() };
    let verdict = judge(&JudgeInput { history: &Script::good().history(), plan: &plan });
    let finding = finding(&verdict, "unread");
    assert_eq!(finding.judgement, Judgement::Unknown);
    insta::assert_snapshot!(finding.sentence, @"The history could not be read to its end: the journal says that 7 ids were issued, more than a run can: it is damaged.");
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
    insta::assert_snapshot!(finding(&verdict, "load").sentence, @"The generator could not keep up: asked for 200,000/s, sent 20/s; 11,998,800 of 12,000,000 arrivals late or not at all.");
    let fast = finding(&verdict, "fast");
    assert_eq!(fast.judgement, Judgement::Unknown);
    assert_eq!(fast.evidence[0].text, "place_order during steady: p95 was 20.0 ms, within 100.0 ms. (pass)");
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

/// A run in which what is made from 8 s to 11 s takes 400 ms, or everything does, on a machine that is starved in some seconds.
fn slow(everything: bool, starved: &[u64]) -> Verdict {
    let mut script = Script::good();
    for made in &mut script.operations {
        if everything || (8.0..11.0).contains(&made.intended.secs()) {
            made.done = At(made.intended.0 + 400_000_000);
        }
    }
    // Above the limit in these seconds, and far below it on average.
    for second in starved {
        script.sample("canary_us", *second as f64 + 0.1, 15_200.0).sample("canary_us", *second as f64 + 0.6, 15_200.0);
    }
    judged_run(&script)
}

#[test]
fn what_is_broken_only_while_the_machine_was_starved_is_unknown_and_what_is_broken_without_it_stands() {
    let judgement = |everything, starved: &[u64]| {
        let verdict = slow(everything, starved);
        finding(&verdict, "fast").judgement
    };
    assert_eq!([judgement(false, &[]), judgement(true, &[])], [Judgement::Fail; 2]);
    assert_eq!([judgement(false, &[8, 9, 10]), judgement(true, &[8, 9, 10])], [Judgement::Unknown, Judgement::Fail]);
    // What is made in the second after it meets what had queued up.
    assert_eq!([judgement(false, &[8, 9]), judgement(false, &[10])], [Judgement::Unknown, Judgement::Fail]);
    let doubted = slow(false, &[8, 9, 10]);
    let fast = finding(&doubted, "fast");
    let says =
        "It was broken, but only while the machine was starved (3 seconds of the run): place_order during steady";
    assert!(fast.sentence.starts_with(says), "{}", fast.sentence);
    assert!(fast.evidence[0].text.starts_with("without what was made in the 3 seconds"), "{}", fast.evidence[0].text);
    assert_eq!(finding(&doubted, "nothing-lost").judgement, Judgement::Pass);
    // Every second second, and so all of the steady phase: nothing is left to tell by.
    let throughout = slow(true, &[4, 6, 8, 10, 12, 14, 16, 18]);
    let says = "It was broken, and what was made while the machine was not starved does not suffice to tell";
    assert!(finding(&throughout, "fast").sentence.starts_with(says), "{}", finding(&throughout, "fast").sentence);
}

#[test]
fn what_holds_on_a_starved_machine_holds_and_what_was_lost_on_one_is_lost() {
    let starved = |script: &mut Script| {
        for second in 8..18 {
            script.sample("canary_us", f64::from(second) + 0.1, 20_200.0);
        }
        assert_eq!(Moments::of(&script.history()).unwrap().seconds(), 10, "starved it is");
        judged_run(script)
    };
    let good = starved(&mut Script::good());
    assert_eq!(finding(&good, "fast").judgement, Judgement::Pass, "{}", finding(&good, "fast").sentence);
    let lost = starved(&mut Script::good_with(|script, id| {
        script.gone("db.row", id);
    }));
    assert_eq!(finding(&lost, "nothing-lost").judgement, Judgement::Fail);
}

/// How a run ends whose system was left like this.
fn left(outcome: DrainOutcome, expects: &str) -> Verdict {
    let mut script = Script::good();
    script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, outcome);
    let mut plan = plan();
    plan.expectations.remove(0);
    if expects == "drain" {
        plan.expectations.push(expectation("drains", "drain", ""));
    }
    judge(&JudgeInput { history: &script.history(), plan: &plan })
}

#[test]
fn a_system_that_did_not_come_to_rest_never_passes_whatever_was_expected() {
    use DrainOutcome::{Moving, Quiet, Stuck, Unreadable, Unwatched};
    for (outcome, unexpected, expected) in [
        (Quiet, Judgement::Pass, Judgement::Pass),
        (Stuck, Judgement::Unknown, Judgement::Fail),
        (Moving, Judgement::Unknown, Judgement::Unknown),
        (Unreadable, Judgement::Unknown, Judgement::Unknown),
        (Unwatched, Judgement::Pass, Judgement::Unknown),
    ] {
        assert_eq!(left(outcome, "").judgement, unexpected, "{outcome:?}");
        assert_eq!(left(outcome, "drain").judgement, expected, "{outcome:?} with an expectation on it");
    }
    let stuck = left(Stuck, "").sentence;
    assert!(
        stuck.starts_with("UNKNOWN: the system had not come to rest: work was left and no longer moved"),
        "{stuck}"
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
fn a_system_that_was_not_in_its_steady_state_before_the_faults_is_unknown() {
    let probed = |holds| Event::SteadyProbed { probe: "in_sync".into(), holds, evidence: "2 of 3".into() };
    let held = judged_run(Script::good().event(19.0, probed(true)));
    assert_eq!(held.judgement, Judgement::Pass, "{}", held.sentence);
    let verdict = judged_run(Script::good().event(19.0, probed(false)));
    assert_eq!(verdict.judgement, Judgement::Unknown);
    let says = "UNKNOWN: the system was not in its steady state: in_sync did not hold (2 of 3).";
    assert!(verdict.sentence.starts_with(says), "{}", verdict.sentence);
}

#[test]
fn the_phases_are_told_with_their_bounds() {
    let verdict = judged_run(&Script::good());
    let told: Vec<_> = verdict.phases.iter().map(|span| (span.phase.as_str(), span.from_s, span.to_s)).collect();
    let expected = [
        ("warm_up", 0.0, 5.0),
        ("steady", 5.0, 20.0),
        ("fault", 20.0, 40.0),
        ("recovery", 40.0, 60.0),
        ("drain", 60.0, 63.0),
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_faults_are_told_with_what_was_seen_of_them_and_those_left_out_with_why() {
    let mut plan = plan();
    for id in ["kill", "cut", "stall"] {
        plan.faults.push(PlannedFault { id: id.into(), kind: "partition".into() });
    }
    let mut script = Script::good();
    // 20/s acknowledged in the 4 s of the first, and in the 6 s afterwards in which it may still do harm.
    script.fault(20.0, 24.0, "kill").injected(45.0, "pause").attested(46.0, "pause", false);
    let still = Event::HealAttested { fault: "pause".into(), healed: false, evidence: "still refused".into() };
    script.event(50.0, still);
    script.event(40.0, Event::FaultSkipped { fault: "cut#2".into(), because: "no steady state".into() });
    let verdict = judge(&JudgeInput { history: &script.history(), plan: &plan });
    let told: Vec<_> = verdict
        .faults
        .iter()
        .map(|fault| (fault.fault.as_str(), fault.because.as_str(), fault.attestation.join("; ")))
        .collect();
    let seen = "effective, says a tcp connect: refused; healed: connected".to_owned();
    let in_vain = "without effect, says a tcp connect: refused; not healed: still refused".to_owned();
    let expected = [
        ("kill", "due", seen),
        ("pause", "due", in_vain),
        ("cut", "no steady state", String::new()),
        ("stall", "the run does not say why", String::new()),
    ];
    assert_eq!(told, expected);
    assert_eq!((verdict.faults[0].exposed, verdict.faults[2].exposed), (Some(200), None));
}

#[test]
fn an_operation_of_which_nothing_was_sent_is_not_told() {
    let unsent = |mut script: Script| {
        script.unsent(5_000, 30.0, "unsent: every worker was waiting for the system");
        script.operations.last_mut().unwrap().name = "cancel".into();
        judged_run(&script).sentence
    };
    let [beside, alone] = [Script::good(), Script::new()].map(unsent);
    assert!(beside.contains("1,200 place_order were sent and 1,200 acknowledged;"), "{beside}");
    assert!(alone.contains("nothing was sent"), "{alone}");
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
