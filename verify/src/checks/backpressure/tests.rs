//! What the check of a producer beside a lagging consumer says of histories written by hand.

use crate::Finding;
use crate::Judgement::{self, Fail, Pass, Unknown};
use crate::testing::{Script, figure, judged};
use proofload_history::{Outcome, Phase};

const TABLE: &str = "of = \"place_order\"\nlag = \"waiting\"\nlag_at_least = 1000\nduring = \"steady\"";

/// 20 s with 20 orders a second, answered after `quick` ms in the first half and after `slow` ms in the second, in
/// which the lag, sampled twice a second, goes from nothing to `lag` records.
fn run(lag: f64, quick: u64, slow: u64) -> Script {
    let mut script = Script::new();
    script.phases(&[(0.0, Phase::Steady), (20.0, Phase::Drain)]);
    for half in 0..40 {
        script.gauge("waiting", f64::from(half) / 2.0, if half < 20 { 0.0 } else { lag });
    }
    for n in 0..400 {
        script.timed(n, n as f64 / 20.0, if n < 200 { quick } else { slow }, Outcome::Ok);
    }
    script
}

fn finding(script: &Script) -> Finding {
    judged("backpressure", TABLE, &script.history())
}

fn says(script: &Script) -> Judgement {
    finding(script).judgement
}

#[test]
fn a_producer_that_does_not_notice_the_lag_passes() {
    let finding = finding(&run(5_000.0, 20, 30));
    assert_eq!(finding.judgement, Pass, "{}", finding.sentence);
    let names =
        ["high_lag_p95_ms", "low_lag_p95_ms", "high_lag_s", "low_lag_s", "lag_max_records", "slowed_operations"];
    let expected = [30.0, 20.0, 10.0, 10.0, 5_000.0, 0.0].map(Some);
    assert_eq!(names.map(|name| figure(&finding, name)), expected);
}

#[test]
fn a_producer_that_is_slowed_with_the_lag_fails_and_what_was_slowed_is_named() {
    let mut script = run(5_000.0, 20, 400);
    let finding = finding(script.fault(9.9, 10.02, "slow-consumer"));
    assert_eq!((finding.judgement, figure(&finding, "slowed_operations")), (Fail, Some(200.0)), "{}", finding.sentence);
    assert_eq!((finding.offenders.len(), finding.offenders_total), (100, 200));
    let first = &finding.offenders[0];
    assert_eq!((first.id, first.defect.as_str(), first.at.unwrap().secs()), (Some(Script::id(200)), "slowed", 10.0));
    assert_eq!(first.during, ["slow-consumer"]);
    assert_eq!(first.detail, "place_order at high lag: 400.0 ms");
}

#[test]
fn the_factor_is_the_experiments_and_what_lies_about_it_is_unknown() {
    let times = |times: f64, slow: u64| {
        judged("backpressure", &format!("{TABLE}\nat_most_times = {times:?}"), &run(5_000.0, 20, slow).history())
            .judgement
    };
    assert_eq!([times(20.0, 400), times(19.9, 400), times(1.0, 20)], [Pass, Fail, Pass]);
    let at_the_bound =
        judged("backpressure", &format!("{TABLE}\nat_most_times = 20.0"), &run(5_000.0, 20, 400).history());
    assert_eq!(figure(&at_the_bound, "slowed_operations"), Some(0.0));
    // One in twenty is slow: the quantile is one or the other.
    let mut script = run(5_000.0, 20, 20);
    for n in 0..10 {
        script.timed(1_000 + n, 15.0, 400, Outcome::Ok);
    }
    let finding = finding(&script);
    assert_eq!((finding.judgement, figure(&finding, "slowed_operations")), (Unknown, None), "{}", finding.sentence);
    let says = "the evidence does not suffice to tell whether that is within 2 times.";
    assert!(finding.sentence.ends_with(says), "{}", finding.sentence);
}

#[test]
fn a_quantile_at_low_lag_that_is_uncertain_proves_neither() {
    let beside = |slow: u64| {
        let mut script = run(5_000.0, 20, slow);
        for n in 0..10 {
            script.timed(1_000 + n, 5.0, 400, Outcome::Ok);
        }
        says(&script)
    };
    // At low lag the quantile is somewhere from 20 ms to 400 ms.
    assert_eq!([beside(40), beside(41), beside(800), beside(801)], [Pass, Unknown, Unknown, Fail]);
}

#[test]
fn an_answer_that_never_came_is_infinitely_slow_at_high_lag_and_at_low_lag_nothing_to_compare_with() {
    let open = |from: u64| {
        let mut script = run(5_000.0, 20, 20);
        for n in 0..60 {
            script.timed(1_000 + n, (from + n / 6) as f64, 10, Outcome::Indeterminate);
        }
        finding(&script)
    };
    assert_eq!(open(10).judgement, Fail);
    let nothing = open(0);
    assert_eq!(nothing.judgement, Unknown);
    assert!(nothing.sentence.contains("nothing to compare with"), "{}", nothing.sentence);
}

