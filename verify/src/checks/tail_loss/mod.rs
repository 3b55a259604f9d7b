//! `tail_loss`: what was acknowledged and stood in a log is still there.

mod acknowledged;
mod records;

use self::acknowledged::Acknowledged;
use self::records::{Fate, Fates, Gone, Records};
use super::offending::{self, Offending, counted};
use super::reading::{StageReading, damage};
use super::table;
use crate::check::Reference;
use crate::wording;
use crate::{About, Check, Class, Context, Defect, Finding, Judgement};
use proofload_history::{At, History, Id};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What is known about `tail_loss`.
pub(super) const ABOUT: About = About {
    name: "tail_loss",
    class: Class::Safety,
    invariant: "What was acknowledged and was seen in the log while the run went on is still there, at the same offset.",
    cost: "One pass over operations and observations, then sorts the records of the log by place: O(n log n), 64 bytes a record.",
    counterexample: "A record that was acknowledged was read at offset 812 while the leader was cut off; the partition ends at 800 and has it nowhere else.",
    keys: &[("stage", "the stage, which is a log that is followed while the run goes on and is not compacted")],
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
/// that a retry brought back at another offset. What was removed from the beginning of a partition was its retention.
///
/// A place speaks only where the stage was read to its end and the bounds of the partition are on record. Whether the
/// system had come to rest does not matter: what stood in a log and is gone will not stand there again. A tail need not
/// be complete, so a pass speaks of what it saw, and the finding says how much that was.
#[derive(Debug)]
pub struct TailLoss {
    stage: String,
}

/// An acknowledged intent that the log has no longer.
struct Lost {
    id: Id,
    acknowledged: At,
    gone: Gone,
}

impl Check for TailLoss {
    fn judge(&self, history: &History, context: &Context<'_>) -> Finding {
        let records = Records::of(history, &self.stage);
        let reading = StageReading::of(history, &self.stage, records.rows);
        let acknowledged = match Acknowledged::of(history, context, &self.stage) {
            Ok(acknowledged) => acknowledged,
            Err(why) => {
                let sentence = self.sentence(Judgement::Unknown, 0, &[], &[why]);
                return Finding::new(ABOUT.name, ABOUT.class, Judgement::Unknown, sentence);
            }
        };
        let at_risk = records.live.iter().filter(|record| acknowledged.at(record.id).is_some()).count() as u64;
        let bounds = history.journal.stage_read(&self.stage).map_or(&[][..], |read| read.bounds.as_slice());
        let fates = if reading.to_its_end { Fates::of(&records, bounds) } else { Fates::default() };
        let lost = lost(&records, &fates, &acknowledged);
        let mut doubts: Vec<String> = damage(history).chain(reading.doubts).collect();
        doubts.extend(self.doubt(&records, &fates, at_risk));
        let judgement = offending::judgement(!lost.is_empty(), &doubts);
        let placed = reading.to_its_end && fates.unbounded == 0 && !records.live.is_empty();
        let known = |number: u64| counted(number, placed);
        let sentence = self.sentence(judgement, at_risk, &lost, &doubts);
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, sentence)
            .figure("live_records", records.live.len() as f64)
            .figure("acknowledged_live_records", at_risk as f64)
            .figure("cut_off_records", known(fates.cut_off()))
            .figure("overwritten_records", known(fates.overwritten()))
            .figure("lost_at_tail_intents", known(lost.len() as u64))
            .evidence(&self.stage, reading.description)
            .evidence("seen live", fates_told(&records, &fates, at_risk));
        let lost = lost.into_iter().map(|lost| self.offending(lost)).collect();
        let finding = offending::tell(finding, &history.journal, lost, |lost| self.describe(lost));
        offending::with_doubts(finding, &doubts)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::Stage(self.stage.clone())]
    }
}

/// The intents behind what is gone that were acknowledged and are nowhere else, each once, with the first of their
/// records that are gone. One more pass over the final records where anything is gone.
fn lost(records: &Records, fates: &Fates, acknowledged: &Acknowledged<'_>) -> Vec<Lost> {
    let mut missing: BTreeMap<Id, Lost> = BTreeMap::new();
    for gone in &fates.gone {
        let id = gone.record.id;
        if let Some(acknowledged) = acknowledged.at(id) {
            missing.entry(id).or_insert(Lost { id, acknowledged, gone: *gone });
        }
    }
    if !missing.is_empty() {
        for record in &records.last {
            missing.remove(&record.id);
        }
    }
    missing.into_values().collect()
}

fn fates_told(records: &Records, fates: &Fates, at_risk: u64) -> String {
    format!(
        "{}, {} of them acknowledged; {} cut off, {} overwritten, {} removed from the beginning",
        wording::plural(records.live.len() as u64, "record"),
        wording::count(at_risk),
        wording::count(fates.cut_off()),
        wording::count(fates.overwritten()),
        wording::count(fates.expired)
    )
}

impl TailLoss {
    /// Why there can be no pass, besides how the stage was read.
    fn doubt(&self, records: &Records, fates: &Fates, at_risk: u64) -> Option<String> {
        let stage = &self.stage;
        if records.live.is_empty() {
            return Some(format!("nobody read {stage} along, with positions, while the run went on"));
        }
        if fates.unbounded > 0 {
            let number = wording::plural(fates.unbounded, "live record");
            return Some(format!("{number} of {stage} stood in partitions whose ends are not on record"));
        }
        (at_risk == 0).then(|| format!("of what was seen in {stage} nothing was acknowledged, so nothing was at risk"))
    }

    fn sentence(&self, judgement: Judgement, at_risk: u64, lost: &[Lost], doubts: &[String]) -> String {
        let (stage, seen) = (&self.stage, wording::plural(at_risk, "acknowledged record"));
        match judgement {
            Judgement::Pass => format!("Of {seen} seen in {stage} while the run went on none was lost from its end."),
            Judgement::Fail => format!(
                "Of {seen} seen in {stage} while the run went on, {} are gone from its end and nowhere else.",
                wording::plural(lost.len() as u64, "intent")
            ),
            Judgement::Unknown => offending::unknown(&format!("anything is lost from {stage}"), doubts),
        }
    }

    fn offending(&self, lost: Lost) -> Offending<'_, Lost> {
        let (id, at, stage) = (Some(lost.id), Some(lost.acknowledged), Some(self.stage.as_str()));
        Offending { id, defect: Defect::Lost.name(), stage, at, nth: (0, 0), why: lost }
    }

    fn describe(&self, lost: &Lost) -> String {
        format!("acknowledged at {}; {}", lost.acknowledged, self.whereabouts(&lost.gone))
    }

    /// Where it was, and who is there now.
    fn whereabouts(&self, gone: &Gone) -> String {
        let (stage, record, end) = (&self.stage, gone.record, gone.end);
        let epoch = |epoch: Option<i32>| epoch.map_or_else(String::new, |epoch| format!(" epoch {epoch}"));
        let now = match gone.fate {
            Fate::CutOff => "nobody is there now".to_owned(),
            Fate::Overwritten(None) => format!("no record of {stage} is there now"),
            Fate::Overwritten(Some(other)) => format!("{}{} is there now", other.id, epoch(other.epoch)),
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
