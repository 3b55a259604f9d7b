//! From a history and a plan to the verdict.

mod facts;
mod figures;
mod limits;
mod sentence;
mod starved;

use self::facts::Facts;
use crate::check::{Chain, Context, PlannedFault};
use crate::checks;
use crate::faults::Faults;
use crate::{About, Budget, Class, Expectation, FaultSummary, Finding, Judgement, PhaseSpan, Verdict};
use proofload_history::journal::{DrainOutcome, split_occurrence};
use proofload_history::{At, Event, History, HistoryError, Journal};
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an experiment set out to do, as far as judging needs it.
#[derive(Debug, Default)]
pub struct Plan {
    /// The experiment's name (its file's stem).
    pub experiment: String,
    /// Its title.
    pub title: String,
    /// What it set out to prove.
    pub hypothesis: String,
    /// Variants applied to the system.
    pub variants: Vec<String>,
    /// Settings of the system that were changed for this run: `process.gateway.replicas=3`.
    pub sets: Vec<String>,
    /// The chains of the system, by name.
    pub chains: BTreeMap<String, Chain>,
    /// What is expected, in the experiment's order.
    pub expectations: Vec<Expectation>,
    /// The faults planned, in the experiment's order.
    pub faults: Vec<PlannedFault>,
    /// Whether the run was one without its faults: expectations that name one are skipped, and said to be.
    pub without_faults: bool,
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct JudgeInput<'a> {
    /// What happened.
    pub history: &'a History,
    /// What was planned.
    pub plan: &'a Plan,
}

/// The checks that every run is held to, before its expectations. Their findings bear their own names, which no
/// expectation may have: `attested` would be judged where it was skipped.
pub const IMPLICIT: [&str; 2] = ["load", "attested"];

/// Findings are judged on this many threads; the verdict is the same on any number.
const THREADS: usize = 4;
/// A history of more rows than this is judged on one: what a check keeps of every intent takes its room.
const MANY_ROWS: u64 = 1 << 25;
/// What all checks that are at work may hold of rows that they put together.
const HOLD_BYTES: u64 = 3 * (128 << 20);

/// The version of the verdict's format.
const FORMAT: u32 = 1;

/// Judges a run. A check that panics is unknown; performance is unknown where the load was not the one asked for; a
/// run that did not come to its end, that expected nothing, or of which no expectation was judged never passes.
#[must_use]
pub fn judge(input: &JudgeInput<'_>) -> Verdict {
    let rows = input.history.operations.rows() + input.history.observations.rows();
    judge_on(input, if rows > MANY_ROWS { 1 } else { THREADS })
}

/// The same on `threads` threads (at least one).
#[must_use]
pub fn judge_on(input: &JudgeInput<'_>, threads: usize) -> Verdict {
    let JudgeInput { history, plan } = *input;
    let (facts, findings) = std::thread::scope(|scope| {
        // What a run comes to whatever is expected of it is told on a thread of its own, if there is one to spare.
        let facts = (threads > 1).then(|| scope.spawn(|| facts_of(history, plan)));
        let findings = judge_all(input, threads.saturating_sub(1).max(1));
        let facts = match facts.map(std::thread::ScopedJoinHandle::join) {
            None => facts_of(history, plan),
            Some(joined) => joined.unwrap_or_else(|panic| Err(defect(&*panic))),
        };
        (facts, findings)
    });
    let findings = apply_load(findings);
    let (facts, unread) = facts.map_or_else(|why| (Facts::default(), Some(why)), |facts| (facts, None));
    let doubt = unread.or_else(|| doubt(history, plan, &findings));
    let judged = findings.iter().filter(|finding| finding.skipped.is_none()).map(|finding| finding.judgement);
    let judgement = judged.chain(doubt.as_ref().map(|_| Judgement::Unknown)).max().unwrap_or(Judgement::Unknown);
    let journal = &history.journal;
    let mut verdict = Verdict {
        format: FORMAT,
        experiment: plan.experiment.clone(),
        title: plan.title.clone(),
        hypothesis: plan.hypothesis.clone(),
        judgement,
        sentence: String::new(),
        variants: plan.variants.clone(),
        sets: plan.sets.clone(),
        seed: journal.seed().unwrap_or_default(),
        complete: journal.complete() && history.damage.is_empty(),
        figures: figures::of(&facts, &findings),
        phases: phases(journal),
        faults: fault_summaries(journal, &facts, plan),
        limits: limits::of(history, &facts, plan, &findings),
        findings,
    };
    verdict.sentence = sentence::of(history, &facts, plan, &verdict, doubt.as_deref());
    verdict
}

/// A finding to come: whose, and by which check.
struct Task<'a> {
    id: &'a str,
    about: Option<&'static About>,
    check: &'a dyn crate::Check,
}

