//! What freshness says of histories written by hand.

use crate::Judgement::{self, Fail, Pass, Unknown};
use crate::testing::{Script, figure, judged, judged_within};
use crate::{Budget, Finding};
use proofload_history::journal::DrainOutcome;
use proofload_history::{At, Outcome, Phase};

const TABLE: &str = "of = \"place_order\"\nstage = \"log.out\"\nduring = \"steady\"\np95 = \"1s\"";

/// A steady phase of 100 orders a second apart, answered after 10 ms each, and at the stage so many milliseconds after
/// the answer; `None` is never.
fn run(age_ms: impl Fn(u64) -> Option<i64>) -> Script {
    let mut script = Script::new();
    script.phases(&[(0.0, Phase::Steady), (110.0, Phase::Drain)]).issue(1, 0, 100);
    for n in 0..100 {
        script.timed(n, n as f64, 10, Outcome::Ok);
        if let Some(age_ms) = age_ms(n) {
            let ms = (n * 1_000 + 10).saturating_add_signed(age_ms);
            script.seen_at("log.out", Script::id(n), At(ms * 1_000_000));
        }
    }
    script
}

fn read(script: &mut Script) -> &mut Script {
    script.drained(111.0, DrainOutcome::Quiet).read(112.0, "log.out", true, 0)
}

fn finding(script: &Script) -> Finding {
    judged("freshness", TABLE, &script.history())
}

fn says(script: &Script) -> Judgement {
    finding(script).judgement
}

#[test]
fn what_is_there_in_time_passes() {
    let finding = finding(read(&mut run(|_| Some(400))));
    assert_eq!(finding.judgement, Pass, "{}", finding.sentence);
    let figures = ["samples", "p95_ms", "late_intents", "missing_intents"].map(|name| figure(&finding, name));
    assert_eq!(figures, [Some(100.0), Some(400.0), Some(0.0), Some(0.0)]);
    assert!(finding.offenders.is_empty());
}

#[test]
fn what_comes_late_fails_and_is_named_from_its_acknowledgement_on() {
    let mut script = run(|n| Some(if n < 80 { 400 } else { 5_000 }));
    let finding = finding(read(&mut script).fault(85.0, 86.5, "slow"));
    assert_eq!((finding.judgement, figure(&finding, "p95_ms")), (Fail, Some(5_000.0)), "{}", finding.sentence);
    assert_eq!((figure(&finding, "late_intents"), finding.offenders_total), (Some(20.0), 20));
    let late = &finding.offenders[6];
    assert_eq!((late.id, late.defect.as_str(), late.stage.as_deref()), (Some(Script::id(86)), "late", Some("log.out")));
    assert_eq!((late.at.unwrap().secs(), late.during.as_slice()), (86.01, ["slow".to_owned()].as_slice()));
    assert_eq!(late.detail, "acknowledged at 86.0 s; 5000.0 ms later at log.out/3 offset 86");
}

#[test]
fn the_first_row_of_an_intent_counts() {
    let mut script = run(|_| Some(400));
    for n in 0..100 {
        script.seen_at("log.out", Script::id(n), At::from_secs_f64(109.0));
    }
    assert_eq!(says(read(&mut script)), Pass);
}

#[test]
fn what_was_there_before_its_answer_was_read_is_of_age_zero() {
    let finding = finding(read(&mut run(|_| Some(-5))));
    assert_eq!((finding.judgement, figure(&finding, "p95_ms")), (Pass, Some(0.0)));
}

#[test]
fn what_never_came_is_infinitely_old_once_the_system_is_at_rest() {
    let finding = finding(read(&mut run(|n| (n < 80).then_some(400))));
    assert_eq!((finding.judgement, figure(&finding, "p95_ms")), (Fail, None), "{}", finding.sentence);
    assert_eq!(figure(&finding, "missing_intents"), Some(20.0));
    assert!(finding.offenders[0].detail.ends_with("never seen there"), "{}", finding.offenders[0].detail);
    let ages = finding.evidence.iter().find(|line| line.label == "ages").unwrap();
    assert_eq!(ages.text, "of 100 intents acknowledged, 20 not seen there, 0 in rows without an instant");
}

#[test]
fn what_comes_just_within_the_limit_is_not_late() {
    let finding = finding(read(&mut run(|n| Some(if n < 80 { 1_000 } else { 5_000 }))));
    assert_eq!((figure(&finding, "late_intents"), finding.offenders_total), (Some(20.0), 20), "{}", finding.sentence);
}

#[test]
fn what_is_late_is_told_where_it_was_first_whatever_the_order_of_the_rows() {
    let [earlier, later] = [105.0, 109.0].map(At::from_secs_f64);
    for (instants, place) in [([earlier, later], "offset 80"), ([later, earlier], "offset 81")] {
        let mut script = run(|n| (n < 80).then_some(400));
        for at in instants {
            script.seen_at("log.out", Script::id(80), at);
        }
        let finding = finding(read(&mut script));
        let late = &finding.offenders[0];
        assert_eq!(late.detail, format!("acknowledged at 80.0 s; 24990.0 ms later at log.out/3 {place}"));
    }
}

