//! What order says of histories written by hand; random ones are in `tests/order_model.rs`.

use super::*;
use crate::testing::{Script, figure, judged};
use proofload_history::journal::{DrainOutcome, StageRead};
use proofload_history::{At, Event, Observation};

const TABLE: &str = "stage = \"log.in\"";

/// A record of `key` with an id, an instant and a digest of its own.
fn record(key: u64, version: i64, partition: i32, offset: i64) -> Observation {
    let place = 1_000 * partition as u64 + offset as u64;
    Observation {
        key: Some(Script::id(key)),
        version: Some(version),
        partition: Some(partition),
        offset: Some(offset),
        at: Some(At::from_secs_f64(place as f64)),
        digest: Some(version as u64),
        ..Observation::of("log.in".into(), Script::id(100_000 + place))
    }
}

/// Records of key 1 in partition 0 with these versions, in the order of the log.
fn log(versions: &[i64]) -> Vec<Observation> {
    (0..).zip(versions).map(|(offset, version)| record(1, *version, 0, offset)).collect()
}

/// A run that came to rest, whose log has `records` and was read to its end.
fn run(records: &[Observation]) -> Script {
    let mut script = Script::new();
    for record in records {
        script.observed(record.clone());
    }
    script.drained(61.0, DrainOutcome::Quiet).read(62.0, "log.in", true, 0);
    script
}

fn says(table: &str, records: &[Observation]) -> Finding {
    judged("order", table, &run(records).history())
}

fn told(finding: &Finding) -> Vec<(&str, &str)> {
    finding.offenders.iter().map(|offender| (offender.defect.as_str(), offender.detail.as_str())).collect()
}

fn under_key_1(text: &str) -> String {
    format!("{text}, under key {}", Script::id(1))
}

#[test]
fn versions_that_rise_by_one_pass_whatever_the_order_of_the_rows() {
    let mut records = log(&[4, 5, 6, 7]);
    records.extend([record(2, 1, 3, 0), record(2, 2, 3, 9), record(3, 8, 3, 5)]);
    records.reverse();
    let finding = says(TABLE, &records);
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!(finding.sentence, "Under each of 3 keys at log.in versions rise by one, in one partition (7 records).");
    let zeros = ["reordered_records", "repeated_records", "contradicted_records", "missing_versions", "split_keys"];
    assert!(zeros.iter().all(|name| figure(&finding, name) == Some(0.0)), "{:?}", finding.figures);
    assert_eq!(["records", "keys", "sequenced_keys"].map(|n| figure(&finding, n)), [Some(7.0), Some(3.0), Some(2.0)]);
}

#[test]
fn a_version_lower_than_one_before_it_is_reordered() {
    let finding = says(TABLE, &log(&[1, 3, 4, 2, 5]));
    assert_eq!((finding.judgement, figure(&finding, "reordered_records")), (Judgement::Fail, Some(1.0)));
    let detail = under_key_1("version 2 at log.in/0 offset 3 at 3.0 s, after version 4 at log.in/0 offset 2 at 2.0 s");
    assert_eq!(told(&finding), [("reordered", detail.as_str())]);
    assert_eq!(finding.offenders[0].id, Some(Script::id(100_003)));
    let first_of_the_highest = says(TABLE, &log(&[1, 3, 3, 2]));
    assert!(told(&first_of_the_highest)[1].1.contains("after version 3 at log.in/0 offset 1"));
    assert_eq!(
        finding.sentence,
        "Of 5 records under 1 key at log.in: 1 record out of order; the first is reordered at log.in, at 3.0 s."
    );
}

#[test]
fn a_version_that_comes_again_with_an_equal_digest_is_a_repeat_and_may_be_allowed() {
    let records = log(&[1, 2, 3, 2, 3, 3, 4]);
    let finding = says(TABLE, &records);
    assert_eq!((finding.judgement, figure(&finding, "repeated_records")), (Judgement::Fail, Some(3.0)));
    assert_eq!(figure(&finding, "reordered_records"), Some(0.0), "a repeat is not out of order");
    let detail = under_key_1("version 2 at log.in/0 offset 3 at 3.0 s repeats version 2 at log.in/0 offset 1 at 1.0 s");
    assert_eq!(told(&finding)[0], ("repeated", detail.as_str()));
    assert_eq!(
        finding.sentence,
        "Of 7 records under 1 key at log.in: 3 records repeated; the first is repeated at log.in, at 3.0 s."
    );
    let allowed = says(&format!("{TABLE}\nrepeats = \"allowed\""), &records);
    assert_eq!((allowed.judgement, figure(&allowed, "repeated_records")), (Judgement::Pass, Some(3.0)));
    assert!(allowed.sentence.ends_with("(7 records, 3 were repeated)."), "{}", allowed.sentence);
}

