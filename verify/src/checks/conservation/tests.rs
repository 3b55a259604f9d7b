//! What conservation says of books written by hand.

use super::*;
use crate::testing::{Script, figure, judged};
use proofload_history::journal::{DrainOutcome, StageRead};
use proofload_history::{At, Event, Id, Observation};

const BY_KEY: &str = "stage = \"db.entry\"";
const BY_STAGE: &str = "stage = \"db.entry\"\nby = \"stage\"\ntotal = 1000";

fn entry(transaction: Option<u64>, amount: Option<i64>) -> Observation {
    let id = Script::id(transaction.unwrap_or(900));
    let key = transaction.map(|number| Id::of(&number.to_string()));
    let at = transaction.map(|number| At::from_secs_f64(number as f64));
    Observation { key, amount, at, ..Observation::of("db.entry".into(), id) }
}

/// Ten transactions that balance, and what else is booked; at rest, and not read yet.
fn books(more: &[Observation]) -> Script {
    let mut script = Script::new();
    for number in 0..10 {
        script.observed(entry(Some(number), Some(500))).observed(entry(Some(number), Some(-500)));
    }
    for fact in more {
        script.observed(fact.clone());
    }
    script.drained(61.0, DrainOutcome::Quiet);
    script
}

fn read(mut script: Script) -> Script {
    script.read(62.0, "db.entry", true, 0);
    script
}

fn says(table: &str, script: &Script) -> Finding {
    judged("conservation", table, &script.history())
}

#[test]
fn books_in_which_each_transaction_balances_pass() {
    let finding = says(BY_KEY, &read(books(&[])));
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(finding.sentence, "Each of 10 transactions at db.entry balances.");
    let figures = ["transactions", "unbalanced_transactions", "total_minor_units", "off_by_minor_units"];
    assert_eq!(figures.map(|name| figure(&finding, name)), [10.0, 0.0, 0.0, 0.0].map(Some));
}

#[test]
fn a_transaction_that_does_not_balance_fails_and_is_told_with_its_entries() {
    let finding = says(BY_KEY, &read(books(&[entry(Some(70), Some(500)), entry(Some(70), Some(-400))])));
    assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1), "{}", finding.sentence);
    assert_eq!(figure(&finding, "unbalanced_transactions"), Some(1.0));
    assert_eq!(figure(&finding, "off_by_minor_units"), Some(100.0));
    let offender = &finding.offenders[0];
    assert_eq!((offender.id, offender.defect.as_str()), (Some(Script::id(70)), "unbalanced"));
    assert_eq!((offender.at, offender.stage.as_deref()), (Some(At::from_secs_f64(70.0)), Some("db.entry")));
    let detail = format!("transaction {} comes to 100 minor units: 500, -400; the first is at db.entry", Id::of("70"));
    assert_eq!(offender.detail, detail);
    assert!(finding.sentence.contains("1 was off balance; the first is unbalanced at db.entry, at 70.0 s."));
}

#[test]
fn two_wrongs_that_come_to_nothing_together_are_two_wrongs() {
    let finding = says(BY_KEY, &read(books(&[entry(Some(70), Some(500)), entry(Some(71), Some(-500))])));
    assert_eq!((finding.judgement, figure(&finding, "unbalanced_transactions")), (Judgement::Fail, Some(2.0)));
    assert_eq!(figure(&finding, "off_by_minor_units"), Some(0.0));
}

#[test]
fn by_stage_only_the_total_is_judged() {
    let right = says(BY_STAGE, &read(books(&[entry(Some(70), Some(1_500)), entry(None, Some(-500))])));
    assert_eq!(right.judgement, Judgement::Pass, "{}", right.sentence);
    assert_eq!(figure(&right, "transactions"), None);
    let wrong = says(BY_STAGE, &read(books(&[entry(None, Some(900))])));
    assert_eq!((wrong.judgement, wrong.offenders_total), (Judgement::Fail, 1));
    assert_eq!(figure(&wrong, "off_by_minor_units"), Some(-100.0));
    assert_eq!(figure(&wrong, "total_minor_units"), Some(900.0));
    assert_eq!(wrong.offenders[0].id, None, "it is about all of them");
    assert_eq!(wrong.offenders[0].detail, "all rows come to 900 minor units, and should to 1,000 minor units");
}

