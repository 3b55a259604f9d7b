//! What became of the requests of one traffic, on either side of the limit. They are told in the order of their instants.

use super::bucket::{Bucket, Crowd, Then, Window, Worst};
use super::requests::{Answer, End, Step};
use crate::wording;
use proofload_history::At;
use std::collections::BTreeMap;

/// Traffic that is to go beyond the limit.
pub(super) struct Over<'e> {
    pub(super) traffic: &'e str,
    pub(super) requests: u64,
    pub(super) rejected: u64,
    accepted: u64,
    /// What it asked for beyond what the limit lets through.
    pub(super) asked: Worst,
    /// What it was granted beyond that.
    pub(super) granted: Worst,
}

impl<'e> Over<'e> {
    /// Before any of its requests.
    pub(super) fn new(traffic: &'e str, bucket: Bucket) -> Self {
        let (asked, granted) = (Worst::of(bucket), Worst::of(bucket));
        Self { traffic, requests: 0, rejected: 0, accepted: 0, asked, granted }
    }

    /// What comes next. Granted is what was acknowledged: of any other answer nobody can tell whether it came from behind
    /// the limit.
    pub(super) fn take(&mut self, at: At, step: &Step) {
        if !step.judged {
            return;
        }
        let (answered, accepted) = (step.answer != Answer::Missing, step.answer == Answer::Accepted);
        if step.end == End::Sent {
            self.requests += 1;
            self.rejected += u64::from(step.answer == Answer::Rejected);
            self.accepted += u64::from(accepted);
        }
        let told = match step.end {
            End::Sent => Worst::sent,
            End::Answered => Worst::answered,
        };
        if answered {
            told(&mut self.asked, at);
        }
        if accepted {
            told(&mut self.granted, at);
        }
    }

    /// Why a limit that holds cannot be told from none, if so.
    pub(super) fn doubt(&self, limit: &str) -> Option<String> {
        let traffic = self.traffic;
        if self.asked.window().is_none() {
            return Some(format!(
                "nobody was over the limit: {traffic} never asked for more than {limit} lets through"
            ));
        }
        (self.rejected == 0).then(|| {
            format!("no request of {traffic} was rejected: it was not the limit that kept any from being accepted")
        })
    }

    pub(super) fn evidence(&self) -> String {
        let most = |worst: &Worst| {
            let told = worst.window().map(|window| told(&window));
            told.unwrap_or_else(|| "never more than the limit lets through".to_owned())
        };
        format!(
            "sent {}, {} accepted, {} rejected; asked for: {}; granted: {}",
            wording::plural(self.requests, "request"),
            wording::count(self.accepted),
            wording::count(self.rejected),
            most(&self.asked),
            most(&self.granted)
        )
    }
}

/// `612 from 5.0 s to 20.0 s, where 306 can pass`.
pub(super) fn told(window: &Window) -> String {
    let (certain, allowed) = (wording::count(window.certain), wording::count(window.allowed));
    format!("{certain} from {} to {}, where {allowed} can pass", window.from, window.to)
}

/// Traffic that is to stay below the limit.
pub(super) struct Below<'e> {
    pub(super) traffic: &'e str,
    pub(super) requests: u64,
    answered: u64,
    /// How many were rejected though there was room.
    pub(super) wronged: u64,
    /// Rejected while the traffic may itself have used up what the limit grants.
    pub(super) excused: u64,
    /// If the history is damaged some requests may be missing, and there is no telling whether there was room.
    damaged: bool,
    crowd: Crowd,
    /// By their rows, those rejected whose rejection is still to come.
    waiting: BTreeMap<u64, Then>,
}

impl<'e> Below<'e> {
    /// Before any of its requests.
    pub(super) fn new(traffic: &'e str, bucket: Bucket, damaged: bool) -> Self {
        Self {
            traffic,
            requests: 0,
            answered: 0,
            wronged: 0,
            excused: 0,
            damaged,
            crowd: Crowd::of(bucket),
            waiting: BTreeMap::new(),
        }
    }

    /// What comes next; whether it is a rejection though there was room. Requests that are not judged fill the bucket too.
    pub(super) fn take(&mut self, at: At, step: &Step) -> bool {
        let rejected = step.judged && step.answer == Answer::Rejected;
        match step.end {
            End::Sent => {
                self.crowd.sent(at);
                if rejected {
                    self.waiting.insert(step.row, self.crowd.then());
                }
                self.requests += u64::from(step.judged);
                self.answered += u64::from(step.judged && step.answer != Answer::Missing);
                false
            }
            End::Answered => {
                let wronged = rejected && self.had_room(step.row);
                self.crowd.answered(at);
                self.wronged += u64::from(wronged);
                self.excused += u64::from(rejected && !wronged);
                wronged
            }
        }
    }

    /// Whether there was certainly room for the request that is rejected now.
    fn had_room(&mut self, row: u64) -> bool {
        let then = self.waiting.remove(&row);
        !self.damaged && then.is_some_and(|then| self.crowd.had_room(then))
    }

    /// Why nobody can tell whether any was rejected that should not have been, if so.
    pub(super) fn doubt(&self) -> Option<String> {
        let traffic = self.traffic;
        if self.answered == 0 {
            return Some(format!("no request of {traffic} was answered"));
        }
        (self.excused > 0).then(|| {
            let requests = wording::plural(self.excused, "request");
            format!("{requests} of {traffic} met with a rejection while it may itself have been beyond the limit")
        })
    }

    pub(super) fn evidence(&self) -> String {
        format!(
            "sent {}, {} answered; {} rejected though there was room, {} while it may itself have been beyond the \
             limit",
            wording::plural(self.requests, "request"),
            wording::count(self.answered),
            wording::count(self.wronged),
            wording::count(self.excused)
        )
    }
}
