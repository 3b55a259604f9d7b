//! `rate_limit`: over the limit requests are rejected, below it none is.

mod bucket;
mod client;
mod rate;
mod requests;

use self::bucket::Bucket;
use self::client::{Below, Over};
use self::rate::Rate;
use self::requests::{Requests, Step};
use super::during::During;
use super::offenders::{self, Offenders, counted};
use super::reading::damage;
use super::table;
use crate::check::Reference;
use crate::names::Met;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{At, History, HistoryError};
use serde::Deserialize;

/// What is known about `rate_limit`.
pub(super) const ABOUT: About = About {
    name: "rate_limit",
    class: Class::Safety,
    invariant: "A client over the limit has its requests rejected beyond it, and one that stays below has none rejected.",
    cost: "One pass over the operations for each part of the traffic's requests that fits into memory, which are sorted by instant: O(n log n), 80 bytes a request. Passes of their own where too much was accepted.",
    counterexample: "A limit of 20/s with a burst of 5 accepts 40 requests of one client within a second, or rejects one of a client that sends 5/s.",
    keys: &[
        ("over", "the traffic beyond the limit, as a list; each is a client by itself, with a limit of its own"),
        ("below", "the traffic that stays below the limit, as a list; each is a client by itself, or several"),
        ("limit", "what a client may send in the long run, per second or minute: 20/s"),
        ("burst", "how many requests the limit grants at once; one more is never held against it"),
        ("status", "the status of a rejection; 429 if left out"),
        (
            "during",
            "the phase, or a list of phases, in which the requests were intended; all with traffic but warm_up if left out",
        ),
    ],
    figures: &[&[
        ("rejected_below_requests", "rejected though there was room"),
        ("accepted_above_requests", "accepted beyond what the limit lets through"),
        ("rejected_over_requests", "rejected of the traffic beyond the limit"),
        ("over_requests", "requests of the traffic beyond the limit"),
        ("below_requests", "requests of the traffic below it"),
    ]],
    example: "over = [\"greedy\"]\nbelow = [\"modest\"]\nlimit = \"20/s\"\nburst = 20\nstatus = 429\nduring = \"steady\"\n",
    parse: |value| table::read(value, RateLimit::new),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    over: Vec<String>,
    below: Vec<String>,
    limit: Rate,
    burst: u64,
    #[serde(default = "too_many_requests")]
    status: u16,
    #[serde(default)]
    during: During,
}

fn too_many_requests() -> u16 {
    429
}

/// The limit is a token bucket. What it can have let through, and whether it had room, is told from when each request
/// was sent and answered, so that neither a network nor a queue is mistaken for the limit.
///
/// It stands whatever the load was. An invalid load is one that was not sent as planned, and what was planned does not
/// matter here: that a client was over the limit, and that another stayed below, is proved from what was sent. Where it
/// cannot be, the answer is unknown. So an arrival that the generator failed to send harms nothing but the evidence.
#[derive(Debug)]
pub struct RateLimit {
    over: Vec<String>,
    below: Vec<String>,
    limit: Rate,
    burst: u64,
    status: u16,
    during: During,
}

impl RateLimit {
    fn new(table: Table) -> Result<Self, String> {
        let Table { over, below, limit, burst, status, during } = table;
        if over.is_empty() || below.is_empty() {
            return Err("a limit has two sides: name traffic in `over` and in `below`".into());
        }
        let mut names: Vec<&String> = over.iter().chain(&below).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("`{}` is named twice: a traffic is over the limit or below it, once", twice[0]));
        }
        Ok(Self { over, below, limit, burst, status, during })
    }

    /// The limit for people: `20/s and a burst of 20`.
    fn limit(&self) -> String {
        format!("{} and a burst of {}", self.limit.text, wording::count(self.burst))
    }
}

/// The requests of both sides.
struct Sides<'e> {
    over: Vec<Over<'e>>,
    below: Vec<Below<'e>>,
}

impl Check for RateLimit {
    fn judge(&self, history: &History, context: &Context<'_>) -> Result<Finding, HistoryError> {
        let names: Vec<&str> = self.over.iter().chain(&self.below).map(String::as_str).collect();
        let requests = Requests::of(history, context.budget, &names, self.during.spans(history), self.status);
        let (mut sides, mut operations, mut wrong) = (self.sides(history), Met::default(), Offenders::default());
        requests.each(&mut operations, |at, step| {
            if sides.take(at, &step) {
                wrong.push(step.offending("rejected_below", at), || (step.traffic, step.operation));
            }
        })?;
        for (traffic, over) in (0..).zip(&sides.over) {
            let Some(window) = over.granted.window() else { continue };
            requests.last_accepted((traffic, window, window.excess()), &mut operations, |at, step| {
                wrong.push(step.offending("accepted_above", at), || (step.traffic, step.operation));
            })?;
        }
        let finding = self.finding(history, &sides);
        Ok(wrong.tell(finding, &history.journal, |_, (traffic, operation)| {
            format!("{} {}", operations.names[usize::from(*operation)], self.reason(&sides, usize::from(*traffic)))
        }))
    }

