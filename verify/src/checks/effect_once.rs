//! `effect_once`: nothing was done twice.

use super::groups::{self, Group, Member};
use super::listed::Listed;
use super::offenders::{self, Offenders, Rows, Spots, counted};
use super::standing::{self, Standing};
use super::table;
use crate::check::Reference;
use crate::defect::Defect;
use crate::offending::{Offending, Spot};
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Reading};
use serde::Deserialize;

/// What is known about `effect_once`.
pub(super) const ABOUT: About = About {
    name: "effect_once",
    class: Class::Safety,
    invariant: "Whatever is at one of these stages is there once.",
    cost: "One pass over the observations for each part of the rows that fits into memory, which are sorted by id: O(n log n), 64 bytes a row.",
    counterexample: "The journal of the payment rail has two transfers under one id, at 31.2 s and at 33.9 s.",
    keys: &[("stages", "a list of stages, at least one: at each of them an id may be once")],
    figures: &[&[("repeated_ids.STAGE", "ids that a stage has more than once"), ("rows.STAGE", "rows at a stage")]],
    example: "stages = [\"rail.payout\", \"ledger.disbursement\"]\n",
    parse: |value| table::read(value, |table: Table| Ok(EffectOnce { stages: table.stages })),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stages: Listed,
}

/// A second row of an id stands, however little was read and whatever became of the system afterwards. That there is
/// none takes stages that were read completely and have rows, and a system at rest: one that still works may do again
/// what it has done.
///
/// Whether the rows of an id are equal is told, and is no excuse: an effect that is there twice was done twice. Equal
/// digests are a repeat of one fact, digests that differ are two facts that contradict each other.
#[derive(Debug)]
pub struct EffectOnce {
    stages: Listed,
}

/// What is kept of a row.
#[derive(Clone, Copy)]
struct Kept {
    spot: Spot,
    digest: Option<u64>,
}

/// An id that is there more than once.
struct Repeat {
    spots: Spots,
    nature: &'static str,
}

impl Check for EffectOnce {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let stages: Vec<&str> = self.stages.names().iter().map(String::as_str).collect();
        let (mut repeats, mut found) = (vec![0; stages.len()], Offenders::default());
        let read = groups::of_observations(
            history,
            context.budget,
            &stages,
            |_, seen| {
                let kept = || (seen.id(), Kept { spot: Spot::of(seen), digest: seen.digest() });
                (seen.reading() == Reading::Final).then(kept)
            },
            |mut group, _| {
                for (n, stage) in stages.iter().enumerate() {
                    repeats[n] += u64::from(take_repeat(&mut group, n, stage, &mut found));
                }
            },
        )?;
        let standing = Standing::of(history, self.stages.names(), &read.rows);
        let doubts = standing::doubts(history, &standing);
        let judgement = offenders::judgement(!found.is_empty(), &doubts);
        let mut finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        for (stage, repeats) in standing.iter().zip(&repeats) {
            finding = finding
                .figure(&format!("repeated_ids.{}", stage.stage), counted(*repeats, stage.reading.whole()))
                .figure(&format!("rows.{}", stage.stage), stage.rows as f64)
                .evidence(stage.stage, stage.reading.description.as_str());
        }
        let rows = Rows::of(history, found.first().flat_map(|(_, repeat)| repeat.spots.first.iter().copied()))?;
        let mut finding = found.tell(finding, &history.journal, |_, repeat| repeat.tell(&rows));
        finding.sentence = self.sentence(&finding, &standing, &repeats, &doubts);
        Ok(offenders::with_doubts(finding, &doubts))
    }

    fn references(&self) -> Vec<Reference> {
        self.stages.names().iter().cloned().map(Reference::Stage).collect()
    }
}

