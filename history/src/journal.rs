//! The journal: one JSON object a line, for what happens seldom. What was done to the system and when, which ids were
//! issued, how far each stage was read.

use crate::{At, LogDiverged, LogsNotCompared, Name, Phase};
use std::collections::BTreeMap;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// When.
    pub at: At,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen in a run.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run's clock starts. Always the first line.
    RunStarted {
        /// The experiment's name (its file's stem).
        experiment: String,
        /// Milliseconds since 1970 at the start of the clock.
        wall_ms: u64,
        /// The seed of arrivals, ids and choices.
        seed: u64,
        /// Variants applied.
        variants: Vec<String>,
        /// `lab`, ...
        environment: String,
        /// Facts about the machine and the parts: `cores`, `memory`, `kernel`, `proofload`, `kafka`, ...
        machine: BTreeMap<String, String>,
    },
    /// Every component and process is ready.
    SystemReady {
        /// Seconds from the start of the first component to the readiness of the last process.
        seconds: f64,
    },
    /// A phase begins; the one before ends.
    PhaseStarted {
        /// Which.
        phase: Phase,
    },
    /// Ids `from..to` of a stream of traffic are issued; written before any of them is sent.
    IdsIssued {
        /// The stream of traffic, as its number within ids.
        stream: u16,
        /// The name of the traffic: `apply`.
        traffic: String,
        /// The operation that is made first under each of these ids: `submit_application`. Empty if every operation of
        /// the traffic has ids of its own.
        operation: String,
        /// The first counter.
        from: u64,
        /// One past the last counter.
        to: u64,
    },
    /// A `[steady]` probe was evaluated before the faults.
    SteadyProbed {
        /// Which probe: `ready`, `in_sync`, `lag_flat`, `no_errors`.
        probe: String,
        /// Whether it held.
        holds: bool,
        /// What was seen.
        evidence: String,
    },
    /// A fault is about to be injected. Written before anything is touched.
    FaultInjecting {
        /// The fault's id in the experiment; in this and in every other event about it, the id of one that is repeated
        /// is followed by the number of its occurrence: `crash#7` (see [`occurrence_name`]).
        fault: String,
        /// Its kind.
        kind: String,
        /// The instances that it was resolved to.
        targets: Vec<String>,
        /// Why these, and why now: `leader of orders/0`, `unapplied_commands = 118 >= 100`.
        because: String,
    },
    /// The injection has been carried out.
    FaultInjected {
        /// The fault's id.
        fault: String,
    },
    /// Another observer than the injector looked for the fault's effect while it was active.
    FaultAttested {
        /// The fault's id.
        fault: String,
        /// Whether the effect was seen.
        effective: bool,
        /// Who looked: `tcp connect to kafka-2:9092`, `packet counters of kafka-1`.
        observer: String,
        /// What was seen.
        evidence: String,
    },
    /// The fault has been healed.
    FaultHealed {
        /// The fault's id.
        fault: String,
        /// `due`, `interrupted`, `run ended`.
        because: String,
        /// When it was begun: a killed instance takes its time to start. The instant of the entry where it is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began: Option<At>,
    },
    /// The system was seen whole again after a heal.
    HealAttested {
        /// The fault's id.
        fault: String,
        /// Whether the effect was seen to be gone.
        healed: bool,
        /// What was seen.
        evidence: String,
    },
    /// A fault was not injected.
    FaultSkipped {
        /// The fault's id.
        fault: String,
        /// `no steady state`, `its condition never held`, `run without faults`, `no target: ...`.
        because: String,
    },
    /// A process was started, again or for the first time.
    ProcessStarted {
        /// The instance: `kafka-2`.
        instance: String,
        /// Its process id inside the lab.
        pid: i32,
    },
    /// A process ended.
    ProcessExited {
        /// The instance.
        instance: String,
        /// `exit 1`, `signal 9`.
        status: String,
        /// Whether the harness had asked for it.
        expected: bool,
    },
    /// A partition has another leader or leader epoch than before.
    LeaderChanged {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The broker instance that leads now, if any.
        leader: Option<String>,
    },
    /// Every consumer of traffic has sent its last request.
    TrafficEnded {},
    /// What the generator says of itself; judged by the check `load`.
    LoadAudited(LoadAudit),
    /// The system came to rest, or the bound of the drain was reached.
    Drained(DrainEnd),
    /// A stage was read. Absent for a stage that was never read.
    StageRead(StageRead),
    /// A broker held records that its log does not have at the end.
    LogDiverged(LogDiverged),
    /// Nobody can tell whether a broker held more than its logs have.
    LogsNotCompared(LogsNotCompared),
    /// What brokers held while faults held them has been compared with the logs at the end.
    LogsCompared {
        /// Copies of logs that were compared.
        copies: u64,
        /// Copies that hold more than their log.
        diverged: u64,
    },
    /// The run was told to stop before its end.
    Interrupted {
        /// `SIGINT`, `SIGTERM`.
        by: String,
    },
    /// Something that a reader should know: a warning, a crash of a process, a capability that was missing.
    Noted {
        /// The note.
        note: String,
    },
    /// The last line of a run that came to its end.
    RunEnded {},
}

