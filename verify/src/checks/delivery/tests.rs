//! What delivery says of histories written by hand; random ones are in `tests/delivery_model.rs`.

use super::*;
use crate::testing::{Script, diverged, figure, judged};
use proofload_history::journal::DrainOutcome;
use proofload_history::{At, Event, Id, Outcome, Reading};

const TABLE: &str = "chain = \"order\"";

fn says(script: &Script) -> Finding {
    judged("delivery", TABLE, &script.history())
}

/// The only offender of a run that went well but for `change`.
fn offender(change: impl Fn(&mut Script, Id)) -> Offender {
    let finding = says(&Script::good_with(change));
    assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1), "{}", finding.sentence);
    finding.offenders.into_iter().next().unwrap()
}

/// A good run whose drain or whose reading was changed.
fn with_event(which: fn(&Event) -> bool, change: impl Fn(&mut Script)) -> Script {
    let mut script = Script::good();
    script.without(which);
    change(&mut script);
    script
}

fn is_drained(event: &Event) -> bool {
    matches!(event, Event::Drained(_))
}

fn is_read_of_db(event: &Event) -> bool {
    matches!(event, Event::StageRead(read) if read.stage == "db.row")
}

#[test]
fn a_run_in_which_all_is_everywhere_once_passes() {
    let finding = says(&Script::good());
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    assert_eq!((figure(&finding, "ok_intents"), figure(&finding, "lost_intents")), (Some(1_200.0), Some(0.0)));
}

#[test]
fn a_loss_is_placed_at_the_first_stage_that_misses_it_and_told_with_the_last_that_has_it() {
    let lost = offender(|script, id| {
        script.gone("db.row", id).gone("log.out", id);
    });
    assert_eq!((lost.defect.as_str(), lost.stage.as_deref()), ("lost", Some("db.row")));
    assert_eq!(lost.id, Some(Script::id(600)));
    assert_eq!(lost.at.unwrap().secs(), 30.02);
    assert_eq!(lost.detail, "acknowledged at 30.0 s; last seen at log.in/3 offset 1200");
}

#[test]
fn a_record_seen_live_and_gone_at_the_end_proves_truncation() {
    let lost = offender(|script, id| {
        for stage in Script::STAGES {
            script.gone(stage, id);
        }
        script.seen_live("log.in", id);
    });
    assert!(lost.detail.contains("seen live at log.in/3 offset 2400, gone at the end"), "{}", lost.detail);
}

#[test]
fn a_loss_that_a_brokers_copy_still_had_is_told_with_what_cut_it_off() {
    let lost = offender(|script, id| {
        for stage in Script::STAGES {
            script.gone(stage, id);
        }
        script.record(Reading::Replica, (3, 8_114), id, 1).event(62.5, Event::LogDiverged(diverged("kafka-2")));
    });
    assert_eq!(
        lost.detail,
        "acknowledged at 30.0 s; never seen at any stage; log.in/3 offset 8114 was only on kafka-2, truncated under epoch 5 at 31.2 s"
    );
}

#[test]
fn what_only_a_copy_has_is_no_loss_unless_it_was_acknowledged_and_changes_no_answer() {
    // Nobody acknowledged the first; the log has the second all the same; nobody asked for the third.
    let with = |copy: bool| {
        says(&Script::good_with(|script, id| {
            script.issue(1, 1_200, 1_201).timed(1_200, 30.0, 10, Outcome::Indeterminate);
            if copy {
                let ids = [Script::id(1_200), id, Id::of("a stranger")];
                for (offset, id) in (8_100..).zip(ids) {
                    script.record(Reading::Replica, (3, offset), id, 1);
                }
                script.event(62.5, Event::LogDiverged(diverged("kafka-2")));
            }
        }))
    };
    let (without, with) = (with(false), with(true));
    assert_eq!(with.judgement, Judgement::Pass);
    assert_eq!(
        (&with.figures, &with.sentence, &with.offenders),
        (&without.figures, &without.sentence, &without.offenders)
    );
    let told: Vec<&str> = with.evidence.iter().filter(|it| it.label == "autopsy").map(|it| it.text.as_str()).collect();
    assert!(told[0].starts_with("when cut was healed, kafka-2 had 100 records of in/3 that the log lacks"), "{told:?}");
    assert_eq!(
        told[1],
        "only copies have a record of 0 intents acknowledged, and of 1 that nobody acknowledged, which is no loss"
    );
}

