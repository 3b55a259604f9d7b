//! From what the runs came to, to the matrix. Pure: no run, no file, no clock.

use super::sentence::sentence;
use super::{Case, Design, Subject, Trial, trials};
use proofload_reports::Matrix;
use proofload_reports::matrix::{Answer, BrokenDesign, Doubt, FORMAT, GoodDesign, MadeRun, Tried};
use proofload_verify::{Judgement, Verdict, caught};

/// A run that was made.
#[derive(Debug)]
pub(crate) struct Done {
    /// Which of those that were to be made.
    pub(crate) trial: Trial,
    /// Its folder, from the folder of the runs.
    pub(crate) run: String,
    /// What became of it.
    pub(crate) end: End,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) enum End {
    /// It was judged.
    Judged(Box<Verdict>),
    /// It came to no answer of its own: why, as a clause.
    NoAnswer(String),
}

/// The matrix of what is `done` so far, where every design was to be run `repeats` times; `stopped` says why it is not
/// going on.
pub(crate) fn tally(subjects: &[Subject], repeats: u32, done: &[Done], stopped: Option<String>) -> Matrix {
    let runs_of = |subject: usize, design: Design| {
        let made = done.iter().filter(|one| one.trial.subject == subject && one.trial.design == design);
        made.map(|one| made_run(subjects, done, one)).collect::<Vec<_>>()
    };
    let experiments: Vec<Tried> = subjects
        .iter()
        .enumerate()
        .map(|(number, subject)| Tried {
            experiment: subject.experiment.clone(),
            title: subject.title.clone(),
            good: (!subject.controls.is_empty()).then(|| good_design(runs_of(number, Design::Good), repeats)),
            controls: subject
                .controls
                .iter()
                .enumerate()
                .map(|(control, case)| broken_design(case, runs_of(number, Design::Broken(control)), repeats))
                .collect(),
        })
        .collect();
    Matrix {
        format: FORMAT,
        judgement: judgement(&experiments),
        sentence: sentence(&experiments, repeats),
        repeats,
        planned_runs: number(trials(subjects, repeats).len()),
        made_runs: number(done.len()),
        stopped,
        experiments,
    }
}

/// What `one` came to, with why as a sentence; `done` has the good design beside it.
pub(crate) fn answer(subjects: &[Subject], done: &[Done], one: &Done) -> (Answer, String) {
    let verdict = match &one.end {
        End::NoAnswer(why) => return (Answer::Unknown, format!("{why}.")),
        End::Judged(verdict) => verdict,
    };
    match subjects.get(one.trial.subject).and_then(|subject| subject.case(one.trial.design)) {
        Some(case) => of_broken(verdict, case, not_passed_beside(done, one.trial)),
        None => (of_good(verdict.judgement), without_word(&verdict.sentence).to_owned()),
    }
}

fn of_good(judgement: Judgement) -> Answer {
    match judgement {
        Judgement::Pass => Answer::Passed,
        Judgement::Fail => Answer::FalseAlarm,
        Judgement::Unknown => Answer::Unknown,
    }
}

/// What a broken design came to; `beside` says why the good design beside it did not pass, if so.
fn of_broken(verdict: &Verdict, case: &Case, beside: Option<String>) -> (Answer, String) {
    let seen = caught(verdict, &case.control);
    let sentence = without_word(&seen.sentence).to_owned();
    match beside {
        None if seen.caught => (Answer::Caught, sentence),
        // What the good design does too is not the mistake's doing.
        Some(why) if seen.caught => {
            let sentence = sentence.trim_end_matches('.');
            (Answer::NotCaught, format!("{sentence}; but the good design beside it {why}"))
        }
        _ if verdict.judgement == Judgement::Unknown => (Answer::Unknown, without_word(&verdict.sentence).to_owned()),
        _ => (Answer::NotCaught, sentence),
    }
}

