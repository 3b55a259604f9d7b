//! `saga_complete`: what was started has ended, done or compensated, in time.

mod end;
mod tally;

use self::end::{AtEnd, End, Kept};
use self::tally::{Sagas, Tally};
use super::groups::{self, Read};
use super::limit::CONFIDENCE;
use super::offenders::{self, Rows, counted};
use super::reading::{self, Rest, StageReading};
use super::table;
use crate::check::Reference;
use crate::statistics::quantile::PerMille;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError, Period, Reading};
use serde::Deserialize;
use std::cell::OnceCell;

/// What is known about `saga_complete`.
pub(super) const ABOUT: About = About {
    name: "saga_complete",
    class: Class::Safety,
    invariant: "Each saga that was started has ended, either done or compensated, by its deadline.",
    cost: "One pass over the observations for each part of its stages' rows that fits into memory, which are sorted by id: O(n log n), 88 bytes a row.",
    counterexample: "An offer was accepted at 12 s; its payout was refused, and what was booked for it was never taken back.",
    keys: &[
        ("started", "the stage at which every id is a saga that was started"),
        (
            "done",
            "the stage where it ends well, and the states that are that end: `{ stage, states }`; without `states` any row there is. Of several rows the one of the highest version, else the last by position, tells the state",
        ),
        ("compensated", "the same for where it ends undone; left out where it has to end well"),
        ("within", "the longest time from its instant at `started` to its instant at the end; any, if left out"),
    ],
    figures: &[&[
        ("started_ids", "sagas that were started"),
        ("done_ids", "those that were done"),
        ("compensated_ids", "those that were compensated"),
        ("unfinished_ids", "those that were neither"),
        ("late_ids", "those that ended after their deadline"),
        ("torn_ids", "those that were both done and compensated"),
        ("undecided_ids", "those whose end is not known"),
        ("duration_p95_s", "p95 of how long they took"),
    ]],
    example: "started = \"log.offer_accepted\"\ndone = { stage = \"db.loan\", states = [\"ACTIVE\", \"CLOSED_OBLIGATIONS_MET\"] }\ncompensated = { stage = \"ledger.reversal\" }\nwithin = \"30s\"\n",
    parse: |value| table::read(value, SagaComplete::new),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    started: String,
    done: End,
    compensated: Option<End>,
    within: Option<Period>,
}

/// What is claimed when:
///
/// - *unfinished*, at neither end: where the ends were read to their ends, with every row understood, and the system
///   had come to rest or was stuck; or, with `within`, where the deadline was over when the drain ended, rest or not:
///   the ends were read after that. Whatever of `started` was read counts: each id there is a saga.
/// - *late*, ended more than `within` after its start: where all of its rows at the start, and all that say that it
///   ended, have instants, and the end was read whole, for a row that was not read may be earlier.
/// - *torn*, at both ends: where both were read whole. An end without `states` need not be: a row of it is the end,
///   whatever was not read.
///
/// A saga is one of these at most: one that is torn is not late as well. What cannot be claimed so is undecided, and
/// so is a saga of which nobody can tell in which state it is: its last row has none, or its rows have no versions and
/// are in several partitions.
#[derive(Debug)]
pub struct SagaComplete {
    started: String,
    done: End,
    compensated: Option<End>,
    within: Option<Period>,
}

impl Check for SagaComplete {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let stages = self.stages();
        let rest = Rest::of(&history.journal);
        let known = OnceCell::new();
        let sagas_of = |read: &Read| known.get_or_init(|| self.sagas(history, read, &rest));
        let mut tally = Tally::default();
        let read = groups::of_observations(
            history,
            context.budget,
            &stages,
            |_, seen| {
                let kept = || Kept::of(seen, [Some(&self.done), self.compensated.as_ref()]);
                (seen.reading() == Reading::Final).then(|| (seen.id(), kept()))
            },
            |group, read| tally.take(&sagas_of(read).0, &group),
        )?;
        let (_, readings) = sagas_of(&read);
        self.tell(history, tally, readings, &rest)
    }

    fn references(&self) -> Vec<Reference> {
        let places = self.places().into_iter().enumerate().filter(|(nth, place)| nth == place);
        places.map(|(_, place)| Reference::Stage(self.stages()[place].to_owned())).collect()
    }
}

impl SagaComplete {
    fn new(table: Table) -> Result<Self, String> {
        let Table { started, done, compensated, within } = table;
        for (key, end) in [("done", Some(&done)), ("compensated", compensated.as_ref())] {
            let Some(end) = end else { continue };
            if end.states.as_ref().is_some_and(Vec::is_empty) {
                return Err(format!("no state is the end that `{key}` names: write one, or leave `states` out"));
            }
            if end.stage == started && end.states.is_none() {
                return Err(format!("every saga would end where it starts: say in which `states` it is {key}"));
            }
        }
        if compensated.as_ref().is_some_and(|end| end.overlaps(&done)) {
            return Err(format!(
                "the same rows of {} are done and compensated: name other `states` for each",
                done.stage
            ));
        }
        Ok(Self { started, done, compensated, within })
    }

