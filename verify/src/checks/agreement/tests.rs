//! What agreement says of two stages written by hand; random ones are in `tests/agreement_model.rs`.

use super::*;
use crate::Offender;
use crate::testing::{Script, figure, judged};
use proofload_history::journal::DrainOutcome;
use proofload_history::{At, Event, Id, Observation};

const AMOUNTS: &str = "left = \"db.paid\"\nright = \"db.booked\"";
const PRESENCE: &str = "left = \"db.paid\"\nright = \"db.booked\"\ncompare = \"presence\"";
const FIGURES: [&str; 3] = ["only_left_ids", "only_right_ids", "differing_ids"];

fn row(stage: &str, counter: u64, amount: impl Into<Option<i64>>) -> Observation {
    let at = Some(At::from_secs_f64(counter as f64));
    Observation { amount: amount.into(), at, ..Observation::of(stage.into(), Script::id(counter)) }
}

/// Ids 0 to 9 with 500 at both stages, and what else there is; at rest, and not read yet.
fn sides(more: &[Observation]) -> Script {
    let mut script = Script::new();
    for counter in 0..10 {
        // Not in order, and not in the same one.
        script.observed(row("db.paid", counter * 7 % 10, 500)).observed(row("db.booked", counter * 3 % 10, 500));
    }
    for fact in more {
        script.observed(fact.clone());
    }
    script.drained(61.0, DrainOutcome::Quiet);
    script
}

fn read(mut script: Script) -> Script {
    script.read(62.0, "db.paid", true, 0).read(62.0, "db.booked", true, 0);
    script
}

fn says(table: &str, script: &Script) -> Finding {
    judged("agreement", table, &script.history())
}

/// The only offender, where ids 0 to 9 agree and `more` does not, and the figures of its three kinds.
fn offender(table: &str, more: &[Observation]) -> (Offender, [Option<f64>; 3]) {
    let finding = says(table, &read(sides(more)));
    assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1), "{}", finding.sentence);
    let figures = FIGURES.map(|name| figure(&finding, name));
    (finding.offenders.into_iter().next().unwrap(), figures)
}

#[test]
fn stages_that_say_the_same_pass() {
    let more = [row("db.paid", 70, 3), row("db.paid", 70, 4), row("db.booked", 70, 4), row("db.booked", 70, 3)];
    let finding = says(AMOUNTS, &read(sides(&more)));
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(finding.sentence, "db.paid and db.booked agree on the amounts of all 11 ids.");
    assert_eq!(FIGURES.map(|name| figure(&finding, name)), [Some(0.0); 3]);
    let evidence = finding.evidence.iter().find(|line| line.label == "db.paid").unwrap();
    assert!(evidence.text.starts_with("11 ids, 5,007 minor units; read to its end"), "{}", evidence.text);
    assert_eq!(says(PRESENCE, &read(sides(&more))).sentence, "db.paid and db.booked agree on all 11 ids.");
}

#[test]
fn what_only_one_stage_says_fails_and_is_told_at_the_other() {
    let (left, figures) = offender(AMOUNTS, &[row("db.paid", 70, 500)]);
    assert_eq!(figures, [1.0, 0.0, 0.0].map(Some));
    assert_eq!(
        (left.id, left.defect.as_str(), left.stage.as_deref()),
        (Some(Script::id(70)), "only_left", Some("db.booked"))
    );
    assert_eq!(
        (left.at, left.detail.as_str()),
        (Some(At::from_secs_f64(70.0)), "500 at db.paid; nothing at db.booked")
    );
    let (right, figures) = offender(PRESENCE, &[row("db.booked", 70, None)]);
    assert_eq!((figures, right.defect.as_str()), ([0.0, 1.0, 0.0].map(Some), "only_right"));
    assert_eq!(right.detail, "nothing at db.paid; 1 row at db.booked");
}

#[test]
fn amounts_that_differ_fail_and_so_do_amounts_that_one_stage_has_more_often() {
    for more in [
        vec![row("db.paid", 70, 500), row("db.booked", 70, 400)],
        vec![row("db.paid", 70, 500), row("db.paid", 70, 500), row("db.booked", 70, 500)],
        vec![row("db.paid", 70, 500), row("db.paid", 70, None), row("db.booked", 70, 500)],
    ] {
        let (differing, figures) = offender(AMOUNTS, &more);
        assert_eq!((differing.defect.as_str(), figures), ("differing", [0.0, 0.0, 1.0].map(Some)));
        assert_eq!(says(PRESENCE, &read(sides(&more))).judgement, Judgement::Pass);
    }
}

