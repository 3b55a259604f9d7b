//! What became of the requests of one traffic, on either side of the limit.

use super::bucket::{Bucket, Crowd, Way, Window};
use super::requests::Request;
use crate::spans::Spans;
use crate::wording;
use proofload_history::At;

/// A request with the time that it was under way. One without an answer may come at any later time.
fn way(made: &Request) -> Way {
    let until = if made.status.is_some() { made.done } else { At(u64::MAX) };
    Way { sent: made.sent, until }
}

/// Traffic that is to go beyond the limit.
pub(super) struct Over<'h> {
    pub(super) traffic: &'h str,
    pub(super) requests: u64,
    pub(super) rejected: u64,
    pub(super) accepted: Vec<&'h Request>,
    /// The window in which it asked for most beyond what the limit lets through; `None` if it stayed within the limit.
    pub(super) asked: Option<Window>,
    /// The window in which it was granted most beyond that; `None` if it was granted no more.
    pub(super) granted: Option<Window>,
}

impl<'h> Over<'h> {
    /// From all requests of a traffic, those of `spans`. Accepted is what was acknowledged: of any other answer nobody
    /// can tell whether it came from behind the limit.
    pub(super) fn of(traffic: &'h str, sent: &'h [Request], spans: &Spans, bucket: Bucket, status: u16) -> Self {
        let within: Vec<&Request> = sent.iter().filter(|made| spans.contain(made.intended)).collect();
        let is_rejected = |made: &Request| made.status == Some(status);
        let taken = |made: &&&Request| made.ok && made.status.is_some() && !is_rejected(made);
        let accepted: Vec<&Request> = within.iter().filter(taken).copied().collect();
        let answered: Vec<Way> = within.iter().filter(|made| made.status.is_some()).map(|made| way(made)).collect();
        let ways: Vec<Way> = accepted.iter().map(|made| way(made)).collect();
        Self {
            traffic,
            requests: within.len() as u64,
            rejected: within.iter().filter(|made| is_rejected(made)).count() as u64,
            accepted,
            asked: bucket.worst(&answered),
            granted: bucket.worst(&ways),
        }
    }

    /// How many were accepted that the limit cannot have let through.
    pub(super) fn excess(&self) -> u64 {
        self.granted.map_or(0, |granted| granted.excess())
    }

    /// Why a limit that holds cannot be told from none, if so.
    pub(super) fn doubt(&self, limit: &str) -> Option<String> {
        let traffic = self.traffic;
        if self.asked.is_none() {
            return Some(format!(
                "nobody was over the limit: {traffic} never asked for more than {limit} lets through"
            ));
        }
        (self.rejected == 0).then(|| {
            format!("no request of {traffic} was rejected: it was not the limit that kept any from being accepted")
        })
    }

    /// The last ones accepted in the window of the greatest excess, as many as were too many.
    pub(super) fn too_many(&self) -> Vec<&'h Request> {
        let Some(window) = self.granted else { return Vec::new() };
        let inside = |made: &&&Request| way(made).sent >= window.from && made.done <= window.to;
        let mut inside: Vec<&Request> = self.accepted.iter().filter(inside).copied().collect();
        inside.sort_unstable_by_key(|made| (made.done, made.intent, made.attempt));
        inside.split_off(inside.len().saturating_sub(window.excess() as usize))
    }

    pub(super) fn evidence(&self) -> String {
        let most = |window: Option<Window>| {
            window.map_or_else(|| "never more than the limit lets through".to_owned(), |window| told(&window))
        };
        format!(
            "sent {}, {} accepted, {} rejected; asked for: {}; granted: {}",
            wording::plural(self.requests, "request"),
            wording::count(self.accepted.len() as u64),
            wording::count(self.rejected),
            most(self.asked),
            most(self.granted)
        )
    }
}

/// `612 from 5.0 s to 20.0 s, where 306 can pass`.
pub(super) fn told(window: &Window) -> String {
    let (certain, allowed) = (wording::count(window.certain), wording::count(window.allowed));
    format!("{certain} from {} to {}, where {allowed} can pass", window.from, window.to)
}

/// Traffic that is to stay below the limit.
pub(super) struct Below<'h> {
    pub(super) traffic: &'h str,
    pub(super) requests: u64,
    answered: u64,
    /// Rejected though there was room for it.
    pub(super) wronged: Vec<&'h Request>,
    /// Rejected while the traffic may itself have used up what the limit grants.
    pub(super) excused: u64,
}

impl<'h> Below<'h> {
    /// From all requests of a traffic, those of `spans`; the others filled the bucket too. If the history is `damaged`,
    /// some of those may be missing, and there is no telling whether there was room.
    pub(super) fn of(
        traffic: &'h str,
        sent: &'h [Request],
        spans: &Spans,
        bucket: Bucket,
        status: u16,
        damaged: bool,
    ) -> Self {
        let ways: Vec<Way> = sent.iter().map(way).collect();
        let crowd = Crowd::of(bucket, &ways);
        let mut below = Self { traffic, requests: 0, answered: 0, wronged: Vec::new(), excused: 0 };
        for made in sent.iter().filter(|made| spans.contain(made.intended)) {
            below.requests += 1;
            below.answered += u64::from(made.status.is_some());
            if made.status != Some(status) {
                continue;
            }
            if !damaged && crowd.had_room(way(made)) {
                below.wronged.push(made);
            } else {
                below.excused += 1;
            }
        }
        below
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
            wording::count(self.wronged.len() as u64),
            wording::count(self.excused)
        )
    }
}