#[test]
fn a_version_that_comes_again_with_another_digest_contradicts_even_where_repeats_are_allowed() {
    let mut records = log(&[1, 2, 2, 3]);
    records[2].digest = Some(77);
    let finding = says(&format!("{TABLE}\nrepeats = \"allowed\""), &records);
    assert_eq!((finding.judgement, figure(&finding, "contradicted_records")), (Judgement::Fail, Some(1.0)));
    let detail =
        "version 2 at log.in/0 offset 2 at 2.0 s has another digest than version 2 at log.in/0 offset 1 at 1.0 s";
    assert_eq!(told(&finding), [("contradicted", under_key_1(detail).as_str())]);
    records[3].version = Some(1);
    let lower = says(TABLE, &records);
    assert_eq!(figure(&lower, "reordered_records"), Some(1.0), "lower, and no repeat");
    assert_eq!(figure(&lower, "contradicted_records"), Some(1.0));
}

#[test]
fn a_version_that_no_record_has_is_missing_and_may_be_allowed_between_others() {
    let records = log(&[2, 3, 7, 6, 9]);
    let finding = says(TABLE, &records);
    assert_eq!((finding.judgement, figure(&finding, "missing_versions")), (Judgement::Fail, Some(3.0)));
    let first = "versions 4 to 5 nowhere, between version 3 at log.in/0 offset 1 at 1.0 s and version 6 at log.in/0 \
                 offset 3 at 3.0 s";
    assert_eq!(told(&finding)[0], ("missing", under_key_1(first).as_str()));
    let last = "version 8 nowhere, between version 7 at log.in/0 offset 2 at 2.0 s and version 9 at log.in/0 offset 4 \
                at 4.0 s";
    assert_eq!(told(&finding)[2], ("missing", under_key_1(last).as_str()));
    let allowed = says(&format!("{TABLE}\ngaps = \"allowed\""), &log(&[2, 3, 6, 7]));
    assert_eq!((allowed.judgement, figure(&allowed, "missing_versions")), (Judgement::Pass, Some(2.0)));
}

#[test]
fn a_key_that_does_not_begin_with_the_first_version_lacks_it_and_one_that_begins_earlier_is_unknown() {
    let beginning =
        |first: i64, gaps: &str| says(&format!("{TABLE}\nfirst = {first}\ngaps = \"{gaps}\""), &log(&[3, 4]));
    for gaps in ["allowed", "forbidden"] {
        let late = beginning(1, gaps);
        assert_eq!((late.judgement, figure(&late, "missing_versions")), (Judgement::Fail, Some(2.0)));
        let detail = under_key_1("versions 1 to 2 nowhere, before version 3 at log.in/0 offset 0 at 0.0 s");
        assert_eq!(told(&late), [("missing", detail.as_str())]);
        assert_eq!(beginning(3, gaps).judgement, Judgement::Pass);
        let early = beginning(4, gaps);
        assert_eq!(early.judgement, Judgement::Unknown);
        assert!(early.sentence.contains("1 key at log.in with a version below 4"), "{}", early.sentence);
    }
}

#[test]
fn a_log_that_lost_its_beginning_says_nothing_of_how_keys_began() {
    let begun_at = |versions: &[i64], offset| {
        let mut script = run(&log(versions));
        let bounds = vec![(0, 0, 10), (1, offset, 5)];
        let read = StageRead { stage: "log.in".into(), complete: true, rows: 2, bounds, ..StageRead::default() };
        script.event(63.0, Event::StageRead(read)).clone()
    };
    let first = format!("{TABLE}\nfirst = 1");
    assert_eq!(judged("order", &first, &begun_at(&[1, 2], 0).history()).judgement, Judgement::Pass);
    let script = begun_at(&[3, 4], 5);
    let finding = judged("order", &first, &script.history());
    assert_eq!((finding.judgement, figure(&finding, "undecided_versions")), (Judgement::Unknown, Some(2.0)));
    assert!(
        finding.sentence.contains("the beginning of log.in is gone: its partition 1 starts at offset"),
        "{}",
        finding.sentence
    );
    // What was there twice may be in what is gone.
    assert_eq!(judged("order", TABLE, &script.history()).judgement, Judgement::Unknown);
}