#[test]
fn the_answer_is_the_same_in_however_many_parts() {
    let mut script = run(|n| if n % 10 == 0 { None } else { Some(if n < 80 { 400 } else { 5_000 }) });
    let history = read(&mut script).history();
    let whole = judged("freshness", TABLE, &history);
    assert_eq!((whole.judgement, whole.offenders_total), (Fail, 28), "10 never came, and 18 of the last 20 late");
    for passes in [2, 7] {
        assert_eq!(judged_within(Budget::Passes(passes), "freshness", TABLE, &history).unwrap(), whole);
    }
}

#[test]
fn what_is_missing_from_a_stage_half_read_or_while_the_system_moves_is_unknown() {
    let missing = || run(|n| (n < 80).then_some(400));
    let (mut unread, mut half, mut moving, mut unwaited) = (missing(), missing(), missing(), missing());
    unread.drained(111.0, DrainOutcome::Quiet);
    half.drained(111.0, DrainOutcome::Quiet).read(112.0, "log.out", false, 0);
    moving.drained(111.0, DrainOutcome::Moving).read(112.0, "log.out", true, 0);
    unwaited.read(112.0, "log.out", true, 0);
    for (script, says) in [
        (unread, "log.out was not read"),
        (half, "log.out was not read to its end"),
        (moving, "still moving"),
        (unwaited, "nobody waited"),
    ] {
        let finding = finding(&script);
        assert_eq!(finding.judgement, Unknown, "{says}");
        assert!(finding.sentence.contains(says), "{}", finding.sentence);
        assert_eq!((figure(&finding, "missing_intents"), figure(&finding, "late_intents")), (None, None));
    }
}

#[test]
fn a_system_that_still_moves_does_not_matter_where_all_is_there() {
    let mut script = run(|_| Some(400));
    assert_eq!(says(script.drained(111.0, DrainOutcome::Moving).read(112.0, "log.out", true, 0)), Pass);
}

#[test]
fn what_was_seen_late_stands_though_the_stage_was_not_read_to_its_end() {
    let mut script = run(|n| (n < 60).then_some(5_000));
    let finding = finding(script.read(112.0, "log.out", false, 0));
    assert_eq!((finding.judgement, figure(&finding, "late_intents")), (Fail, Some(60.0)), "{}", finding.sentence);
    assert_eq!(finding.offenders_total, 60, "what is missing may be among what was not read");
}

#[test]
fn rows_without_an_instant_make_it_unknown() {
    let mut script = run(|n| (n > 0).then_some(400));
    let finding = finding(read(script.seen("log.out", Script::id(0))));
    assert_eq!(finding.judgement, Unknown);
    assert!(finding.sentence.contains("1 intent at log.out in rows without an instant"), "{}", finding.sentence);
}

#[test]
fn a_row_that_nobody_understood_may_be_the_earlier_one_of_the_latest() {
    let late = |unreadable| {
        let mut script = run(|n| Some(if n < 80 { 400 } else { 5_000 }));
        finding(script.drained(111.0, DrainOutcome::Quiet).read(112.0, "log.out", true, unreadable))
    };
    assert_eq!((late(1).judgement, figure(&late(1), "late_intents")), (Fail, Some(19.0)));
    let excused = late(20);
    assert_eq!(excused.judgement, Unknown, "{}", excused.sentence);
    assert!(excused.sentence.contains("20 rows of log.out could not be understood"), "{}", excused.sentence);
}

#[test]
fn nothing_acknowledged_in_the_phase_is_unknown() {
    let mut script = Script::new();
    script.phases(&[(0.0, Phase::Steady), (110.0, Phase::Drain)]);
    script.timed(0, 1.0, 10, Outcome::Fail).timed(1, 2.0, 10, Outcome::Indeterminate).timed(2, 111.0, 10, Outcome::Ok);
    let finding = finding(read(&mut script));
    assert_eq!(finding.judgement, Unknown);
    assert!(finding.sentence.contains("No place_order of steady was acknowledged"), "{}", finding.sentence);
}

#[test]
fn too_few_samples_are_unknown_and_a_starved_machine_too() {
    let mut few = Script::new();
    few.phases(&[(0.0, Phase::Steady), (110.0, Phase::Drain)]);
    for n in 0..71 {
        few.timed(n, n as f64, 10, Outcome::Ok).seen_at("log.out", Script::id(n), At(n * 1_000_000_000 + 100_000_000));
    }
    assert_eq!(says(read(&mut few)), Unknown);
    let mut starved = run(|_| Some(5_000));
    let finding = finding(read(starved.sample("cpu_steal_fraction", 1.0, 0.5)));
    assert_eq!(finding.judgement, Unknown);
    assert!(finding.sentence.contains("starved"), "{}", finding.sentence);
}

#[test]
fn a_damaged_history_never_passes() {
    let mut script = run(|_| Some(400));
    assert_eq!(says(read(&mut script).damaged("the file of operations breaks off")), Unknown);
}