#[test]
fn what_only_a_copy_of_the_log_has_is_told_though_a_later_stage_has_it_too() {
    let finding = says(&Script::good_with(|script, id| {
        script.gone("log.in", id).record(Reading::Replica, (3, 8_114), id, 1);
        script.event(62.5, Event::LogDiverged(diverged("kafka-2")));
    }));
    let told =
        "only copies have a record of 1 intent acknowledged, and of 0 that nobody acknowledged, which is no loss";
    assert!(finding.evidence.iter().any(|line| line.text == told), "{:?}", finding.evidence);
}

#[test]
fn a_loss_names_the_faults_that_were_active_when_it_was_acknowledged() {
    let mut script = Script::good_with(|script, id| {
        script.gone("log.in", id);
    });
    let finding = says(script.fault(29.0, 31.0, "cut").fault(35.0, 36.0, "later"));
    assert_eq!(finding.offenders[0].during, ["cut"]);
    assert!(finding.offenders[0].detail.contains("all the same it is at log.out"), "{}", finding.offenders[0].detail);
    assert_eq!(figure(&finding, "lost_intents.log.in.cut"), Some(1.0));
    assert_eq!(figure(&finding, "lost_intents.log.in.later"), None);
}

#[test]
fn repeats_are_a_defect_where_they_are_forbidden_and_none_where_they_are_allowed() {
    let repeated = offender(|script, id| {
        script.seen("db.row", id);
    });
    assert_eq!((repeated.defect.as_str(), repeated.stage.as_deref()), ("repeated", Some("db.row")));
    assert_eq!(repeated.detail, "seen 2 times: db.row, db.row");
    let allowed = says(&Script::good_with(|script, id| {
        script.seen("log.in", id);
    }));
    assert_eq!(allowed.judgement, Judgement::Pass);
}

#[test]
fn of_what_is_there_too_often_the_first_three_places_are_told_and_the_others_counted() {
    let told = |more: u64| {
        let repeated = offender(move |script, id| {
            (0..more).for_each(|_| _ = script.seen("db.row", id));
        });
        repeated.detail
    };
    assert_eq!(told(2), "seen 3 times: db.row, db.row, db.row");
    assert_eq!(told(3), "seen 4 times: db.row, db.row, db.row and once more");
    assert_eq!(told(4), "seen 5 times: db.row, db.row, db.row and 2 times more");
}

#[test]
fn a_repeat_happened_when_it_was_there_the_second_time_and_what_nobody_asked_for_the_first() {
    let at = At::from_secs_f64;
    let repeated = offender(|script, id| {
        script.gone("db.row", id);
        for secs in [50.0, 31.0, 40.0] {
            script.seen_at("db.row", id, at(secs));
        }
    });
    assert_eq!((repeated.defect.as_str(), repeated.at), ("repeated", Some(at(40.0))));
    let stranger = offender(|script, _| {
        for secs in [33.0, 32.0] {
            script.seen_at("log.in", Id::of("a stranger"), at(secs));
        }
    });
    assert_eq!((stranger.defect.as_str(), stranger.at), ("unexpected", Some(at(32.0))));
    assert_eq!(offender(|script, id| _ = script.seen("db.row", id)).at, None, "a row that does not say when");
}

#[test]
fn a_stranger_that_is_there_twice_is_unexpected_and_repeated() {
    let finding = says(&Script::good_with(|script, _| {
        let stranger = Id::of("a stranger");
        script.seen("db.row", stranger).seen("db.row", stranger);
    }));
    let figures = ["repeated_intents", "unexpected_intents"].map(|name| figure(&finding, name));
    assert_eq!((finding.judgement, figures), (Judgement::Fail, [Some(1.0), Some(1.0)]));
    assert!(
        finding.sentence.contains("none was lost, 1 was done twice, 1 was not expected; the first is"),
        "{}",
        finding.sentence
    );
}