/// Takes an id in that a stage has more than once; whether it has. Its second row tells when.
fn take_repeat<'s>(
    group: &mut Group<'_, Kept>,
    number: usize,
    stage: &'s str,
    found: &mut Offenders<'s, Repeat>,
) -> bool {
    let id = group.id;
    let same = group.at_mut(number);
    same.sort_unstable_by_key(|row| (row.what.spot, row.what.digest, row.number()));
    let Some(second) = same.get(1) else { return false };
    let one = Offending::at_spot(Defect::Repeated.name(), id, stage, second.what.spot, second.number());
    found.push(one, || Repeat { spots: Spots::of(same.iter().map(Member::number)), nature: nature(same) });
    true
}

impl Repeat {
    fn tell(&self, rows: &Rows) -> String {
        format!("there {}: {}; {}", wording::times(self.spots.total), self.spots.tell(rows), self.nature)
    }
}

fn nature(same: &[Member<Kept>]) -> &'static str {
    let digests: Vec<u64> = same.iter().filter_map(|row| row.what.digest).collect();
    if digests.windows(2).any(|pair| pair[0] != pair[1]) {
        return "the digests differ: a contradiction";
    }
    if digests.len() == same.len() {
        "the digests are equal: a repeat"
    } else {
        "without digests nobody can tell a repeat from a contradiction"
    }
}