#[test]
fn sums_do_not_overflow() {
    let most: Vec<Observation> = (0..4).map(|_| entry(Some(70), Some(i64::MAX))).collect();
    let finding = says(BY_KEY, &read(books(&most)));
    assert!(finding.offenders[0].detail.contains("comes to 36893488147419103228 minor units"));
}

#[test]
fn nothing_booked_is_unknown_unless_something_must_be_there() {
    let mut script = Script::new();
    script.drained(61.0, DrainOutcome::Quiet);
    let script = read(script);
    assert_eq!(says(BY_KEY, &script).judgement, Judgement::Unknown);
    let gone = says(BY_STAGE, &script);
    assert_eq!((gone.judgement, figure(&gone, "off_by_minor_units")), (Judgement::Fail, Some(-1_000.0)));
}

#[test]
fn a_row_without_an_amount_leaves_its_own_transaction_open_and_the_total() {
    let open = says(BY_KEY, &read(books(&[entry(Some(70), Some(500)), entry(Some(70), None)])));
    assert_eq!((open.judgement, figure(&open, "unbalanced_transactions")), (Judgement::Unknown, None));
    assert_eq!(figure(&open, "rows_without_amount"), Some(1.0));
    assert!(open.sentence.contains("1 row of db.entry has no amount"), "{}", open.sentence);
    let beside = says(BY_KEY, &read(books(&[entry(Some(70), Some(500)), entry(Some(71), None)])));
    assert_eq!((beside.judgement, figure(&beside, "unbalanced_transactions")), (Judgement::Fail, Some(1.0)));
    assert_eq!(figure(&beside, "total_minor_units"), None);
    let total = says(BY_STAGE, &read(books(&[entry(None, None)])));
    assert_eq!((total.judgement, figure(&total, "off_by_minor_units")), (Judgement::Unknown, None));
}

#[test]
fn a_row_without_a_key_may_balance_any_transaction() {
    let finding = says(BY_KEY, &read(books(&[entry(Some(70), Some(500)), entry(None, Some(-500))])));
    assert_eq!((finding.judgement, figure(&finding, "unbalanced_transactions")), (Judgement::Unknown, None));
    assert_eq!(figure(&finding, "rows_without_key"), Some(1.0));
    assert!(finding.sentence.contains("has no key") && finding.sentence.contains("1 not in balance in what was read"));
}

#[test]
fn a_stage_that_was_not_read_or_not_wholly_is_unknown_for_a_missing_row_unbalances() {
    let wrong = [entry(Some(70), Some(500))];
    let unread = books(&wrong);
    let mut broken_off = books(&wrong);
    broken_off.read(62.0, "db.entry", false, 0);
    let mut not_understood = books(&wrong);
    not_understood.read(62.0, "db.entry", true, 1);
    let mut rows_missing = read(books(&wrong));
    rows_missing.gone("db.entry", Script::id(3));
    for script in [unread, broken_off, not_understood, rows_missing] {
        let finding = says(BY_KEY, &script);
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert_eq!(figure(&finding, "unbalanced_transactions"), None);
        assert!(finding.offenders.is_empty());
    }
}

#[test]
fn while_the_system_moves_only_a_snapshot_proves_that_something_is_out_of_balance() {
    let moving = |isolation: &str, wrong: &[Observation]| {
        let mut script = books(wrong);
        script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, DrainOutcome::Moving);
        let read = StageRead { stage: "db.entry".into(), complete: true, rows: 20, ..StageRead::default() };
        script.event(62.0, Event::StageRead(StageRead { isolation: isolation.into(), ..read }));
        says(BY_KEY, &script)
    };
    let wrong = [entry(Some(70), Some(500))];
    assert_eq!(moving("repeatable read", &wrong).judgement, Judgement::Fail);
    assert_eq!(moving("read_committed", &wrong).judgement, Judgement::Unknown);
    assert_eq!(moving("repeatable read", &[]).judgement, Judgement::Unknown, "what is still to be booked is not seen");
}

#[test]
fn a_damaged_history_never_passes() {
    let mut script = read(books(&[]));
    script.damaged("the file of operations breaks off");
    assert_eq!(says(BY_KEY, &script).judgement, Judgement::Unknown);
}

#[test]
fn a_total_that_no_balanced_keys_can_come_to_is_refused() {
    let table = toml::de::ValueDeserializer::parse("{ stage = \"db.entry\", total = 5 }").unwrap();
    let error = (ABOUT.parse)(table).unwrap_err();
    assert!(error.message().contains("by = \"stage\""), "{}", error.message());
}
