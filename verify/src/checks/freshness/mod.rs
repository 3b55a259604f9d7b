//! `freshness`: how soon what was acknowledged is at a stage.

mod arrivals;

use self::arrivals::{Arrivals, Collected};
use super::during::During;
use super::limit::{self, Rows, limits};
use super::offenders::{self, Offenders};
use super::reading::{self, Rest, StageReading, damage};
use super::{starvation, table};
use crate::check::Reference;
use crate::intents::Intents;
use crate::offending::Offending;
use crate::statistics::quantile::PerMille;
use crate::{About, Check, Class, Context, Finding, Judgement, place, wording};
use proofload_history::{History, HistoryError, Id, Observation, Period};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is known about `freshness`.
pub(super) const ABOUT: About = About {
    name: "freshness",
    class: Class::Performance,
    invariant: "What was acknowledged is at the stage within the limit, counted from its acknowledgement.",
    cost: "Two passes over the operations and one over the observations for each part of the intents that fits into memory, no hashing; 32 bytes an intent. Ages are exact up to a million, and within a thousandth beyond.",
    counterexample: "Of 100 intents acknowledged in the window 20 are at the stage only 30 s later, where p95 was to be within 5 s.",
    keys: &[
        ("of", "the operation"),
        ("stage", "the stage; one whose rows carry no instant can show nothing"),
        (
            "during",
            "the phase, or a list of phases, in which the operations were intended; all with traffic but warm_up if left out",
        ),
        ("p50", "limit for the median; at least one of the limits is needed"),
        ("p90", "limit for the quantile 0.9"),
        ("p95", "limit for the quantile 0.95"),
        ("p99", "limit for the quantile 0.99"),
        ("p999", "limit for the quantile 0.999"),
    ],
    figures: &[
        &[
            ("samples", "acknowledged intents, whose ages were taken"),
            ("missing_intents", "those that never came to the stage"),
            ("late_intents", "those that came later than the limit that is broken; 0 if none is"),
        ],
        limit::FIGURES,
    ],
    example: "of = \"submit_application\"\nstage = \"db.application\"\nduring = [\"steady\", \"fault\"]\np50 = \"200ms\"\np90 = \"1s\"\np95 = \"2s\"\np99 = \"5s\"\np999 = \"15s\"\n",
    parse: |value| table::read(value, Freshness::new),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    of: String,
    stage: String,
    #[serde(default)]
    during: During,
    p50: Option<Period>,
    p90: Option<Period>,
    p95: Option<Period>,
    p99: Option<Period>,
    p999: Option<Period>,
}

/// The age of an intent is the time from the answer that acknowledged it to its first row at the stage, by the row's
/// own instant; what was there before the answer was read is of age zero. One that is missing is infinitely old where
/// the stage was read completely and the system had come to rest.
///
/// Where an age is not known (it is missing from a stage that was not read completely, or while the system moved; a row
/// has no instant) it counts as zero: then the quantiles are lower bounds. They can show that a limit was broken, never
/// that it was kept. A stage is read from its beginning, so a reading that broke off lacks later rows, not earlier
/// ones; but a row that nobody understood may be an earlier one, so as many of the greatest ages as there are such rows
/// count as zero too.
#[derive(Debug)]
pub struct Freshness {
    of: String,
    stage: String,
    during: During,
    limits: Vec<(PerMille, u64)>,
}

impl Freshness {
    fn new(table: Table) -> Result<Self, String> {
        let limits = limits([table.p50, table.p90, table.p95, table.p99, table.p999])?;
        Ok(Self { of: table.of, stage: table.stage, during: table.during, limits })
    }
}