#[test]
fn a_row_without_an_amount_leaves_its_id_open() {
    let finding = says(AMOUNTS, &read(sides(&[row("db.paid", 70, 500), row("db.booked", 70, None)])));
    assert_eq!((finding.judgement, figure(&finding, "undecided_ids")), (Judgement::Unknown, Some(1.0)));
    assert_eq!(figure(&finding, "differing_ids"), None);
    assert!(finding.sentence.contains("of 1 id nobody can tell"), "{}", finding.sentence);
    let evidence = finding.evidence.iter().find(|line| line.label == "db.booked").unwrap();
    assert!(evidence.text.starts_with("11 ids, 5,000 minor units and 1 row without an amount;"), "{}", evidence.text);
}

#[test]
fn nothing_at_either_stage_is_unknown_and_nothing_at_one_is_not() {
    let mut empty = Script::new();
    empty.drained(61.0, DrainOutcome::Quiet);
    let finding = says(AMOUNTS, &read(empty.clone()));
    assert_eq!(finding.judgement, Judgement::Unknown);
    assert!(finding.sentence.contains("nothing is at db.paid and nothing at db.booked"), "{}", finding.sentence);
    let one_sided = read(empty.observed(row("db.paid", 1, 500)).clone());
    assert_eq!(says(AMOUNTS, &one_sided).judgement, Judgement::Fail);
}

#[test]
fn a_stage_that_was_not_read_or_not_wholly_is_unknown() {
    let wrong = [row("db.paid", 70, 500), row("db.paid", 3, 1)];
    for complete_and_unreadable in [None, Some((false, 0)), Some((true, 1))] {
        let mut script = sides(&wrong);
        script.read(62.0, "db.paid", true, 0);
        if let Some((complete, unreadable)) = complete_and_unreadable {
            script.read(62.0, "db.booked", complete, unreadable);
        }
        let finding = says(AMOUNTS, &script);
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert_eq!(FIGURES.map(|name| figure(&finding, name)), [None; 3]);
        assert_eq!((figure(&finding, "undecided_ids"), finding.offenders_total), (Some(2.0), 0));
        assert!(finding.sentence.contains("db.booked"), "{}", finding.sentence);
    }
}

#[test]
fn what_is_missing_while_the_system_moves_is_unknown_and_once_it_is_stuck_a_defect() {
    let missing = |outcome: DrainOutcome| {
        let mut script = read(sides(&[row("db.paid", 70, 500)]));
        script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, outcome);
        says(AMOUNTS, &script).judgement
    };
    assert_eq!(missing(DrainOutcome::Stuck), Judgement::Fail);
    assert_eq!([DrainOutcome::Moving, DrainOutcome::Unreadable].map(missing), [Judgement::Unknown; 2]);
}

#[test]
fn what_was_seen_live_and_is_gone_stands_even_while_the_system_moves_and_the_other_stage_is_half_read() {
    let gone = |booked_complete: bool| {
        let mut script = sides(&[row("db.paid", 70, 500)]);
        script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, DrainOutcome::Moving);
        script.seen_live("db.booked", Script::id(70));
        script.read(62.0, "db.paid", false, 0).read(62.0, "db.booked", booked_complete, 0);
        says(AMOUNTS, &script)
    };
    let finding = gone(true);
    assert_eq!((finding.judgement, figure(&finding, "only_left_ids")), (Judgement::Fail, Some(1.0)));
    assert_eq!(finding.offenders[0].detail, "500 at db.paid; nothing at db.booked, where it was seen live");
    assert_eq!(gone(false).judgement, Judgement::Unknown, "it may be among what was not read");
}

#[test]
fn a_system_still_moving_and_a_damaged_history_do_not_pass_even_if_all_agrees() {
    let mut moving = read(sides(&[]));
    moving.without(|event| matches!(event, Event::Drained(_)));
    let mut damaged = read(sides(&[]));
    damaged.damaged("the file of operations breaks off");
    assert_eq!([moving, damaged].map(|script| says(AMOUNTS, &script).judgement), [Judgement::Unknown; 2]);
}

#[test]
fn offenders_come_by_instant_the_first_hundred_of_all() {
    let more: Vec<Observation> = (100..300).rev().map(|counter| row("db.paid", counter, 1)).collect();
    let finding = says(AMOUNTS, &read(sides(&more)));
    assert_eq!((finding.offenders.len(), finding.offenders_total), (100, 200));
    let ids: Vec<Option<Id>> = finding.offenders.iter().map(|offender| offender.id).collect();
    assert_eq!((ids[0], ids[99]), (Some(Script::id(100)), Some(Script::id(199))));
}

#[test]
fn a_stage_is_not_compared_with_itself() {
    let table = toml::de::ValueDeserializer::parse("{ left = \"db.paid\", right = \"db.paid\" }").unwrap();
    let error = (ABOUT.parse)(table).unwrap_err();
    assert!(error.message().contains("another stage"), "{}", error.message());
}
