//! `rate_limit`: over the limit requests are rejected, below it none is.

mod bucket;
mod client;
mod rate;
mod requests;

use self::bucket::Bucket;
use self::client::{Below, Over};
use self::rate::Rate;
use self::requests::{Request, Requests};
use super::during::During;
use super::offenders::{self, Offenders, counted};
use super::reading::damage;
use super::table;
use crate::check::Reference;
use crate::wording;
use crate::{About, Check, Class, Context, Finding, Judgement};
use proofload_history::{History, HistoryError};
use serde::Deserialize;

/// What is known about `rate_limit`.
pub(super) const ABOUT: About = About {
    name: "rate_limit",
    class: Class::Safety,
    invariant: "A client over the limit has its requests rejected beyond it, and one that stays below has none rejected.",
    cost: "One pass over the operations, then sorts the requests of the traffic named: O(n log n), 128 bytes a request.",
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
struct Sides<'a> {
    over: Vec<Over<'a>>,
    below: Vec<Below<'a>>,
}

impl Check for RateLimit {
    fn judge(&self, history: &History, _: &Context<'_>) -> Result<Finding, HistoryError> {
        let names: Vec<&str> = self.over.iter().chain(&self.below).map(String::as_str).collect();
        let requests = Requests::sent_by(history, &names)?;
        let sides = self.sides(history, &requests);
        let excess: u64 = sides.over.iter().map(Over::excess).sum();
        let wronged: u64 = sides.below.iter().map(|below| below.wronged.len() as u64).sum();
        let limit = self.limit();
        let doubts: Vec<String> = damage(history)
            .chain(sides.over.iter().filter_map(|over| over.doubt(&limit)))
            .chain(sides.below.iter().filter_map(Below::doubt))
            .collect();
        let judgement = offenders::judgement(excess + wronged > 0, &doubts);
        let whole = history.damage.is_empty();
        let finding = Finding::new(ABOUT.name, ABOUT.class, judgement, self.sentence(judgement, &sides, &doubts))
            .figure(
                "rejected_below_requests",
                counted(wronged, whole && sides.below.iter().all(|below| below.doubt().is_none())),
            )
            .figure(
                "accepted_above_requests",
                counted(excess, whole && sides.over.iter().all(|over| over.asked.is_some())),
            )
            .figure("rejected_over_requests", sides.over.iter().map(|over| over.rejected).sum::<u64>() as f64)
            .figure("over_requests", sides.over.iter().map(|over| over.requests).sum::<u64>() as f64)
            .figure("below_requests", sides.below.iter().map(|below| below.requests).sum::<u64>() as f64);
        let finding = sides.over.iter().fold(finding, |finding, over| finding.evidence(over.traffic, over.evidence()));
        let finding =
            sides.below.iter().fold(finding, |finding, below| finding.evidence(below.traffic, below.evidence()));
        let finding = offenders::with_doubts(finding, &doubts);
        Ok(name_offenders(finding, history, &self.found(&sides), &requests))
    }

    fn references(&self) -> Vec<Reference> {
        self.over.iter().chain(&self.below).map(|traffic| Reference::Traffic(traffic.clone())).collect()
    }
}

impl RateLimit {
    fn sides<'a>(&'a self, history: &History, requests: &'a Requests) -> Sides<'a> {
        let bucket = Bucket { per_second: self.limit.per_second, burst: self.burst };
        let (spans, damaged) = (self.during.spans(history), !history.damage.is_empty());
        let (over, below) = requests.of.split_at(self.over.len());
        let over = self.over.iter().zip(over);
        let below = self.below.iter().zip(below);
        Sides {
            over: over.map(|(name, sent)| Over::of(name, sent, &spans, bucket, self.status)).collect(),
            below: below.map(|(name, sent)| Below::of(name, sent, &spans, bucket, self.status, damaged)).collect(),
        }
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
                    let window = over.granted.as_ref()?;
                    Some(format!("of {} it accepted {}", over.traffic, client::told(window)))
                });
                let wronged = sides.below.iter().filter(|below| !below.wronged.is_empty()).map(|below| {
                    let (wronged, all) = (below.wronged.len() as u64, wording::plural(below.requests, "request"));
                    format!("of {all} of {}, which stayed below, {} rejected", below.traffic, wording::were(wronged))
                });
                let broken: Vec<String> = granted.chain(wronged).collect();
                format!("A limit of {limit} does not hold: {}.", broken.join("; "))
            }
        }
    }

    /// The requests that were accepted beyond the limit, and those rejected below it, those of one traffic together.
    fn found<'a>(&self, sides: &Sides<'a>) -> Vec<Wrong<'a>> {
        let over = sides.over.iter().filter_map(|over| {
            let reason = format!("of {}: {}", over.traffic, client::told(over.granted.as_ref()?));
            Some(Wrong { defect: "accepted_above", requests: over.too_many(), reason })
        });
        let below = sides.below.iter().map(|below| {
            let (limit, status) = (self.limit(), self.status);
            let reason = format!("of {}, which stayed below {limit}: answered with {status}", below.traffic);
            Wrong { defect: "rejected_below", requests: below.wronged.clone(), reason }
        });
        over.chain(below).collect()
    }
}

/// Requests of one traffic that were answered wrongly, and how.
struct Wrong<'a> {
    defect: &'static str,
    requests: Vec<&'a Request>,
    reason: String,
}

/// Adds what was answered wrongly.
fn name_offenders(finding: Finding, history: &History, wrong: &[Wrong<'_>], requests: &Requests) -> Finding {
    let mut found = Offenders::default();
    for Wrong { defect, requests, reason } in wrong {
        let defect: &'static str = defect;
        requests.iter().for_each(|made| found.push(made.offending(defect), || (made.operation, reason)));
    }
    found.tell(finding, &history.journal, |_, (operation, reason)| {
        format!("{} {reason}", requests.operations.names[usize::from(*operation)])
    })
}

#[cfg(test)]
mod tests;
