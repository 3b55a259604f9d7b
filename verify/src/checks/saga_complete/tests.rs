//! What saga_complete says of sagas written by hand; random ones are in `tests/saga_complete_model.rs`.

use super::*;
use crate::Offender;
use crate::testing::{Script, figure, judged};
use proofload_history::journal::DrainOutcome;
use proofload_history::{At, Event, Observation};

const STATES: &str = "started = \"log.accepted\"\ndone = { stage = \"db.loan\", states = [\"ACTIVE\", \"CLOSED\"] }\n\
                      compensated = { stage = \"db.reversal\" }\nwithin = \"10s\"";
const STAGES: [&str; 3] = ["log.accepted", "db.loan", "db.reversal"];
const FIGURES: [&str; 3] = ["unfinished_ids", "late_ids", "torn_ids"];

fn row(stage: &str, counter: u64, at: f64) -> Observation {
    Observation { at: Some(At::from_secs_f64(at)), ..Observation::of(stage.into(), Script::id(counter)) }
}

fn in_state(state: &str, row: Observation) -> Observation {
    Observation { state: Some(state.into()), ..row }
}

/// Started at its number's second.
fn started(counter: u64) -> Observation {
    row("log.accepted", counter, counter as f64)
}

fn active(counter: u64, at: f64) -> Observation {
    in_state("ACTIVE", row("db.loan", counter, at))
}

/// Ten sagas that took 1 s to 10 s, the last two compensated, and what else there is; at rest, and not read yet.
fn sagas(more: &[Observation]) -> Script {
    let mut script = Script::new();
    for counter in 0..10 {
        let end = counter as f64 + 1.0 + counter as f64;
        script.observed(started(counter));
        match counter {
            0..8 => script.observed(active(counter, end)),
            _ => script.observed(in_state("REJECTED", row("db.loan", counter, end))).observed(row(
                "db.reversal",
                counter,
                end,
            )),
        };
    }
    for fact in more {
        script.observed(fact.clone());
    }
    script.drained(61.0, DrainOutcome::Quiet);
    script
}

fn read(mut script: Script) -> Script {
    for stage in STAGES {
        script.read(62.0, stage, true, 0);
    }
    script
}

fn says(table: &str, script: &Script) -> Finding {
    judged("saga_complete", table, &script.history())
}

/// The only offender, where ten sagas ended and `more` went wrong, and the figures of the three defects.
fn offender(table: &str, more: &[Observation]) -> (Offender, [Option<f64>; 3]) {
    let finding = says(table, &read(sagas(more)));
    assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1), "{}", finding.sentence);
    let figures = FIGURES.map(|name| figure(&finding, name));
    (finding.offenders.into_iter().next().unwrap(), figures)
}

fn judgement(more: &[Observation]) -> Judgement {
    says(STATES, &read(sagas(more))).judgement
}

#[test]
fn sagas_that_all_ended_in_time_pass_with_how_long_they_took() {
    let finding = says(STATES, &read(sagas(&[])));
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(finding.sentence, "Of 10 sagas started at log.accepted all ended within 10s: 8 done, 2 compensated.");
    let figures = ["started_ids", "done_ids", "compensated_ids", "duration_p95_s"];
    assert_eq!(figures.map(|name| figure(&finding, name)), [10.0, 8.0, 2.0, 10.0].map(Some));
    assert_eq!(FIGURES.map(|name| figure(&finding, name)), [Some(0.0); 3]);
    let labels: Vec<&str> = finding.evidence.iter().map(|line| line.label.as_str()).collect();
    assert_eq!(labels, ["duration", "log.accepted", "db.loan", "db.reversal"]);
}