#[test]
fn a_key_in_two_partitions_is_split_once_and_judged_in_each() {
    let records = [record(1, 1, 0, 0), record(1, 4, 2, 1), record(1, 3, 2, 2), record(1, 2, 5, 0), record(2, 1, 5, 1)];
    let finding = says(TABLE, &records);
    assert_eq!((finding.judgement, figure(&finding, "split_keys")), (Judgement::Fail, Some(1.0)));
    assert_eq!(figure(&finding, "missing_versions"), Some(0.0), "every version is somewhere");
    assert_eq!(figure(&finding, "reordered_records"), Some(1.0));
    let detail = format!(
        "key {} is at version 4 at log.in/2 offset 1 at 2001.0 s, and in another partition at version 1 at log.in/0 \
         offset 0 at 0.0 s",
        Script::id(1)
    );
    assert_eq!(told(&finding)[0], ("split", detail.as_str()));
    assert!(finding.sentence.contains("1 record out of order and 1 key in more than one partition"));
}

#[test]
fn a_record_without_a_key_is_kept_in_order_by_its_id() {
    let mut records = log(&[2, 1]);
    for record in &mut records {
        (record.key, record.id) = (None, Script::id(1));
    }
    records.push(Observation { key: None, ..record(9, 1, 0, 7) });
    let finding = says(TABLE, &records);
    assert_eq!((figure(&finding, "reordered_records"), figure(&finding, "keys")), (Some(1.0), Some(2.0)));
}

#[test]
fn records_without_a_version_make_it_unknown_and_may_be_the_missing_ones_of_their_key() {
    let mut records = log(&[1, 3, 4]);
    records[2].version = None;
    let finding = says(TABLE, &records);
    assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
    let figures = ["unversioned_records", "missing_versions", "undecided_versions"].map(|n| figure(&finding, n));
    assert_eq!(figures, [Some(1.0), None, Some(1.0)]);
    assert!(finding.sentence.ends_with("1 record at log.in without a version."), "{}", finding.sentence);
    records.extend([record(2, 1, 0, 10), record(2, 3, 0, 11)]);
    assert_eq!(figure(&says(TABLE, &records), "missing_versions"), Some(1.0), "of the key whose records all have one");
}

#[test]
fn without_a_key_with_two_records_it_is_unknown() {
    for records in [vec![], vec![record(1, 1, 0, 0), record(2, 1, 0, 1)]] {
        let finding = says(TABLE, &records);
        assert_eq!(finding.judgement, Judgement::Unknown);
    }
    let finding = says(TABLE, &[record(1, 1, 0, 0), record(2, 1, 0, 1)]);
    assert!(finding.sentence.contains("no key at log.in has two records"), "{}", finding.sentence);
}

/// A stage without positions, in the order in which its rows were read.
fn table_rows(versions: &[i64]) -> Vec<Observation> {
    let mut records = log(versions);
    for record in &mut records {
        (record.partition, record.offset) = (None, None);
    }
    records
}

#[test]
fn without_positions_only_gaps_repeats_and_contradictions_are_judged() {
    let fine = says(TABLE, &table_rows(&[3, 1, 2]));
    assert_eq!((fine.judgement, figure(&fine, "reordered_records")), (Judgement::Pass, None));
    assert_eq!(figure(&fine, "split_keys"), None);
    assert_eq!(
        fine.sentence,
        "Under each of 1 key at log.in no version is missing, and none is there twice (3 records; without positions, \
         their order is not judged)."
    );
    let broken = says(TABLE, &table_rows(&[4, 1, 2, 1]));
    assert_eq!(broken.judgement, Judgement::Fail);
    assert_eq!(["repeated_records", "missing_versions"].map(|n| figure(&broken, n)), [Some(1.0), Some(1.0)]);
    assert!(told(&broken).iter().any(|(defect, detail)| *defect == "repeated" && detail.contains("at 3.0 s repeats")));
    let mut other = table_rows(&[2, 1, 1]);
    other[2].digest = Some(77);
    assert_eq!(figure(&says(TABLE, &other), "contradicted_records"), Some(1.0));
    let nothing = says(&format!("{TABLE}\nrepeats = \"allowed\"\ngaps = \"allowed\""), &table_rows(&[1, 2]));
    assert_eq!(nothing.judgement, Judgement::Unknown, "{}", nothing.sentence);
}

