//! What monotonic says of histories written by hand; random ones are in `tests/monotonic_model.rs`.

use super::*;
use crate::testing::{Script, figure, judged};
use proofload_history::journal::DrainOutcome;
use proofload_history::{At, Event, Observation};

const TABLE: &str = "stage = \"log.in\"\nstates = [[\"NEW\"], [\"OPEN\", \"HELD\"], [\"DONE\", \"FAILED\"]]";

/// A row of an id in partition 0, with an instant of its own.
fn row(id: u64, state: &str, version: Option<i64>, offset: i64) -> Observation {
    Observation {
        state: Some(state.into()),
        version,
        partition: Some(0),
        offset: Some(offset),
        at: Some(At::from_secs_f64(offset as f64)),
        ..Observation::of("log.in".into(), Script::id(id))
    }
}

/// The states of id 1, by versions from 1 that fall as offsets rise: versions go first.
fn versions(states: &[&str]) -> Vec<Observation> {
    (1..).zip(states).map(|(version, state)| row(1, state, Some(version), 100 - version)).collect()
}

/// The states of id 1, by offsets.
fn offsets(states: &[&str]) -> Vec<Observation> {
    (0..).zip(states).map(|(offset, state)| row(1, state, None, offset)).collect()
}

fn run(rows: &[Observation]) -> Script {
    let mut script = Script::new();
    for row in rows {
        script.observed(row.clone());
    }
    script.drained(61.0, DrainOutcome::Quiet).read(62.0, "log.in", true, 0);
    script
}

fn says(rows: &[Observation]) -> Finding {
    judged("monotonic", TABLE, &run(rows).history())
}

#[test]
fn states_that_only_go_on_pass_whatever_the_order_of_the_rows() {
    let mut rows = versions(&["NEW", "NEW", "OPEN", "DONE"]);
    rows.extend([row(2, "FAILED", None, 7), row(3, "NEW", None, 8), row(3, "FAILED", None, 9)]);
    for _ in 0..2 {
        let finding = says(&rows);
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(finding.sentence, "Of 3 ids at log.in none went back (2 of them seen more than once).");
        let figures = ["regressed_ids", "contradicted_ids", "ids", "followed_ids", "single_state_ids", "rows"];
        let figures = figures.map(|name| figure(&finding, name));
        assert_eq!(figures, [0.0, 0.0, 3.0, 2.0, 1.0, 7.0].map(Some));
        rows.reverse();
    }
}

#[test]
fn a_state_of_an_earlier_group_after_one_of_a_later_is_regressed_once_an_id() {
    for rows in [versions(&["NEW", "DONE", "OPEN", "NEW"]), offsets(&["NEW", "DONE", "OPEN", "NEW"])] {
        let finding = says(&rows);
        assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1));
        assert_eq!(figure(&finding, "regressed_ids"), Some(1.0));
        assert_eq!(finding.offenders[0].defect, "regressed");
        assert_eq!(finding.offenders[0].at, rows[2].at);
    }
    let finding = says(&versions(&["DONE", "NEW"]));
    assert_eq!(
        finding.offenders[0].detail,
        "version 2 at log.in/0 offset 98 (NEW) at 98.0 s, after version 1 at log.in/0 offset 99 (DONE) at 99.0 s"
    );
    assert_eq!(
        finding.sentence,
        "Of 1 id at log.in 1 was in an earlier state after a later one, none was in two states of one group; the first \
         is regressed at log.in, at 98.0 s."
    );
}

#[test]
fn two_states_of_one_group_contradict_each_other_in_whatever_order() {
    let finding = says(&versions(&["DONE", "DONE", "FAILED"]));
    assert_eq!((finding.judgement, figure(&finding, "contradicted_ids")), (Judgement::Fail, Some(1.0)));
    assert_eq!((finding.offenders_total, figure(&finding, "regressed_ids")), (1, Some(0.0)));
    assert_eq!(
        finding.offenders[0].detail,
        "version 3 at log.in/0 offset 97 (FAILED) at 97.0 s, and all the same version 1 at log.in/0 offset 99 (DONE) \
         at 99.0 s"
    );
    let both = says(&offsets(&["OPEN", "DONE", "HELD"]));
    assert_eq!(["regressed_ids", "contradicted_ids"].map(|n| figure(&both, n)), [Some(1.0), Some(1.0)]);
    let mut unordered = offsets(&["DONE", "FAILED"]);
    unordered[0].offset = None;
    let unordered = says(&unordered);
    assert_eq!((unordered.judgement, figure(&unordered, "contradicted_ids")), (Judgement::Fail, Some(1.0)));
}

#[test]
fn an_old_record_that_comes_again_goes_back_by_offsets_and_not_by_versions() {
    let mut rows = offsets(&["NEW", "DONE", "NEW"]);
    assert_eq!(says(&rows).judgement, Judgement::Fail);
    for (row, version) in rows.iter_mut().zip([1, 2, 1]) {
        row.version = Some(version);
    }
    assert_eq!(says(&rows).judgement, Judgement::Pass);
}