#[test]
fn a_saga_at_neither_end_is_unfinished_and_told_with_the_last_that_is_known_of_it() {
    let (offender, figures) = offender(STATES, &[started(50), in_state("APPROVED", row("db.loan", 50, 51.0))]);
    assert_eq!(figures, [1.0, 0.0, 0.0].map(Some));
    assert_eq!((offender.id, offender.defect.as_str()), (Some(Script::id(50)), "unfinished"));
    assert_eq!((offender.stage.as_deref(), offender.at), (Some("db.loan"), Some(At::from_secs_f64(50.0))));
    assert_eq!(offender.detail, "started at log.accepted, no further than db.loan (APPROVED)");
    let (never_seen, _) = self::offender(STATES, &[started(50)]);
    assert_eq!(never_seen.detail, "started at log.accepted, never seen at an end");
}

#[test]
fn a_saga_that_ended_after_its_deadline_is_late() {
    let (offender, figures) = offender(STATES, &[started(30), active(30, 40.5)]);
    assert_eq!((offender.defect.as_str(), figures), ("late", [0.0, 1.0, 0.0].map(Some)));
    assert_eq!(offender.detail, "ended 10.5 s after its start at db.loan (ACTIVE)");
    assert_eq!(judgement(&[started(30), active(30, 40.0)]), Judgement::Pass, "by its deadline is in time");
    // A log tells the end again: the first time counts.
    assert_eq!(judgement(&[started(30), active(30, 31.0), active(30, 45.0)]), Judgement::Pass);
    assert_eq!(
        judgement(&[started(30), started(30), row("log.accepted", 30, 20.0), active(30, 31.0)]),
        Judgement::Fail
    );
}

#[test]
fn a_saga_that_is_done_and_compensated_is_torn_and_not_late_as_well() {
    let (offender, figures) = offender(STATES, &[started(30), active(30, 45.0), row("db.reversal", 30, 31.0)]);
    assert_eq!((offender.defect.as_str(), figures), ("torn", [0.0, 0.0, 1.0].map(Some)));
    assert_eq!(offender.stage.as_deref(), Some("db.reversal"));
    assert_eq!(offender.detail, "done at db.loan (ACTIVE) and compensated at db.reversal");
}

#[test]
fn of_several_rows_the_highest_version_tells_the_state_and_else_the_last_of_one_partition_or_all_alike() {
    let version = |version: i64, row: Observation| Observation { version: Some(version), ..row };
    let at = |partition: i32, offset: i64, row: Observation| Observation {
        partition: Some(partition),
        offset: Some(offset),
        ..row
    };
    let rejected = |counter| in_state("REJECTED", row("db.loan", counter, 32.0));
    let [done, undone] = [active(30, 31.0), rejected(30)];
    for (first, second, expected) in [
        (version(2, done.clone()), version(1, undone.clone()), Judgement::Pass),
        (version(1, done.clone()), version(2, undone.clone()), Judgement::Fail),
        (at(0, 9, version(1, undone.clone())), at(1, 3, version(2, done.clone())), Judgement::Pass),
        (at(0, 7, done.clone()), at(0, 5, undone.clone()), Judgement::Pass),
        (at(0, 7, undone.clone()), at(0, 5, done.clone()), Judgement::Fail),
        // Without an order they must say the same.
        (undone.clone(), done.clone(), Judgement::Unknown),
        (done.clone(), done.clone(), Judgement::Pass),
        (undone.clone(), undone.clone(), Judgement::Fail),
        (at(0, 9, version(2, done.clone())), at(1, 5, version(2, undone.clone())), Judgement::Unknown),
        (at(0, 9, version(2, done.clone())), at(1, 5, version(2, done.clone())), Judgement::Pass),
        (at(0, 9, version(2, done.clone())), at(0, 5, version(2, undone.clone())), Judgement::Pass),
        (at(0, 5, version(1, done.clone())), at(1, 9, undone.clone()), Judgement::Unknown),
        (at(0, 5, version(1, undone.clone())), at(0, 9, done.clone()), Judgement::Pass),
        (at(0, 7, done.clone()), at(1, 5, undone.clone()), Judgement::Unknown),
        (Observation { state: None, ..done.clone() }, Observation { state: None, ..done }, Judgement::Unknown),
    ] {
        assert_eq!(judgement(&[started(30), first.clone(), second.clone()]), expected, "{first:?} {second:?}");
    }
}

