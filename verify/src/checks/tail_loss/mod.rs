//! `tail_loss`: what was acknowledged and stood in a log is still there.

mod acknowledged;
mod records;

use self::acknowledged::Acknowledged;
use self::records::{Fate, Fates, Gone, Record};
use super::groups::{self, Read};
use super::offenders::{self, Offenders, counted};
use super::reading::{StageReading, damage};
use super::table;
use crate::check::Reference;
use crate::offending::Offending;
use crate::wording;
use crate::{About, Check, Class, Context, Defect, Finding, Judgement};
use proofload_history::{History, HistoryError, Id, Reading};
use serde::Deserialize;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// What is known about `tail_loss`.
pub(super) const ABOUT: About = About {
    name: "tail_loss",
    class: Class::Safety,
    invariant: "What was acknowledged and was seen in the log while the run went on is still in it: where it was, or where a retry brought it back.",
    cost: "One pass over the operations, and one over the observations for each part of the log's records that fits into memory, which are sorted by id: O(n log n), 64 bytes a record. Passes of their own where something was lost.",
    counterexample: "A record that was acknowledged was read at offset 812 while the leader was cut off; the partition ends at 800 and has it nowhere else.",
    keys: &[(
        "stage",
        "the stage, which is a log that is followed while the run goes on and is not compacted; of an id with several records any one that is left counts for all",
    )],
    figures: &[&[
        ("live_records", "records that were seen while the run went on"),
        ("acknowledged_live_records", "those of them that were acknowledged"),
        ("cut_off_records", "those at or beyond the end of their partition"),
        ("overwritten_records", "those whose place another record has"),
        ("lost_at_tail_intents", "acknowledged, cut off or overwritten, and nowhere else in the log"),
    ]],
    example: "stage = \"log.submitted\"\n",
    parse: |value| table::read(value, |table: Table| Ok(TailLoss { stage: table.stage })),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    stage: String,
}

/// What is what, for a record that was seen live, against the reading at the end:
///
/// - *cut off*: its offset is at or beyond the end of its partition;
/// - *overwritten*: its offset has another id, or the same with other contents, or none of this stage;
/// - *lost*: it was cut off or overwritten, its intent was acknowledged, under the operation of a chain that has the
///   stage, and the stage has the intent nowhere.
///
/// Records that nobody acknowledged may be cut off: that is what keeps replicas alike. They are counted. So may one
/// that a retry brought back at another offset. What was acknowledged, stood in the beginning of a partition, and is
/// nowhere since that beginning is gone makes unknown: retention removes it, and so does a replica that lost it and became
/// the leader, and the bounds of a log do not tell which it was.
///
/// A place speaks only where the stage was read to its end and the bounds of the partition are on record. Whether the
/// system had come to rest does not matter: what stood in a log and is gone will not stand there again. A tail need not
/// be complete, so a pass speaks of what it saw, and the finding says how much that was.
#[derive(Debug)]
pub struct TailLoss {
    stage: String,
}

impl Check for TailLoss {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let stage = self.stage.as_str();
        let Some(acknowledged) = Acknowledged::of(history, context, stage)? else {
            let why = format!("no chain has the stage {stage}, so nobody can tell what was acknowledged");
            let sentence = self.sentence(Judgement::Unknown, 0, 0, &[why]);
            return Ok(Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence));
        };
        let bounds = history.journal.stage_read(stage).map_or(&[][..], |read| read.bounds.as_slice());
        let reading = OnceCell::new();
        let reading_of = |read: &Read| reading.get_or_init(|| StageReading::of(history, stage, read.rows[0]));
        let (mut fates, mut lost, mut chosen) = (Fates::default(), 0, acknowledged.none());
        let read = groups::of_observations(
            history,
            context.budget,
            &[stage],
            |_, seen| Some((seen.id(), Record::of(seen)?)),
            |group, read| {
                let is_acknowledged = acknowledged.has(group.id);
                let bounds = reading_of(read).to_its_end.then_some(bounds);
                if fates.take(&group, bounds, is_acknowledged) && is_acknowledged {
                    lost += 1;
                    chosen.put(&acknowledged, group.id);
                }
            },
        )?;
        let reading = reading_of(&read);
        let mut doubts: Vec<String> = damage(history).chain(reading.doubts.iter().cloned()).collect();
        doubts.extend(self.doubt(&fates));
        let judgement = offenders::judgement(lost > 0, &doubts);
        let placed = reading.to_its_end && fates.unbounded == 0 && fates.live > 0;
        let known = |number: u64| counted(number, placed);
        let sentence = self.sentence(judgement, fates.at_risk, lost, &doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence)
            .figure("live_records", fates.live as f64)
            .figure("acknowledged_live_records", fates.at_risk as f64)
            .figure("cut_off_records", known(fates.cut_off))
            .figure("overwritten_records", known(fates.overwritten))
            .figure("lost_at_tail_intents", known(lost))
            .evidence(stage, reading.description.as_str())
            .evidence("seen live", fates_told(&fates));
        let mut found = Offenders::default();
        acknowledged.each(history, chosen, |id, at| {
            found.push(Offending::of_id(Defect::Lost.name(), id, Some(stage), Some(at)), || ());
        })?;
        let gone = self.gone(history, bounds, found.first().filter_map(|(one, ())| one.id))?;
        let finding = found.tell(finding, &history.journal, |one, ()| {
            let gone = one.id.and_then(|id| gone.get(&id)).map(|gone| self.whereabouts(gone));
            format!("acknowledged at {}; {}", one.at.unwrap_or_default(), gone.unwrap_or_default())
        });
        Ok(offenders::with_doubts(finding, &doubts))
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

