//! What the check of a log's end says of histories written by hand, and of random ones beside a slow and obvious model.

use crate::Finding;
use crate::Judgement::{self, Fail, Pass, Unknown};
use crate::testing::{Script, figure, judged};
use proofload_history::Reading::{Final, Live, Replica};
use proofload_history::{Event, Id, Outcome};
use proptest::prelude::*;

const TABLE: &str = "stage = \"log.in\"";

/// Ten orders, acknowledged a second apart from 0 s on, each at the offset of its number in partition 0, live and at
/// the end.
fn whole() -> Script {
    let mut script = Script::new();
    script.issue(1, 0, 20);
    for n in 0..10 {
        script.timed(n, n as f64, 10, Outcome::Ok);
        for reading in [Live, Final] {
            script.record(reading, (0, n as i64), Script::id(n), n);
        }
    }
    script
}

/// A record that was seen live in partition 0 at this offset, and its intent.
fn live(script: &mut Script, n: u64, offset: i64, outcome: Outcome) -> &mut Script {
    script.timed(n, n as f64, 10, outcome).record(Live, (0, offset), Script::id(n), n)
}

/// The stage read to its end, which is at offset 10 of partition 0.
fn read(script: &mut Script) -> Finding {
    finding(script.read_log(62.0, true, &[(0, 0, 10), (1, 0, 0)]))
}

fn finding(script: &Script) -> Finding {
    judged("tail_loss", TABLE, &script.history())
}

/// Cut off, overwritten, lost.
fn figures(finding: &Finding) -> [Option<f64>; 3] {
    ["cut_off_records", "overwritten_records", "lost_at_tail_intents"].map(|name| figure(finding, name))
}

#[test]
fn a_log_that_keeps_what_was_seen_in_it_passes() {
    let finding = read(&mut whole());
    assert_eq!(finding.judgement, Pass, "{}", finding.sentence);
    assert_eq!(figures(&finding), [Some(0.0); 3]);
    assert_eq!(figure(&finding, "live_records"), Some(10.0));
    let again = read(whole().record(Live, (0, 3), Script::id(3), 3));
    assert_eq!(
        (again.judgement, figure(&again, "live_records")),
        (Pass, Some(10.0)),
        "followed from the beginning again"
    );
}

#[test]
fn an_acknowledged_record_beyond_the_end_of_its_partition_is_lost() {
    let mut script = whole();
    live(&mut script, 12, 12, Outcome::Ok);
    let finding = read(script.fault(11.0, 13.0, "cut"));
    assert_eq!(
        (finding.judgement, figures(&finding)),
        (Fail, [Some(1.0), Some(0.0), Some(1.0)]),
        "{}",
        finding.sentence
    );
    let lost = &finding.offenders[0];
    assert_eq!((lost.id, lost.defect.as_str(), lost.stage.as_deref()), (Some(Script::id(12)), "lost", Some("log.in")));
    assert_eq!((lost.at.unwrap().secs(), lost.during.as_slice()), (12.01, ["cut".to_owned()].as_slice()));
    let detail =
        "acknowledged at 12.0 s; seen live at log.in/0 offset 12; nobody is there now, and the partition ends at 10";
    assert_eq!(lost.detail, detail);
}

#[test]
fn an_acknowledged_record_whose_place_another_has_is_lost() {
    let mut script = whole();
    live(&mut script, 12, 4, Outcome::Ok);
    let finding = read(&mut script);
    assert_eq!(
        (finding.judgement, figures(&finding)),
        (Fail, [Some(0.0), Some(1.0), Some(1.0)]),
        "{}",
        finding.sentence
    );
    let now = format!("seen live at log.in/0 offset 4; {} is there now, and the partition ends at 10", Script::id(4));
    assert!(finding.offenders[0].detail.ends_with(&now), "{}", finding.offenders[0].detail);
}