/// All findings, in order, on up to `threads` threads.
fn judge_all(input: &JudgeInput<'_>, threads: usize) -> Vec<Finding> {
    let implicit: Vec<(&str, Box<dyn crate::Check>)> =
        vec![("load", Box::new(checks::load::Load)), ("attested", Box::new(checks::attested::Attested))];
    let of_run = implicit.iter().map(|(name, check)| Task { id: name, about: checks::find(name), check: &**check });
    let expected = input.plan.expectations.iter().map(|expectation| Task {
        id: &expectation.id,
        about: checks::find(&expectation.check_name),
        check: &*expectation.check,
    });
    let tasks: Vec<Task<'_>> = of_run.chain(expected).collect();
    let findings: Vec<Mutex<Option<Finding>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let budget = Budget::Bytes(HOLD_BYTES / threads as u64);
    let work = || {
        while let Some((task, slot)) = claim(&next, &tasks, &findings) {
            let finding = judge_one(task, input, budget);
            *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(finding);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(tasks.len()) {
            scope.spawn(work);
        }
        work();
    });
    let taken = findings.into_iter().map(|slot| slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
    taken.flatten().collect()
}

/// The next task that nobody has begun, with the place for its finding.
fn claim<'t, 'a>(
    next: &AtomicUsize,
    tasks: &'t [Task<'a>],
    findings: &'t [Mutex<Option<Finding>>],
) -> Option<(&'t Task<'a>, &'t Mutex<Option<Finding>>)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    tasks.get(index).zip(findings.get(index))
}

/// What a run comes to whatever is expected of it, or why nobody can tell.
fn facts_of(history: &History, plan: &Plan) -> Result<Facts, String> {
    match catch_unwind(AssertUnwindSafe(|| Facts::of(history, plan))) {
        Ok(facts) => facts.map_err(|error| format!("the history could not be read to its end: {error}")),
        Err(panic) => Err(format!("what the run came to could not be told, {}", defect(&*panic))),
    }
}

/// A panic for people.
fn defect(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    format!("a defect of proofload: {said}")
}

fn judge_one(task: &Task<'_>, input: &JudgeInput<'_>, budget: Budget) -> Finding {
    let JudgeInput { history, plan } = *input;
    let (name, class) = task.about.map_or((task.id, Class::Safety), |about| (about.name, about.class));
    let named = task.check.faults();
    if plan.without_faults && !named.is_empty() {
        let why = format!("it speaks of {}, and this run was one without faults", crate::wording::list(&named));
        let finding = Finding::new(name, class, Judgement::Unknown, format!("Not judged: {why}."));
        return Finding { expectation: task.id.to_owned(), skipped: Some(why), ..finding };
    }
    let faults = if plan.without_faults { &[] } else { plan.faults.as_slice() };
    let context = Context { chains: &plan.chains, expectations: &plan.expectations, faults, budget };
    let unknown = |sentence: String| Finding::new(name, class, Judgement::Unknown, sentence);
    let judged = || {
        let finding = task.check.judge(history, &context)?;
        starved::doubted(finding, history, |rest| task.check.judge(rest, &context))
    };
    let finding = match catch_unwind(AssertUnwindSafe(judged)) {
        Ok(Ok(finding)) => finding,
        Ok(Err(error)) => unknown(unreadable(&error)),
        Err(panic) => unknown(format!("The check broke down, {}.", defect(&*panic))),
    };
    Finding { expectation: task.id.to_owned(), ..finding }
}

/// Why a check could not be asked.
fn unreadable(error: &HistoryError) -> String {
    format!("The history could not be read to its end: {error}.")
}

/// What was measured under a load that nobody asked for says nothing about performance; safety stands.
fn apply_load(mut findings: Vec<Finding>) -> Vec<Finding> {
    let valid = findings.iter().any(|finding| finding.check == "load" && finding.judgement == Judgement::Pass);
    if valid {
        return findings;
    }
    let performance = |finding: &&mut Finding| {
        finding.class == Class::Performance && finding.check != "load" && finding.skipped.is_none()
    };
    for finding in findings.iter_mut().filter(performance) {
        let measured =
            std::mem::replace(&mut finding.sentence, "Unknown, because the load was not the one asked for.".into());
        let text = format!("{} ({})", measured, word(finding.judgement));
        finding.evidence.insert(0, crate::Evidence { label: "measured".into(), text });
        finding.judgement = Judgement::Unknown;
    }
    findings
}

