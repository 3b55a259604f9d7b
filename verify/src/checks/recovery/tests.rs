//! What recovery says of histories written by hand; how the band is found in them is tested beside it.

use super::*;
use crate::Budget;
use crate::testing::{Script, figure, judged, judged_within};

const TABLE: &str = "to = \"fast\"\nafter = \"cut\"\nwithin = \"10s\"";

/// Steady for 20 s, a fault from 20 s to 40 s, traffic at 50/s until `end`, bad in `bad`.
fn run(end: u64, bad: impl Fn(f64) -> bool) -> Script {
    let mut script = Script::new();
    script.phases(&[(0.0, Phase::Steady), (20.0, Phase::Fault), (40.0, Phase::Recovery)]);
    for n in 0..end * 50 {
        let at = n as f64 / 50.0;
        let outcome = if bad(at) { proofload_history::Outcome::Indeterminate } else { proofload_history::Outcome::Ok };
        script.timed(n, at, 20, outcome);
    }
    script
}

fn attested(mut script: Script) -> History {
    script.fault(20.0, 40.0, "cut").history()
}

#[test]
fn failover_and_restoration_are_measured_apart() {
    let bad = |at: f64| (20.5..24.0).contains(&at) || (40.0..43.0).contains(&at);
    let finding = judged("recovery", TABLE, &attested(run(80, bad)));
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(figure(&finding, "failover_s.cut"), Some(4.0));
    assert_eq!(figure(&finding, "restoration_s.cut"), Some(3.0));
}

#[test]
fn a_relapse_after_the_heal_is_no_restoration_until_it_is_over() {
    let relapse = |at: f64| (40.0..42.0).contains(&at) || (60.0..65.0).contains(&at);
    let finding = judged("recovery", TABLE, &attested(run(90, relapse)));
    assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Fail, Some(25.0)));
    let to_the_end = judged("recovery", TABLE, &attested(run(90, |at| at >= 80.0)));
    assert_eq!((to_the_end.judgement, figure(&to_the_end, "restoration_s.cut")), (Judgement::Fail, None));
    let under_the_next = run(90, relapse).fault(59.0, 66.0, "another").clone();
    let finding = judged("recovery", TABLE, &attested(under_the_next));
    assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Pass, Some(2.0)));
}

#[test]
fn a_relapse_before_the_heal_is_no_failover() {
    let both = "to = \"fast\"\nafter = \"cut\"\nfailover_within = \"8s\"";
    let relapse = |at: f64| (20.5..24.0).contains(&at) || (35.0..39.9).contains(&at);
    let finding = judged("recovery", both, &attested(run(80, relapse)));
    assert_eq!((finding.judgement, figure(&finding, "failover_s.cut")), (Judgement::Fail, None));
}

#[test]
fn a_band_that_was_never_left_is_said_to_be_kept() {
    let finding = judged("recovery", TABLE, &attested(run(80, |_| false)));
    assert!(finding.sentence.contains("never left the band after the heal"), "{}", finding.sentence);
    assert_eq!(figure(&finding, "failover_s.cut"), Some(0.0));
}

#[test]
fn what_a_heal_does_while_it_takes_its_time_is_restoration_and_no_relapse_of_the_failover() {
    let both = "to = \"fast\"\nafter = \"cut\"\nwithin = \"10s\"\nfailover_within = \"8s\"";
    let bad = |at: f64| (20.5..24.0).contains(&at) || (34.0..38.0).contains(&at);
    let mut script = run(80, bad);
    let history = script.injected(20.0, "cut").attested(20.5, "cut", true).healed_from(33.0, 40.0, "cut").history();
    let finding = judged("recovery", both, &history);
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(figure(&finding, "failover_s.cut"), Some(4.0));
    assert_eq!(figure(&finding, "restoration_s.cut"), Some(5.0));
}

#[test]
fn what_the_heal_answers_is_no_failover() {
    let promise = "to = \"fast\"\nafter = \"cut\"\nfailover_within = \"30s\"";
    // Nothing is answered from 20.5 s on, and the heal answers at once what is asked from 39.95 s on.
    let stalled = attested(run(80, |at| (20.5..39.95).contains(&at)));
    let finding = judged("recovery", promise, &stalled);
    assert_eq!(figure(&finding, "failover_s.cut"), None, "{}", finding.sentence);
    assert!(figure(&finding, "failover_censored_s.cut").is_some_and(|seen| (14.9..15.1).contains(&seen)));
}

#[test]
fn what_is_answered_when_the_traffic_has_ended_was_answered() {
    // Some of the last second take longer than the band allows: few enough for p95, and all of them accepted.
    let mut script = run(0, |_| false);
    for n in 0..4_000 {
        let (at, slow) = (n as f64 / 50.0, (3_960..3_970).contains(&n) && n % 2 == 0);
        script.timed(n, at, if slow { 900 } else { 20 }, proofload_history::Outcome::Ok);
    }
    let finding = judged("recovery", TABLE, &attested(script));
    assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Pass, Some(0.0)));
}