#[test]
fn a_lag_that_did_not_rise_or_never_was_low_is_unknown() {
    let flat = finding(&run(999.0, 20, 400));
    assert_eq!(flat.judgement, Unknown);
    assert!(flat.sentence.contains("waiting rose to 999 at most"), "{}", flat.sentence);
    let mut always = run(5_000.0, 20, 400);
    for half in 0..40 {
        always.gauge("waiting", f64::from(half) / 2.0, 5_000.0);
    }
    let always = finding(&always);
    assert_eq!(always.judgement, Unknown);
    assert!(always.sentence.contains("in no second below half of 1,000"), "{}", always.sentence);
}

#[test]
fn seconds_in_between_and_seconds_without_a_sample_say_nothing() {
    let mut script = run(5_000.0, 20, 20);
    script.phases(&[(20.0, Phase::Steady), (40.0, Phase::Drain)]);
    for n in 0..400 {
        script.timed(1_000 + n, 20.0 + n as f64 / 20.0, 900, Outcome::Ok);
    }
    for half in 40..60 {
        script.gauge("waiting", f64::from(half) / 2.0, if half % 2 == 0 { 500.0 } else { 5_000.0 });
    }
    assert_eq!(says(&script), Pass);
}

#[test]
fn a_lag_is_low_below_half_of_what_makes_it_high_and_not_at_half() {
    let low = |lag: f64| figure(&finding(&run(lag, 20, 20)), "low_lag_s");
    assert_eq!([low(499.0), low(500.0), low(999.0)], [Some(20.0), Some(10.0), Some(10.0)]);
}

#[test]
fn operations_on_one_side_only_leave_nothing_to_compare() {
    for (from, lacking) in [(0.0, "high"), (10.0, "low")] {
        let mut script = run(5_000.0, 20, 400);
        script.operations.retain(|made| (from..from + 10.0).contains(&made.intended.secs()));
        let finding = finding(&script);
        let says = format!("no place_order was made during steady while waiting was {lacking}.");
        assert_eq!(finding.judgement, Unknown);
        assert!(finding.sentence.ends_with(&says), "{}", finding.sentence);
    }
}

#[test]
fn a_gauge_that_nobody_sampled_or_no_operation_is_unknown() {
    let unsampled = judged("backpressure", &TABLE.replace("waiting", "queued"), &run(5_000.0, 20, 400).history());
    assert_eq!(unsampled.judgement, Unknown);
    assert!(unsampled.sentence.contains("nobody sampled the gauge queued"), "{}", unsampled.sentence);
    let unasked = judged("backpressure", &TABLE.replace("place_order", "cancel"), &run(5_000.0, 20, 400).history());
    assert_eq!(unasked.judgement, Unknown);
    assert!(unasked.sentence.contains("no cancel was made"), "{}", unasked.sentence);
    assert_eq!(figure(&unasked, "high_lag_operations"), Some(0.0));
}

#[test]
fn too_few_operations_are_unknown_on_either_side() {
    let mut script = Script::new();
    script
        .phases(&[(0.0, Phase::Steady), (20.0, Phase::Drain)])
        .gauge("waiting", 0.5, 0.0)
        .gauge("waiting", 1.5, 5_000.0);
    for n in 0..100 {
        script.timed(n, 0.5, 20, Outcome::Ok);
    }
    for n in 100..171 {
        script.timed(n, 1.5, 20, Outcome::Ok);
    }
    assert_eq!(says(&script), Unknown);
    assert_eq!(says(script.timed(171, 1.5, 20, Outcome::Ok)), Pass);
}

#[test]
fn a_starved_machine_is_unknown_and_a_damaged_history_never_passes() {
    let starved = finding(run(5_000.0, 20, 400).sample("cpu_steal_fraction", 1.0, 0.5));
    assert_eq!(starved.judgement, Unknown);
    assert!(starved.sentence.contains("starved"), "{}", starved.sentence);
    assert_eq!(says(run(5_000.0, 20, 30).damaged("the file of series breaks off")), Unknown);
    assert_eq!(says(run(5_000.0, 20, 400).damaged("the file of series breaks off")), Fail);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let about = crate::checks::find("backpressure").unwrap();
    for (settings, says) in [
        ("lag_at_least = 0", "a lag of 0 records is none"),
        ("lag_at_least = 1\nat_most_times = 0.5", "quicker than undisturbed"),
        ("lag_at_least = 1\nat_most_times = inf", "quicker than undisturbed"),
        ("lag_at_least = 1\nat_most_times = nan", "quicker than undisturbed"),
    ] {
        let text = format!("of = \"place_order\"\nlag = \"waiting\"\n{settings}");
        let table = toml::de::DeTable::parse(&text).unwrap();
        let value = toml::Spanned::new(table.span(), toml::de::DeValue::Table(table.into_inner()));
        let error = (about.parse)(value.into()).unwrap_err();
        assert!(error.message().contains(says), "{}", error.message());
    }
}