#[test]
fn intents_are_counted_by_how_they_ended_and_ids_that_nobody_used_are_none() {
    let finding = says(&Script::good_with(|script, _| {
        script.issue(1, 1_200, 1_220);
        for n in 1_200..1_203 {
            script.timed(n, 30.0, 5, Outcome::Fail);
        }
        for n in 1_203..1_205 {
            script.timed(n, 30.0, 5, Outcome::Indeterminate);
        }
        script.everywhere(Script::id(1_203)).everywhere(Script::id(1_205));
    }));
    let figures = ["ok_intents", "failed_intents", "indeterminate_intents"].map(|name| figure(&finding, name));
    assert_eq!(figures, [1_200.0, 3.0, 3.0].map(Some), "one was seen that has no row");
    let told = finding.evidence.iter().find(|line| line.label == "indeterminate").unwrap();
    assert_eq!(
        told.text,
        "3 intents with an unknown outcome: 2 are at every stage, 1 were not taken in; 14 of issued ids have no row and were seen nowhere"
    );
}

#[test]
fn a_stage_is_told_with_how_many_of_those_acknowledged_it_has_and_has_twice() {
    let finding = says(&Script::good_with(|script, id| {
        script.gone("db.row", id).seen("db.row", Script::id(1)).seen("db.row", Script::id(2));
    }));
    let told = finding.evidence.iter().find(|line| line.label == "db.row").unwrap();
    let says = "has 1,199 of 1,200 acknowledged, 2 more than once (forbidden); read to its end, 1,201 rows";
    assert!(told.text.starts_with(says), "{}", told.text);
}

#[test]
fn an_id_that_nobody_issued_is_unexpected_and_one_issued_without_a_row_is_not() {
    let stranger = offender(|script, _| {
        script.seen("db.row", Id::of("a stranger"));
    });
    assert_eq!((stranger.defect.as_str(), stranger.stage.as_deref()), ("unexpected", Some("db.row")));
    let issued = says(&Script::good_with(|script, _| {
        script.issue(1, 1_200, 1_300).everywhere(Script::id(1_250));
    }));
    assert_eq!(issued.judgement, Judgement::Pass, "{}", issued.sentence);
    assert_eq!(figure(&issued, "indeterminate_landed_intents"), Some(1.0));
}

#[test]
fn an_own_id_of_an_arrival_that_was_issued_is_no_stranger_and_is_judged_by_itself() {
    let own = |own, seen: fn(&mut Script, Id)| {
        says(&Script::good_with(move |script, _| {
            let id = Script::id(700).own(own);
            script.attempt(id, 30.0, Outcome::Ok);
            seen(script, id);
        }))
    };
    let whole = own(1, |script, id| {
        script.everywhere(id);
    });
    assert_eq!(whole.judgement, Judgement::Pass, "{}", whole.sentence);
    let lost = own(1, |_, _| {});
    assert_eq!((lost.judgement, figure(&lost, "lost_intents")), (Judgement::Fail, Some(1.0)));
    assert_eq!(lost.offenders[0].id, Some(Script::id(700).own(1)));
    let twice = own(2, |script, id| {
        script.everywhere(id).seen("db.row", id);
    });
    assert_eq!((twice.judgement, figure(&twice, "repeated_intents")), (Judgement::Fail, Some(1.0)));
    let without_row = says(&Script::good_with(|script, _| {
        script.everywhere(Script::id(700).own(3));
    }));
    assert_eq!(without_row.judgement, Judgement::Pass, "{}", without_row.sentence);
    assert_eq!(figure(&without_row, "indeterminate_landed_intents"), Some(1.0));
    let stranger = offender(|script, _| {
        script.seen("db.row", Script::id(1_000_000).own(1));
    });
    assert_eq!(stranger.defect, "unexpected", "its arrival was never issued");
}

/// Half done and done twice: either would be a defect of the chain's own operation.
#[test]
fn what_another_operation_did_is_not_this_chains_business() {
    let of_another = |id| {
        says(&Script::good_with(move |script, _| {
            script.issue(1, 1_200, 1_201).attempt_of("another", id, 30.0, Outcome::Ok);
            script.seen("log.in", id).seen("db.row", id).seen("db.row", id);
        }))
    };
    let arrival = Script::id(1_200);
    for id in [arrival, arrival.own(1)] {
        let finding = of_another(id);
        assert_eq!(finding.judgement, Judgement::Pass, "{id}: {}", finding.sentence);
    }
}