#[test]
fn where_two_have_its_place_the_lesser_id_is_told_whatever_the_order_of_the_rows() {
    for (another, told) in [(2, 2), (7, 4)] {
        let mut script = whole();
        live(&mut script, 12, 4, Outcome::Ok).record(Final, (0, 4), Script::id(another), another);
        let finding = read(&mut script);
        let now = format!("{} is there now", Script::id(told));
        assert!(finding.offenders[0].detail.contains(&now), "{}", finding.offenders[0].detail);
    }
}

#[test]
fn an_acknowledged_record_whose_place_no_record_of_the_stage_has_is_lost() {
    let finding = read(whole().gone("log.in", Script::id(4)));
    assert_eq!(
        (finding.judgement, figures(&finding)),
        (Fail, [Some(0.0), Some(1.0), Some(1.0)]),
        "{}",
        finding.sentence
    );
    assert!(
        finding.offenders[0].detail.contains("no record of log.in is there now"),
        "{}",
        finding.offenders[0].detail
    );
}

#[test]
fn the_same_id_with_other_contents_is_overwritten_and_not_lost() {
    let mut script = whole();
    script.record(Live, (0, 4), Script::id(4), 99);
    let finding = read(&mut script);
    assert_eq!((finding.judgement, figures(&finding)), (Pass, [Some(0.0), Some(1.0), Some(0.0)]));
}

#[test]
fn what_was_cut_off_without_an_acknowledgement_is_allowed_and_counted() {
    for outcome in [Outcome::Indeterminate, Outcome::Fail] {
        let mut script = whole();
        live(&mut script, 12, 12, outcome).record(Live, (0, 13), Id::of("a stranger"), 7);
        let finding = read(&mut script);
        assert_eq!((finding.judgement, figures(&finding)), (Pass, [Some(2.0), Some(0.0), Some(0.0)]), "{outcome:?}");
    }
}

#[test]
fn what_a_retry_brought_back_at_another_place_is_not_lost() {
    let mut script = whole();
    live(&mut script, 12, 12, Outcome::Ok).record(Final, (1, 0), Script::id(12), 12);
    let finding = finding(script.read_log(62.0, true, &[(0, 0, 10), (1, 0, 1)]));
    assert_eq!((finding.judgement, figures(&finding)), (Pass, [Some(1.0), Some(0.0), Some(0.0)]));
}

#[test]
fn an_intent_that_is_gone_from_two_places_is_lost_once() {
    let mut script = whole();
    live(&mut script, 12, 12, Outcome::Ok).record(Live, (0, 14), Script::id(12), 12);
    let finding = read(&mut script);
    assert_eq!((figures(&finding), finding.offenders_total), ([Some(2.0), Some(0.0), Some(1.0)], 1));
}

/// Retention removes it, and so does a leader that lost its disk: the bounds of a log do not tell which it was.
#[test]
fn what_was_acknowledged_in_a_beginning_that_is_gone_is_unknown_and_no_loss_at_the_end() {
    let mut script = whole();
    for n in 0..4 {
        script.gone("log.in", Script::id(n));
    }
    let gone = finding(script.read_log(62.0, true, &[(0, 4, 10)]));
    assert_eq!((gone.judgement, figures(&gone)), (Unknown, [Some(0.0); 3]), "{}", gone.sentence);
    let says = "4 acknowledged intents stood in the beginning of a partition of log.in, which is gone";
    assert!(gone.sentence.contains(says), "{}", gone.sentence);
    live(&mut script, 12, 12, Outcome::Ok);
    let lost = finding(&script);
    assert_eq!((lost.judgement, figures(&lost)), (Fail, [Some(1.0), Some(0.0), Some(1.0)]), "{}", lost.sentence);
}