    fn references(&self) -> Vec<Reference> {
        self.over.iter().chain(&self.below).map(|traffic| Reference::Traffic(traffic.clone())).collect()
    }
}

impl RateLimit {
    /// Both sides, before any request.
    fn sides(&self, history: &History) -> Sides<'_> {
        let bucket = Bucket { per_second: self.limit.per_second, burst: self.burst };
        let damaged = !history.damage.is_empty();
        Sides {
            over: self.over.iter().map(|name| Over::new(name, bucket)).collect(),
            below: self.below.iter().map(|name| Below::new(name, bucket, damaged)).collect(),
        }
    }

    fn finding(&self, history: &History, sides: &Sides<'_>) -> Finding {
        let excess: u64 = sides.over.iter().map(|over| over.granted.excess()).sum();
        let wronged: u64 = sides.below.iter().map(|below| below.wronged).sum();
        let limit = self.limit();
        let doubts: Vec<String> = damage(history)
            .chain(sides.over.iter().filter_map(|over| over.doubt(&limit)))
            .chain(sides.below.iter().filter_map(Below::doubt))
            .collect();
        let judgement = offenders::judgement(excess + wronged > 0, &doubts);
        let whole = history.damage.is_empty();
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, self.sentence(judgement, sides, &doubts))
            .figure(
                "rejected_below_requests",
                counted(wronged, whole && sides.below.iter().all(|below| below.doubt().is_none())),
            )
            .figure(
                "accepted_above_requests",
                counted(excess, whole && sides.over.iter().all(|over| over.asked.window().is_some())),
            )
            .figure("rejected_over_requests", sides.over.iter().map(|over| over.rejected).sum::<u64>() as f64)
            .figure("over_requests", sides.over.iter().map(|over| over.requests).sum::<u64>() as f64)
            .figure("below_requests", sides.below.iter().map(|below| below.requests).sum::<u64>() as f64);
        let finding = sides.over.iter().fold(finding, |finding, over| finding.evidence(over.traffic, over.evidence()));
        let finding =
            sides.below.iter().fold(finding, |finding, below| finding.evidence(below.traffic, below.evidence()));
        offenders::with_doubts(finding, &doubts)
    }

    fn sentence(&self, judgement: Judgement, sides: &Sides<'_>, doubts: &[String]) -> String {
        let limit = self.limit();
        match judgement {
            Judgement::Pass => {
                let rejected: u64 = sides.over.iter().map(|over| over.rejected).sum();
                let requests: u64 = sides.below.iter().map(|below| below.requests).sum();
                let asked: u64 = sides.over.iter().map(|over| over.requests).sum();
                format!(
                    "Of {} of {}, beyond {limit}, {} rejected, and of {} of {}, below it, none was.",
                    wording::plural(asked, "request"),
                    wording::list(&self.over),
                    wording::were(rejected),
                    wording::plural(requests, "request"),
                    wording::list(&self.below)
                )
            }
            Judgement::Unknown => offenders::unknown(&format!("a limit of {limit} holds"), doubts),
            Judgement::Fail => {
                let granted = sides.over.iter().filter_map(|over| {
                    let window = over.granted.window()?;
                    Some(format!("of {} it accepted {}", over.traffic, client::told(&window)))
                });
                let wronged = sides.below.iter().filter(|below| below.wronged > 0).map(|below| {
                    let (wronged, all) = (wording::were(below.wronged), wording::plural(below.requests, "request"));
                    format!("of {all} of {}, which stayed below, {wronged} rejected", below.traffic)
                });
                let broken: Vec<String> = granted.chain(wronged).collect();
                format!("A limit of {limit} does not hold: {}.", broken.join("; "))
            }
        }
    }

    /// What is wrong with a request of the traffic with this number.
    fn reason(&self, sides: &Sides<'_>, traffic: usize) -> String {
        let granted = sides.over.get(traffic).and_then(|over| Some((over.traffic, over.granted.window()?)));
        if let Some((traffic, window)) = granted {
            return format!("of {traffic}: {}", client::told(&window));
        }
        let (traffic, limit, status) = (&self.below[traffic - self.over.len()], self.limit(), self.status);
        format!("of {traffic}, which stayed below {limit}: answered with {status}")
    }
}

impl Sides<'_> {
    /// What comes next; whether it is a rejection below the limit though there was room.
    fn take(&mut self, at: At, step: &Step) -> bool {
        let traffic = usize::from(step.traffic);
        match self.over.get_mut(traffic) {
            Some(over) => {
                over.take(at, step);
                false
            }
            None => self.below[traffic - self.over.len()].take(at, step),
        }
    }
}

#[cfg(test)]
mod tests;