/// An order that was placed and then changed, where the chain is that of the change: it begins at its own log.
#[test]
fn what_another_operation_left_is_not_held_against_one_that_was_refused_or_is_in_doubt() {
    let changed = |other: Outcome, outcome: Outcome, stages: &'static [&str]| {
        says(&Script::good_with(move |script, _| {
            let id = Script::id(1_200);
            script.issue(1, 1_200, 1_201).attempt_of("another", id, 30.0, other).attempt(id, 31.0, outcome);
            for stage in stages {
                script.seen(stage, id);
            }
        }))
    };
    for outcome in [Outcome::Fail, Outcome::Indeterminate] {
        for other in [Outcome::Ok, Outcome::Indeterminate] {
            let left = changed(other, outcome, &["db.row"]);
            assert_eq!(left.judgement, Judgement::Pass, "{other:?} {outcome:?}: {}", left.sentence);
        }
        // Nobody else left it: neither one that was refused, nor, at the first stage, any other.
        for (other, stages) in [(Outcome::Fail, &["db.row"]), (Outcome::Ok, &["log.in"])] {
            let own = changed(other, outcome, stages);
            assert_eq!(own.judgement, Judgement::Fail, "{other:?} {outcome:?} {stages:?}");
        }
    }
    let open = changed(Outcome::Ok, Outcome::Indeterminate, &["db.row"]);
    assert_eq!(figure(&open, "indeterminate_not_landed_intents"), Some(1.0));
}

#[test]
fn what_the_client_was_told_had_not_happened_is_unexpected() {
    let refused = offender(|script, _| {
        script.issue(1, 1_200, 1_201).timed(1_200, 30.0, 5, Outcome::Fail).everywhere(Script::id(1_200));
    });
    assert!(refused.detail.starts_with("the client was told that it did not happen"), "{}", refused.detail);
    let finding = says(&Script::good_with(|script, _| {
        script.issue(1, 1_200, 1_202);
        for n in 1_200..1_202 {
            script.timed(n, 30.0, 5, Outcome::Fail).everywhere(Script::id(n));
        }
    }));
    assert_eq!(figure(&finding, "unexpected_intents"), Some(2.0));
}

#[test]
fn an_unknown_outcome_may_be_there_or_not_but_not_half() {
    let open = |land: fn(&mut Script, Id)| {
        Script::good_with(move |script, _| {
            script.issue(1, 1_200, 1_201).timed(1_200, 30.0, 5, Outcome::Indeterminate);
            land(script, Script::id(1_200));
        })
    };
    let nowhere = says(&open(|_, _| {}));
    assert_eq!((nowhere.judgement, figure(&nowhere, "indeterminate_not_landed_intents")), (Judgement::Pass, Some(1.0)));
    let everywhere = says(&open(|script, id| {
        script.everywhere(id);
    }));
    assert_eq!(everywhere.judgement, Judgement::Pass);
    let half = says(&open(|script, id| {
        script.seen("log.in", id);
    }));
    assert_eq!((half.judgement, half.offenders[0].stage.as_deref()), (Judgement::Fail, Some("db.row")));
    assert!(half.offenders[0].detail.starts_with("not acknowledged, but taken in"), "{}", half.offenders[0].detail);
    assert_eq!((figure(&half, "lost_intents"), figure(&half, "half_done_intents")), (Some(0.0), Some(1.0)));
    assert_eq!(figure(&half, "lost_intents.db.row"), Some(1.0));
    assert!(half.sentence.contains("none was lost, none was done twice, 1 was not acknowledged and half done"));
    let live_only = says(&open(|script, id| {
        script.seen_live("log.in", id);
    }));
    assert_eq!(live_only.judgement, Judgement::Pass, "{}", live_only.sentence);
    let mut unread = open(|script, id| {
        script.seen("log.in", id).seen("log.out", id);
    });
    let unread = says(unread.without(is_read_of_db));
    assert_eq!((figure(&unread, "half_done_intents"), figure(&unread, "undecided_intents")), (None, Some(1.0)));
}