/// How the system stood when the drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainOutcome {
    /// Every draining gauge was zero and stayed so; or the system says that all is done when it is answered.
    Quiet,
    /// Work was left and still moving at the bound.
    Moving,
    /// Work was left and had stopped moving.
    Stuck,
    /// The gauges could not be read.
    Unreadable,
    /// The system has no draining gauge and does not say that it needs none, so nobody can know.
    Unwatched,
}

/// How a drain ended, and on what grounds.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DrainEnd {
    /// How the system stood.
    pub outcome: DrainOutcome,
    /// What the gauges that drain had last, by name.
    pub left: BTreeMap<String, f64>,
    /// In words: these, how long they had not moved, and what could not be read.
    pub evidence: String,
}

/// What the generator says of itself.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct LoadAudit {
    /// Which traffic.
    pub traffic: String,
    /// Arrivals that the schedule asked for.
    pub scheduled: u64,
    /// Arrivals that were sent.
    pub sent: u64,
    /// Arrivals unsent because every worker was waiting for the system.
    pub unsent_workers_waiting: u64,
    /// Arrivals unsent, or sent late beyond the bound, while workers were idle: the generator's failure.
    pub unsent_generator: u64,
    /// Workers that took arrivals.
    pub workers: u64,
    /// The most workers busy at once.
    pub workers_busy_max: u64,
    /// Lag of the pacer behind its schedule, microseconds, at the quantiles 0.5, 0.99 and 1.
    pub pacer_lag_us: [u64; 3],
    /// Lag from the pacer handing an arrival over to a worker sending it while some worker was idle, microseconds, at
    /// the quantiles 0.5, 0.99 and 1.
    pub dispatch_lag_us: [u64; 3],
    /// Requests that Goose counted, as a cross-check of `sent`.
    pub goose_requests: u64,
    /// Panics caught in transactions.
    pub panics: u64,
    /// How far the arrivals got.
    pub journeys: Journeys,
}

/// How far the arrivals of a traffic got: what was begun and is in none of the other counts was cut short by the end of
/// the run, or by a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Journeys {
    /// Begun.
    pub begun: u64,
    /// Ended with their last step.
    pub completed: u64,
    /// Ended by an `unless`: what was waited for could not come any more.
    pub unless: u64,
    /// Ended by a step that was not ok.
    pub not_ok: u64,
    /// Ended because what was waited for did not come `within` its time.
    pub waited_in_vain: u64,
    /// Ended because an answer did not hold the value that a later step needed.
    pub without_value: u64,
}

