//! What a trace tells of ids whose ways are written by hand.

use super::*;
use crate::testing::{Script, diverged};
use proofload_history::operation::UNSENT_WORKERS_WAITING;

#[test]
fn a_trace_tells_the_way_of_a_lost_id_and_what_was_done_around_it() {
    let mut script = Script::good_with(|script, id| {
        script.seen_live("log.in", id).gone("log.in", id).gone("db.row", id).gone("log.out", id);
    });
    script.fault(29.5, 40.0, "leader-cut");
    let led = Event::LeaderChanged { topic: "in".into(), partition: 3, leader: Some("kafka-1".into()) };
    script.event(30.5, led).event(50.0, Event::Noted { note: "much later".into() });
    let trace = trace(&script.history(), &Script::chains(), Script::id(600)).unwrap();
    insta::assert_snapshot!(trace.to_string(), @r"
    00000000-0007-8001-8000-000000000258
    It was acknowledged; it was seen at no stage in the end; the first stage that misses it is log.in, where it was seen live.
        29.500 s * leader-cut (kill) is injected into kafka-2: due
        29.500 s * leader-cut is injected
        29.500 s * leader-cut has effect, says a tcp connect: refused
        30.000 s   attempt 0 of place_order is due
        30.000 s   attempt 0 of place_order is sent
        30.020 s   attempt 0 of place_order ends: ok, status 202
        30.500 s * in/3 is led by kafka-1
               -   at log.in/3 offset 2400 (read live)
         missing   log.in: it was there and is gone
         missing   db.row: it is not there
         missing   log.out: it is not there
    ");
    assert!(serde_json::to_string(&trace).unwrap().contains("\"seen_live\":true"));
}

/// The way of the intent in the middle, which is nowhere but on kafka-2's copy.
fn on_a_copy(outcome: Outcome) -> Trace {
    let id = Script::id(600);
    let mut script = Script::new();
    script.issue(1, 600, 601).timed(600, 30.0, 20, outcome).record(Reading::Replica, (3, 8_114), id, 1);
    script.fault(29.5, 31.0, "cut").read_all(62.0);
    script.event(63.0, Event::LogDiverged(diverged("kafka-2")));
    trace(&script.history(), &Script::chains(), id).unwrap()
}

#[test]
fn a_trace_tells_which_broker_alone_had_the_record_and_when_it_was_cut_off() {
    insta::assert_snapshot!(on_a_copy(Outcome::Ok).to_string(), @r"
    00000000-0007-8001-8000-000000000258
    It was acknowledged; it was seen at no stage in the end; the first stage that misses it is log.in; log.in/3 offset 8114 was only on kafka-2, truncated under epoch 5 at 31.2 s.
        29.500 s * cut (kill) is injected into kafka-2: due
        29.500 s * cut is injected
        29.500 s * cut has effect, says a tcp connect: refused
        30.000 s   attempt 0 of place_order is due
        30.000 s   attempt 0 of place_order is sent
        30.020 s   attempt 0 of place_order ends: ok, status 202
        31.000 s * cut is healed: due
        31.000 s * cut is gone: connected
        31.200 s * kafka-2 truncates in/3 to offset 8100, under epoch 5: 100 records go
               -   at log.in/3 offset 8114 (read from a broker's copy): only on kafka-2, truncated under epoch 5 at 31.2 s
         missing   log.in: it is not there; log.in/3 offset 8114 was only on kafka-2, truncated under epoch 5 at 31.2 s
         missing   db.row: it is not there
         missing   log.out: it is not there
    ");
}

#[test]
fn what_nobody_acknowledged_is_missing_nowhere_though_a_copy_has_it() {
    let trace = on_a_copy(Outcome::Indeterminate);
    assert!(trace.missing.is_empty());
    assert!(
        trace.sentence.ends_with("a broker's copy has it, which is no loss, for nobody acknowledged it."),
        "{}",
        trace.sentence
    );
}

#[test]
fn a_trace_shows_the_faults_that_were_active_however_long_they_had_been() {
    let mut script = Script::good();
    script.fault(5.0, 6.0, "long-over").fault(10.0, 40.0, "leader-cut");
    let trace = trace(&script.history(), &Script::chains(), Script::id(600)).unwrap();
    let system: Vec<&Step> = trace.steps.iter().filter(|step| step.kind == StepKind::System).collect();
    assert_eq!(system.len(), 1, "{system:?}");
    assert!(system[0].text.starts_with("leader-cut (kill) is injected"), "{}", system[0].text);
}

#[test]
fn what_was_neither_acknowledged_nor_seen_is_missing_from_nowhere() {
    let told = |outcome: Outcome, seen: bool| {
        let mut script = Script::new();
        script.issue(1, 0, 1).timed(0, 1.0, 10, outcome).read_all(62.0);
        if seen {
            script.seen_live("log.in", Script::id(0));
        }
        trace(&script.history(), &Script::chains(), Script::id(0)).unwrap()
    };
    let missing = |outcome, seen| told(outcome, seen).missing.len();
    assert_eq!([missing(Outcome::Fail, false), missing(Outcome::Indeterminate, false)], [0, 0]);
    assert_eq!([missing(Outcome::Ok, false), missing(Outcome::Indeterminate, true)], [3, 3]);
    for (outcome, says) in [
        (Outcome::Fail, "The client was told that it did not happen; it was seen at no stage in the end."),
        (Outcome::Indeterminate, "Its outcome is unknown to the client; it was seen at no stage in the end."),
    ] {
        assert_eq!(told(outcome, false).sentence, says);
    }
}

#[test]
fn what_another_operation_left_under_an_id_is_missing_from_no_other_chain() {
    let mut chains = Script::chains();
    let withdrawal = Chain { operation: "withdraw_order".into(), ..chains["order"].clone() };
    chains.insert("withdrawal".into(), withdrawal);
    let missing = |operation: Option<&str>| {
        let mut script = Script::new();
        script.issue(1, 0, 1).seen("db.row", Script::id(0)).read_all(62.0);
        if let Some(operation) = operation {
            script.attempt_of(operation, Script::id(0), 1.0, Outcome::Indeterminate);
        }
        let told = trace(&script.history(), &chains, Script::id(0)).unwrap().missing;
        told.into_iter().map(|missing| (missing.chain, missing.stage)).collect::<Vec<_>>()
    };
    let of = |chain: &str| ["log.in", "log.out"].map(|stage| (chain.to_owned(), stage.to_owned()));
    assert_eq!(missing(Some(Script::OPERATION)), of("order"));
    assert_eq!(missing(Some("withdraw_order")), of("withdrawal"));
    assert_eq!(missing(Some("read_order")), []);
    assert_eq!(missing(None), [of("order"), of("withdrawal")].concat(), "nobody knows what it was issued for");
}

#[test]
fn a_trace_of_an_id_that_nobody_issued_says_so() {
    let trace = trace(&Script::good().history(), &Script::chains(), Id::of("a stranger")).unwrap();
    assert!(trace.sentence.starts_with("Nobody issued it"), "{}", trace.sentence);
    assert!(trace.steps.is_empty() && trace.missing.is_empty());
}

#[test]
fn a_trace_does_not_claim_absence_from_a_stage_that_was_not_read() {
    let mut script = Script::new();
    script.issue(1, 0, 1).timed(0, 1.0, 10, Outcome::Ok);
    let trace = trace(&script.history(), &Script::chains(), Script::id(0)).unwrap();
    assert!(trace.missing.iter().all(|missing| !missing.read_completely));
    assert_eq!(trace.missing.len(), 3);
}

#[test]
fn a_stage_that_was_read_in_part_may_have_it() {
    let mut script = Script::new();
    script.issue(1, 0, 1).timed(0, 1.0, 10, Outcome::Ok);
    script.read(62.0, "log.in", false, 0).read(62.0, "db.row", true, 1).read(62.0, "log.out", true, 0);
    let trace = trace(&script.history(), &Script::chains(), Script::id(0)).unwrap();
    let whole: Vec<bool> = trace.missing.iter().map(|missing| missing.read_completely).collect();
    assert_eq!(whole, [false, false, true]);
    assert!(trace.sentence.ends_with("misses it is log.in (not read whole)."), "{}", trace.sentence);
}

#[test]
fn a_stage_that_is_for_some_misses_only_these() {
    let id = Script::id(0);
    for (reading, state, expected) in [
        (Reading::Final, "OPEN", vec!["log.out"]),
        (Reading::Final, "SHUT", vec![]),
        (Reading::Live, "OPEN", vec!["db.row"]),
    ] {
        let mut script = Script::new();
        script.issue(1, 0, 1).timed(0, 1.0, 10, Outcome::Ok).seen("log.in", id);
        script.observed(Observation { reading, ..Observation::of("db.row".into(), id) }).in_state(state);
        let trace = trace(&script.history(), &Script::conditional_chains(), id).unwrap();
        let missing: Vec<&str> = trace.missing.iter().map(|missing| missing.stage.as_str()).collect();
        assert_eq!(missing, expected, "{reading:?} {state}");
    }
}

#[test]
fn what_was_never_sent_is_told_with_whose_failure_that_was() {
    for (why, whose) in
        [(UNSENT_GENERATOR, "the generator's failure"), (UNSENT_WORKERS_WAITING, "the system's failure")]
    {
        let history = Script::new().unsent(0, 1.0, why).history();
        let trace = trace(&history, &Script::chains(), Script::id(0)).unwrap();
        let expected = format!("attempt 0 of place_order was due and never sent, {why} ({whose})");
        assert_eq!(trace.steps[0].text, expected);
    }
}

#[test]
fn an_id_that_was_issued_and_not_asked_for_is_told_from_one_that_nobody_issued() {
    let history = Script::new().issue(1, 10, 20).history();
    let unknown = "It was issued and no attempt is on record: its outcome is unknown";
    for (stream, counter, says) in [
        (1, 9, "Nobody issued it"),
        (1, 10, unknown),
        (1, 19, unknown),
        (1, 20, "Nobody issued it"),
        (2, 10, "Nobody issued it"),
    ] {
        let trace = trace(&history, &Script::chains(), Id::issued(Script::SEED, stream, counter)).unwrap();
        assert_eq!(trace.sentence, format!("{says}; it was seen at no stage in the end."), "{stream} {counter}");
    }
}