#[test]
fn a_stage_of_which_some_records_have_no_place_is_unknown() {
    let mut records = log(&[1, 2, 3]);
    records[2].offset = None;
    let finding = says(TABLE, &records);
    assert_eq!(finding.judgement, Judgement::Unknown);
    assert!(finding.sentence.contains("1 record at log.in without a place in its log"), "{}", finding.sentence);
}

#[test]
fn without_digests_a_version_that_comes_again_is_a_repeat_and_where_they_are_allowed_unknown() {
    let mut records = log(&[1, 2, 1]);
    records[2].digest = None;
    assert_eq!(figure(&says(TABLE, &records), "repeated_records"), Some(1.0));
    let allowed = says(&format!("{TABLE}\nrepeats = \"allowed\""), &records);
    assert_eq!(allowed.judgement, Judgement::Unknown, "{}", allowed.sentence);
}

#[test]
fn a_stage_that_was_not_read_completely_is_unknown_and_what_was_seen_in_it_stands() {
    let read = |versions: &[i64], read: fn(&mut Script)| {
        let mut script = run(&log(versions));
        script.without(|event| matches!(event, Event::StageRead(_)));
        read(&mut script);
        judged("order", TABLE, &script.history())
    };
    let not_read: [fn(&mut Script); 3] = [
        |_| {},
        |script| {
            script.read(62.0, "log.in", false, 0);
        },
        |script| {
            script.read(62.0, "log.in", true, 1);
        },
    ];
    for not_read in not_read {
        assert_eq!(read(&[1, 2, 3], not_read).judgement, Judgement::Unknown);
        let gap = read(&[1, 2, 4], not_read);
        let figures = ["missing_versions", "undecided_versions", "reordered_records"].map(|n| figure(&gap, n));
        assert_eq!((gap.judgement, figures), (Judgement::Unknown, [None, Some(1.0), None]));
        let reordered = read(&[2, 1, 3], not_read);
        assert_eq!((reordered.judgement, figure(&reordered, "reordered_records")), (Judgement::Fail, Some(1.0)));
    }
}

#[test]
fn what_is_missing_while_the_system_moves_may_still_come() {
    let drained = |outcome: DrainOutcome| {
        let mut script = run(&log(&[1, 3]));
        script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, outcome);
        judged("order", TABLE, &script.history()).judgement
    };
    assert_eq!([drained(DrainOutcome::Stuck), drained(DrainOutcome::Moving)], [Judgement::Fail, Judgement::Unknown]);
}

#[test]
fn a_damaged_history_does_not_pass_and_what_was_seen_live_is_not_judged() {
    let mut script = run(&log(&[1, 2]));
    script.observed(Observation { reading: proofload_history::Reading::Live, ..record(1, 1, 0, 9) });
    assert_eq!(judged("order", TABLE, &script.history()).judgement, Judgement::Pass);
    assert_eq!(judged("order", TABLE, &script.damaged("it breaks off").history()).judgement, Judgement::Unknown);
}

#[test]
fn versions_at_the_ends_of_their_range_are_counted_without_overflow() {
    let finding = says(&format!("{TABLE}\nfirst = {}", i64::MIN), &log(&[i64::MAX - 1, i64::MAX]));
    assert_eq!(figure(&finding, "missing_versions"), Some(u64::MAX as f64));
    let two = says(TABLE, &[log(&[i64::MIN, i64::MAX]), vec![record(2, 1, 0, 8), record(2, 5, 0, 9)]].concat());
    assert_eq!(figure(&two, "missing_versions"), Some(u64::MAX as f64));
}
