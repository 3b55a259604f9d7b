//! What no_phantom says of histories written by hand, and of every way in which an id can have been asked for.

use super::*;
use crate::testing::{Script, figure, judged, refused};
use proofload_history::journal::DrainOutcome;
use proofload_history::{Event, Outcome};

const TABLE: &str = "stages = [\"db.row\", \"log.out\"]\noperations = [\"place_order\", \"change_order\"]";

fn says(script: &Script) -> Finding {
    judged("no_phantom", TABLE, &script.history())
}

/// A good run with a row at `db.row` of the first id of a second block, issued for `place_order`, which `change` tells
/// about.
fn with_row(change: impl Fn(&mut Script, Id)) -> Finding {
    says(&Script::good_with(|script, _| {
        let id = Script::id(1_200);
        script.issue(1, 1_200, 1_210).seen("db.row", id);
        change(script, id);
    }))
}

/// The same with an id that was issued for an operation that is not named.
fn with_foreign_row(change: impl Fn(&mut Script, Id)) -> Finding {
    says(&Script::good_with(|script, _| {
        let id = Id::issued(Script::SEED, 2, 3);
        let operation = "read_order".to_owned();
        script.event(0.0, Event::IdsIssued { stream: 2, traffic: "browse".into(), operation, from: 0, to: 10 });
        script.seen("db.row", id);
        change(script, id);
    }))
}

#[test]
fn a_run_in_which_all_was_asked_for_passes() {
    let finding = says(&Script::good());
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(
        finding.sentence,
        "Of 2,400 rows at db.row and log.out none is there without place_order and change_order."
    );
    let figures = ["phantom_ids.db.row", "indeterminate_ids.db.row", "rows.log.out"].map(|name| figure(&finding, name));
    assert_eq!(figures, [Some(0.0), Some(0.0), Some(1_200.0)]);
}

#[test]
fn an_id_that_nobody_issued_is_a_phantom_once_at_each_stage_however_often_it_is_there() {
    let finding = says(&Script::good_with(|script, _| {
        let stranger = Id::of("a stranger");
        script.seen("log.out", stranger).seen("log.out", stranger).seen("db.row", stranger).seen("log.in", stranger);
        script.seen_live("db.row", Id::of("gone again"));
    }));
    assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 2));
    let phantoms = ["phantom_ids.db.row", "phantom_ids.log.out"].map(|name| figure(&finding, name));
    assert_eq!(phantoms, [Some(1.0), Some(1.0)]);
    assert_eq!(
        finding.sentence,
        "Nobody asked for 1 id at db.row and 1 id at log.out; the first is phantom at db.row."
    );
    assert_eq!(finding.offenders[0].detail, "nobody issued this id; seen at db.row");
    assert_eq!(
        finding.offenders[1].detail,
        "nobody issued this id; seen at log.out/3 offset 2400, log.out/3 offset 2401"
    );
}

#[test]
fn what_every_attempt_was_refused_is_a_phantom() {
    let refused = with_row(|script, id| {
        script.attempt(id, 30.0, Outcome::Fail).attempt_of("change_order", id, 31.0, Outcome::Fail);
    });
    assert_eq!((refused.judgement, figure(&refused, "phantom_ids.db.row")), (Judgement::Fail, Some(1.0)));
    assert_eq!(refused.offenders[0].id, Some(Script::id(1_200)));
    assert!(refused.offenders[0].detail.starts_with("every attempt of place_order and change_order"));
}

#[test]
fn one_attempt_of_any_operation_named_that_was_or_may_have_been_served_asked_for_it() {
    for (outcome, indeterminate) in [(Outcome::Ok, 0.0), (Outcome::Indeterminate, 1.0)] {
        let finding = with_row(|script, id| {
            script.attempt(id, 30.0, Outcome::Fail).attempt_of("change_order", id, 31.0, outcome);
        });
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(figure(&finding, "indeterminate_ids.db.row"), Some(indeterminate));
    }
}

#[test]
fn an_id_that_was_issued_and_has_no_row_is_indeterminate_whatever_it_was_issued_for() {
    let own = with_row(|script, id| {
        script.seen("db.row", id.own(2)).seen("db.row", id);
    });
    let foreign = with_foreign_row(|_, _| {});
    for (finding, indeterminate) in [(own, 2.0), (foreign, 1.0)] {
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(figure(&finding, "indeterminate_ids.db.row"), Some(indeterminate));
    }
}