#[test]
fn both_ends_may_be_states_of_one_stage_which_may_be_where_it_starts() {
    let table = "started = \"db.loan\"\ndone = { stage = \"db.loan\", states = [\"ACTIVE\"] }\n\
                 compensated = { stage = \"db.loan\", states = [\"REJECTED\"] }";
    let ended = says(table, &read(sagas(&[])));
    assert_eq!(ended.judgement, Judgement::Pass, "{}", ended.sentence);
    assert_eq!(["done_ids", "compensated_ids"].map(|name| figure(&ended, name)), [8.0, 2.0].map(Some));
    let (open, figures) = offender(table, &[in_state("APPROVED", row("db.loan", 30, 30.0))]);
    assert_eq!((open.defect.as_str(), figures), ("unfinished", [Some(1.0), None, Some(0.0)]));
}

#[test]
fn without_a_second_end_or_a_deadline_nothing_is_torn_or_late() {
    let table = "started = \"log.accepted\"\ndone = { stage = \"db.loan\" }";
    let finding = says(table, &read(sagas(&[started(30), active(30, 99.0)])));
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(FIGURES.map(|name| figure(&finding, name)), [Some(0.0), None, None]);
}

#[test]
fn an_end_of_what_never_started_is_nobodys_business() {
    assert_eq!(judgement(&[active(30, 31.0), row("db.reversal", 30, 31.0)]), Judgement::Pass);
}

#[test]
fn nothing_started_is_unknown() {
    let mut script = Script::new();
    script.drained(61.0, DrainOutcome::Quiet);
    let finding = says(STATES, &read(script));
    assert_eq!(finding.judgement, Judgement::Unknown);
    assert!(finding.sentence.ends_with("nothing was started at log.accepted."), "{}", finding.sentence);
}

#[test]
fn an_end_without_an_instant_leaves_open_whether_it_came_in_time() {
    let untimed = [started(30), Observation { at: None, ..active(30, 0.0) }];
    let finding = says(STATES, &read(sagas(&untimed)));
    assert_eq!((finding.judgement, figure(&finding, "late_ids")), (Judgement::Unknown, None));
    assert!(finding.sentence.contains("the time that 1 saga took is not known"), "{}", finding.sentence);
    let no_deadline = STATES.replace("within = \"10s\"", "");
    assert_eq!(says(&no_deadline, &read(sagas(&untimed))).judgement, Judgement::Pass);
}

#[test]
fn an_end_that_was_not_read_or_not_wholly_leaves_the_unfinished_open() {
    for complete_and_unreadable in [None, Some((false, 0)), Some((true, 1))] {
        let mut script = sagas(&[started(30)]);
        script.read(62.0, "log.accepted", true, 0).read(62.0, "db.loan", true, 0);
        if let Some((complete, unreadable)) = complete_and_unreadable {
            script.read(62.0, "db.reversal", complete, unreadable);
        }
        let finding = says(STATES, &script);
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert_eq!((figure(&finding, "unfinished_ids"), figure(&finding, "undecided_ids")), (None, Some(1.0)));
        assert!(finding.sentence.contains("db.reversal"), "{}", finding.sentence);
    }
}