#[test]
fn nothing_acknowledged_is_unknown() {
    let mut script = Script::new();
    script.drained(61.0, DrainOutcome::Quiet).read_all(62.0);
    assert_eq!(says(&script).judgement, Judgement::Unknown);
}

#[test]
fn a_stage_that_was_not_read_to_its_end_makes_it_unknown() {
    let unread = with_event(is_read_of_db, |_| {});
    let broken_off = with_event(is_read_of_db, |script| {
        script.read(62.0, "db.row", false, 0);
    });
    let unreadable = with_event(is_read_of_db, |script| {
        script.read(62.0, "db.row", true, 3);
    });
    // The reader wrote 1,200 rows, and the file has one less.
    let rows_missing = Script::good().gone("db.row", Script::id(5)).clone();
    for script in [unread, broken_off, unreadable, rows_missing] {
        let finding = says(&script);
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert!(finding.sentence.contains("db.row"), "{}", finding.sentence);
    }
}

#[test]
fn a_row_that_nobody_understood_may_be_the_missing_one_unless_it_was_seen_live() {
    let unreadable = |live: bool| {
        with_event(is_read_of_db, |script| {
            let id = Script::id(5);
            script.gone("db.row", id).read(62.0, "db.row", true, 1);
            if live {
                script.seen_live("db.row", id);
            }
        })
    };
    let never_seen = says(&unreadable(false));
    assert_eq!((never_seen.judgement, figure(&never_seen, "lost_intents")), (Judgement::Unknown, None));
    assert_eq!(figure(&never_seen, "undecided_intents"), Some(1.0));
    let gone = says(&unreadable(true));
    assert_eq!((gone.judgement, figure(&gone, "lost_intents")), (Judgement::Fail, Some(1.0)));
}

#[test]
fn the_worth_of_no_loss_is_told_only_where_all_was_read() {
    let told = |script: &mut Script| {
        let finding = says(script.fault(20.0, 24.0, "cut"));
        finding.evidence.iter().any(|line| line.label == "power")
    };
    assert!(told(&mut Script::good()));
    assert!(!told(&mut with_event(is_read_of_db, |_| {})));
}

#[test]
fn in_a_stage_half_read_a_loss_is_not_claimed_and_a_repeat_stands() {
    let lost = with_event(is_read_of_db, |script| {
        script.gone("db.row", Script::id(5)).read(62.0, "db.row", false, 0);
    });
    let finding = says(&lost);
    assert_eq!((finding.judgement, figure(&finding, "lost_intents")), (Judgement::Unknown, None));
    assert_eq!(figure(&finding, "undecided_intents"), Some(1.0));
    assert!(finding.sentence.ends_with(" (1 intent not seen where they should be)."), "{}", finding.sentence);
    let whole = says(&with_event(is_read_of_db, |script| {
        script.read(62.0, "db.row", false, 0);
    }));
    assert!(!whole.sentence.contains("not seen"), "{}", whole.sentence);
    let repeated = with_event(is_read_of_db, |script| {
        script.seen("db.row", Script::id(5)).read(62.0, "db.row", false, 0);
    });
    assert_eq!(says(&repeated).judgement, Judgement::Fail);
}

/// Retention may have removed it, or a leader that lost its disk.
#[test]
fn in_a_log_whose_beginning_is_gone_a_loss_is_not_claimed_and_nothing_passes() {
    let read_from = |first: i64, lost: bool| {
        let mut script = with_event(|event| matches!(event, Event::StageRead(read) if read.stage == "log.in"), |_| {});
        if lost {
            script.gone("log.in", Script::id(5)).seen_live("log.in", Script::id(5));
        }
        says(script.read_log(62.0, true, &[(0, 0, 0), (3, first, 4_000)]))
    };
    assert_eq!([read_from(0, false), read_from(0, true)].map(|it| it.judgement), [Judgement::Pass, Judgement::Fail]);
    for lost in [false, true] {
        let finding = read_from(100, lost);
        assert_eq!((finding.judgement, figure(&finding, "lost_intents")), (Judgement::Unknown, None), "{lost}");
        let why = "the beginning of log.in is gone: its partition 3 starts at offset 100";
        assert!(finding.sentence.contains(why), "{}", finding.sentence);
    }
}