    /// The sagas, and how the stages were read: of a stage that is named twice at its first place.
    fn sagas(&self, history: &History, read: &Read, rest: &Rest) -> (Sagas<'_>, [StageReading; 3]) {
        let (stages, places) = (self.stages(), self.places());
        let readings = places.map(|place| StageReading::of(history, stages[place], read.rows[place]));
        let [_, done, compensated] = places;
        let ends_read = readings[1].whole() && readings[2].whole();
        let end = |end, which: usize, place: usize| {
            let read_whole = readings[which + 1].whole();
            AtEnd { end, which, place, read_whole }
        };
        let sagas = Sagas {
            done: end(&self.done, 0, done),
            compensated: self.compensated.as_ref().map(|at| end(at, 1, compensated)),
            within: self.within.map(|within| within.0),
            absent_is_final: ends_read && rest.settled,
            ends_read_after: history.journal.drained().map(|(at, _)| at).filter(|_| ends_read),
        };
        (sagas, readings)
    }

    /// Where sagas start, are done, and are compensated: done again where that is no end.
    fn stages(&self) -> [&str; 3] {
        let compensated = self.compensated.as_ref().unwrap_or(&self.done);
        [&self.started, &self.done.stage, &compensated.stage]
    }

    /// The first place of each stage among them.
    fn places(&self) -> [usize; 3] {
        let stages = self.stages();
        stages.map(|stage| stages.iter().position(|other| *other == stage).unwrap_or_default())
    }

    fn tell(
        &self,
        history: &History,
        mut tally: Tally<'_>,
        readings: &[StageReading; 3],
        rest: &Rest,
    ) -> Result<Finding, HistoryError> {
        let all_read = readings.iter().all(StageReading::whole) && rest.settled;
        let places = self.places().into_iter().enumerate().filter(|(nth, place)| nth == place);
        let read: Vec<(&str, &StageReading)> = places.map(|(_, n)| (self.stages()[n], &readings[n])).collect();
        let mut doubts = reading::doubts(history, read.iter().map(|(_, reading)| *reading), rest);
        doubts.extend(self.of_sagas(&tally));
        let broken = std::mem::take(&mut tally.broken);
        let judgement = offenders::judgement(!broken.is_empty(), &doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, "");
        let finding = self.figures(finding, &mut tally, all_read);
        let rows = Rows::of(history, broken.first().flat_map(|(_, wrong)| wrong.rows()))?;
        let finding = broken.tell(finding, &history.journal, |_, wrong| wrong.tell(&rows));
        let mut finding = read
            .into_iter()
            .fold(finding, |finding, (stage, reading)| finding.evidence(stage, reading.description.as_str()));
        finding.sentence = self.sentence(&finding, &tally, &doubts);
        Ok(offenders::with_doubts(finding, &doubts))
    }

    /// What of the sagas themselves keeps it from a pass.
    fn of_sagas(&self, tally: &Tally<'_>) -> Vec<String> {
        let none = (tally.started == 0).then(|| format!("nothing was started at {}", self.started));
        let sagas = |number: u64| (number > 0).then(|| wording::plural(number, "saga"));
        let undecided = sagas(tally.undecided).map(|sagas| format!("the end of {sagas} is not known"));
        let untimed = sagas(tally.untimed).filter(|_| self.within.is_some());
        let untimed = untimed.map(|sagas| format!("the time that {sagas} took is not known"));
        none.into_iter().chain(undecided).chain(untimed).collect()
    }

    /// A zero is a figure only where nothing was left open, and only of what was promised.
    fn figures(&self, finding: Finding, tally: &mut Tally<'_>, all_read: bool) -> Finding {
        let durations = std::mem::take(&mut tally.durations).sorted();
        let countable = all_read && tally.undecided == 0;
        let (torn, late) = (self.compensated.is_some(), self.within.is_some() && tally.untimed == 0);
        let p95 = durations.quantile(PerMille(950), CONFIDENCE);
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let finding = finding
            .figure("started_ids", tally.started as f64)
            .figure("done_ids", tally.done as f64)
            .figure("compensated_ids", tally.compensated as f64)
            .figure("unfinished_ids", counted(tally.unfinished, countable))
            .figure("late_ids", counted(tally.late, countable && late))
            .figure("torn_ids", counted(tally.torn, countable && torn))
            .figure("undecided_ids", tally.undecided as f64)
            .figure("duration_p95_s", p95.map(|p95| seconds(p95.value)));
        let Some(p95) = p95 else { return finding };
        let end = |end: Option<u64>| end.map_or_else(|| "unknown".to_owned(), |end| format!("{:.1} s", seconds(end)));
        let sagas = wording::plural(durations.len(), "saga");
        let interval = format!("{} to {} at 95 % confidence", end(p95.low), end(p95.high));
        finding.evidence("duration", format!("p95 of {sagas} that ended: {:.1} s ({interval})", seconds(p95.value)))
    }

    fn sentence(&self, finding: &Finding, tally: &Tally<'_>, doubts: &[String]) -> String {
        let sagas = format!("{} started at {}", wording::plural(tally.started, "saga"), self.started);
        let within = self.within.map_or_else(String::new, |within| format!(" within {within}"));
        let [done, compensated] = [tally.done, tally.compensated].map(wording::count);
        match finding.judgement {
            Judgement::Pass => format!("Of {sagas} all ended{within}: {done} done, {compensated} compensated."),
            Judgement::Fail => {
                let [unfinished, late, torn] = [tally.unfinished, tally.late, tally.torn].map(wording::were);
                let first = offenders::first(&finding.offenders);
                format!(
                    "Of {sagas} {unfinished} left unfinished, {late} late, {torn} both done and compensated{first}."
                )
            }
            Judgement::Unknown => offenders::unknown(&format!("all of {sagas} ended{within}"), doubts),
        }
    }
}

#[cfg(test)]
mod tests;