#[test]
fn what_was_not_promised_has_no_figure() {
    let finding = judged("recovery", TABLE, &attested(run(80, |_| false)));
    let has = |name: &str| finding.figures.iter().any(|figure| figure.name == name);
    assert!(has("within_s") && !has("failover_within_s") && !has("failover_censored_s.cut"));
    assert!(!has("restoration_median_s.cut"), "of one injection there is no spread");
    assert!(finding.evidence.iter().all(|line| line.label != "cut"), "{:?}", finding.evidence);
}

#[test]
fn back_in_band_too_late_fails() {
    let finding = judged("recovery", TABLE, &attested(run(80, |at| (20.0..55.0).contains(&at))));
    assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Fail, Some(15.0)));
    assert_eq!(figure(&finding, "failover_s.cut"), None);
}

#[test]
fn never_back_in_band_fails_if_the_run_went_on_for_long_enough_and_is_unknown_if_not() {
    let never = |at: f64| at >= 20.0;
    let long = judged("recovery", TABLE, &attested(run(60, never)));
    assert_eq!(long.judgement, Judgement::Fail, "{}", long.sentence);
    assert!(long.sentence.contains("censored"), "{}", long.sentence);
    // At 54 s a window that begins within 10 s of the heal need not be whole.
    let short = judged("recovery", TABLE, &attested(run(54, never)));
    assert_eq!(short.judgement, Judgement::Unknown, "{}", short.sentence);
}

#[test]
fn a_band_that_is_kept_for_less_than_five_seconds_is_not_recovery() {
    let bad = |at: f64| (20.0..41.0).contains(&at) || (44.0..48.0).contains(&at);
    let finding = judged("recovery", TABLE, &attested(run(80, bad)));
    assert_eq!(figure(&finding, "restoration_s.cut"), Some(8.0));
}

#[test]
fn without_an_injection_an_attestation_a_heal_or_a_steady_state_it_is_unknown() {
    let good = || run(80, |_| false);
    let not_injected = good().history();
    let not_attested = good().injected(20.0, "cut").attested(21.0, "cut", false).healed(40.0, "cut").history();
    let not_healed = good().injected(20.0, "cut").attested(21.0, "cut", true).history();
    let never_steady = attested(run(80, |at| at < 20.0));
    let starved = attested(good().sample("cpu_steal_fraction", 50.0, 0.5).clone());
    for (history, says) in [
        (not_injected, "not injected"),
        (not_attested, "took effect"),
        (not_healed, "never healed"),
        (never_steady, "infinite in the steady phase"),
        (starved, "The recovery from cut cannot be judged: the machine was starved"),
    ] {
        let finding = judged("recovery", TABLE, &history);
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert!(finding.sentence.contains(says), "{}", finding.sentence);
    }
}

#[test]
fn the_band_is_the_limit_or_twice_the_steady_value_where_that_is_more() {
    // The limit is 100 ms.
    for (steady_ms, later_ms, in_band) in [(20, 90, true), (20, 110, false), (80, 150, true), (80, 170, false)] {
        let mut script = run(0, |_| false);
        for n in 0..4_000 {
            let at = n as f64 / 50.0;
            script.timed(n, at, if at < 20.0 { steady_ms } else { later_ms }, proofload_history::Outcome::Ok);
        }
        let finding = judged("recovery", TABLE, &attested(script));
        let expected = if in_band { Judgement::Pass } else { Judgement::Fail };
        assert_eq!(finding.judgement, expected, "{steady_ms} {later_ms}: {}", finding.sentence);
    }
}

#[test]
fn of_several_injections_the_worst_counts() {
    let bad = |at: f64| (60.0..78.0).contains(&at);
    let mut script = run(100, bad);
    let finding = judged("recovery", TABLE, &script.fault(20.0, 40.0, "cut").fault(55.0, 61.0, "cut").history());
    assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Fail, Some(17.0)));
}

#[test]
fn every_occurrence_of_a_repeated_fault_is_judged_and_the_spread_is_told() {
    let bad = |at: f64| (30.0..32.0).contains(&at) || (50.0..54.0).contains(&at) || (70.0..76.0).contains(&at);
    let mut script = run(100, bad);
    for (number, at) in [(1, 28.0), (2, 48.0), (3, 68.0)] {
        script.fault(at, at + 2.0, &format!("cut#{number}"));
    }
    let finding = judged("recovery", TABLE, &script.history());
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(figure(&finding, "restoration_s.cut"), Some(6.0), "the slowest");
    assert_eq!(figure(&finding, "restoration_median_s.cut"), Some(4.0));
    assert_eq!(figure(&finding, "restoration_shortest_s.cut"), Some(2.0));
    assert_eq!(figure(&finding, "restoration_not_reached.cut"), Some(0.0));
    assert!(finding.evidence.iter().any(|evidence| evidence.label == "cut#2"), "{finding:#?}");

    let of_two = run(60, bad).fault(28.0, 30.0, "cut#1").fault(48.0, 50.0, "cut#2").history();
    let of_two = judged("recovery", TABLE, &of_two);
    assert_eq!(figure(&of_two, "restoration_shortest_s.cut"), Some(2.0));
    assert_eq!(figure(&of_two, "restoration_median_s.cut"), Some(4.0), "of an even number the later in the middle");

    let strict = TABLE.replace("10s", "5s");
    let finding = judged("recovery", &strict, &script.history());
    assert_eq!(finding.judgement, Judgement::Fail);
    assert!(finding.sentence.starts_with("cut#3: "), "{}", finding.sentence);
}