fn fates_told(fates: &Fates) -> String {
    format!(
        "{}, {} of them acknowledged; {} cut off, {} overwritten, {} removed from the beginning",
        wording::plural(fates.live, "record"),
        wording::count(fates.at_risk),
        wording::count(fates.cut_off),
        wording::count(fates.overwritten),
        wording::count(fates.expired)
    )
}

impl TailLoss {
    /// For each of these ids the first record that it has lost, and who has its place now. A pass over the observations
    /// for the records, and one for their places.
    fn gone(
        &self,
        history: &History,
        bounds: &[(i32, i64, i64)],
        ids: impl Iterator<Item = Id>,
    ) -> Result<BTreeMap<Id, Gone>, HistoryError> {
        let mut live: BTreeMap<Id, Vec<Record>> = ids.map(|id| (id, Vec::new())).collect();
        if live.is_empty() {
            return Ok(BTreeMap::new());
        }
        history.observations.each(|seen| {
            if seen.reading() == Reading::Live
                && seen.stage() == self.stage
                && let Some(records) = live.get_mut(&seen.id())
                && let Some(record) = Record::of(seen)
                && !records.contains(&record)
            {
                records.push(record);
            }
        })?;
        let first = live.into_iter().filter_map(|(id, records)| Some((id, Gone::first(&records, bounds)?)));
        let mut gone: BTreeMap<Id, Gone> = first.collect();
        let mut now: BTreeMap<(i32, i64), Option<(Record, Id)>> =
            gone.values().map(|gone| (gone.record.place(), None)).collect();
        history.observations.each(|seen| {
            if seen.reading() == Reading::Final
                && seen.stage() == self.stage
                && let Some(record) = Record::of(seen)
                && let Some(there) = now.get_mut(&record.place())
                && there.is_none_or(|(_, id)| seen.id() < id)
            {
                *there = Some((record, seen.id()));
            }
        })?;
        for gone in gone.values_mut() {
            let there = now.get(&gone.record.place()).copied().flatten();
            gone.now = there.map(|(record, id)| (id, record.epoch));
        }
        Ok(gone)
    }

    /// Why there can be no pass, besides how the stage was read.
    fn doubt(&self, fates: &Fates) -> Option<String> {
        let stage = &self.stage;
        if fates.live == 0 {
            return Some(format!("nobody read {stage} along, with positions, while the run went on"));
        }
        if fates.unbounded > 0 {
            let number = wording::plural(fates.unbounded, "live record");
            return Some(format!("{number} of {stage} stood in partitions whose ends are not on record"));
        }
        if fates.expired_intents > 0 {
            let intents = wording::plural(fates.expired_intents, "acknowledged intent");
            return Some(format!(
                "{intents} stood in the beginning of a partition of {stage}, which is gone, by retention or by a loss"
            ));
        }
        (fates.at_risk == 0)
            .then(|| format!("of what was seen in {stage} nothing was acknowledged, so nothing was at risk"))
    }

    fn sentence(&self, judgement: Judgement, at_risk: u64, lost: u64, doubts: &[String]) -> String {
        let (stage, seen) = (&self.stage, wording::plural(at_risk, "acknowledged record"));
        match judgement {
            Judgement::Pass => format!("Of {seen} seen in {stage} while the run went on none was lost from its end."),
            Judgement::Fail => format!(
                "Of {seen} seen in {stage} while the run went on, {} are gone from its end and nowhere else.",
                wording::plural(lost, "intent")
            ),
            Judgement::Unknown => offenders::unknown(&format!("anything is lost from {stage}"), doubts),
        }
    }

    /// Where it was, and who is there now.
    fn whereabouts(&self, gone: &Gone) -> String {
        let (stage, record) = (&self.stage, gone.record);
        let epoch = |epoch: Option<i32>| epoch.map_or_else(String::new, |epoch| format!(" epoch {epoch}"));
        let (now, end) = match (gone.fate, gone.now) {
            (Fate::Overwritten(end), Some((other, of))) => (format!("{other}{} is there now", epoch(of)), end),
            (Fate::Overwritten(end), None) => (format!("no record of {stage} is there now"), end),
            (Fate::CutOff(end), _) => ("nobody is there now".to_owned(), end),
            (Fate::Stands | Fate::Expired | Fate::Unbounded, _) => return "it stands there".to_owned(),
        };
        format!(
            "seen live at {stage}/{} offset {}{}; {now}, and the partition ends at {end}",
            record.partition,
            record.offset,
            epoch(record.epoch)
        )
    }
}

#[cfg(test)]
mod tests;