#[test]
fn an_id_whose_states_nothing_puts_in_order_is_unknown() {
    let one_version = [row(1, "NEW", Some(1), 0), row(1, "DONE", Some(1), 1)];
    let one_without = [row(1, "NEW", None, 0), Observation { offset: None, ..row(1, "DONE", Some(2), 1) }];
    let two_partitions = [row(1, "NEW", None, 0), Observation { partition: Some(1), ..row(1, "DONE", None, 1) }];
    let no_partition = [0, 1].map(|n| Observation { partition: None, ..row(1, ["NEW", "DONE"][n], None, n as i64) });
    for rows in [one_version, one_without, two_partitions, no_partition] {
        let finding = says(&rows);
        assert_eq!((finding.judgement, figure(&finding, "unordered_ids")), (Judgement::Unknown, Some(1.0)));
        assert!(finding.sentence.contains("1 id at log.in with several states"), "{}", finding.sentence);
        assert_eq!(["regressed_ids", "contradicted_ids"].map(|n| figure(&finding, n)), [None, Some(0.0)]);
    }
    let one_group = [row(1, "DONE", None, 0), Observation { partition: Some(1), ..row(1, "DONE", None, 1) }];
    assert_eq!(says(&one_group).judgement, Judgement::Pass, "in no order can it have gone back");
}

#[test]
fn what_went_back_for_certain_is_told_though_other_rows_have_no_order() {
    let rows = [row(1, "DONE", Some(1), 0), row(1, "NEW", Some(2), 1), row(1, "OPEN", Some(2), 2)];
    let finding = says(&rows);
    assert_eq!((finding.judgement, figure(&finding, "regressed_ids")), (Judgement::Fail, Some(1.0)));
}

#[test]
fn a_state_that_no_group_names_is_named_and_makes_it_unknown_and_what_went_back_stands() {
    let finding = says(&versions(&["NEW", "LOST", "DONE"]));
    assert_eq!((finding.judgement, figure(&finding, "regressed_ids")), (Judgement::Unknown, None));
    assert!(finding.sentence.ends_with("log.in has LOST, which no group of states names."), "{}", finding.sentence);
    let many = says(&versions(&["NEW", "E", "D", "C", "B", "A", "DONE"]));
    assert!(many.sentence.contains("log.in has A, B, C and 2 others"), "{}", many.sentence);
    assert_eq!(says(&versions(&["DONE", "LOST", "NEW"])).judgement, Judgement::Fail);
}

#[test]
fn a_row_without_a_state_makes_it_unknown() {
    let mut rows = versions(&["NEW", "OPEN", "DONE"]);
    rows[1].state = None;
    let finding = says(&rows);
    assert_eq!((finding.judgement, figure(&finding, "contradicted_ids")), (Judgement::Unknown, None));
    assert!(finding.sentence.contains("1 row at log.in without a state"), "{}", finding.sentence);
    assert_eq!(figure(&finding, "single_state_ids"), Some(0.0));
    let nothing = says(&[Observation { state: None, ..row(1, "NEW", None, 0) }]);
    assert_eq!(figure(&nothing, "single_state_ids"), Some(0.0), "an id of which no state is known");
}

#[test]
fn ids_that_were_seen_once_say_nothing() {
    let finding = says(&[row(1, "NEW", Some(1), 0), row(2, "DONE", Some(2), 1)]);
    assert_eq!((finding.judgement, figure(&finding, "single_state_ids")), (Judgement::Unknown, Some(2.0)));
    assert!(finding.sentence.contains("no id at log.in was seen more than once"), "{}", finding.sentence);
    assert_eq!(says(&[]).judgement, Judgement::Unknown);
}

#[test]
fn a_stage_that_was_not_read_completely_is_unknown_and_what_went_back_in_it_stands() {
    let not_read: [fn(&mut Script); 3] = [
        |_| {},
        |script| {
            script.read(62.0, "log.in", false, 0);
        },
        |script| {
            script.read(62.0, "log.in", true, 1);
        },
    ];
    for read in not_read {
        let says = |states: &[&str]| {
            let mut script = run(&versions(states));
            read(script.without(|event| matches!(event, Event::StageRead(_))));
            judged("monotonic", TABLE, &script.history())
        };
        let fine = says(&["NEW", "DONE"]);
        assert_eq!((fine.judgement, figure(&fine, "regressed_ids")), (Judgement::Unknown, None));
        assert_eq!(says(&["DONE", "NEW"]).judgement, Judgement::Fail);
    }
}

#[test]
fn a_system_that_still_moves_or_a_damaged_history_never_passes() {
    let mut script = run(&versions(&["NEW", "DONE"]));
    let says = |script: &Script| judged("monotonic", TABLE, &script.history()).judgement;
    assert_eq!(says(&script), Judgement::Pass);
    assert_eq!(says(script.clone().damaged("it breaks off")), Judgement::Unknown);
    script.without(|event| matches!(event, Event::Drained(_))).drained(61.0, DrainOutcome::Moving);
    assert_eq!(says(&script), Judgement::Unknown);
}

#[test]
fn of_strange_states_the_first_thousand_are_told_apart() {
    let told = |number: u32| {
        let mut strange = Strange::default();
        (0..number).rev().for_each(|n| strange.meet(&format!("S{n:04}")));
        strange.told()
    };
    assert_eq!(told(4), "S0000, S0001, S0002 and 1 other");
    assert_eq!(told(999), "S0000, S0001, S0002 and 996 others");
    assert_eq!(told(1_001), "S0000, S0001, S0002 and at least 997 others");
}