#[test]
fn what_is_missing_while_the_system_moves_is_unknown_and_once_it_is_stuck_a_loss() {
    let missing = |outcome: Option<DrainOutcome>| {
        let mut script = Script::good_with(|script, id| {
            script.gone("db.row", id).gone("log.out", id);
        });
        script.without(is_drained);
        if let Some(outcome) = outcome {
            script.drained(61.0, outcome);
        }
        says(&script).judgement
    };
    assert_eq!(missing(Some(DrainOutcome::Stuck)), Judgement::Fail);
    for outcome in [Some(DrainOutcome::Moving), Some(DrainOutcome::Unreadable), None] {
        assert_eq!(missing(outcome), Judgement::Unknown, "{outcome:?}");
    }
}

#[test]
fn what_was_seen_live_and_is_gone_is_lost_even_while_the_system_moves() {
    let mut script = Script::good_with(|script, id| {
        script.seen_live("log.in", id).gone("log.in", id);
    });
    script.without(is_drained).drained(61.0, DrainOutcome::Moving);
    assert_eq!(says(&script).judgement, Judgement::Fail);
}

#[test]
fn a_system_still_moving_does_not_pass_even_if_all_is_there() {
    let moving = with_event(is_drained, |script| {
        script.drained(61.0, DrainOutcome::Moving);
    });
    let finding = says(&moving);
    assert_eq!(finding.judgement, Judgement::Unknown);
    assert_eq!(["lost_intents", "half_done_intents"].map(|name| figure(&finding, name)), [None; 2]);
}

#[test]
fn a_damaged_history_never_passes_and_a_refusal_in_it_is_not_certain() {
    let mut script = Script::good_with(|script, _| {
        script.issue(1, 1_200, 1_201).timed(1_200, 30.0, 5, Outcome::Fail).everywhere(Script::id(1_200));
    });
    script.damaged("the file of operations breaks off");
    assert_eq!(says(&script).judgement, Judgement::Unknown);
}

#[test]
fn a_fault_to_which_nothing_was_exposed_makes_it_unknown() {
    let mut script = Script::good();
    script.fault(70.0, 71.0, "after-the-traffic");
    let finding = says(&script);
    assert_eq!(finding.judgement, Judgement::Unknown);
    assert!(finding.sentence.contains("only 0 intents exposed to after-the-traffic"), "{}", finding.sentence);
}

#[test]
fn a_fault_that_repeats_is_exposed_to_as_much_as_all_its_repeats_and_counts_those_that_hit_something() {
    // 20/s for 4 s and the 6 s afterwards, both ends included; and after the traffic, when nothing was at risk.
    let history = Script::good().fault(20.0, 24.0, "cut").fault(70.0, 71.0, "cut").history();
    let judged = |least: u64| judged("delivery", &format!("{TABLE}\nexposed_at_least = {least}"), &history);
    assert_eq!(judged(201).judgement, Judgement::Unknown);
    let finding = judged(200);
    assert_eq!(finding.judgement, Judgement::Pass);
    assert_eq!(figure(&finding, "exposed_intents.cut"), Some(200.0));
    assert_eq!(figure(&finding, "exposed_injections.cut"), Some(1.0));
}

#[test]
fn as_many_must_be_exposed_as_the_experiment_asks_for() {
    let history = Script::good().fault(20.0, 24.0, "cut").history();
    // 20/s for 4 s and the 6 s afterwards, both ends included.
    for (least, expected) in [(200, Judgement::Pass), (201, Judgement::Unknown)] {
        let table = format!("{TABLE}\nexposed_at_least = {least}");
        assert_eq!(judged("delivery", &table, &history).judgement, expected, "{least}");
    }
}

#[test]
fn an_unheard_of_chain_is_unknown() {
    assert_eq!(judged("delivery", "chain = \"nowhere\"", &Script::good().history()).judgement, Judgement::Unknown);
}

#[test]
fn a_finding_lists_the_first_hundred_by_instant_and_counts_all() {
    let finding = says(&Script::good_with(|script, _| {
        for n in (100..400).rev() {
            script.gone("log.in", Script::id(n));
        }
    }));
    assert_eq!((finding.offenders.len(), finding.offenders_total), (100, 300));
    assert_eq!(finding.offenders[0].id, Some(Script::id(100)));
    assert_eq!(figure(&finding, "lost_intents.log.in"), Some(300.0));
}

