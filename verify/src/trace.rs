//! Everything that is known of one id, in the order of time: what was asked, what was seen, what was done to the
//! system around it.

use crate::autopsy::Autopsy;
use crate::faults::Faults;
use crate::{Chain, ChainStage, place, wording};
use proofload_history::journal::FaultRecord;
use proofload_history::operation::UNSENT_GENERATOR;
use proofload_history::{At, Entry, Event, History, HistoryError, Id, Observation, Operation, Outcome, Reading};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Journal entries this long before and after the life of an id are part of its trace.
const AROUND: Duration = Duration::from_secs(1);

/// The way of one id through the system.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Trace {
    /// The id.
    pub id: Id,
    /// What is known of it, as one sentence.
    pub sentence: String,
    /// What happened, in the order of time; what has no instant (a row of a table that carries none) comes last.
    pub steps: Vec<Step>,
    /// Stages that it should be at and was not seen at in the end; none for one that was not acknowledged and not seen
    /// anywhere: it may never have come to the system.
    pub missing: Vec<Missing>,
}

/// Something that happened to the id, or around it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// When.
    pub at: Option<At>,
    /// What kind of step.
    pub kind: StepKind,
    /// What happened, for people.
    pub text: String,
}

/// Where a step comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The journal: a fault, an election, a process.
    System,
    /// The client: an attempt was due, sent, done.
    Attempt,
    /// A stage had it while the run went on.
    SeenLive,
    /// A stage had it at the end.
    Seen,
    /// Only a broker's copy of the stage's log has it.
    OnReplica,
}

/// A stage that does not have the id.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Missing {
    /// The chain.
    pub chain: String,
    /// The stage.
    pub stage: String,
    /// Whether the stage was read to its end, every row understood, so that it is not there; else it may be.
    pub read_completely: bool,
    /// Whether it was seen there while the run went on: then it is gone.
    pub seen_live: bool,
    /// What brokers' copies of the stage's log tell of it, or why they tell nothing.
    pub autopsy: Option<String>,
}

/// The rows of an id.
#[derive(Default)]
struct Rows {
    attempts: Vec<Operation>,
    seen: Vec<Observation>,
}

/// The trace of `id`. O(operations + observations + journal), with the rows of the id in memory.
///
/// # Errors
/// If the rows cannot be read.
pub fn trace(history: &History, chains: &BTreeMap<String, Chain>, id: Id) -> Result<Trace, HistoryError> {
    Ok(traces(history, chains, &[id])?.remove(0))
}

/// The traces of `ids`, in their order. One pass over the operations and one over the observations, and one over the journal
/// for each id, with the rows of the ids in memory.
///
/// # Errors
/// If the rows cannot be read.
pub fn traces(history: &History, chains: &BTreeMap<String, Chain>, ids: &[Id]) -> Result<Vec<Trace>, HistoryError> {
    let mut rows: BTreeMap<Id, Rows> = ids.iter().map(|id| (*id, Rows::default())).collect();
    history.operations.each(|made| {
        if let Some(rows) = rows.get_mut(&made.intent()) {
            rows.attempts.push(made.to_owned());
        }
    })?;
    history.observations.each(|row| {
        if let Some(rows) = rows.get_mut(&row.id()) {
            rows.seen.push(row.to_owned());
        }
    })?;
    let (autopsy, faults) = (Autopsy::of(&history.journal), Faults::of(&history.journal));
    let traces = ids.iter().filter_map(|id| Some((*id, rows.get(id)?)));
    Ok(traces.map(|(id, rows)| trace_of(history, chains, (id, rows), &autopsy, &faults)).collect())
}

fn trace_of(
    history: &History,
    chains: &BTreeMap<String, Chain>,
    (id, Rows { attempts, seen }): (Id, &Rows),
    autopsy: &Autopsy<'_>,
    faults: &Faults,
) -> Trace {
    let mut steps: Vec<Step> = attempts.iter().flat_map(attempt_steps).collect();
    steps.extend(seen.iter().map(|seen| seen_step(seen, autopsy)));
    if let Some((from, to)) = life(&steps) {
        steps.extend(around(history, faults, from - AROUND, to + AROUND));
    }
    steps.extend(cuts(seen, autopsy));
    steps.sort_by_key(|step| (step.at.unwrap_or(At(u64::MAX)), step.kind));
    let missing = missing(history, chains, attempts, seen, autopsy);
    Trace { id, sentence: sentence(history, id, attempts, seen, &missing), steps, missing }
}

fn attempt_steps(made: &Operation) -> Vec<Step> {
    let step = |at, text| Step { at: Some(at), kind: StepKind::Attempt, text };
    let what = format!("attempt {} of {}", made.attempt, made.name);
    let status = made.status.map_or_else(String::new, |status| format!(", status {status}"));
    let error = made.error.as_ref().map_or_else(String::new, |error| format!(", {error}"));
    let Some(sent) = made.sent else {
        let whose = if made.error.as_deref() == Some(UNSENT_GENERATOR) {
            "the generator's failure"
        } else {
            "the system's failure"
        };
        return vec![step(made.intended, format!("{what} was due and never sent{error} ({whose})"))];
    };
    vec![
        step(made.intended, format!("{what} is due")),
        step(sent, format!("{what} is sent")),
        step(made.done, format!("{what} ends: {}{status}{error}", made.outcome.name())),
    ]
}