#[test]
fn a_beginning_that_is_gone_matters_only_for_what_was_acknowledged_and_is_nowhere() {
    let mut script = Script::new();
    script.issue(1, 0, 20);
    for (n, outcome) in [(0, Outcome::Indeterminate), (1, Outcome::Ok), (2, Outcome::Ok)] {
        live(&mut script, n, n as i64, outcome);
    }
    script.record(Final, (0, 5), Script::id(1), 1).record(Final, (0, 2), Script::id(2), 2);
    let finding = finding(script.read_log(62.0, true, &[(0, 2, 10)]));
    assert_eq!((finding.judgement, figures(&finding)), (Pass, [Some(0.0); 3]), "{}", finding.sentence);
    assert_eq!(
        finding.evidence.last().unwrap().text,
        "3 records, 2 of them acknowledged; 0 cut off, 0 overwritten, 2 removed from the beginning"
    );
}

/// What only a broker's copy of the log has is not in the log.
#[test]
fn a_record_that_only_a_copy_has_is_lost_all_the_same() {
    let mut script = whole();
    live(&mut script, 12, 12, Outcome::Ok).record(Replica, (0, 12), Script::id(12), 12);
    let finding = read(&mut script);
    assert_eq!((finding.judgement, figures(&finding)), (Fail, [Some(1.0), Some(0.0), Some(1.0)]));
}

#[test]
fn a_log_that_was_not_read_or_not_to_its_end_is_unknown() {
    let mut cut_off = whole();
    live(&mut cut_off, 12, 12, Outcome::Ok);
    let unread = finding(&cut_off);
    let half_read = finding(cut_off.clone().read_log(62.0, false, &[(0, 0, 10)]));
    let rows_missing = finding(cut_off.clone().read_log(62.0, true, &[(0, 0, 10)]).gone("log.in", Script::id(5)));
    for finding in [unread, half_read, rows_missing] {
        assert_eq!((finding.judgement, figures(&finding)), (Unknown, [None; 3]), "{}", finding.sentence);
    }
}

#[test]
fn a_partition_without_bounds_is_unknown_and_what_was_seen_in_another_stands() {
    let mut script = whole();
    script.record(Live, (7, 0), Script::id(3), 3);
    let unbounded = read(&mut script);
    assert_eq!((unbounded.judgement, figures(&unbounded)), (Unknown, [None; 3]));
    assert!(unbounded.sentence.contains("1 live record of log.in stood in partitions"), "{}", unbounded.sentence);
    live(&mut script, 12, 12, Outcome::Ok);
    let lost = read(&mut script);
    assert_eq!((lost.judgement, figures(&lost)), (Fail, [Some(1.0), None, Some(1.0)]));
}

#[test]
fn a_loss_stands_though_a_row_was_not_understood_or_the_history_is_damaged_and_a_pass_does_not() {
    let unreadable = |script: &Script| {
        let mut script = script.clone();
        script.read_log(62.0, true, &[(0, 0, 10)]);
        let mut history = script.history();
        for entry in &mut history.journal.entries {
            if let Event::StageRead(read) = &mut entry.event {
                read.unreadable = 1;
            }
        }
        judged("tail_loss", TABLE, &history).judgement
    };
    let damaged = |script: &Script| read(script.clone().damaged("the file of operations breaks off")).judgement;
    let mut cut_off = whole();
    live(&mut cut_off, 12, 12, Outcome::Ok);
    assert_eq!([unreadable(&cut_off), damaged(&cut_off)], [Fail, Fail]);
    assert_eq!([unreadable(&whole()), damaged(&whole())], [Unknown, Unknown]);
}

#[test]
fn nothing_read_along_or_nothing_acknowledged_is_unknown() {
    let mut unfollowed = Script::new();
    unfollowed.timed(0, 1.0, 10, Outcome::Ok).record(Final, (0, 0), Script::id(0), 0);
    let mut unanswered = Script::new();
    for reading in [Live, Final] {
        unanswered.record(reading, (0, 0), Script::id(0), 0);
    }
    unanswered.timed(0, 1.0, 10, Outcome::Indeterminate);
    for (mut script, says, figure) in
        [(unfollowed, "nobody read log.in along", None), (unanswered, "nothing was at risk", Some(0.0))]
    {
        let finding = read(&mut script);
        assert_eq!((finding.judgement, figures(&finding)), (Unknown, [figure; 3]));
        assert!(finding.sentence.contains(says), "{}", finding.sentence);
    }
}