/// How a stage was read at the end.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct StageRead {
    /// Which stage.
    pub stage: String,
    /// Whether it was read from its beginning to its end, twice, with equal digests.
    pub complete: bool,
    /// Why not, if not.
    pub error: Option<String>,
    /// Observations written.
    pub rows: u64,
    /// Rows of the log or table that were skipped by the stage's own condition.
    pub filtered: u64,
    /// Rows that could not be understood (no id where the stage says it is).
    pub unreadable: u64,
    /// `repeatable read`, `read_committed`.
    pub isolation: String,
    /// For a log: partition, first offset, end offset.
    pub bounds: Vec<(i32, i64, i64)>,
    /// Digests of the two readings, in hexadecimal.
    pub digests: Vec<String>,
}

/// The journal of a run, read back: its entries in the order written.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// All entries.
    pub entries: Vec<Entry>,
}

/// A fault as the journal tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRecord {
    /// Its id in the experiment.
    pub id: Name,
    /// Which of its occurrences this is, from 1, if it is repeated.
    pub occurrence: Option<u32>,
    /// Its kind.
    pub kind: String,
    /// What it was resolved to.
    pub targets: Vec<String>,
    /// Why there and then.
    pub because: String,
    /// When its injection began.
    pub injecting: At,
    /// When it had been injected.
    pub injected: Option<At>,
    /// When its heal began.
    pub healing: Option<At>,
    /// When it was healed.
    pub healed: Option<At>,
    /// Attestations: whether the effect was seen, by whom, and what.
    pub attested: Vec<(bool, String, String)>,
    /// Whether the heal was seen, and what was seen.
    pub heal_attested: Option<(bool, String)>,
}

/// How the journal calls the occurrence `number` of the fault `id`: `crash#7`.
#[must_use]
pub fn occurrence_name(id: &str, number: u32) -> String {
    format!("{id}{OCCURRENCE}{number}")
}

/// The id of a fault, and the number of its occurrence, from what the journal calls it. No id holds the sign between.
#[must_use]
pub fn split_occurrence(name: &str) -> (&str, Option<u32>) {
    let split = name.rsplit_once(OCCURRENCE).and_then(|(id, number)| Some((id, number.parse().ok()?)));
    split.map_or((name, None), |(id, number)| (id, Some(number)))
}

/// Between the id of a fault and the number of its occurrence.
const OCCURRENCE: char = '#';

impl FaultRecord {
    /// What the journal calls it: its id, of one that is repeated with the number of its occurrence.
    #[must_use]
    pub fn name(&self) -> String {
        self.occurrence.map_or_else(|| self.id.to_string(), |number| occurrence_name(&self.id, number))
    }

    /// Whether another observer saw the effect, and none looked in vain.
    #[must_use]
    pub fn effective(&self) -> bool {
        !self.attested.is_empty() && self.attested.iter().all(|(effective, _, _)| *effective)
    }
}

impl Journal {
    /// The spans of the phases that began, in order: phase, from, to. The last one ends with the last entry.
    #[must_use]
    pub fn phases(&self) -> Vec<(Phase, At, At)> {
        let starts = self.entries.iter().filter_map(|entry| match entry.event {
            Event::PhaseStarted { phase } => Some((phase, entry.at)),
            _ => None,
        });
        let mut spans: Vec<(Phase, At, At)> = Vec::new();
        for (phase, at) in starts {
            if let Some(last) = spans.last_mut() {
                last.2 = at;
            }
            spans.push((phase, at, self.end()));
        }
        spans
    }

    /// The span of `phase`, if it began.
    #[must_use]
    pub fn phase(&self, phase: Phase) -> Option<(At, At)> {
        self.phases().into_iter().find(|(which, _, _)| *which == phase).map(|(_, from, to)| (from, to))
    }

    /// The instant of the last entry.
    #[must_use]
    pub fn end(&self) -> At {
        self.entries.iter().map(|entry| entry.at).max().unwrap_or_default()
    }