#[test]
fn a_failover_that_takes_longer_than_promised_fails_however_quick_the_restoration_is() {
    let both = "to = \"fast\"\nafter = \"cut\"\nwithin = \"10s\"\nfailover_within = \"8s\"";
    let slow = attested(run(80, |at| (20.5..33.0).contains(&at)));
    assert_eq!(judged("recovery", both, &slow).judgement, Judgement::Fail);
    let never = attested(run(80, |at| (20.5..40.2).contains(&at)));
    assert_eq!(judged("recovery", both, &never).judgement, Judgement::Fail);
    let quick = attested(run(80, |at| (20.5..26.0).contains(&at)));
    assert_eq!(judged("recovery", both, &quick).judgement, Judgement::Pass);
    assert_eq!(judged("recovery", TABLE, &slow).judgement, Judgement::Pass);
}

#[test]
fn a_recovery_that_promises_nothing_is_refused() {
    let table = toml::de::ValueDeserializer::parse("{ to = \"fast\", after = \"cut\" }").unwrap();
    assert!((ABOUT.parse)(table).is_err());
}

#[test]
fn what_was_not_reached_fails_only_if_it_was_watched_for_longer_than_promised() {
    let (heal, promised) = (At::from_secs_f64(40.0), Duration::from_secs(10));
    let just_after = At(At::from_secs_f64(50.0).0 + 1);
    for (found, expected) in [
        (Found::At(At::from_secs_f64(50.0)), Judgement::Pass),
        (Found::At(just_after), Judgement::Fail),
        (Found::NotUntil(At::from_secs_f64(50.0)), Judgement::Unknown),
        (Found::NotUntil(just_after), Judgement::Fail),
        (Found::Kept, Judgement::Pass),
    ] {
        assert_eq!(Part::of("heal", heal, found, Some(promised)).judgement, expected, "{found:?}");
    }
}

#[test]
fn what_became_of_another_operation_or_was_not_sent_by_the_generators_failure_does_not_matter() {
    let mut script = run(80, |_| false);
    for n in 0..1_000 {
        let at = 20.0 + n as f64 / 20.0;
        script.attempt_of("another", Script::id(10_000 + n), at, proofload_history::Outcome::Indeterminate);
        script.unsent(20_000 + n, at, proofload_history::operation::UNSENT_GENERATOR);
    }
    let finding = judged("recovery", TABLE, &attested(script));
    assert_eq!((finding.judgement, figure(&finding, "restoration_s.cut")), (Judgement::Pass, Some(0.0)));
    assert_eq!(figure(&finding, "failover_s.cut"), Some(0.0));
}

#[test]
fn a_hundred_samples_of_the_steady_phase_tell_what_to_be_back_to_and_one_less_does_not() {
    let after = |samples: u64| {
        let mut script = run(0, |_| false);
        for n in 0..samples {
            script.timed(n, n as f64 / 10.0, 20, proofload_history::Outcome::Ok);
        }
        for n in 1_000..4_000 {
            script.timed(n, n as f64 / 50.0, 20, proofload_history::Outcome::Ok);
        }
        judged("recovery", TABLE, &attested(script))
    };
    assert_eq!(after(100).judgement, Judgement::Pass);
    let too_few = after(99);
    assert_eq!(too_few.judgement, Judgement::Unknown);
    assert!(too_few.sentence.contains("has 99 samples of place_order"), "{}", too_few.sentence);
}

#[test]
fn the_finding_is_the_same_in_however_many_passes_operations_are_put_in_order() {
    let bad = |at: f64| (20.5..24.0).contains(&at) || (40.0..43.0).contains(&at);
    let history = run(90, bad).fault(20.0, 40.0, "cut").fault(60.0, 70.0, "cut").history();
    let whole = judged("recovery", TABLE, &history);
    assert_eq!((whole.judgement, figure(&whole, "restoration_s.cut")), (Judgement::Pass, Some(3.0)));
    for passes in [2, 9] {
        assert_eq!(judged_within(Budget::Passes(passes), "recovery", TABLE, &history).unwrap(), whole);
    }
}