#[test]
fn what_another_operation_acknowledged_is_not_this_logs_business_and_a_stage_of_no_chain_is_unknown() {
    let mut script = whole();
    script.attempt_of("another", Script::id(12), 12.0, Outcome::Ok).record(Live, (0, 12), Script::id(12), 12);
    assert_eq!(read(&mut script).judgement, Pass);
    let of_no_chain = judged("tail_loss", "stage = \"log.elsewhere\"", &whole().history());
    assert_eq!(of_no_chain.judgement, Unknown);
    assert!(of_no_chain.sentence.contains("no chain has the stage log.elsewhere"), "{}", of_no_chain.sentence);
}

/// A record of a random log: whose, where, and what.
type Row = (u64, (i32, i64), u64);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec((0_u64..8, (0..2, 0_i64..8), 0_u64..2), 0..16)
}

/// The slow and obvious model: for every live record a search through all that was read at the end.
fn model(outcomes: &[Outcome], live: &[Row], last: &[Row], ends: [i64; 2]) -> (u64, u64, u64, Judgement) {
    let (mut cut_off, mut overwritten, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for row in live {
        let (who, (partition, offset), _) = *row;
        if offset >= ends[partition as usize] {
            cut_off.push(row);
        } else if !last.contains(row) {
            overwritten.push(row);
        } else {
            continue;
        }
        if outcomes[who as usize] == Outcome::Ok && last.iter().all(|there| there.0 != who) {
            lost.push(who);
        }
    }
    for rows in [&mut cut_off, &mut overwritten] {
        rows.sort_unstable();
        rows.dedup();
    }
    lost.sort_unstable();
    lost.dedup();
    let at_risk = live.iter().any(|(who, ..)| outcomes[*who as usize] == Outcome::Ok);
    let judgement = match (lost.is_empty(), at_risk) {
        (false, _) => Fail,
        (true, true) => Pass,
        (true, false) => Unknown,
    };
    (cut_off.len() as u64, overwritten.len() as u64, lost.len() as u64, judgement)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![3 => Just(Outcome::Ok), 1 => Just(Outcome::Fail), 1 => Just(Outcome::Indeterminate)]
}

proptest! {
    #[test]
    fn it_agrees_with_searching_for_every_record(
        outcomes in proptest::collection::vec(outcome(), 8),
        live in rows(),
        mut last in rows(),
        ends in [0_i64..9, 0_i64..9],
    ) {
        // The end of a partition is behind its last record.
        last.retain(|(_, (partition, offset), _)| *offset < ends[*partition as usize]);
        let mut script = Script::new();
        script.issue(1, 0, 8);
        for (n, outcome) in outcomes.iter().enumerate() {
            script.timed(n as u64, n as f64, 10, *outcome);
        }
        for (reading, rows) in [(Live, &live), (Final, &last)] {
            for (who, place, digest) in rows {
                script.record(reading, *place, Script::id(*who), *digest);
            }
        }
        let finding = finding(script.read_log(62.0, true, &[(0, 0, ends[0]), (1, 0, ends[1])]));
        let (cut_off, overwritten, lost, judgement) = model(&outcomes, &live, &last, ends);
        prop_assert_eq!(finding.judgement, judgement, "{}", finding.sentence);
        if !live.is_empty() {
            prop_assert_eq!(figures(&finding), [cut_off, overwritten, lost].map(|number| Some(number as f64)));
        }
        prop_assert_eq!(finding.offenders_total, lost);
    }
}