#[test]
fn what_was_seen_stands_however_little_was_read() {
    let table = STATES.replace(", states = [\"ACTIVE\", \"CLOSED\"]", "");
    let torn = [started(30), active(30, 31.0), row("db.reversal", 30, 31.0)];
    let mut nothing_read = Script::new();
    for fact in torn.clone() {
        nothing_read.observed(fact);
    }
    let finding = says(&table, &nothing_read);
    assert_eq!((finding.judgement, figure(&finding, "torn_ids")), (Judgement::Fail, Some(1.0)));
    let finding = says(STATES, &nothing_read);
    assert_eq!(finding.judgement, Judgement::Unknown, "what was not read may be a later state");
    assert_eq!((figure(&finding, "torn_ids"), figure(&finding, "undecided_ids")), (None, Some(1.0)));
    let mut starts_half_read = sagas(&[started(30)]);
    starts_half_read.read(62.0, "log.accepted", false, 0).read(62.0, "db.loan", true, 0);
    starts_half_read.read(62.0, "db.reversal", true, 0);
    let finding = says(STATES, &starts_half_read);
    assert_eq!((finding.judgement, figure(&finding, "unfinished_ids")), (Judgement::Fail, Some(1.0)));
}

#[test]
fn an_end_that_was_not_read_wholly_proves_nobody_late() {
    let mut script = sagas(&[started(30), active(30, 45.0)]);
    script.read(62.0, "log.accepted", true, 0).read(62.0, "db.loan", false, 0).read(62.0, "db.reversal", true, 0);
    let finding = says(STATES, &script);
    assert_eq!((finding.judgement, figure(&finding, "late_ids")), (Judgement::Unknown, None));
}

#[test]
fn while_the_system_moves_only_what_is_past_its_deadline_is_unfinished_and_once_it_is_stuck_all_is() {
    let open = |outcome: Option<DrainOutcome>, start: u64| {
        let mut script = read(sagas(&[started(start)]));
        script.without(|event| matches!(event, Event::Drained(_)));
        if let Some(outcome) = outcome {
            script.drained(61.0, outcome);
        }
        says(STATES, &script).judgement
    };
    assert_eq!(open(Some(DrainOutcome::Stuck), 55), Judgement::Fail);
    for outcome in [DrainOutcome::Moving, DrainOutcome::Unreadable] {
        assert_eq!(open(Some(outcome), 51), Judgement::Unknown, "at 61 s its 10 s are not over yet");
        assert_eq!(open(Some(outcome), 50), Judgement::Fail);
    }
    assert_eq!(open(None, 20), Judgement::Unknown, "nobody knows when the ends were read");
}

#[test]
fn a_system_still_moving_and_a_damaged_history_do_not_pass_even_if_all_ended() {
    let mut moving = read(sagas(&[]));
    moving.without(|event| matches!(event, Event::Drained(_))).drained(61.0, DrainOutcome::Moving);
    let mut damaged = read(sagas(&[]));
    damaged.damaged("the file of observations breaks off");
    assert_eq!([moving, damaged].map(|script| says(STATES, &script).judgement), [Judgement::Unknown; 2]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    for (table, says) in [
        ("{ started = \"a\", done = { stage = \"a\" } }", "where it starts"),
        ("{ started = \"a\", done = { stage = \"b\", states = [] } }", "leave `states` out"),
        (
            "{ started = \"a\", done = { stage = \"b\" }, compensated = { stage = \"b\", states = [\"X\"] } }",
            "same rows",
        ),
        ("{ started = \"a\", done = { stage = \"b\", state = [\"X\"] } }", "state"),
        ("{ started = \"a\", done = { stage = \"b\" }, within = \"soon\" }", "soon"),
    ] {
        let error = (ABOUT.parse)(toml::de::ValueDeserializer::parse(table).unwrap()).unwrap_err();
        assert!(error.message().contains(says), "{table}: {}", error.message());
    }
}

#[test]
fn each_stage_is_resolved_once() {
    let table = "{ started = \"a\", done = { stage = \"b\", states = [\"X\"] }, compensated = { stage = \"b\", states = [\"Y\"] } }";
    let check = (ABOUT.parse)(toml::de::ValueDeserializer::parse(table).unwrap()).unwrap();
    assert_eq!(check.references(), ["a", "b"].map(|stage| Reference::Stage(stage.into())));
}