fn seen_step(seen: &Observation, autopsy: &Autopsy<'_>) -> Step {
    let kind = match seen.reading {
        Reading::Live => StepKind::SeenLive,
        Reading::Final => StepKind::Seen,
        Reading::Replica => StepKind::OnReplica,
    };
    let amount = seen.amount.map_or_else(String::new, |amount| format!(", {amount} minor units"));
    let version = seen.version.map_or_else(String::new, |version| format!(", version {version}"));
    let fate = if kind == StepKind::OnReplica { format!(": {}", autopsy.fate(seen)) } else { String::new() };
    Step {
        at: seen.at,
        kind,
        text: format!("at {}{version}{amount} (read {}){fate}", place::of(seen), place::how(seen.reading)),
    }
}

/// When brokers cut off the records of the id that they alone had.
fn cuts(seen: &[Observation], autopsy: &Autopsy<'_>) -> Vec<Step> {
    let on_copies = seen.iter().filter(|seen| seen.reading == Reading::Replica);
    let diverged = on_copies.flat_map(|seen| autopsy.holding(seen));
    let mut steps: Vec<Step> = diverged
        .filter_map(|it| {
            let records = wording::plural(it.records, "record");
            let (broker, log, from) = (&it.broker, format!("{}/{}", it.log, it.partition), it.from_offset);
            let under = it.truncated_under_epoch.map_or_else(String::new, |epoch| format!(", under epoch {epoch}"));
            let text = format!("{broker} truncates {log} to offset {from}{under}: {records} go");
            Some(Step { at: Some(it.truncated_at?), kind: StepKind::System, text })
        })
        .collect();
    // One record may be at several stages.
    steps.sort_by(|one, other| (one.at, &one.text).cmp(&(other.at, &other.text)));
    steps.dedup();
    steps
}

/// From the first to the last step that has an instant.
fn life(steps: &[Step]) -> Option<(At, At)> {
    let instants = || steps.iter().filter_map(|step| step.at);
    Some((instants().min()?, instants().max()?))
}

/// What was done to the system, and what it did, between two instants, and the injections of the faults that were
/// active then, however early.
fn around(history: &History, faults: &Faults, from: At, to: At) -> Vec<Step> {
    let active = |fault: &FaultRecord| fault.injecting < from && from <= faults.active(fault).1;
    let earlier: Vec<(String, At)> =
        faults.records.iter().filter(|fault| active(fault)).map(|fault| (fault.name(), fault.injecting)).collect();
    let injects = |entry: &Entry| match &entry.event {
        Event::FaultInjecting { fault, .. } => earlier.contains(&(fault.clone(), entry.at)),
        _ => false,
    };
    let entries = history.journal.entries.iter();
    entries
        .filter(|entry| (from <= entry.at && entry.at <= to) || injects(entry))
        .filter_map(|entry| Some(Step { at: Some(entry.at), kind: StepKind::System, text: event_text(&entry.event)? }))
        .collect()
}

/// The event for people; `None` for what has nothing to do with the life of an id.
fn event_text(event: &Event) -> Option<String> {
    Some(match event {
        Event::FaultInjecting { fault, kind, targets, because, .. } => {
            format!("{fault} ({kind}) is injected into {}: {because}", wording::list(targets))
        }
        Event::FaultInjected { fault } => format!("{fault} is injected"),
        Event::FaultAttested { fault, effective, observer, evidence } => {
            format!("{fault} {}, says {observer}: {evidence}", if *effective { "has effect" } else { "has no effect" })
        }
        Event::FaultHealed { fault, because, .. } => format!("{fault} is healed: {because}"),
        Event::HealAttested { fault, healed, evidence } => {
            format!("{fault} {}: {evidence}", if *healed { "is gone" } else { "is not gone" })
        }
        Event::ProcessStarted { instance, .. } => format!("{instance} is started"),
        Event::ProcessExited { instance, status, expected } => {
            format!("{instance} ends: {status}{}", if *expected { "" } else { " (nobody asked for it)" })
        }
        Event::LeaderChanged { topic, partition, leader } => {
            format!("{topic}/{partition} is led by {}", leader.as_deref().unwrap_or("nobody"))
        }
        Event::PhaseStarted { phase } => format!("the phase {phase} begins"),
        Event::Noted { note } => note.clone(),
        Event::RunStarted { .. }
        | Event::SystemReady { .. }
        | Event::IdsIssued { .. }
        | Event::SteadyProbed { .. }
        | Event::FaultSkipped { .. }
        | Event::TrafficEnded {}
        | Event::LoadAudited(_)
        | Event::Drained(_)
        | Event::StageRead(_)
        | Event::LogDiverged(_)
        | Event::LogsNotCompared(_)
        | Event::LogsCompared { .. }
        | Event::Interrupted { .. }
        | Event::RunEnded {} => return None,
    })
}

