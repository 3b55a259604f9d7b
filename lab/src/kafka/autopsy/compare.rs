//! All copies beside their logs, when everything is healed: what only copies have goes into the history.

use super::dump::{self, Dumped};
use super::lineage::Parting;
use super::taken::Copy;
use super::{cut, stages_by_topic, tool};
use crate::Lab;
use crate::kafka::View;
use crate::manifest::LogStage;
use crate::stage::{Records, Verdict};
use proofload_history::{Event, HistoryError, LogDiverged, LogsNotCompared, Observation, Reading, Recorder};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

/// What the comparison came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Copies that were compared with their logs.
    pub copies: u64,
    /// Copies that hold more than their logs.
    pub diverged: u64,
    /// Copies of which nobody can tell.
    pub not_known: u64,
}

/// Compares every copy with its log as the replicas hold it now, records what only copies have, and journals what was
/// found. To be called with everything healed and in sync. Copies that hold nothing of their own are removed; `None` if
/// there were none at all.
///
/// # Errors
/// If the history cannot be written. What cannot be compared is no error: it is in the journal, with the reason.
pub async fn compare(lab: &Lab, recorder: &Recorder) -> Result<Option<Compared>, HistoryError> {
    let copies = Copy::all(&lab.run_dir().autopsy());
    if copies.is_empty() {
        return Ok(None);
    }
    let mut work = Comparison { lab, recorder, stages: stages_by_topic(lab.manifest()), told: HashSet::new() };
    let mut compared = Compared { copies: copies.len() as u64, ..Compared::default() };
    let (mut parted, mut not_known) = (BTreeMap::new(), Vec::new());
    for (copy, parting) in place(lab, copies).await {
        match parting {
            // What cannot be removed is in the way of nobody.
            Ok(None) => drop(std::fs::remove_dir_all(&copy.folder)),
            Ok(Some(parting)) => {
                let of_broker = (copy.fault.clone(), copy.broker.clone());
                parted.entry(of_broker).or_insert_with(Vec::new).push((copy, parting));
            }
            Err(why) => not_known.push((copy, why)),
        }
    }
    for copies in parted.into_values() {
        match work.dump(&copies).await {
            Ok(dump) => {
                compared.diverged += copies.len() as u64;
                work.record(&copies, &dump)?;
            }
            Err(why) => not_known.extend(copies.into_iter().map(|(copy, _)| (copy, why.clone()))),
        }
    }
    compared.not_known = not_known.len() as u64;
    compared.copies -= compared.not_known;
    work.journal_not_known(not_known)?;
    recorder.event(Event::LogsCompared { copies: compared.copies, diverged: compared.diverged })?;
    Ok(Some(compared))
}

/// Where each copy parts from its log, or why nobody can tell.
async fn place(lab: &Lab, copies: Vec<Copy>) -> Vec<(Copy, Result<Option<Parting>, String>)> {
    let partitions = View::new(lab).partitions().await;
    let replicas = |copy: &Copy| -> Result<(PathBuf, Vec<PathBuf>), String> {
        let known = partitions.as_ref().map_err(Clone::clone)?;
        let log = known.iter().find(|it| it.topic == copy.topic && it.partition == copy.partition);
        let log = log.ok_or("the brokers know no such partition")?;
        let leader = log.leader.as_ref().ok_or("nobody leads it")?;
        let others = log.replicas.iter().filter(|replica| *replica != leader).map(|replica| lab.data(replica));
        Ok((lab.data(leader), others.collect()))
    };
    let mut placed = Vec::new();
    for copy in copies {
        // Headers of one segment for each replica: a few reads, at the end of a run.
        let parting = replicas(&copy).and_then(|(leader, others)| copy.parts_from(&leader, &others));
        placed.push((copy, parting));
    }
    placed
}

struct Comparison<'a> {
    lab: &'a Lab,
    recorder: &'a Recorder,
    stages: BTreeMap<&'a str, Vec<(&'a str, &'a LogStage)>>,
    /// Records that are in the history: topic, partition, offset, epoch. Two brokers, or two faults, may have the same.
    told: HashSet<(String, i32, i64, i32)>,
}