impl Check for Freshness {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let (operation, stage) = (&self.of, &self.stage);
        let (intents, spans) = (Intents::of(history, operation)?, self.during.spans(history));
        let arrivals = Arrivals { intents: &intents, spans: &spans, stage, budget: context.budget };
        let mut collected = Collected::default();
        let rows = arrivals.each(history, |arrival| collected.take(arrival))?;
        let reading = StageReading::of(history, stage, rows);
        let rest = Rest::of(&history.journal);
        let conclusive = reading.whole() && rest.settled;
        let unreadable = history.journal.stage_read(stage).map_or(0, |read| read.unreadable);
        let ages = collected.ages(conclusive, unreadable);
        if ages.sorted.is_empty() {
            let during = self.during.names();
            let sentence = format!("No {operation} of {during} was acknowledged, so nothing had to be at {stage}.");
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        }
        let rows = Rows::of(&ages.sorted, &self.limits);
        let machine = starvation::of(history, &spans)?;
        let mut doubts: Vec<String> = damage(history).chain(reading.doubts).collect();
        doubts.extend(reading.beginning_gone.into_iter().chain(rest.doubt).filter(|_| ages.missing > 0));
        doubts.extend(ages.undated_doubt(stage));
        let (judgement, sentence) = self.answer(&rows, machine.starved.as_deref(), &doubts);
        let missing = (conclusive || ages.missing == 0).then_some(ages.missing as f64);
        let limit = rows.least_broken().filter(|_| judgement == Judgement::Fail);
        let late = limit.map_or(0, |limit| ages.sorted.above(limit));
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence)
            .figure("samples", ages.sorted.len() as f64)
            .figure("missing_intents", missing)
            .figure("late_intents", (judgement != Judgement::Unknown).then_some(late as f64));
        let finding = rows.tell(finding).evidence("ages", ages.evidence(&doubts)).evidence(stage, reading.description);
        let finding = offenders::with_doubts(finding, &doubts);
        let finding = finding.evidence("machine", machine.evidence);
        match limit {
            Some(limit) => self.name_late(finding, history, &arrivals, (limit, conclusive)),
            None => Ok(finding),
        }
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Operation(self.of.clone()), Reference::Stage(self.stage.clone())]
    }
}

impl Freshness {
    /// What the quantiles come to, as far as they can be relied on.
    fn answer(&self, rows: &Rows, starved: Option<&str>, doubts: &[String]) -> (Judgement, String) {
        let (operation, stage, during) = (&self.of, &self.stage, self.during.names());
        let shown = format!("{operation} of {during}, from its acknowledgement to {stage}: {}.", rows.sentence());
        match (starved, rows.judgement(), doubts.first()) {
            (Some(why), ..) => {
                let sentence = format!("The age of {operation} at {stage} during {during} cannot be judged: {why}.");
                (Judgement::Unknown, sentence)
            }
            (None, Judgement::Fail, _) => (Judgement::Fail, shown),
            (None, _, Some(doubt)) => {
                let sentence = format!("How soon {operation} of {during} was at {stage} is unknown: {doubt}.");
                (Judgement::Unknown, sentence)
            }
            (None, kept_or_too_few, None) => (kept_or_too_few, shown),
        }
    }

    /// Adds those that were later than the limit as offenders. All passes once more, and one for those that are told.
    fn name_late(
        &self,
        finding: Finding,
        history: &History,
        arrivals: &Arrivals<'_>,
        (limit, conclusive): (u64, bool),
    ) -> Result<Finding, HistoryError> {
        let mut late = Offenders::default();
        arrivals.each(history, |arrival| {
            let age = arrival.age(conclusive);
            if age > limit {
                let id = arrivals.intents.id(arrival.number);
                late.push(Offending::of_id("late", id, Some(self.stage.as_str()), Some(arrival.acknowledged)), || age);
            }
        })?;
        let mut first: BTreeMap<Id, Option<Observation>> =
            late.first().filter_map(|(one, _)| Some((one.id?, None))).collect();
        reading::each_row(history, &self.stage, |seen| {
            if let Some(known) = first.get_mut(&seen.id())
                && known.as_ref().is_none_or(|known| seen.at() < known.at)
            {
                *known = Some(seen.to_owned());
            }
        })?;
        Ok(late.tell(finding, &history.journal, |one, age| {
            let seen = match one.id.and_then(|id| first.get(&id)?.as_ref()) {
                Some(seen) => format!("{} later at {}", wording::latency(*age), place::of(seen)),
                None => "never seen there".to_owned(),
            };
            format!("acknowledged at {}; {seen}", one.at.unwrap_or_default())
        }))
    }
}

#[cfg(test)]
mod tests;
