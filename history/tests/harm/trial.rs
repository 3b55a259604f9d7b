//! A small run that was recorded and sealed, as the bytes of its files.

use proofload_history::journal::{LoadAudit, StageRead};
use proofload_history::{
    At, Clock, Event, Id, Observation, Operation, Outcome, Phase, Reading, Recorder, RunDir, Sample,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The files of a history, in this order everywhere.
pub(crate) const FILES: [&str; 5] =
    ["operations.arrow", "observations.arrow", "series.arrow", "journal.ndjson", "seal.json"];
/// The place of the seal among them.
pub(crate) const SEAL: usize = 4;

/// What each file has; `None` for one that is not there.
pub(crate) type Files = [Option<Vec<u8>>; FILES.len()];

/// Records a run under `seed` in the existing folder `root`.
#[must_use]
pub(crate) fn record(root: &Path, seed: u64) -> Files {
    let run = RunDir::at(root);
    let recorder = Recorder::create(&run, Clock::new()).unwrap();
    events(seed).into_iter().for_each(|event| recorder.event(event).unwrap());
    for counter in 0..4 {
        let id = Id::issued(seed, 0, counter);
        recorder.operation(operation(id, counter)).unwrap();
        recorder.observation(observation(id, counter)).unwrap();
        let sample = Sample { metric: "lag_records".into(), subject: "kafka-1".into(), at: At(counter), value: 0.5 };
        recorder.sample(sample).unwrap();
    }
    recorder.event(Event::RunEnded {}).unwrap();
    recorder.close().unwrap();
    FILES.map(|file| Some(std::fs::read(root.join(file)).unwrap()))
}

/// Makes the files in the folder `root` those of `files`, where they are not those of `before`.
pub(crate) fn store(root: &Path, before: &Files, files: &Files) {
    let changed = FILES.iter().zip(before.iter().zip(files)).filter(|(_, (before, after))| before != after);
    for (file, (_, after)) in changed {
        let path: PathBuf = root.join(file);
        match after {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => std::fs::remove_file(path).unwrap(),
        }
    }
}

fn events(seed: u64) -> Vec<Event> {
    let stage = "db.application".to_owned();
    vec![
        Event::RunStarted {
            experiment: "trial".to_owned(),
            wall_ms: 1,
            seed,
            variants: vec!["acks-one".to_owned()],
            environment: "lab".to_owned(),
            machine: BTreeMap::from([("cores".to_owned(), "2".to_owned())]),
        },
        Event::PhaseStarted { phase: Phase::Fault },
        Event::IdsIssued { stream: 0, traffic: "apply".to_owned(), operation: "submit".to_owned(), from: 0, to: 4 },
        Event::FaultInjecting {
            fault: "crash#1".to_owned(),
            kind: "kill".to_owned(),
            targets: vec!["kafka-1".to_owned()],
            because: "leader of orders/0".to_owned(),
        },
        Event::FaultAttested {
            fault: "crash#1".to_owned(),
            effective: true,
            observer: "tcp connect".to_owned(),
            evidence: "refused".to_owned(),
        },
        Event::FaultHealed { fault: "crash#1".to_owned(), because: "due".to_owned(), began: Some(At(7)) },
        Event::LoadAudited(LoadAudit { traffic: "apply".to_owned(), scheduled: 4, sent: 4, ..LoadAudit::default() }),
        Event::StageRead(StageRead { stage, complete: true, rows: 4, ..StageRead::default() }),
    ]
}

fn operation(intent: Id, counter: u64) -> Operation {
    Operation {
        intent,
        attempt: 0,
        name: "submit".into(),
        intended: At(counter),
        sent: (counter != 3).then_some(At(counter)),
        done: At(counter + 1),
        outcome: [Outcome::Ok, Outcome::Fail, Outcome::Indeterminate][counter as usize % 3],
        status: (counter != 2).then_some(202),
        error: (counter == 2).then(|| "time-out".into()),
        answer: Some(counter),
    }
}

fn observation(id: Id, counter: u64) -> Observation {
    Observation {
        reading: if counter == 0 { Reading::Live } else { Reading::Final },
        key: (counter == 1).then_some(id),
        partition: Some(0),
        offset: Some(counter as i64),
        at: Some(At(counter)),
        state: Some("APPROVED".into()),
        amount: Some(100),
        ..Observation::of("db.application".into(), id)
    }
}