/// Why the good design beside `trial`, in the same repeat, is no pass; `None` if it is one.
fn not_passed_beside(done: &[Done], trial: Trial) -> Option<String> {
    let good = Trial { design: Design::Good, ..trial };
    match done.iter().find(|other| other.trial == good).map(|other| &other.end) {
        None => Some("was not run.".to_owned()),
        Some(End::NoAnswer(why)) => Some(format!("came to no answer: {why}.")),
        Some(End::Judged(verdict)) => match verdict.judgement {
            Judgement::Pass => None,
            Judgement::Fail => Some(format!("failed: {}", without_word(&verdict.sentence))),
            Judgement::Unknown => Some(format!("came to unknown: {}", without_word(&verdict.sentence))),
        },
    }
}

fn made_run(subjects: &[Subject], done: &[Done], one: &Done) -> MadeRun {
    let (answer, sentence) = answer(subjects, done, one);
    let Trial { repeat, seed, .. } = one.trial;
    MadeRun { repeat, seed, answer, sentence, run: one.run.clone(), judged: matches!(one.end, End::Judged(_)) }
}

fn good_design(runs: Vec<MadeRun>, repeats: u32) -> GoodDesign {
    GoodDesign {
        judgement: of_all(&runs, repeats),
        passed: count(&runs, Answer::Passed),
        false_alarms: count(&runs, Answer::FalseAlarm),
        unknown: count(&runs, Answer::Unknown),
        doubts: doubts(&runs),
        runs,
    }
}

fn broken_design(case: &Case, runs: Vec<MadeRun>, repeats: u32) -> BrokenDesign {
    BrokenDesign {
        variant: case.variant.clone(),
        mistake: case.mistake.clone(),
        must_turn_red: case.must_turn_red.clone(),
        judgement: of_all(&runs, repeats),
        caught: count(&runs, Answer::Caught),
        not_caught: count(&runs, Answer::NotCaught),
        unknown: count(&runs, Answer::Unknown),
        doubts: doubts(&runs),
        runs,
    }
}

/// One run that is the opposite of what it should be decides; without one, every repeat must be as it should be.
fn of_all(runs: &[MadeRun], repeats: u32) -> Judgement {
    let worst = runs.iter().map(|run| run.answer.judgement()).max().unwrap_or(Judgement::Unknown);
    if worst == Judgement::Pass && number(runs.len()) < repeats { Judgement::Unknown } else { worst }
}

/// The worst of all designs; where nothing was broken, nothing is known.
fn judgement(experiments: &[Tried]) -> Judgement {
    let good = experiments.iter().filter_map(|tried| tried.good.as_ref()).map(|good| good.judgement);
    let broken = experiments.iter().flat_map(|tried| &tried.controls).map(|one| one.judgement);
    good.chain(broken).max().unwrap_or(Judgement::Unknown)
}

/// Why runs were not what they should have been: each distinct sentence once, in the order in which it came first.
fn doubts(runs: &[MadeRun]) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = Vec::new();
    for run in runs.iter().filter(|run| run.answer.judgement() != Judgement::Pass) {
        match doubts.iter_mut().find(|known| known.answer == run.answer && known.sentence == run.sentence) {
            Some(known) => known.times += 1,
            None => doubts.push(Doubt { answer: run.answer, sentence: run.sentence.clone(), times: 1 }),
        }
    }
    doubts
}

fn count(runs: &[MadeRun], answer: Answer) -> u32 {
    number(runs.iter().filter(|run| run.answer == answer).count())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A sentence of a verdict or of a control without the word of the answer in front, which the matrix shows by itself.
fn without_word(sentence: &str) -> &str {
    let words = ["PASS: ", "FAIL: ", "UNKNOWN: ", "Caught: ", "Not caught: "];
    words.iter().find_map(|word| sentence.strip_prefix(word)).unwrap_or(sentence)
}

#[cfg(test)]
mod tests;