#[test]
fn an_id_that_only_other_operations_were_made_under_is_a_phantom_unless_it_was_issued_for_one_of_these() {
    let read = |script: &mut Script, id: Id| {
        script.attempt_of("read_order", id, 30.0, Outcome::Ok);
    };
    let foreign = with_foreign_row(read);
    assert_eq!((foreign.judgement, figure(&foreign, "phantom_ids.db.row")), (Judgement::Fail, Some(1.0)));
    assert!(foreign.offenders[0].detail.starts_with("no attempt under this id was of place_order"));
    let issued_for_it = with_row(read);
    assert_eq!(issued_for_it.judgement, Judgement::Pass, "{}", issued_for_it.sentence);
    assert_eq!(figure(&issued_for_it, "indeterminate_ids.db.row"), Some(1.0));
    let own = with_row(|script, id| {
        script.attempt_of("read_order", id.own(1), 30.0, Outcome::Ok).seen("db.row", id.own(1));
    });
    assert_eq!(own.offenders[0].id, Some(Script::id(1_200).own(1)), "nobody says what an own id was issued for");
}

#[test]
fn what_was_issued_for_one_operation_and_refused_under_another_may_have_been_asked_for() {
    let finding = with_row(|script, id| {
        script.attempt_of("change_order", id, 31.0, Outcome::Fail);
    });
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
}

#[test]
fn in_a_damaged_history_only_an_id_that_nobody_issued_is_a_phantom() {
    let damaged = |change: fn(&mut Script)| {
        let mut script = Script::good_with(|script, _| change(script));
        says(script.damaged("the file of operations breaks off"))
    };
    let refused = damaged(|script| {
        script.issue(1, 1_200, 1_201).attempt(Script::id(1_200), 30.0, Outcome::Fail).seen("db.row", Script::id(1_200));
    });
    let others_only = damaged(|script| {
        script.attempt_of("read_order", Id::of("x"), 30.0, Outcome::Ok).seen("db.row", Id::of("x"));
    });
    for finding in [refused, others_only] {
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert_eq!(figure(&finding, "indeterminate_ids.db.row"), Some(1.0));
    }
    let stranger = damaged(|script| {
        script.seen("db.row", Id::of("a stranger"));
    });
    assert_eq!(stranger.judgement, Judgement::Fail);
}

#[test]
fn a_phantom_stands_however_little_was_read() {
    let finding = says(Script::new().seen("db.row", Id::of("a stranger")));
    assert_eq!((finding.judgement, figure(&finding, "phantom_ids.db.row")), (Judgement::Fail, Some(1.0)));
    assert_eq!(figure(&finding, "phantom_ids.log.out"), None);
    assert_eq!(finding.sentence, "Nobody asked for 1 id at db.row; the first is phantom at db.row.");
}

#[test]
fn a_stage_that_was_not_read_completely_or_has_nothing_makes_it_unknown() {
    let with_read = |change: fn(&mut Script)| {
        let mut script = Script::good();
        script.without(|event| matches!(event, Event::StageRead(read) if read.stage == "db.row"));
        change(&mut script);
        says(&script)
    };
    let unread = with_read(|_| {});
    let half = with_read(|script| {
        script.read(62.0, "db.row", false, 0);
    });
    let unreadable = with_read(|script| {
        script.read(62.0, "db.row", true, 1);
    });
    for finding in [unread, half, unreadable] {
        assert_eq!((finding.judgement, figure(&finding, "phantom_ids.db.row")), (Judgement::Unknown, None));
    }
    let empty = says(
        Script::new().seen("db.row", Script::id(1)).issue(1, 0, 2).drained(61.0, DrainOutcome::Quiet).read_all(62.0),
    );
    assert_eq!(empty.judgement, Judgement::Unknown);
    assert!(empty.sentence.contains("nothing is at log.out"), "{}", empty.sentence);
}

#[test]
fn a_system_that_still_moves_does_not_pass() {
    let mut script = Script::good();
    script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, DrainOutcome::Moving);
    assert_eq!(says(&script).judgement, Judgement::Unknown);
}

#[test]
fn a_journal_that_claims_absurdly_many_ids_is_unknown() {
    let error = refused("no_phantom", TABLE, &Script::good().issue(1, 0, u64::MAX >> 2).history());
    assert!(error.to_string().contains("ids were issued, more than a run can"), "{error}");
}