impl Comparison<'_> {
    /// What the tool prints of the segments of one broker's copies that reach beyond where they part.
    async fn dump(&self, copies: &[(Copy, Parting)]) -> Result<String, String> {
        let Some(folder) = copies.first().and_then(|(copy, _)| copy.folder.parent()) else { return Ok(String::new()) };
        let mut files = Vec::new();
        for (copy, parting) in copies {
            let beyond = copy.beyond(parting.from).map_err(|error| error.to_string())?;
            files.extend(beyond.iter().map(|segment| format!("{}/{segment}", copy.log())));
        }
        let dump = tool::dump(self.lab.tools(), folder, &files).await?;
        // Nothing is claimed from a dump before all of it is understood.
        let ends = dump::parse(dump.as_bytes(), |_, _| {})?;
        for (copy, parting) in copies {
            let of_log = ends.iter().filter(|(file, _)| is_of(file, copy));
            let end = of_log.map(|(_, end)| *end).max();
            if end != Some(parting.to) {
                let end = end.map_or_else(|| "tells nothing".to_owned(), |end| format!("ends at {end}"));
                return Err(format!("the dump of {} {end}, and the copy ends at {}", copy.words(), parting.to));
            }
        }
        Ok(dump)
    }

    /// Records what `dump` has beyond where each of `copies` parts from its log.
    fn record(&mut self, copies: &[(Copy, Parting)], dump: &str) -> Result<(), HistoryError> {
        for ((copy, parting), beyond) in copies.iter().zip(self.observe(copies, dump)?) {
            let (fault, broker) = (copy.fault.clone(), copy.broker.clone());
            let truncated = cut::truncated_at_ms(&self.lab.log(&broker), &copy.log(), parting.from, copy.taken_ms());
            self.recorder.event(Event::LogDiverged(LogDiverged {
                log: copy.topic.clone(),
                partition: copy.partition,
                broker,
                fault,
                from_offset: parting.from,
                to_offset: parting.to,
                epoch: parting.epoch,
                truncated_under_epoch: parting.under,
                // A log that cannot be read says no more than one without such a line.
                truncated_at: truncated.ok().flatten().map(|ms| self.recorder.clock().at_wall_ms(ms)),
                high_watermark: copy.high_watermark(),
                records: beyond.records,
                unreadable: beyond.unreadable,
                stages: self.stages_of(copy),
            }))?;
        }
        Ok(())
    }

    /// Writes the observations of every stage that is read from these logs, by the code that reads it. Gives for each copy
    /// what it has beyond where it parts.
    fn observe(&mut self, copies: &[(Copy, Parting)], dump: &str) -> Result<Vec<Beyond>, HistoryError> {
        let mut found: Vec<Beyond> = copies.iter().map(|(copy, _)| self.beyond(copy)).collect();
        let by_log: HashMap<String, usize> = copies.iter().map(|(copy, _)| copy.log()).zip(0..).collect();
        let mut facts: Vec<Observation> = Vec::new();
        // It was understood before.
        let _ = dump::parse(dump.as_bytes(), |file, record| {
            let number = file.split_once('/').and_then(|(log, _)| by_log.get(log));
            let Some(((copy, parting), beyond)) = number.map(|number| (&copies[*number], &mut found[*number])) else {
                return;
            };
            if (parting.from..parting.to).contains(&record.offset) {
                let known = (copy.topic.clone(), copy.partition, record.offset, record.epoch);
                let first = self.told.insert(known);
                let told = beyond.take(copy.partition, record);
                facts.extend(told.into_iter().filter(|_| first));
            }
        });
        facts.into_iter().try_for_each(|fact| self.recorder.observation(fact))?;
        Ok(found)
    }

    fn beyond(&self, copy: &Copy) -> Beyond {
        let clock = self.recorder.clock();
        let sources = self.stages.get(copy.topic.as_str()).into_iter().flatten();
        let stages =
            sources.map(|(name, source)| Records::new(name, &source.layout, Reading::Replica, clock)).collect();
        Beyond { stages, records: 0, unreadable: 0 }
    }

    fn stages_of(&self, copy: &Copy) -> Vec<String> {
        self.stages.get(copy.topic.as_str()).into_iter().flatten().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// One entry for all copies of a broker about which the same is to be said.
    fn journal_not_known(&self, copies: Vec<(Copy, String)>) -> Result<(), HistoryError> {
        let mut entries: BTreeMap<[String; 3], LogsNotCompared> = BTreeMap::new();
        for (copy, why) in copies {
            let (log, of_log) = (copy.words(), self.stages_of(&copy));
            let key = [copy.fault.clone(), copy.broker.clone(), why.clone()];
            let entry = entries.entry(key).or_insert_with(|| LogsNotCompared {
                fault: copy.fault,
                broker: copy.broker,
                logs: Vec::new(),
                stages: Vec::new(),
                why,
            });
            entry.logs.push(log);
            entry.stages.extend(of_log);
            entry.stages.sort_unstable();
            entry.stages.dedup();
        }
        entries.into_values().try_for_each(|entry| self.recorder.event(Event::LogsNotCompared(entry)))
    }
}

/// What a copy has beyond where it parts from its log.
struct Beyond {
    /// The stages that are read from the log.
    stages: Vec<Records>,
    records: u64,
    /// Records that a stage cannot read.
    unreadable: u64,
}

impl Beyond {
    /// Takes a record, and gives what it says to the stages.
    fn take(&mut self, partition: i32, record: Dumped<'_>) -> Vec<Observation> {
        let Dumped { offset, epoch, at_ms, key, value } = record;
        let (mut facts, mut unreadable) = (Vec::new(), false);
        for stage in &mut self.stages {
            match stage.read_parts((partition, offset), at_ms, key, value) {
                Verdict::Fact(fact) => facts.push(Observation { leader_epoch: Some(epoch), ..fact }),
                Verdict::Filtered => {}
                Verdict::Unreadable => unreadable = true,
            }
        }
        self.records += 1;
        self.unreadable += u64::from(unreadable);
        facts
    }
}

/// Whether a file of a dump, as the tool was told it, is a segment of the copy.
fn is_of(file: &str, copy: &Copy) -> bool {
    file.split_once('/').is_some_and(|(log, _)| log == copy.log())
}