/// Orders that were acknowledged, each with its state in the middle (none if empty) and whether it is at the last stage;
/// judged where the last stage is only for what is `OPEN` in the middle.
fn says_of_orders(orders: &[(&str, bool)]) -> Finding {
    let mut script = Script::new();
    script.issue(1, 0, orders.len() as u64);
    for (n, (state, at_the_last)) in (0..).zip(orders) {
        script.timed(n, n as f64, 10, Outcome::Ok).seen("log.in", Script::id(n)).seen("db.row", Script::id(n));
        if !state.is_empty() {
            script.in_state(state);
        }
        if *at_the_last {
            script.seen("log.out", Script::id(n));
        }
    }
    says_under_a_condition(script.drained(90.0, DrainOutcome::Quiet).read_all(91.0))
}

fn says_under_a_condition(script: &Script) -> Finding {
    let (chains, check) = (Script::conditional_chains(), crate::testing::check("delivery", TABLE));
    let context = Context { chains: &chains, expectations: &[], faults: &[], budget: Budget::OF_CHECK };
    check.judge(&script.history(), &context).unwrap()
}

#[test]
fn a_stage_that_is_for_some_and_had_none_of_them_was_put_to_no_test() {
    let finding = says_of_orders(&[("SHUT", false), ("SHUT", false)]);
    assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
    let why = "no place_order acknowledged is OPEN at db.row, so log.out had nothing to have";
    assert!(finding.sentence.contains(why), "{}", finding.sentence);
    // What was never acknowledged was not at risk.
    let mut script = Script::new();
    script.issue(1, 0, 2).timed(0, 1.0, 10, Outcome::Ok).timed(1, 2.0, 10, Outcome::Indeterminate);
    for (n, state) in [(0, "SHUT"), (1, "OPEN")] {
        script.seen("log.in", Script::id(n)).seen("db.row", Script::id(n)).in_state(state);
    }
    script.seen("log.out", Script::id(1)).drained(90.0, DrainOutcome::Quiet).read_all(91.0);
    assert_eq!(says_under_a_condition(&script).judgement, Judgement::Unknown);
}

#[test]
fn a_stage_that_is_for_some_must_have_these_and_nobody_else() {
    let finding = says_of_orders(&[("OPEN", true), ("SHUT", false)]);
    assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    let evidence = &finding.evidence.iter().find(|line| line.label == "log.out").unwrap().text;
    assert!(evidence.starts_with("has 1 of 1 acknowledged and OPEN at db.row, 0 more than once"), "{evidence}");
    for (orders, defect, detail) in [
        ([("OPEN", false), ("SHUT", false)], "lost", "last seen at db.row (OPEN)"),
        ([("OPEN", true), ("SHUT", true)], "unexpected", "the stage is only for what is OPEN at db.row"),
    ] {
        let finding = says_of_orders(&orders);
        assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1), "{}", finding.sentence);
        let offender = &finding.offenders[0];
        assert_eq!((offender.defect.as_str(), offender.stage.as_deref()), (defect, Some("log.out")));
        assert!(offender.detail.contains(detail), "{}", offender.detail);
    }
}

#[test]
fn where_a_row_has_no_state_nobody_knows_whom_the_stage_is_for() {
    for at_the_last in [false, true] {
        let finding = says_of_orders(&[("OPEN", true), ("", at_the_last)]);
        assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
        assert!(finding.sentence.contains("1 intent without a state at db.row"), "{}", finding.sentence);
    }
}

#[test]
fn what_was_refused_is_unexpected_for_that_and_not_for_the_condition_of_the_stage() {
    let mut script = Script::new();
    script.issue(1, 0, 1).timed(0, 1.0, 5, Outcome::Fail).seen("log.out", Script::id(0));
    let finding = says_under_a_condition(script.drained(90.0, DrainOutcome::Quiet).read_all(91.0));
    let detail = &finding.offenders[0].detail;
    assert!(detail.starts_with("the client was told that it did not happen"), "{detail}");
}