    /// The faults that were injected, in order of injection; one that is repeated once for every occurrence.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultRecord> {
        let mut faults: Vec<FaultRecord> = Vec::new();
        for entry in &self.entries {
            if let Event::FaultInjecting { fault, kind, targets, because } = &entry.event {
                let (id, occurrence) = split_occurrence(fault);
                faults.push(FaultRecord {
                    id: id.into(),
                    occurrence,
                    kind: kind.clone(),
                    targets: targets.clone(),
                    because: because.clone(),
                    injecting: entry.at,
                    injected: None,
                    healing: None,
                    healed: None,
                    attested: Vec::new(),
                    heal_attested: None,
                });
            }
            let of = |faults: &mut Vec<FaultRecord>, name: &str, tell: &mut dyn FnMut(&mut FaultRecord)| {
                let named = split_occurrence(name);
                if let Some(fault) = faults.iter_mut().rev().find(|known| (&*known.id, known.occurrence) == named) {
                    tell(fault);
                }
            };
            match &entry.event {
                Event::FaultInjected { fault } => of(&mut faults, fault, &mut |f| f.injected = Some(entry.at)),
                Event::FaultAttested { fault, effective, observer, evidence } => {
                    of(&mut faults, fault, &mut |f| f.attested.push((*effective, observer.clone(), evidence.clone())));
                }
                Event::FaultHealed { fault, began, .. } => {
                    of(&mut faults, fault, &mut |f| {
                        f.healing = f.healing.or(*began).or(Some(entry.at));
                        f.healed = f.healed.or(Some(entry.at));
                    });
                }
                Event::HealAttested { fault, healed, evidence } => {
                    of(&mut faults, fault, &mut |f| f.heal_attested = Some((*healed, evidence.clone())));
                }
                _ => {}
            }
        }
        faults
    }

    /// How `stage` was read, if it was.
    #[must_use]
    pub fn stage_read(&self, stage: &str) -> Option<&StageRead> {
        self.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::StageRead(read) if read.stage == stage => Some(read),
            _ => None,
        })
    }

    /// The last drain: when it ended, and how.
    #[must_use]
    pub fn drained(&self) -> Option<(At, &DrainEnd)> {
        self.entries.iter().rev().find_map(|entry| match &entry.event {
            Event::Drained(end) => Some((entry.at, end)),
            _ => None,
        })
    }

    /// The audits of the traffic.
    pub fn load_audits(&self) -> impl Iterator<Item = &LoadAudit> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::LoadAudited(audit) => Some(audit),
            _ => None,
        })
    }

    /// The seed of the run, if it started.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::RunStarted { seed, .. } => Some(*seed),
            _ => None,
        })
    }

    /// Whether the run came to its end and was not interrupted.
    #[must_use]
    pub fn complete(&self) -> bool {
        let ended = self.entries.iter().any(|entry| matches!(entry.event, Event::RunEnded {}));
        ended && !self.entries.iter().any(|entry| matches!(entry.event, Event::Interrupted { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occurrence_has_the_id_of_its_fault_and_a_number() {
        assert_eq!(occurrence_name("crash", 7), "crash#7");
        assert_eq!(split_occurrence("crash#7"), ("crash", Some(7)));
        assert_eq!(split_occurrence("crash-7"), ("crash-7", None));
    }

    #[test]
    fn what_is_told_of_an_occurrence_belongs_to_no_other() {
        let injecting = |name: &str| Event::FaultInjecting {
            fault: name.to_owned(),
            kind: "kill".to_owned(),
            targets: Vec::new(),
            because: String::new(),
        };
        let healed =
            |name: &str| Event::FaultHealed { fault: name.to_owned(), because: "due".to_owned(), began: Some(At(2)) };
        let events = [injecting("crash#1"), injecting("crash#2"), injecting("crash"), healed("crash#1")];
        let entries = (0..).zip(events).map(|(at, event)| Entry { at: At(at), event }).collect();
        let faults = Journal { entries }.faults();
        let told: Vec<_> = faults.iter().map(|fault| (fault.name(), &*fault.id, fault.healing, fault.healed)).collect();
        assert_eq!(
            told,
            [
                ("crash#1".to_owned(), "crash", Some(At(2)), Some(At(3))),
                ("crash#2".to_owned(), "crash", None, None),
                ("crash".to_owned(), "crash", None, None)
            ]
        );
    }
}
