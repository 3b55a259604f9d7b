//! What the bureau has to answer, and when.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use jiff::Timestamp;
use rand::Rng;
use uuid::Uuid;

use super::conduct::Conduct;
use super::journal::Line;
use super::score;
use super::wire::{Question, Report};

/// Questions that wait for their answers before more are turned away.
const OPEN_MAX: usize = 200_000;

/// A report on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) callback_url: String,
    pub(super) report: Report,
    pub(super) asked_at: Timestamp,
    /// Whether it is sent twice.
    pub(super) twice: bool,
}

impl Answer {
    /// The journal's line once it was taken.
    pub(super) fn taken(&self) -> Line {
        Line {
            request_id: self.report.request_id,
            external_id: self.report.external_id,
            score: self.report.score,
            asked_at: self.asked_at,
            answered_at: Some(Timestamp::now()),
            callback_url: Some(self.callback_url.clone()),
            traceparent: None,
        }
    }
}

/// There are too many questions already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Answers by the instant at which they go out.
#[derive(Debug, Default)]
pub(super) struct Office {
    due: BTreeMap<(Instant, u64), Answer>,
    /// Questions that are answered once their time has come.
    open: HashSet<Uuid>,
    number: u64,
}

impl Office {
    /// Whether there is room for so many questions more.
    pub(super) fn room(&self, questions: usize) -> Result<(), Full> {
        if self.open.len() + questions > OPEN_MAX { Err(Full) } else { Ok(()) }
    }

    /// What of `questions` is new: neither answered soon nor twice in here.
    pub(super) fn new_ones<'a>(&self, questions: &'a [Question]) -> Vec<&'a Question> {
        let mut seen = HashSet::new();
        let new = |question: &&Question| !self.open.contains(&question.request_id) && seen.insert(question.request_id);
        questions.iter().filter(new).collect()
    }

    /// Plans the answers to what the journal has. A question that is silently dropped can be asked again.
    pub(super) fn plan(&mut self, bureau: &str, lines: &[Line], conduct: &Conduct, random: &mut impl Rng) {
        let now = Instant::now();
        for line in lines {
            let fate = conduct.fate(random);
            let (Some(after), Some(callback_url)) = (fate.after, &line.callback_url) else { continue };
            if !self.open.insert(line.request_id) {
                continue;
            }
            let report = Report {
                request_id: line.request_id,
                external_id: line.external_id,
                bureau: bureau.to_owned(),
                score: line.score,
                traceparent: line.traceparent.clone(),
            };
            let answer =
                Answer { callback_url: callback_url.clone(), report, asked_at: line.asked_at, twice: fate.twice };
            self.number += 1;
            self.due.insert((now + after, self.number), answer);
        }
    }

    /// When the next answer goes out.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((instant, _), _)| *instant)
    }

    /// Takes out what is due at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Answer> {
        let later = self.due.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.due, later).into_values().collect()
    }

    /// These are taken, or given up: whoever asks again is answered again.
    pub(super) fn done(&mut self, answers: &[Answer]) {
        for answer in answers {
            self.open.remove(&answer.report.request_id);
        }
    }

    /// How many questions are open.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}

/// The journal's line of a question that is asked now.
pub(super) fn asked(question: &Question, bureau: &str, callback_url: Option<&str>) -> Line {
    Line {
        request_id: question.request_id,
        external_id: question.external_id,
        score: score::of(question.external_id, bureau),
        asked_at: Timestamp::now(),
        answered_at: None,
        callback_url: callback_url.map(str::to_owned),
        traceparent: question.traceparent.clone(),
    }
}