impl EffectOnce {
    fn sentence(&self, finding: &Finding, standing: &[Standing<'_>], repeats: &[u64], doubts: &[String]) -> String {
        let stages = self.stages.told();
        match finding.judgement {
            Judgement::Pass => {
                let rows: u64 = standing.iter().map(|stage| stage.rows).sum();
                format!("Of {} at {stages} none has an id that is there twice.", wording::plural(rows, "row"))
            }
            Judgement::Fail => {
                let repeated = standing.iter().zip(repeats).filter(|(_, repeats)| **repeats > 0);
                let repeated: Vec<String> = repeated
                    .map(|(stage, repeats)| format!("{} at {}", wording::plural(*repeats, "id"), stage.stage))
                    .collect();
                let first = offenders::first(&finding.offenders);
                format!("More than once there: {}{first}.", wording::list(&repeated))
            }
            Judgement::Unknown => offenders::unknown(&format!("everything at {stages} is there once"), doubts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Script, figure, judged};
    use proofload_history::journal::DrainOutcome;
    use proofload_history::{At, Event, Observation};

    const TABLE: &str = "stages = [\"db.row\", \"log.out\"]";

    fn says(script: &Script) -> Finding {
        judged("effect_once", TABLE, &script.history())
    }

    fn is_read_of_db(event: &Event) -> bool {
        matches!(event, Event::StageRead(read) if read.stage == "db.row")
    }

    #[test]
    fn a_run_in_which_all_is_there_once_passes() {
        let finding = says(&Script::good());
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
        assert_eq!(finding.sentence, "Of 2,400 rows at db.row and log.out none has an id that is there twice.");
        let figures = ["repeated_ids.db.row", "repeated_ids.log.out", "rows.db.row"].map(|name| figure(&finding, name));
        assert_eq!(figures, [Some(0.0), Some(0.0), Some(1_200.0)]);
    }

    #[test]
    fn an_id_that_is_there_twice_fails_and_is_told_with_all_of_its_places() {
        let finding = says(&Script::good_with(|script, id| {
            script.seen("log.out", id).seen("log.in", id);
        }));
        assert_eq!((finding.judgement, finding.offenders_total), (Judgement::Fail, 1));
        assert_eq!(finding.sentence, "More than once there: 1 id at log.out; the first is repeated at log.out.");
        let offender = &finding.offenders[0];
        assert_eq!((offender.id, offender.stage.as_deref()), (Some(Script::id(600)), Some("log.out")));
        assert_eq!(offender.defect, "repeated");
        assert!(offender.detail.starts_with("there 2 times: log.out/3 offset 1201, log.out/3 offset 2400; without"));
        assert_eq!(figure(&finding, "repeated_ids.log.out"), Some(1.0));
        assert_eq!(figure(&finding, "repeated_ids.db.row"), Some(0.0));
    }

    #[test]
    fn an_id_counts_once_however_often_it_is_there_and_the_second_time_places_it() {
        let finding = says(&Script::good_with(|script, id| {
            for secs in [33.0, 32.0, 31.0] {
                let at = Some(At::from_secs_f64(secs));
                script.observed(Observation { at, ..Observation::of("db.row".into(), Script::id(1_200)) });
            }
            script.seen("db.row", id).seen("db.row", id);
        }));
        assert_eq!(figure(&finding, "repeated_ids.db.row"), Some(2.0));
        assert_eq!(finding.offenders[0].at.map(At::secs), Some(32.0));
        assert_eq!(finding.offenders[1].at, None);
    }

    #[test]
    fn equal_digests_are_told_as_a_repeat_and_others_as_a_contradiction() {
        let told = |digests: [Option<u64>; 3]| {
            let mut script = Script::new();
            for digest in digests {
                script.observed(Observation { digest, ..Observation::of("db.row".into(), Script::id(1)) });
            }
            says(&script).offenders[0].detail.clone()
        };
        assert!(told([Some(5), Some(5), Some(5)]).ends_with("equal: a repeat"));
        assert!(told([Some(5), Some(5), Some(6)]).ends_with("differ: a contradiction"));
        assert!(told([Some(5), None, Some(6)]).ends_with("differ: a contradiction"));
        assert!(told([Some(5), None, Some(5)]).contains("nobody can tell"));
    }

    #[test]
    fn a_repeat_stands_however_little_was_read() {
        let mut script = Script::new();
        script.seen("db.row", Script::id(1)).seen("db.row", Script::id(1)).damaged("it breaks off");
        let finding = says(&script);
        assert_eq!((finding.judgement, figure(&finding, "repeated_ids.db.row")), (Judgement::Fail, Some(1.0)));
        assert_eq!(figure(&finding, "repeated_ids.log.out"), None);
    }

    #[test]
    fn what_was_seen_live_is_not_there_twice() {
        let finding = says(&Script::good_with(|script, id| {
            script.seen_live("db.row", id);
        }));
        assert_eq!(finding.judgement, Judgement::Pass, "{}", finding.sentence);
    }

    #[test]
    fn a_stage_that_was_not_read_completely_makes_it_unknown() {
        let read = |read: fn(&mut Script)| {
            let mut script = Script::good();
            script.without(is_read_of_db);
            read(&mut script);
            script
        };
        let unread = read(|_| {});
        let half = read(|script| {
            script.read(62.0, "db.row", false, 0);
        });
        let unreadable = read(|script| {
            script.read(62.0, "db.row", true, 2);
        });
        let rows_missing = Script::good().gone("db.row", Script::id(5)).clone();
        for script in [unread, half, unreadable, rows_missing] {
            let finding = says(&script);
            assert_eq!(finding.judgement, Judgement::Unknown, "{}", finding.sentence);
            assert!(finding.sentence.contains("db.row"), "{}", finding.sentence);
            assert_eq!(figure(&finding, "repeated_ids.db.row"), None);
            assert_eq!(figure(&finding, "repeated_ids.log.out"), Some(0.0));
        }
    }

    #[test]
    fn a_stage_at_which_nothing_is_makes_it_unknown() {
        let mut script = Script::new();
        script.seen("db.row", Script::id(1)).drained(61.0, DrainOutcome::Quiet).read_all(62.0);
        let finding = says(&script);
        assert_eq!(finding.judgement, Judgement::Unknown);
        assert!(finding.sentence.ends_with("nothing is at log.out, so there is nothing to judge."));
    }

    #[test]
    fn a_system_that_still_moves_or_a_damaged_history_never_passes() {
        let mut moving = Script::good();
        moving.without(|event| matches!(event, Event::Drained(_))).drained(61.0, DrainOutcome::Moving);
        assert_eq!(says(&moving).judgement, Judgement::Unknown);
        assert_eq!(says(Script::good().damaged("it breaks off")).judgement, Judgement::Unknown);
    }
}