/// Why the run cannot pass whatever its findings are, if so.
fn doubt(history: &History, plan: &Plan, findings: &[Finding]) -> Option<String> {
    let interrupted = history.journal.entries.iter().find_map(|entry| match &entry.event {
        Event::Interrupted { by } => Some(format!("the run was interrupted by {by} at {}", entry.at)),
        _ => None,
    });
    let damaged = || history.damage.first().cloned();
    let unended = || (!history.journal.complete()).then(|| "the run did not come to its end".to_owned());
    let idle = || plan.expectations.is_empty().then(|| "the experiment expects nothing".to_owned());
    let judged = |id: &str| findings.iter().any(|finding| finding.expectation == id && finding.skipped.is_none());
    let skipped = || {
        let none = plan.expectations.iter().all(|expectation| !judged(&expectation.id));
        none.then(|| "no expectation was judged: every one was skipped".to_owned())
    };
    let unsteady = || {
        history.journal.entries.iter().find_map(|entry| match &entry.event {
            Event::SteadyProbed { probe, holds: false, evidence } => {
                Some(format!("the system was not in its steady state: {probe} did not hold ({evidence})"))
            }
            _ => None,
        })
    };
    let restless = || restless(&history.journal, plan);
    interrupted.or_else(damaged).or_else(unended).or_else(idle).or_else(skipped).or_else(unsteady).or_else(restless)
}

/// How the system was left, where it had not come to rest and nobody expects it to (`drain`). A system without a gauge
/// that drains is left to the checks that need one.
fn restless(journal: &Journal, plan: &Plan) -> Option<String> {
    if plan.expectations.iter().any(|expectation| expectation.check_name == "drain") {
        return None;
    }
    let (_, end) = journal.drained()?;
    let how = match end.outcome {
        DrainOutcome::Quiet | DrainOutcome::Unwatched => return None,
        DrainOutcome::Stuck => "work was left and no longer moved",
        DrainOutcome::Moving => "work was left and still moving",
        DrainOutcome::Unreadable => "what was left could not be read",
    };
    Some(format!(
        "the system had not come to rest: {how} ({}), and no expectation on `drain` judges that",
        end.evidence
    ))
}

fn phases(journal: &Journal) -> Vec<PhaseSpan> {
    let span = |(phase, from, to): (proofload_history::Phase, At, At)| PhaseSpan {
        phase: phase.name().to_owned(),
        from_s: from.secs(),
        to_s: to.secs(),
    };
    journal.phases().into_iter().map(span).collect()
}

/// The faults that were injected, in order, then those planned that were not.
fn fault_summaries(journal: &Journal, facts: &Facts, plan: &Plan) -> Vec<FaultSummary> {
    let records = Faults::of(journal).records;
    let mut summaries: Vec<FaultSummary> = records
        .iter()
        .enumerate()
        .map(|(nth, fault)| FaultSummary {
            fault: fault.name(),
            kind: fault.kind.clone(),
            targets: fault.targets.clone(),
            because: fault.because.clone(),
            injected_s: Some(fault.injected.unwrap_or(fault.injecting).secs()),
            healed_s: fault.healed.map(At::secs),
            attested: fault.effective(),
            attestation: attestation(fault),
            exposed: facts.exposures.get(nth).copied(),
        })
        .collect();
    for fault in plan.faults.iter().filter(|fault| records.iter().all(|record| *record.id != *fault.id)) {
        summaries.push(not_injected(journal, fault, plan.without_faults));
    }
    summaries
}

fn attestation(fault: &proofload_history::journal::FaultRecord) -> Vec<String> {
    let seen = fault.attested.iter().map(|(effective, observer, seen)| {
        format!("{}, says {observer}: {seen}", if *effective { "effective" } else { "without effect" })
    });
    let healed = fault
        .heal_attested
        .iter()
        .map(|(healed, seen)| format!("{}: {seen}", if *healed { "healed" } else { "not healed" }));
    seen.chain(healed).collect()
}

fn not_injected(journal: &Journal, fault: &PlannedFault, without_faults: bool) -> FaultSummary {
    let because = journal.entries.iter().rev().find_map(|entry| match &entry.event {
        Event::FaultSkipped { fault: skipped, because } if split_occurrence(skipped).0 == fault.id => {
            Some(because.clone())
        }
        _ => None,
    });
    let unsaid = if without_faults { "a run without faults" } else { "the run does not say why" };
    FaultSummary {
        fault: fault.id.clone(),
        kind: fault.kind.clone(),
        targets: Vec::new(),
        because: because.unwrap_or_else(|| unsaid.to_owned()),
        injected_s: None,
        healed_s: None,
        attested: false,
        attestation: Vec::new(),
        exposed: None,
    }
}

/// The judgement as a word within a sentence.
fn word(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Pass => "pass",
        Judgement::Unknown => "unknown",
        Judgement::Fail => "fail",
    }
}

#[cfg(test)]
pub(crate) mod tests;