/// The stages of the chains that the id belongs to which do not have it.
fn missing(
    history: &History,
    chains: &BTreeMap<String, Chain>,
    attempts: &[Operation],
    seen: &[Observation],
    autopsy: &Autopsy<'_>,
) -> Vec<Missing> {
    let has = |stage: &str, reading: Reading| seen.iter().any(|seen| &*seen.stage == stage && seen.reading == reading);
    let mut missing = Vec::new();
    for (name, chain) in chains {
        let mut of_chain = attempts.iter().filter(|made| *made.name == *chain.operation).peekable();
        // What others left at a stage that chains share is no beginning of this one.
        let may_be_its_own = of_chain.peek().is_some() || attempts.is_empty();
        let acknowledged = of_chain.any(|made| made.outcome == Outcome::Ok);
        let somewhere = |stage: &str| has(stage, Reading::Final) || has(stage, Reading::Live);
        let known = acknowledged || (may_be_its_own && chain.stages.iter().any(|stage| somewhere(&stage.stage)));
        let is_for_it = |stage: &&ChainStage| {
            stage.only_if.as_ref().is_none_or(|condition| {
                let mut earlier = seen.iter().filter(|seen| *seen.stage == *condition.stage);
                earlier
                    .any(|seen| seen.reading == Reading::Final && condition.holds(seen.state.as_deref()) == Some(true))
            })
        };
        let lacking = |stage: &&ChainStage| known && !has(&stage.stage, Reading::Final);
        for stage in chain.stages.iter().filter(lacking).filter(is_for_it) {
            missing.push(Missing {
                chain: name.clone(),
                stage: stage.stage.clone(),
                read_completely: history
                    .journal
                    .stage_read(&stage.stage)
                    .is_some_and(|read| read.complete && (read.unreadable == 0 || has(&stage.stage, Reading::Live))),
                seen_live: has(&stage.stage, Reading::Live),
                autopsy: autopsy.of_missing(&stage.stage, seen),
            });
        }
    }
    missing
}

fn sentence(history: &History, id: Id, attempts: &[Operation], seen: &[Observation], missing: &[Missing]) -> String {
    let outcome = match attempts {
        [] if issued(history, id) => "It was issued and no attempt is on record: its outcome is unknown".to_owned(),
        [] => "Nobody issued it".to_owned(),
        [..] => match Outcome::of_attempts(attempts.iter().map(|made| made.outcome)) {
            Outcome::Ok => "It was acknowledged".to_owned(),
            Outcome::Fail => "The client was told that it did not happen".to_owned(),
            Outcome::Indeterminate => "Its outcome is unknown to the client".to_owned(),
        },
    };
    let places = match seen.iter().filter(|seen| seen.reading == Reading::Final).count() {
        0 => "it was seen at no stage in the end".to_owned(),
        times => format!("it was seen {} in the end", wording::plural(times as u64, "time")),
    };
    let on_copy = seen.iter().any(|seen| seen.reading == Reading::Replica);
    let never = !attempts.iter().any(|made| made.outcome == Outcome::Ok);
    let no_loss = "; a broker's copy has it, which is no loss, for nobody acknowledged it";
    let copied = if missing.is_empty() && on_copy && never { no_loss } else { "" };
    let first = missing.first().map_or_else(String::new, |missing| {
        let gone = if missing.seen_live { ", where it was seen live" } else { "" };
        let read = if missing.read_completely { "" } else { " (not read whole)" };
        let autopsy = missing.autopsy.as_ref().map_or_else(String::new, |told| format!("; {told}"));
        format!("; the first stage that misses it is {}{gone}{read}{autopsy}", missing.stage)
    });
    format!("{outcome}; {places}{first}{copied}.")
}

fn issued(history: &History, id: Id) -> bool {
    let seed = history.journal.seed().unwrap_or_default();
    let Some((stream, counter)) = id.counter(seed) else { return false };
    history.journal.entries.iter().any(|entry| match &entry.event {
        Event::IdsIssued { stream: of, from, to, .. } => *of == stream && (*from..*to).contains(&counter),
        _ => false,
    })
}

impl fmt::Display for Trace {
    /// Plain text, a line a step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)?;
        writeln!(f, "{}", self.sentence)?;
        for step in &self.steps {
            let at = step.at.map_or_else(|| "-".to_owned(), |at| format!("{:.3} s", at.secs()));
            let mark = if step.kind == StepKind::System { "* " } else { "  " };
            writeln!(f, "{at:>12} {mark}{}", step.text)?;
        }
        for missing in &self.missing {
            let how = match (missing.read_completely, missing.seen_live) {
                (true, true) => "it was there and is gone",
                (true, false) => "it is not there",
                (false, _) => "it was not seen there, and the stage was not read whole",
            };
            let autopsy = missing.autopsy.as_ref().map_or_else(String::new, |told| format!("; {told}"));
            writeln!(f, "{:>12}   {}: {how}{autopsy}", "missing", missing.stage)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
